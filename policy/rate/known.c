/* Sets of eight entries, the one that was used longest ago gives way. */
#include "policy/rate/known.h"

#include <string.h>

#include "base/mem.h"

#define WAYS 8

struct entry {
    struct rate_digest digest;
    /* The name and the key, one behind the other; NULL: the entry is empty. */
    char *text;
    size_t name_length;
    size_t key_length;
    int64_t time_ns;
    uint64_t epoch;
    bool is_distinct;
    bool is_held;
    int64_t blocked_ns;
    struct rate_windows windows;
    int64_t used[RATE_WINDOWS_MAX];
};

struct rate_known {
    size_t set_count;
    size_t count;
    /* No key's time to be held is over before that. */
    int64_t held_until_ns;
    struct entry *entries;
};

struct rate_known *rate_known_create(size_t keys_max)
{
    struct rate_known *known = base_mem_alloc_zero(1, sizeof(*known));

    known->held_until_ns = INT64_MAX;
    known->set_count = keys_max < WAYS ? 1 : keys_max / WAYS;
    known->entries = base_mem_alloc_zero(known->set_count * WAYS, sizeof(*known->entries));
    return known;
}

void rate_known_destroy(struct rate_known **known)
{
    if (*known == NULL)
        return;
    for (size_t i = 0; i < (*known)->set_count * WAYS; i++)
        base_mem_free((*known)->entries[i].text);
    base_mem_free((*known)->entries);
    base_mem_free(*known);
    *known = NULL;
}

/* The digest is an HMAC: any of its octets are as good as a hash with a seed. */
static struct entry *set_of(const struct rate_known *known, const struct rate_digest *digest)
{
    uint64_t number;

    memcpy(&number, digest->octets, sizeof(number));
    return &known->entries[number % known->set_count * WAYS];
}

static struct entry *find(const struct rate_known *known, const struct rate_digest *digest)
{
    struct entry *set = set_of(known, digest);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].text != NULL && memcmp(&set[i].digest, digest, sizeof(*digest)) == 0)
            return &set[i];
    return NULL;
}

/* An empty one, or the oldest. */
static struct entry *make_room(struct rate_known *known, const struct rate_digest *digest)
{
    struct entry *set = set_of(known, digest);
    struct entry *entry = set;

    for (size_t i = 0; i < WAYS && entry->text != NULL; i++)
        if (set[i].text == NULL || set[i].time_ns < entry->time_ns)
            entry = &set[i];
    if (entry->text == NULL)
        known->count++;
    base_mem_free(entry->text);
    *entry = (struct entry){.digest = *digest};
    return entry;
}

static char *copy_text(const struct rate_item *item)
{
    char *text = base_mem_alloc(item->name.length + item->key.length + 1);

    if (item->name.length > 0)
        memcpy(text, item->name.data, item->name.length);
    if (item->key.length > 0)
        memcpy(text + item->name.length, item->key.data, item->key.length);
    return text;
}

static struct entry *obtain(struct rate_known *known, const struct rate_digest *digest,
                            const struct rate_item *item)
{
    struct entry *entry = find(known, digest);

    if (entry != NULL && (entry->name_length > 0 || item->name.length == 0))
        return entry;
    if (entry != NULL)
        rate_known_forget(known, digest);
    entry = make_room(known, digest);
    entry->text = copy_text(item);
    entry->name_length = item->name.length;
    entry->key_length = item->key.length;
    return entry;
}

static void note(struct entry *entry, const struct rate_windows *windows,
                 const int64_t used[RATE_WINDOWS_MAX], uint64_t epoch, int64_t now_ns)
{
    entry->time_ns = now_ns;
    entry->epoch = epoch;
    entry->windows = *windows;
    memcpy(entry->used, used, sizeof(entry->used));
}

static int64_t held_until(const struct entry *entry)
{
    if (!entry->is_held)
        return 0;
    return entry->blocked_ns < 0 || entry->blocked_ns > INT64_MAX - entry->time_ns
               ? INT64_MAX
               : entry->time_ns + entry->blocked_ns;
}

static void note_hold(struct rate_known *known, const struct entry *entry)
{
    if (entry->is_held && known->held_until_ns > held_until(entry))
        known->held_until_ns = held_until(entry);
}

void rate_known_put(struct rate_known *known, const struct rate_digest *digest,
                    const struct rate_item *item, const int64_t used[RATE_WINDOWS_MAX],
                    uint64_t epoch, int64_t now_ns)
{
    struct entry *entry = obtain(known, digest, item);

    note(entry, item->windows, used, epoch, now_ns);
    entry->is_distinct = item->value.data != NULL;
    entry->is_held = item->answer == RATE_HELD;
    entry->blocked_ns = item->answer == RATE_FREE ? 0 : item->wait_ns;
    note_hold(known, entry);
}

