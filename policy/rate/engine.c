/* Items are judged one after another, each charged at once, so that the next of the same key sees
 * it; if a refusing one is over, what this call charged is given back before the locks are let go:
 * to everybody else all were judged before any was charged. */
#include "policy/rate/engine.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "policy/rate/entry.h"
#include "policy/rate/hash.h"
#include "policy/rate/nets.h"
#include "policy/rate/pool.h"
#include "policy/rate/table.h"

enum {
    SHARDS_MAX = 256,
    /* Charges that one message remembers; what it charges past it is never given back. */
    CHARGES_MAX = 100000,
    /* The last charges of a message that another of the same key and time is added to. */
    MERGED = 16,
};

/* What was charged, and where; the key may be forgotten meanwhile, or be another. */
struct rate_charge {
    uint64_t hash;
    uint64_t value;
    int64_t time_ns;
    int64_t amount;
    uint32_t birth;
};

struct shard {
    pthread_mutex_t lock;
    struct rate_table table;
    uint64_t uncounted;
    /* No key's time to be held is over before that. */
    int64_t held_until_ns;
    /* The next one's lock stands in another cache line. */
    char apart[64];
};

struct engine {
    struct rate_store store;
    struct rate_engine_options options;
    struct rate_pool *pool;
    unsigned shard_count;
    struct shard *shards;
    pthread_mutex_t nets_lock;
    /* Quick look: is there any? */
    _Atomic size_t nets_count;
    struct rate_nets *nets;
};

/* One call's locks, in ascending order. */
struct locks {
    uint64_t bits[SHARDS_MAX / 64];
};

static struct engine *engine_of(struct rate_store *store)
{
    return (struct engine *)store;
}

static const struct engine *engine_at(const struct rate_store *store)
{
    return (const struct engine *)store;
}

static unsigned shard_number(const struct engine *engine, uint64_t hash)
{
    return (unsigned)(hash >> 48) & (engine->shard_count - 1);
}

static struct shard *shard_of(const struct engine *engine, uint64_t hash)
{
    return &engine->shards[shard_number(engine, hash)];
}

static void cut(struct base_text *text, size_t max)
{
    if (text->length > max)
        text->length = max;
}

static uint64_t hash_key(const struct engine *engine, struct base_text name, struct base_text key)
{
    char storage[RATE_NAME_MAX + RATE_KEY_MAX + 2];
    struct base_buf both;

    base_buf_init_fixed(&both, storage, sizeof(storage));
    base_buf_append_text(&both, name);
    base_buf_append_char(&both, '\0');
    base_buf_append_text(&both, key);
    return rate_hash(engine->options.seed, base_buf_text(&both));
}

int64_t rate_engine_now(const struct rate_store *store)
{
    const struct engine *engine = engine_at(store);

    return base_clock_mono_ns(engine->options.clock) + engine->options.epoch_ns;
}

int64_t rate_engine_epoch(const struct rate_store *store)
{
    return engine_at(store)->options.epoch_ns;
}

void rate_engine_seed(const struct rate_store *store, uint64_t seed_r[2])
{
    memcpy(seed_r, engine_at(store)->options.seed, sizeof(engine_at(store)->options.seed));
}

/* --- locks ---------------------------------------------------------------------------------------
 */

static void lock_all(const struct engine *engine, const struct locks *locks)
{
    for (unsigned word = 0; word < SHARDS_MAX / 64; word++)
        for (uint64_t bits = locks->bits[word]; bits != 0; bits &= bits - 1)
            pthread_mutex_lock(&engine->shards[word * 64 + (unsigned)__builtin_ctzll(bits)].lock);
}

static void unlock_all(const struct engine *engine, const struct locks *locks)
{
    for (unsigned word = 0; word < SHARDS_MAX / 64; word++)
        for (uint64_t bits = locks->bits[word]; bits != 0; bits &= bits - 1)
            pthread_mutex_unlock(&engine->shards[word * 64 + (unsigned)__builtin_ctzll(bits)].lock);
}

