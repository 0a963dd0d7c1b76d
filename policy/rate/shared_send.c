/* What the store is told when it is there again, by the thread of the shared store. */
#include "base/mem.h"
#include "policy/rate/shared-private.h"

/* A probe a second, also of a server that says nothing. */
#define PROBE_TIMEOUT_NS (RATE_BREAKER_PROBE_NS * 3 / 4)
/* So much later than this host another may find the store again, and add what it has admitted. */
#define SETTLE_NS (3 * RATE_BREAKER_PROBE_NS)

/* The next break begins from what the store counts with this. */
static void learn_added(struct rate_shared *shared, const struct rate_backlog_entry *entry,
                        const struct store_redis_reply *reply, int64_t now_ns)
{
    int64_t used[RATE_WINDOWS_MAX];
    size_t at = RATE_ANSWER_REST;

    rate_shared_lock(shared);
    for (const struct rate_backlog_item *it = entry->items; it != NULL; it = it->next)
        if (rate_call_read_used(reply, &at, it->windows.count, used))
            rate_known_update(shared->known, &it->digest, &it->windows, used,
                              (uint64_t)reply->numbers[RATE_ANSWER_EPOCH], now_ns);
    rate_shared_unlock(shared);
}

static enum store_redis_status say_add(struct rate_shared *shared,
                                       const struct rate_backlog_entry *entry)
{
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    enum store_redis_status status;
    struct rate_call call;
    int64_t count = 0;

    for (const struct rate_backlog_item *it = entry->items; it != NULL; it = it->next)
        count++;
    rate_shared_begin_call(shared, &call, "add");
    rate_call_add_hex(&call, entry->id, sizeof(entry->id));
    rate_call_add_int(&call, rate_call_us(shared->lease_ns));
    rate_call_add_int(&call, entry->first_local);
    rate_call_add_int(&call, count);
    for (const struct rate_backlog_item *it = entry->items; it != NULL; it = it->next) {
        struct rate_item item = {.amount = it->amount, .windows = &it->windows};

        rate_call_add_int(&call, it->sequence);
        rate_call_add_int(&call, rate_call_us(now_ns - it->time_ns));
        rate_shared_say_item(shared, &call, &it->digest, &item, it->value, it->has_value);
    }
    status = rate_shared_run(shared, &call, RATE_SHARED_BACKGROUND_NS, reply);
    rate_call_deinit(&call);
    if (status == STORE_REDIS_OK)
        learn_added(shared, entry, reply, now_ns);
    base_mem_free(reply);
    return status;
}

/* The store knows all that this host has admitted. */
static void note_drained(struct rate_shared *shared)
{
    if (shared->phase == PHASE_LOCAL) {
        shared->phase = PHASE_SETTLING;
        shared->settled_ns = base_clock_mono_ns(shared->clock) + SETTLE_NS;
    } else if (shared->phase == PHASE_SHARED) {
        rate_shared_forget_local(shared);
    }
}

static enum store_redis_status say_release(struct rate_shared *shared,
                                           const struct rate_digest *key)
{
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    enum store_redis_status status;
    struct rate_call call;

    rate_shared_begin_call(shared, &call, "release");
    rate_call_add_int(&call, 1);
    rate_call_add_hex(&call, key->octets, sizeof(key->octets));
    status = rate_shared_run(shared, &call, RATE_SHARED_BACKGROUND_NS, reply);
    rate_call_deinit(&call);
    base_mem_free(reply);
    return status;
}

static enum store_redis_status say_entry(struct rate_shared *shared,
                                         const struct rate_backlog_entry *entry)
{
    if (entry->is_release)
        return say_release(shared, &entry->released);
    if (entry->items != NULL || entry->first_local > 0)
        return say_add(shared, entry);
    return rate_shared_say_end(shared, entry->id, entry->is_commit, RATE_SHARED_BACKGROUND_NS);
}

/* Guarded. False: it is over, told or given up: one that is never taken would keep all behind it.
 */
static bool is_to_be_said_again(struct rate_shared *shared, struct rate_backlog_entry *entry,
                                enum store_redis_status status)
{
    if (status == STORE_REDIS_OK)
        return false;
    if (status == STORE_REDIS_REFUSED && ++entry->refusals >= RATE_BACKLOG_REFUSALS) {
        shared->backlog.lost++;
        return false;
    }
    return true;
}

bool rate_shared_send_one(struct rate_shared *shared)
{
    struct rate_backlog_entry *entry = NULL;
    enum store_redis_status status;
    bool is_kept;

    rate_shared_lock(shared);
    if (!shared->breaker.is_open)
        entry = rate_backlog_take(&shared->backlog);
    shared->is_sending = entry != NULL;
    if (entry == NULL && !shared->breaker.is_open)
        note_drained(shared);
    rate_shared_unlock(shared);
    if (entry == NULL)
        return false;
    status = say_entry(shared, entry);
    rate_shared_lock(shared);
    shared->is_sending = false;
    is_kept = is_to_be_said_again(shared, entry, status);
    if (is_kept)
        rate_backlog_return(&shared->backlog, entry);
    rate_shared_unlock(shared);
    if (!is_kept)
        rate_backlog_entry_free(entry);
    return status == STORE_REDIS_OK;
}

void rate_shared_probe(struct rate_shared *shared)
{
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    enum store_redis_status status;
    struct rate_call call;

    store_redis_refresh(shared->redis);
    rate_shared_begin_call(shared, &call, "probe");
    rate_call_add_int(&call, rate_call_us(shared->lease_ns));
    /* A connection may take longer than what is said on it: it is made first. A server that
     * answers, but too late for messages, is not back. */
    status = rate_call_run(&call, shared->redis, PROBE_TIMEOUT_NS, reply);
    if (status == STORE_REDIS_OK)
        status = rate_shared_run(shared, &call, shared->timeout_ns, reply);
    else
        rate_shared_note_failure(shared, reply->fault);
    if (status == STORE_REDIS_OK)
        store_redis_learn(shared->redis, PROBE_TIMEOUT_NS);
    rate_call_deinit(&call);
    base_mem_free(reply);
}