void rate_known_update(struct rate_known *known, const struct rate_digest *digest,
                       const struct rate_windows *windows, const int64_t used[RATE_WINDOWS_MAX],
                       uint64_t epoch, int64_t now_ns)
{
    const struct rate_item nameless = {.windows = windows};

    note(obtain(known, digest, &nameless), windows, used, epoch, now_ns);
}

static bool is_past(const struct entry *entry, int64_t length_ns, int64_t now_ns)
{
    return now_ns - entry->time_ns > length_ns + length_ns / RATE_SUBWINDOWS;
}

uint64_t rate_known_get(const struct rate_known *known, const struct rate_digest *digest,
                        const struct rate_windows *windows, int64_t now_ns,
                        int64_t used_r[RATE_WINDOWS_MAX])
{
    const struct entry *entry = find(known, digest);

    memset(used_r, 0, RATE_WINDOWS_MAX * sizeof(*used_r));
    for (unsigned w = 0; entry != NULL && w < windows->count; w++)
        for (unsigned i = 0; i < entry->windows.count; i++)
            if (entry->windows.at[i].length_ns == windows->at[w].length_ns &&
                !is_past(entry, windows->at[w].length_ns, now_ns))
                used_r[w] = entry->used[i];
    return entry == NULL ? 0 : entry->epoch;
}

int64_t rate_known_held(const struct rate_known *known, const struct rate_digest *digest,
                        int64_t now_ns)
{
    const struct entry *entry = find(known, digest);
    int64_t until_ns = entry == NULL ? 0 : held_until(entry);

    if (until_ns <= now_ns)
        return 0;
    return until_ns == INT64_MAX ? -1 : until_ns - now_ns;
}

static struct rate_status status_of(const struct entry *entry, int64_t now_ns)
{
    struct rate_status status = {
        .name = {entry->text, entry->name_length},
        .key = {entry->text + entry->name_length, entry->key_length},
        .is_distinct = entry->is_distinct,
        .windows = &entry->windows,
    };

    for (unsigned w = 0; w < entry->windows.count; w++)
        status.used[w] =
            is_past(entry, entry->windows.at[w].length_ns, now_ns) ? 0 : entry->used[w];
    return status;
}

bool rate_known_take_over(struct rate_known *known, int64_t now_ns, struct rate_digest *digest_r,
                          struct rate_status *status_r)
{
    if (known->held_until_ns > now_ns)
        return false;
    known->held_until_ns = INT64_MAX;
    for (size_t i = 0; i < known->set_count * WAYS; i++) {
        struct entry *entry = &known->entries[i];

        if (entry->text == NULL || entry->name_length == 0 || !entry->is_held)
            continue;
        if (held_until(entry) > now_ns) {
            note_hold(known, entry);
            continue;
        }
        /* There may be more. */
        known->held_until_ns = now_ns;
        entry->is_held = false;
        entry->blocked_ns = 0;
        *digest_r = entry->digest;
        *status_r = status_of(entry, now_ns);
        return true;
    }
    return false;
}

void rate_known_forget(struct rate_known *known, const struct rate_digest *digest)
{
    struct entry *entry = find(known, digest);

    if (entry == NULL)
        return;
    base_mem_free(entry->text);
    *entry = (struct entry){.text = NULL};
    known->count--;
}

size_t rate_known_count(const struct rate_known *known)
{
    return known->count;
}

void rate_known_list(const struct rate_known *known, int64_t now_ns,
                     void (*visit)(void *context, const struct rate_status *status), void *context)
{
    for (size_t i = 0; i < known->set_count * WAYS; i++) {
        const struct entry *entry = &known->entries[i];
        struct rate_status status;
        bool is_any = false;

        if (entry->text == NULL || entry->name_length == 0)
            continue;
        status = status_of(entry, now_ns);
        for (unsigned w = 0; w < entry->windows.count; w++)
            is_any = is_any || status.used[w] > 0;
        if (entry->blocked_ns == -1)
            status.blocked_ns = -1;
        else if (entry->time_ns + entry->blocked_ns > now_ns)
            status.blocked_ns = entry->time_ns + entry->blocked_ns - now_ns;
        status.is_held = entry->is_held && status.blocked_ns != 0;
        if (is_any || status.blocked_ns != 0)
            visit(context, &status);
    }
}