static void want_lock(const struct engine *engine, struct locks *locks, uint64_t hash)
{
    unsigned i = shard_number(engine, hash);

    locks->bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* --- networks ------------------------------------------------------------------------------------
 */

/* Nobody lists networks: they are never blocked for longer than the longest window. */
static void block_net(struct engine *engine, const struct rate_item *item, int64_t until_ns,
                      int64_t now_ns)
{
    int64_t longest_ns = 0;

    if (item->net.length == 0)
        return;
    for (unsigned i = 0; i < item->windows->count; i++)
        if (longest_ns < item->windows->at[i].length_ns)
            longest_ns = item->windows->at[i].length_ns;
    if (until_ns - now_ns > longest_ns)
        until_ns = now_ns + longest_ns;
    pthread_mutex_lock(&engine->nets_lock);
    rate_nets_block(engine->nets, hash_key(engine, item->name, item->net),
                    hash_key(engine, (struct base_text){NULL, 0}, item->net), until_ns);
    engine->nets_count = engine->nets->count;
    pthread_mutex_unlock(&engine->nets_lock);
}

/* Only of keys that are not known: those that are known have their own counts. */
static bool is_net_blocked(struct engine *engine, struct rate_item *item, int64_t now_ns)
{
    int64_t until_ns;

    if (engine->nets_count == 0 || item->net.length == 0)
        return false;
    pthread_mutex_lock(&engine->nets_lock);
    until_ns = rate_nets_until(engine->nets, hash_key(engine, item->name, item->net), now_ns);
    pthread_mutex_unlock(&engine->nets_lock);
    if (until_ns == 0)
        return false;
    item->answer = RATE_NET_BLOCKED;
    item->wait_ns = until_ns - now_ns;
    return true;
}

static size_t release_net(struct engine *engine, struct base_text name, struct base_text net)
{
    uint64_t hash = hash_key(engine, name, net);
    size_t released;

    pthread_mutex_lock(&engine->nets_lock);
    released = name.data == NULL ? rate_nets_release(engine->nets, 0, hash)
                                 : rate_nets_release(engine->nets, hash, 0);
    engine->nets_count = engine->nets->count;
    pthread_mutex_unlock(&engine->nets_lock);
    return released;
}

/* --- what is worth keeping -----------------------------------------------------------------------
 */

static void tell(const struct engine *engine, const struct rate_entry *entry,
                 struct rate_change *change)
{
    if (engine->options.changed == NULL)
        return;
    change->name = rate_entry_name(entry);
    change->key = rate_entry_key(entry);
    change->is_distinct = entry->is_distinct;
    change->windows = entry->windows;
    engine->options.changed(engine->options.context, change);
}

/* --- judging -------------------------------------------------------------------------------------
 */

static void note_hold(struct shard *shard, int64_t until_ns)
{
    if (shard->held_until_ns > until_ns)
        shard->held_until_ns = until_ns;
}

/* Its time to be held is over. */
static void end_hold(const struct engine *engine, struct shard *shard, struct rate_entry *entry,
                     int64_t now_ns)
{
    struct rate_change change = {.kind = RATE_CHANGE_HELD, .time_ns = now_ns};

    rate_table_unblock(&shard->table, entry);
    tell(engine, entry, &change);
}

static void hold(struct engine *engine, struct shard *shard, struct rate_entry *entry,
                 const struct rate_item *item, int64_t now_ns)
{
    int64_t until_ns = item->hold_ns < 0 ? RATE_FOREVER : now_ns + item->hold_ns;
    struct rate_change change = {.kind = RATE_CHANGE_HELD, .time_ns = now_ns, .until_ns = until_ns};

    entry->is_held = true;
    note_hold(shard, until_ns);
    if (!rate_table_block(&shard->table, entry, until_ns, now_ns))
        block_net(engine, item, until_ns, now_ns);
    tell(engine, entry, &change);
}

/* The key has no room: it is blocked until it has, and never forgotten meanwhile; or else its
 * network is, as long as there is no room for more such keys. */
static void block(struct engine *engine, struct shard *shard, struct rate_entry *entry,
                  struct rate_item *item, int64_t now_ns)
{
    item->is_newly_blocked = entry->blocked_until_ns <= now_ns;
    if (item->hold_ns != 0) {
        hold(engine, shard, entry, item, now_ns);
        item->answer = RATE_HELD;
        item->wait_ns = item->hold_ns;
        return;
    }
    /* More than the limit at once: others may still fit. */
    if (item->wait_ns < 0) {
        item->is_newly_blocked = false;
        return;
    }
    if (!rate_table_block(&shard->table, entry, now_ns + item->wait_ns, now_ns))
        block_net(engine, item, now_ns + item->wait_ns, now_ns);
}

/* What is judged: an item with its entry. */
struct subject {
    struct shard *shard;
    struct rate_entry *entry;
    struct rate_item *item;
    uint64_t value;
    /* Of shares: their whole, whose entry may be NULL. */
    const struct rate_item *whole_item;
    const struct rate_entry *whole;
    /* What each window is judged by: its limit; of a share the least that is over. */
    int64_t limits[RATE_WINDOWS_MAX];
};

/* One window: what it counts, and how long it has to be waited for. */
static void measure(struct subject *subject, unsigned i, int64_t now_ns, int64_t *used_r,
                    int64_t *whole_r, int64_t *wait_ns_r)
{
    const struct rate_entry *entry = subject->entry;
    const struct rate_item *item = subject->item;
    const struct rate_item *whole = subject->whole_item;

    *used_r = rate_entry_used(entry, i, now_ns);
    *whole_r = 0;
    if (whole == NULL) {
        *wait_ns_r = rate_entry_wait(entry, i, now_ns, item->amount, subject->value);
        subject->limits[i] = entry->windows->at[i].limit;
        return;
    }
    *whole_r = whole->elsewhere[i] +
               (subject->whole == NULL ? 0 : rate_entry_used(subject->whole, i, now_ns));
    *wait_ns_r = rate_entry_wait_share(entry, subject->whole, i, now_ns,
                                       item->elsewhere[i] + item->amount, whole->elsewhere[i]);
    *used_r += item->elsewhere[i];
    subject->limits[i] = rate_limit_least(&entry->windows->at[i], *whole_r);
}

/* The longest wait of the windows decides; if there is none, the fullest is reported. */
static void judge_windows(struct subject *subject, int64_t now_ns)
{
    struct rate_item *item = subject->item;
    int64_t greatest = -1;

    item->wait_ns = 0;
    for (unsigned i = 0; i < subject->entry->windows->count; i++) {
        int64_t used, whole, wait_ns;

        measure(subject, i, now_ns, &used, &whole, &wait_ns);
        int64_t share = rate_window_share(used, subject->limits[i]);
        bool is_longer = item->wait_ns >= 0 && (wait_ns < 0 || wait_ns > item->wait_ns);

        if (is_longer || (item->wait_ns == 0 && share > greatest)) {
            item->window = i;
            item->used = used;
            item->whole = whole;
            greatest = share;
        }
        if (is_longer)
            item->wait_ns = wait_ns;
    }
    item->answer = item->wait_ns == 0 ? RATE_FREE : RATE_OVER;
}

/* Once while it is above, again after it was below. */
static void warn(const struct subject *subject, int64_t now_ns)
{
    struct rate_entry *entry = subject->entry;
    struct rate_item *item = subject->item;
    bool is_above = false;

    for (unsigned i = 0; item->warn_percent > 0 && i < entry->windows->count; i++) {
        int64_t used = rate_entry_used(entry, i, now_ns) + item->elsewhere[i];

        is_above = is_above || used >= (subject->limits[i] * item->warn_percent + 99) / 100;
    }
    item->is_warning_due = is_above && !entry->is_warned;
    entry->is_warned = is_above;
}

/* `first`: where this decision's charges begin; all of them are of one time. */
static void remember(struct rate_reservation *reservation, const struct rate_entry *entry,
                     const struct rate_item *item, uint64_t value, int64_t now_ns, size_t first)
{
    struct rate_charge *charges = reservation->charges;
    size_t count = reservation->count;

    for (size_t i = count; i > first && i + MERGED > count && !entry->is_distinct; i--) {
        struct rate_charge *charge = &charges[i - 1];

        if (charge->hash == entry->hash && charge->birth == entry->birth) {
            charge->amount += item->amount;
            return;
        }
    }
    if (count >= CHARGES_MAX)
        return;
    if (count == reservation->capacity) {
        reservation->capacity = count == 0 ? 4 : 2 * count;
        charges = base_mem_realloc(charges, reservation->capacity * sizeof(*charges));
        reservation->charges = charges;
    }
    charges[reservation->count++] = (struct rate_charge){
        .hash = entry->hash,
        .value = value,
        .time_ns = now_ns,
        .amount = item->amount,
        .birth = entry->birth,
    };
}

static void charge_entry(struct subject *subject, int64_t now_ns)
{
    struct rate_table *table = &subject->shard->table;
    struct rate_entry *entry = subject->entry;
    size_t before = rate_entry_size(entry);

    /* Should there be none: counting is worth more than the bound. */
    (void)rate_table_make_room(table, rate_entry_growth(entry), entry, now_ns);
    /* It may have been forgotten for that. */
    subject->whole = NULL;
    rate_entry_reserve(entry, now_ns, subject->item->amount, subject->value);
    rate_table_resized(table, entry, before);
    warn(subject, now_ns);
}

/* The item's entry, with the windows that it wants; NULL: there is none. */
static struct rate_entry *find_fitting(struct shard *shard, const struct rate_item *item,
                                       uint64_t hash)
{
    struct rate_table *table = &shard->table;
    struct rate_entry *entry = rate_table_find(table, hash, item->name, item->key);

    if (entry != NULL && entry->is_distinct != (item->value.data != NULL)) {
        rate_table_remove(table, entry);
        entry = NULL;
    }
    if (entry != NULL && !rate_windows_equal(entry->windows, item->windows))
        entry = rate_table_replace(table, entry, item->windows);
    return entry;
}

/* One that is not known, and charges nothing, is free: nothing has to be kept of it. */
static bool is_idle(const struct rate_item *item)
{
    bool is_elsewhere = false;

    for (unsigned i = 0; i < item->windows->count; i++)
        is_elsewhere = is_elsewhere || item->elsewhere[i] > 0;
    return item->amount == 0 && item->windows->at[0].limit > 0 && !is_elsewhere;
}

/* The item's entry, made if need be; NULL: there is none, and the answer is known. */
static struct rate_entry *entry_of(struct engine *engine, struct shard *shard,
                                   struct rate_item *item, uint64_t hash, int64_t now_ns)
{
    struct rate_entry *entry = find_fitting(shard, item, hash);

    if (entry != NULL || is_net_blocked(engine, item, now_ns))
        return entry;
    item->answer = RATE_FREE;
    if (is_idle(item))
        return NULL;
    entry = rate_table_add(&shard->table, hash, item->name, item->key, item->windows,
                           item->value.data != NULL, now_ns);
    if (entry == NULL)
        shard->uncounted++;
    return entry;
}

static void judge(struct engine *engine, struct subject *subject, int64_t now_ns)
{
    struct shard *shard = subject->shard;
    struct rate_entry *entry = subject->entry;
    struct rate_item *item = subject->item;
    int64_t until_ns = entry->blocked_until_ns;

    judge_windows(subject, now_ns);
    if (entry->is_held && until_ns > now_ns) {
        item->answer = RATE_HELD;
        item->wait_ns = until_ns == RATE_FOREVER ? -1 : until_ns - now_ns;
        return;
    }
    item->is_released = entry->is_held;
    if (entry->is_held)
        end_hold(engine, shard, entry, now_ns);
    /* A smaller amount that fits does not unblock a key that others are waiting for. */
    if (item->answer != RATE_FREE)
        block(engine, shard, entry, item, now_ns);
    else if (until_ns != 0 && (until_ns <= now_ns || subject->whole_item != NULL))
        rate_table_unblock(&shard->table, entry);
    /* Held again at once: it never was free. */
    if (item->answer == RATE_HELD)
        item->is_released = false;
}

/* Judges the item, and charges it if it fits. */
static void judge_item(struct engine *engine, struct rate_reservation *reservation,
                       struct rate_item *items, const uint64_t *hashes, size_t i, int64_t now_ns,
                       size_t first)
{
    struct rate_item *item = &items[i];
    struct subject subject = {.shard = shard_of(engine, hashes[i]), .item = item};

    subject.entry = entry_of(engine, subject.shard, item, hashes[i], now_ns);
    if (rate_windows_are_shares(item->windows)) {
        subject.whole_item = item + 1;
        subject.whole = find_fitting(shard_of(engine, hashes[i + 1]), item + 1, hashes[i + 1]);
    }
    if (subject.entry == NULL) {
        item->whole = subject.whole == NULL ? 0 : rate_entry_used(subject.whole, 0, now_ns);
        return;
    }
    if (item->value.data != NULL)
        subject.value = rate_hash(engine->options.seed, item->value);
    judge(engine, &subject, now_ns);
    if (!rate_item_is_counted(item))
        return;
    charge_entry(&subject, now_ns);
    remember(reservation, subject.entry, item, subject.value, now_ns, first);
}

/* --- the reservation -----------------------------------------------------------------------------
 */

static void give_one_back(const struct engine *engine, const struct rate_charge *charge)
{
    struct rate_table *table = &shard_of(engine, charge->hash)->table;
    struct rate_entry *entry = rate_table_find_birth(table, charge->hash, charge->birth);

    if (entry != NULL)
        rate_entry_give_back(entry, charge->time_ns, charge->amount, charge->value);
}

/* A warning that was due is due again: the charge that made it so was not one. */
static void take_back(const struct engine *engine, struct rate_reservation *reservation,
                      struct rate_item *items, const uint64_t *hashes, size_t count, size_t first)
{
    for (size_t i = first; i < reservation->count; i++)
        give_one_back(engine, &reservation->charges[i]);
    reservation->count = first;
    for (size_t i = 0; i < count; i++) {
        struct rate_entry *entry;

        if (!items[i].is_warning_due)
            continue;
        items[i].is_warning_due = false;
        entry = rate_table_find(&shard_of(engine, hashes[i])->table, hashes[i], items[i].name,
                                items[i].key);
        if (entry != NULL)
            entry->is_warned = false;
    }
}

static void prepare(const struct engine *engine, struct rate_item *item, uint64_t *hash,
                    struct locks *locks)
{
    cut(&item->name, RATE_NAME_MAX);
    cut(&item->key, RATE_KEY_MAX);
    cut(&item->net, RATE_KEY_MAX);
    item->answer = RATE_FREE;
    item->window = 0;
    item->used = 0;
    item->whole = 0;
    item->wait_ns = 0;
    item->is_warning_due = false;
    item->is_newly_blocked = false;
    item->is_released = false;
    *hash = hash_key(engine, item->name, item->key);
    want_lock(engine, locks, *hash);
}

static bool charge(struct rate_store *store, struct rate_reservation *reservation,
                   struct rate_item *items, size_t count)
{
    enum {
        FEW = 32
    };
    struct engine *engine = engine_of(store);
    uint64_t few[FEW];
    uint64_t *hashes = count <= FEW ? few : base_mem_alloc_zero(count, sizeof(*hashes));
    struct locks locks = {{0}};
    size_t first = reservation->count;
    bool is_refused = false;

    for (size_t i = 0; i < count; i++)
        prepare(engine, &items[i], &hashes[i], &locks);
    lock_all(engine, &locks);
    int64_t now_ns = rate_engine_now(store);

    for (size_t i = 0; i < count; i++) {
        judge_item(engine, reservation, items, hashes, i, now_ns, first);
        is_refused = is_refused || (items[i].is_refusing && items[i].answer != RATE_FREE);
    }
    if (is_refused)
        take_back(engine, reservation, items, hashes, count, first);
    unlock_all(engine, &locks);
    if (hashes != few)
        base_mem_free(hashes);
    return !is_refused;
}

static void end_reservation(struct rate_reservation *reservation)
{
    base_mem_free(reservation->charges);
    *reservation = (struct rate_reservation){NULL};
}

static void commit(struct rate_store *store, struct rate_reservation *reservation)
{
    struct engine *engine = engine_of(store);

    for (size_t i = 0; i < reservation->count; i++) {
        const struct rate_charge *it = &reservation->charges[i];
        struct shard *shard = shard_of(engine, it->hash);
        struct rate_change change = {.kind = RATE_CHANGE_COUNTED,
                                     .time_ns = it->time_ns,
                                     .amount = it->amount,
                                     .value = it->value};
        struct rate_entry *entry;

        pthread_mutex_lock(&shard->lock);
        entry = rate_table_find_birth(&shard->table, it->hash, it->birth);
        if (entry != NULL) {
            rate_entry_commit(entry, it->time_ns, it->value);
            tell(engine, entry, &change);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    end_reservation(reservation);
}

static void give_back(struct rate_store *store, struct rate_reservation *reservation)
{
    struct engine *engine = engine_of(store);

    for (size_t i = 0; i < reservation->count; i++) {
        struct shard *shard = shard_of(engine, reservation->charges[i].hash);

        pthread_mutex_lock(&shard->lock);
        give_one_back(engine, &reservation->charges[i]);
        pthread_mutex_unlock(&shard->lock);
    }
    end_reservation(reservation);
}

/* --- lists ---------------------------------------------------------------------------------------
 */

static void show(const struct rate_entry *entry, int64_t now_ns,
                 void (*visit)(void *context, const struct rate_status *status), void *context)
{
    struct rate_status status = {
        .name = rate_entry_name(entry),
        .key = rate_entry_key(entry),
        .is_distinct = entry->is_distinct,
        .windows = entry->windows,
        .is_held = entry->is_held && entry->blocked_until_ns > now_ns,
    };
    bool is_used = status.is_held;

    for (unsigned i = 0; i < entry->windows->count; i++) {
        status.used[i] = rate_entry_used(entry, i, now_ns);
        is_used = is_used || status.used[i] > 0;
    }
    if (entry->blocked_until_ns > now_ns)
        status.blocked_ns =
            entry->blocked_until_ns == RATE_FOREVER ? -1 : entry->blocked_until_ns - now_ns;
    if (is_used)
        visit(context, &status);
}

static void list(struct rate_store *store,
                 void (*visit)(void *context, const struct rate_status *status), void *context)
{
    struct engine *engine = engine_of(store);

    for (unsigned i = 0; i < engine->shard_count; i++) {
        struct shard *shard = &engine->shards[i];

        pthread_mutex_lock(&shard->lock);
        int64_t now_ns = rate_engine_now(store);

        for (size_t at = 0; at < shard->table.bucket_count; at++)
            for (struct rate_entry *it = shard->table.buckets[at]; it != NULL; it = it->next)
                show(it, now_ns, visit, context);
        pthread_mutex_unlock(&shard->lock);
    }
}

static void release_entry(struct engine *engine, struct rate_table *table, struct rate_entry *entry)
{
    struct rate_change change = {.kind = RATE_CHANGE_RELEASED};

    tell(engine, entry, &change);
    rate_table_remove(table, entry);
}

static size_t release(struct rate_store *store, struct base_text name, struct base_text key)
{
    struct engine *engine = engine_of(store);
    size_t released = release_net(engine, name, key);

    for (unsigned i = 0; i < engine->shard_count; i++) {
        struct shard *shard = &engine->shards[i];

        pthread_mutex_lock(&shard->lock);
        for (size_t at = 0; at < shard->table.bucket_count; at++) {
            struct rate_entry *next;

            for (struct rate_entry *it = shard->table.buckets[at]; it != NULL; it = next) {
                next = it->next;
                if (!base_text_equals(rate_entry_key(it), key) ||
                    rate_name_is_whole(rate_entry_name(it)) ||
                    (name.data != NULL && !base_text_equals(rate_entry_name(it), name)))
                    continue;
                release_entry(engine, &shard->table, it);
                released++;
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return released;
}

/* What a key counts may have passed: it is told of all the same. */
static void show_released(const struct rate_entry *entry, int64_t now_ns,
                          void (*visit)(void *context, const struct rate_status *status),
                          void *context)
{
    struct rate_status status = {
        .name = rate_entry_name(entry),
        .key = rate_entry_key(entry),
        .is_distinct = entry->is_distinct,
        .windows = entry->windows,
    };

    for (unsigned i = 0; i < entry->windows->count; i++)
        status.used[i] = rate_entry_used(entry, i, now_ns);
    visit(context, &status);
}

static void end_holds(struct rate_store *store,
                      void (*visit)(void *context, const struct rate_status *status), void *context)
{
    struct engine *engine = engine_of(store);

    for (unsigned i = 0; i < engine->shard_count; i++) {
        struct shard *shard = &engine->shards[i];
        size_t buckets;

        pthread_mutex_lock(&shard->lock);
        int64_t now_ns = rate_engine_now(store);

        buckets = shard->held_until_ns <= now_ns ? shard->table.bucket_count : 0;
        if (buckets > 0)
            shard->held_until_ns = RATE_FOREVER;
        for (size_t at = 0; at < buckets; at++) {
            for (struct rate_entry *it = shard->table.buckets[at]; it != NULL; it = it->next) {
                if (it->is_held && it->blocked_until_ns > now_ns) {
                    note_hold(shard, it->blocked_until_ns);
                } else if (it->is_held) {
                    end_hold(engine, shard, it, now_ns);
                    show_released(it, now_ns, visit, context);
                }
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

static void numbers(struct rate_store *store, struct rate_numbers *numbers_r)
{
    struct engine *engine = engine_of(store);

    *numbers_r = (struct rate_numbers){0};
    for (unsigned i = 0; i < engine->shard_count; i++) {
        struct shard *shard = &engine->shards[i];

        pthread_mutex_lock(&shard->lock);
        numbers_r->keys += shard->table.count;
        numbers_r->blocked += shard->table.pinned;
        numbers_r->octets += shard->table.octets;
        numbers_r->evicted += shard->table.evicted;
        numbers_r->uncounted += shard->uncounted;
        pthread_mutex_unlock(&shard->lock);
    }
    pthread_mutex_lock(&engine->nets_lock);
    numbers_r->blocked_nets = rate_nets_count(engine->nets, rate_engine_now(store));
    pthread_mutex_unlock(&engine->nets_lock);
}

/* --- life ----------------------------------------------------------------------------------------
 */

void rate_engine_restore(struct rate_store *store, const struct rate_change *change)
{
    struct engine *engine = engine_of(store);
    uint64_t hash = hash_key(engine, change->name, change->key);
    struct shard *shard = shard_of(engine, hash);
    int64_t now_ns = rate_engine_now(store);
    int64_t time_ns = change->time_ns > now_ns ? now_ns : change->time_ns;
    struct rate_entry *entry;
    size_t before;

    pthread_mutex_lock(&shard->lock);
    entry = rate_table_find(&shard->table, hash, change->name, change->key);
    if (entry == NULL)
        entry = rate_table_add(&shard->table, hash, change->name, change->key, change->windows,
                               change->is_distinct, now_ns);
    if (entry != NULL && change->kind == RATE_CHANGE_HELD) {
        entry->is_held = true;
        note_hold(shard, change->until_ns);
        (void)rate_table_block(&shard->table, entry, change->until_ns, now_ns);
    } else if (entry != NULL && entry->is_distinct == change->is_distinct) {
        before = rate_entry_size(entry);
        if (change->window < entry->windows->count)
            rate_entry_restore(entry, change->window, time_ns, change->amount, change->value);
        rate_table_resized(&shard->table, entry, before);
    }
    pthread_mutex_unlock(&shard->lock);
}

static void destroy(struct rate_store *store)
{
    struct engine *engine = engine_of(store);

    for (unsigned i = 0; i < engine->shard_count; i++) {
        rate_table_deinit(&engine->shards[i].table);
        pthread_mutex_destroy(&engine->shards[i].lock);
    }
    pthread_mutex_destroy(&engine->nets_lock);
    rate_pool_destroy(&engine->pool);
    base_mem_free(engine->nets);
    base_mem_free(engine->shards);
    base_mem_free(engine);
}

static const struct rate_store_ops ops = {
    .charge = charge,
    .commit = commit,
    .give_back = give_back,
    .list = list,
    .release = release,
    .end_holds = end_holds,
    .numbers = numbers,
    .destroy = destroy,
};

struct rate_store *rate_engine_create(const struct rate_engine_options *options)
{
    struct engine *engine = base_mem_alloc_zero(1, sizeof(*engine));
    size_t memory =
        options->memory < (size_t)RATE_MEMORY_MIN ? (size_t)RATE_MEMORY_MIN : options->memory;

    engine->store.ops = &ops;
    engine->options = *options;
    if (options->seed[0] == 0 && options->seed[1] == 0)
        base_random_seed(engine->options.seed, sizeof(engine->options.seed));
    if (options->epoch_ns == 0)
        engine->options.epoch_ns =
            base_clock_wall_ns(options->clock) - base_clock_mono_ns(options->clock);
    engine->pool = rate_pool_create();
    engine->shard_count = 1;
    while (engine->shard_count < SHARDS_MAX &&
           2 * engine->shard_count * (size_t)RATE_MEMORY_MIN <= memory)
        engine->shard_count *= 2;
    engine->shards = base_mem_alloc_zero(engine->shard_count, sizeof(*engine->shards));
    for (unsigned i = 0; i < engine->shard_count; i++) {
        pthread_mutex_init(&engine->shards[i].lock, NULL);
        engine->shards[i].held_until_ns = RATE_FOREVER;
        rate_table_init(&engine->shards[i].table, engine->pool, memory / engine->shard_count);
    }
    pthread_mutex_init(&engine->nets_lock, NULL);
    engine->nets = base_mem_alloc_zero(1, sizeof(*engine->nets));
    return &engine->store;
}
