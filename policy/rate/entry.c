/* See entry.h. */
#include "policy/rate/entry.h"

#include <string.h>

#include "base/mem.h"
#include "policy/rate/distinct.h"

/* What malloc(3) keeps beside each piece, and rounds to. */
enum {
    HEAP_EXTRA = 8,
    HEAP_ROUND = 16,
};

/* Wide enough for the highest of the limits. */
static unsigned width_of(const struct rate_windows *windows)
{
    unsigned width = 1;

    for (unsigned i = 0; i < windows->count; i++) {
        unsigned needed =
            rate_window_width(windows->at[i].percent > 0 ? UINT32_MAX : windows->at[i].limit);

        width = needed > width ? needed : width;
    }
    return width;
}

static size_t window_size(const struct rate_entry *entry)
{
    return entry->is_distinct ? sizeof(struct rate_distinct *) : rate_window_size(entry->width);
}

static size_t text_offset(const struct rate_entry *entry)
{
    return entry->windows->count * window_size(entry);
}

static void *ring_of(struct rate_entry *entry, unsigned i)
{
    return entry->body + i * window_size(entry);
}

static const void *ring_at(const struct rate_entry *entry, unsigned i)
{
    return entry->body + i * window_size(entry);
}

static struct rate_distinct *set_of(const struct rate_entry *entry, unsigned i)
{
    struct rate_distinct *set;

    memcpy(&set, ring_at(entry, i), sizeof(set));
    return set;
}

struct rate_entry *rate_entry_create(uint64_t hash, struct base_text name, struct base_text key,
                                     const struct rate_windows *windows, bool is_distinct)
{
    struct rate_entry head = {
        .hash = hash,
        .windows = windows,
        .key_length = (uint16_t)key.length,
        .name_length = (uint8_t)name.length,
        .width = (uint8_t)(width_of(windows) & 3),
        .is_distinct = is_distinct,
    };
    size_t offset = text_offset(&head);
    struct rate_entry *entry =
        base_mem_alloc_zero(1, sizeof(*entry) + offset + name.length + key.length);

    *entry = head;
    for (unsigned i = 0; is_distinct && i < windows->count; i++) {
        struct rate_distinct *set = rate_distinct_create();

        memcpy(ring_of(entry, i), &set, sizeof(set));
    }
    memcpy(entry->body + offset, name.data, name.length);
    if (key.length > 0)
        memcpy(entry->body + offset + name.length, key.data, key.length);
    return entry;
}

void rate_entry_destroy(struct rate_entry **entry)
{
    for (unsigned i = 0; (*entry)->is_distinct && i < (*entry)->windows->count; i++) {
        struct rate_distinct *set = set_of(*entry, i);

        rate_distinct_destroy(&set);
    }
    base_mem_free(*entry);
    *entry = NULL;
}

static size_t heap_size(size_t octets)
{
    return (octets + HEAP_EXTRA + HEAP_ROUND - 1) / HEAP_ROUND * HEAP_ROUND;
}

size_t rate_entry_size(const struct rate_entry *entry)
{
    size_t size =
        heap_size(sizeof(*entry) + text_offset(entry) + entry->name_length + entry->key_length);

    for (unsigned i = 0; entry->is_distinct && i < entry->windows->count; i++)
        size += heap_size(rate_distinct_size(set_of(entry, i)));
    return size;
}

struct base_text rate_entry_name(const struct rate_entry *entry)
{
    return (struct base_text){(const char *)entry->body + text_offset(entry), entry->name_length};
}

struct base_text rate_entry_key(const struct rate_entry *entry)
{
    return (struct base_text){(const char *)entry->body + text_offset(entry) + entry->name_length,
                              entry->key_length};
}

bool rate_entry_is(const struct rate_entry *entry, uint64_t hash, struct base_text name,
                   struct base_text key)
{
    return entry->hash == hash && base_text_equals(rate_entry_name(entry), name) &&
           base_text_equals(rate_entry_key(entry), key);
}

int64_t rate_entry_used(const struct rate_entry *entry, unsigned i, int64_t now_ns)
{
    const struct rate_limit *limit = &entry->windows->at[i];

    if (entry->is_distinct)
        return rate_distinct_used(set_of(entry, i), rate_window_slot(limit, now_ns));
    return rate_window_used(ring_at(entry, i), entry->width, limit, now_ns);
}

static int64_t wait_distinct(struct rate_distinct *set, const struct rate_limit *limit,
                             int64_t now_ns, int64_t amount, uint64_t value)
{
    int64_t slot = rate_window_slot(limit, now_ns);

    if ((amount > 0 && rate_distinct_has(set, value, slot)) ||
        rate_distinct_used(set, slot) < limit->limit)
        return 0;
    if (limit->limit == 0)
        return -1;
    return (rate_distinct_oldest(set, slot) + RATE_SLOTS) * (limit->length_ns / RATE_SUBWINDOWS) -
           now_ns;
}

int64_t rate_entry_wait(const struct rate_entry *entry, unsigned i, int64_t now_ns, int64_t amount,
                        uint64_t value)
{
    const struct rate_limit *limit = &entry->windows->at[i];

    if (entry->is_distinct)
        return wait_distinct(set_of(entry, i), limit, now_ns, amount, value);
    return rate_window_wait(ring_at(entry, i), entry->width, limit, now_ns,
                            amount == 0 ? 1 : amount);
}

int64_t rate_entry_wait_share(const struct rate_entry *entry, const struct rate_entry *whole,
                              unsigned i, int64_t now_ns, int64_t used_more, int64_t whole_more)
{
    const struct rate_limit *limit = &entry->windows->at[i];
    int64_t slot_ns = limit->length_ns / RATE_SUBWINDOWS;
    int64_t newest = rate_window_slot(limit, now_ns);
    int64_t used = rate_entry_used(entry, i, now_ns) + used_more;
    int64_t of = (whole == NULL ? 0 : rate_entry_used(whole, i, now_ns)) + whole_more;
    int64_t slot = newest - RATE_SUBWINDOWS;

    if (used < rate_limit_least(limit, of))
        return 0;
    /* Both expire in step. */
    for (; slot < newest; slot++) {
        used -= rate_window_count(ring_at(entry, i), entry->width, slot);
        if (whole != NULL)
            of -= rate_window_count(ring_at(whole, i), whole->width, slot);
        if (used < rate_limit_least(limit, of))
            break;
    }
    return (slot + RATE_SLOTS) * slot_ns - now_ns;
}

size_t rate_entry_growth(const struct rate_entry *entry)
{
    size_t growth = 0;

    for (unsigned i = 0; entry->is_distinct && i < entry->windows->count; i++)
        growth += rate_distinct_growth(set_of(entry, i));
    return growth;
}

void rate_entry_reserve(struct rate_entry *entry, int64_t now_ns, int64_t amount, uint64_t value)
{
    for (unsigned i = 0; i < entry->windows->count; i++) {
        const struct rate_limit *limit = &entry->windows->at[i];

        if (entry->is_distinct)
            rate_distinct_reserve(set_of(entry, i), value, rate_window_slot(limit, now_ns));
        else
            rate_window_charge(ring_of(entry, i), entry->width, limit, now_ns, amount);
    }
}

void rate_entry_commit(struct rate_entry *entry, int64_t charged_ns, uint64_t value)
{
    for (unsigned i = 0; entry->is_distinct && i < entry->windows->count; i++)
        rate_distinct_commit(set_of(entry, i), value,
                             rate_window_slot(&entry->windows->at[i], charged_ns));
}

void rate_entry_give_back(struct rate_entry *entry, int64_t charged_ns, int64_t amount,
                          uint64_t value)
{
    for (unsigned i = 0; i < entry->windows->count; i++) {
        if (entry->is_distinct)
            rate_distinct_give_back(set_of(entry, i), value);
        else
            rate_window_give_back(ring_of(entry, i), entry->width, &entry->windows->at[i],
                                  charged_ns, amount);
    }
}

void rate_entry_restore(struct rate_entry *entry, unsigned i, int64_t time_ns, int64_t amount,
                        uint64_t value)
{
    const struct rate_limit *limit = &entry->windows->at[i];

    if (entry->is_distinct) {
        rate_distinct_reserve(set_of(entry, i), value, rate_window_slot(limit, time_ns));
        rate_distinct_commit(set_of(entry, i), value, rate_window_slot(limit, time_ns));
    } else {
        rate_window_charge(ring_of(entry, i), entry->width, limit, time_ns, amount);
    }
}

/* What fills a window of that length: the shortest that covers it, else the longest. */
static unsigned counterpart(const struct rate_windows *windows, int64_t length_ns)
{
    unsigned found = 0;

    for (unsigned i = 1; i < windows->count; i++) {
        int64_t best = windows->at[found].length_ns;
        int64_t other = windows->at[i].length_ns;

        if (best < length_ns ? other > best : other >= length_ns && other < best)
            found = i;
    }
    return found;
}

/* Values, of windows that are as long as before: their sub-windows are the same. */
static void move_sets(struct rate_entry *to, struct rate_entry *from)
{
    for (unsigned i = 0; i < to->windows->count; i++) {
        for (unsigned old = 0; old < from->windows->count; old++) {
            struct rate_distinct *mine = set_of(to, i);
            struct rate_distinct *other = set_of(from, old);

            if (to->windows->at[i].length_ns != from->windows->at[old].length_ns)
                continue;
            memcpy(ring_of(to, i), &other, sizeof(other));
            memcpy(ring_of(from, old), &mine, sizeof(mine));
            break;
        }
    }
}

void rate_entry_move(struct rate_entry *to, struct rate_entry *from)
{
    if (to->is_distinct && from->is_distinct)
        move_sets(to, from);
    if (to->is_distinct || from->is_distinct)
        return;
    for (unsigned i = 0; i < to->windows->count; i++) {
        unsigned old = counterpart(from->windows, to->windows->at[i].length_ns);

        rate_window_move(ring_of(to, i), to->width, &to->windows->at[i], ring_at(from, old),
                         from->width, &from->windows->at[old]);
    }
}

int64_t rate_entry_share(const struct rate_entry *entry, int64_t now_ns)
{
    int64_t greatest = 0;
    bool is_own = rate_name_is_own(rate_entry_name(entry));

    for (unsigned i = 0; i < entry->windows->count; i++) {
        int64_t limit = entry->windows->at[i].limit;
        int64_t used = rate_entry_used(entry, i, now_ns);
        int64_t share = rate_window_share(used, limit);

        /* Below one in a thousand is something all the same. */
        if (share == 0 && used > 0)
            share = 1;
        /* Of nothing, any share is too much; and nobody is far from a limit that is none. */
        if (is_own && used > 0)
            share = 1000;
        greatest = share > greatest ? share : greatest;
    }
    return greatest;
}
