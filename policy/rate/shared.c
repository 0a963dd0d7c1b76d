/* One lock guards what this host knows; it is never held while the server is waited for. */
#include "policy/rate/shared.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/random.h"
#include "policy/rate/backlog.h"
#include "policy/rate/breaker.h"
#include "policy/rate/engine.h"
#include "policy/rate/known.h"
#include "policy/rate/shared-private.h"
#include "policy/rate/shared_call.h"
#include "store/hmac.h"
#include "store/redis.h"

#define KNOWN_KEYS 65536
/* Of a message's kept items, how many are looked through for the same key. */
#define KEPT_LOOK 64
/* So that what is due in a second is found to be. */
#define LATE_NS (5 * BASE_NS_PER_MS)
/* How often a store that answers is asked to let reservations fall due. */
#define DUE_NS (10 * BASE_NS_PER_S)
/* Entries of the backlog at a stop. */
#define STOP_NS BASE_NS_PER_S
/* Holds that were over since somebody asked last. */
#define ENDED_MAX 64

/* What a reservation's `charges` points at. */
struct message {
    unsigned sequence;
    /* Something lies under its id on the server, or may. */
    bool is_remote;
    /* It has waited for the store in vain, and does not wait again. */
    bool is_local;
    /* The call with which that began: it may have been heard. 0: none. */
    unsigned first_local;
    struct rate_reservation local;
    struct rate_backlog_item *items;
};

static struct rate_shared *shared_of(struct rate_store *store)
{
    return (struct rate_shared *)store;
}

static struct message *message_of(struct rate_reservation *reservation)
{
    if (reservation->charges == NULL) {
        reservation->charges = base_mem_alloc_zero(1, sizeof(struct message));
        base_random_draw(reservation->id, sizeof(reservation->id));
    }
    return (void *)reservation->charges;
}

/* --- what is known of the store --------------------------------------------------------------- */

void rate_shared_forget_local(struct rate_shared *shared)
{
    if (shared->is_generation_used)
        shared->generation++;
    shared->is_generation_used = false;
}

static enum rate_shared_phase phase_of(struct rate_shared *shared)
{
    enum rate_shared_phase phase;

    rate_shared_lock(shared);
    if (shared->phase == PHASE_SETTLING &&
        base_clock_mono_ns(shared->clock) >= shared->settled_ns) {
        shared->phase = PHASE_SHARED;
        rate_shared_forget_local(shared);
    }
    phase = shared->phase;
    rate_shared_unlock(shared);
    return phase;
}

void rate_shared_note_failure(struct rate_shared *shared, const char *fault)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    bool is_newly_open;

    rate_shared_lock(shared);
    shared->failures++;
    (void)snprintf(shared->fault, sizeof(shared->fault), "%s", fault);
    /* One that was back, and is gone again before it has heard all, has not been back. */
    is_newly_open = shared->phase == PHASE_LOCAL ? rate_breaker_trip(&shared->breaker, now_ns)
                                                 : rate_breaker_fail(&shared->breaker, now_ns);
    if (is_newly_open)
        shared->phase = PHASE_LOCAL;
    rate_shared_unlock(shared);
    if (is_newly_open)
        base_log_warning("rate-store: %s; until it answers again this host admits one part in %u "
                         "of what was left",
                         fault, shared->hosts);
}

/* Answers may overtake each other: the latest is the best. */
static void note_time(struct rate_shared *shared, int64_t server_us, bool is_other)
{
    if (!is_other && server_us <= shared->server_us)
        return;
    shared->server_us = server_us;
    shared->server_heard_ns = base_clock_mono_ns(shared->clock);
}

static void note_success(struct rate_shared *shared, const struct store_redis_reply *reply)
{
    uint64_t epoch = (uint64_t)reply->numbers[RATE_ANSWER_EPOCH];
    bool was_open;
    bool has_lost;

    rate_shared_lock(shared);
    was_open = rate_breaker_succeed(&shared->breaker);
    has_lost = shared->epoch != 0 && shared->epoch != epoch && shared->previous_epoch != epoch;
    if (shared->epoch != epoch)
        shared->previous_epoch = shared->epoch;
    note_time(shared, reply->numbers[RATE_ANSWER_TIME], shared->epoch != epoch);
    shared->epoch = epoch;
    if (was_open)
        (void)pthread_cond_signal(&shared->work);
    rate_shared_unlock(shared);
    if (was_open)
        base_log_info("rate-store: it answers again");
    if (has_lost)
        base_log_warning("rate-store: the server has lost what it had counted; it is told what "
                         "this host knows");
}

void rate_shared_begin_call(struct rate_shared *shared, struct rate_call *call, const char *what)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    struct rate_expected expected;

    rate_shared_lock(shared);
    expected.epoch = shared->epoch;
    expected.time_us = shared->server_us + (now_ns - shared->server_heard_ns) / 1000;
    rate_shared_unlock(shared);
    rate_call_init(call, what, &expected);
}

enum store_redis_status rate_shared_run(struct rate_shared *shared, const struct rate_call *call,
                                        int64_t timeout_ns, struct store_redis_reply *reply)
{
    enum store_redis_status status = rate_call_run(call, shared->redis, timeout_ns, reply);

    if (status == STORE_REDIS_OK)
        note_success(shared, reply);
    else
        rate_shared_note_failure(shared, reply->fault);
    return status;
}

/* --- without the store ------------------------------------------------------------------------ */

/* What this host may admit of a window: its part of what was left. */
static int64_t part_of(const struct rate_shared *shared, int64_t limit, int64_t known)
{
    int64_t left = limit > known ? limit - known : 0;

    return (left + shared->hosts - 1) / shared->hosts;
}

/* One more unit of what was kept already, of many recipients: the list stays short. Not of the
 * first call that went without the store: that one it may have heard. NULL: it is another. */
static struct rate_backlog_item *find_kept(const struct message *message,
                                           const struct rate_item *item,
                                           const struct rate_digest *digest)
{
    struct rate_backlog_item *it = message->items;

    if (item->value.data != NULL || message->sequence == message->first_local)
        return NULL;
    for (int i = 0; it != NULL && i < KEPT_LOOK; i++, it = it->next)
        if (!it->has_value && it->sequence != message->first_local &&
            memcmp(&it->digest, digest, sizeof(*digest)) == 0 &&
            rate_windows_equal(&it->windows, item->windows))
            return it;
    return NULL;
}

static void keep_item(struct message *message, const struct rate_item *item,
                      const struct rate_digest *digest, uint64_t value, int64_t now_ns)
{
    struct rate_backlog_item *kept = find_kept(message, item, digest);

    if (kept != NULL) {
        kept->amount += item->amount;
        return;
    }
    kept = base_mem_alloc_zero(1, sizeof(*kept));
    kept->digest = *digest;
    kept->sequence = message->sequence;
    kept->time_ns = now_ns;
    kept->amount = item->amount;
    kept->value = value;
    kept->has_value = item->value.data != NULL;
    kept->windows = *item->windows;
    kept->next = message->items;
    message->items = kept;
}

struct local_item {
    /* As far as is known, the store holds it for so long; -1: until it is released; 0: not. */
    int64_t held_ns;
    struct rate_windows windows;
    char key[RATE_KEY_MAX];
};

/* What this host may admit of a key, with what was known of it before. */
static void limit_local(const struct rate_shared *shared, struct local_item *local,
                        const int64_t known[RATE_WINDOWS_MAX], struct rate_item *out)
{
    /* A share is of all that is known, here and there. */
    if ((rate_windows_are_shares(&local->windows) && local->held_ns == 0) ||
        rate_name_is_whole(out->name)) {
        memcpy(out->elsewhere, known, sizeof(out->elsewhere));
        return;
    }
    for (unsigned i = 0; i < local->windows.count; i++) {
        struct rate_limit *limit = &local->windows.at[i];

        limit->limit = local->held_ns != 0 ? 0 : part_of(shared, limit->limit, known[i]);
        limit->percent = 0;
    }
    if (local->held_ns != 0)
        out->hold_ns = 0;
}

/* A key of the counts of this break. */
static struct base_text local_key(char room[RATE_KEY_MAX], uint64_t generation,
                                  const struct rate_digest *digest)
{
    int length = snprintf(room, RATE_KEY_MAX, "%llu ", (unsigned long long)generation);

    memcpy(room + length, digest->octets, sizeof(digest->octets));
    return (struct base_text){room, (size_t)length + sizeof(digest->octets)};
}

static void prepare_local(struct rate_shared *shared, const struct rate_item *item,
                          const struct rate_digest *digest, struct local_item *local,
                          struct rate_item *out)
{
    int64_t known[RATE_WINDOWS_MAX];
    uint64_t generation;

    rate_shared_lock(shared);
    (void)rate_known_get(shared->known, digest, item->windows, base_clock_mono_ns(shared->clock),
                         known);
    local->held_ns = rate_known_held(shared->known, digest, base_clock_mono_ns(shared->clock));
    generation = shared->generation;
    shared->is_generation_used = true;
    rate_shared_unlock(shared);
    *out = *item;
    local->windows = *item->windows;
    limit_local(shared, local, known, out);
    out->windows = &local->windows;
    out->key = local_key(local->key, generation, digest);
}

/* `want_added`: the store is to be told. */
static bool charge_local(struct rate_shared *shared, struct message *message,
                         struct rate_item *items, size_t count, const struct rate_digest *digests,
                         const uint64_t *values, bool want_added)
{
    struct local_item *locals = base_mem_alloc_zero(count, sizeof(*locals));
    struct rate_item *copies = base_mem_alloc_zero(count, sizeof(*copies));
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    bool is_ok;

    for (size_t i = 0; i < count; i++)
        prepare_local(shared, &items[i], &digests[i], &locals[i], &copies[i]);
    is_ok = rate_store_charge(shared->local, &message->local, copies, count);
    for (size_t i = 0; i < count; i++) {
        items[i].answer = copies[i].answer;
        items[i].window = copies[i].window;
        items[i].used = copies[i].used;
        items[i].whole = copies[i].whole;
        items[i].wait_ns = copies[i].wait_ns;
        items[i].is_warning_due = copies[i].is_warning_due;
        items[i].is_newly_blocked = copies[i].is_newly_blocked;
        /* Nothing is left of this host's part; the store may be back at any time. */
        if (copies[i].answer == RATE_OVER && copies[i].wait_ns < 0)
            items[i].wait_ns = items[i].windows->at[items[i].window].length_ns;
        items[i].is_released = copies[i].is_released;
        if (locals[i].held_ns != 0) {
            items[i].answer = RATE_HELD;
            items[i].wait_ns = locals[i].held_ns;
            items[i].is_newly_blocked = false;
        }
        if (want_added && is_ok && rate_item_is_counted(&items[i]))
            keep_item(message, &items[i], &digests[i], values[i], now_ns);
    }
    base_mem_free(copies);
    base_mem_free(locals);
    return is_ok;
}

/* --- with the store --------------------------------------------------------------------------- */

static void learn(struct rate_shared *shared, const struct rate_item *items, size_t count,
                  const struct rate_digest *digests, int64_t (*used)[RATE_WINDOWS_MAX], bool is_ok,
                  uint64_t epoch)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);

    rate_shared_lock(shared);
    for (size_t i = 0; i < count; i++) {
        for (unsigned w = 0;
             is_ok && rate_item_is_counted(&items[i]) && w < items[i].windows->count; w++)
            used[i][w] += items[i].amount;
        rate_known_put(shared->known, &digests[i], &items[i], used[i], epoch, now_ns);
    }
    rate_shared_unlock(shared);
}

static bool has_charged(const struct rate_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rate_item_is_counted(&items[i]))
            return true;
    return false;
}

/* With what this host knows of its key. */
void rate_shared_say_item(struct rate_shared *shared, struct rate_call *call,
                          const struct rate_digest *digest, const struct rate_item *item,
                          uint64_t value, bool has_value)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    int64_t floors[RATE_WINDOWS_MAX];
    int64_t held_ns;
    uint64_t epoch;

    rate_shared_lock(shared);
    epoch = rate_known_get(shared->known, digest, item->windows, now_ns, floors);
    held_ns = rate_known_held(shared->known, digest, now_ns);
    rate_shared_unlock(shared);
    rate_call_add_item(call, digest, item, value, has_value, epoch, floors, held_ns);
}

static void say_charge(struct rate_shared *shared, struct rate_call *call,
                       const struct rate_reservation *reservation, const struct message *message,
                       const struct rate_item *items, size_t count,
                       const struct rate_digest *digests, const uint64_t *values)
{
    rate_shared_begin_call(shared, call, "charge");
    rate_call_add_hex(call, reservation->id, sizeof(reservation->id));
    rate_call_add_int(call, message->sequence);
    rate_call_add_int(call, rate_call_us(shared->lease_ns));
    rate_call_add_int(call, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        rate_shared_say_item(shared, call, &digests[i], &items[i], values[i],
                             items[i].value.data != NULL);
}

/* False: the store has not decided. */
static bool charge_remote(struct rate_shared *shared, struct rate_reservation *reservation,
                          struct message *message, struct rate_item *items, size_t count,
                          const struct rate_digest *digests, const uint64_t *values, bool *is_ok_r)
{
    int64_t(*used)[RATE_WINDOWS_MAX] = base_mem_alloc_zero(count, sizeof(*used));
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    struct rate_call call;
    enum store_redis_status status;
    bool is_decided = false;

    say_charge(shared, &call, reservation, message, items, count, digests, values);
    status = rate_shared_run(shared, &call, shared->timeout_ns, reply);
    rate_call_deinit(&call);
    if (status == STORE_REDIS_OK && rate_call_read_charge(reply, items, count, is_ok_r, used)) {
        is_decided = true;
        if (*is_ok_r && has_charged(items, count))
            message->is_remote = true;
        learn(shared, items, count, digests, used, *is_ok_r,
              (uint64_t)reply->numbers[RATE_ANSWER_EPOCH]);
    } else {
        if (status == STORE_REDIS_OK)
            rate_shared_note_failure(shared, "its answer is not what the script says");
        message->is_remote = message->is_remote || status != STORE_REDIS_DOWN;
        message->is_local = true;
        message->first_local = message->sequence;
    }
    base_mem_free(reply);
    base_mem_free(used);
    return is_decided;
}

static bool charge(struct rate_store *store, struct rate_reservation *reservation,
                   struct rate_item *items, size_t count)
{
    struct rate_shared *shared = shared_of(store);
    struct message *message;
    struct rate_digest *digests;
    uint64_t *values;
    enum rate_shared_phase phase;
    bool is_ok = true;

    if (count == 0)
        return true;
    message = message_of(reservation);
    message->sequence++;
    digests = base_mem_alloc_zero(count, sizeof(*digests));
    values = base_mem_alloc_zero(count, sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        digests[i] = rate_call_key(shared->hmac, items[i].name, items[i].key);
        if (items[i].value.data != NULL)
            values[i] = rate_call_value(shared->hmac, items[i].value);
    }
    phase = message->is_local ? PHASE_LOCAL : phase_of(shared);
    if (phase == PHASE_SETTLING)
        is_ok = charge_local(shared, message, items, count, digests, values, false);
    /* What this host alone refuses, the store need not be asked. */
    if (is_ok && (phase == PHASE_LOCAL || !charge_remote(shared, reservation, message, items, count,
                                                         digests, values, &is_ok)))
        is_ok = charge_local(shared, message, items, count, digests, values, true);
    base_mem_free(values);
    base_mem_free(digests);
    return is_ok;
}

enum store_redis_status rate_shared_say_end(struct rate_shared *shared, const uint64_t id[2],
                                            bool is_commit, int64_t timeout_ns)
{
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    struct rate_call call;
    enum store_redis_status status;

    rate_shared_begin_call(shared, &call, is_commit ? "commit" : "giveback");
    rate_call_add_hex(&call, id, 2 * sizeof(*id));
    rate_call_add_int(&call, rate_call_us(shared->lease_ns));
    status = rate_shared_run(shared, &call, timeout_ns, reply);
    rate_call_deinit(&call);
    base_mem_free(reply);
    return status;
}

static void postpone(struct rate_shared *shared, const uint64_t id[2], bool is_commit,
                     unsigned first_local, struct rate_backlog_item *items)
{
    rate_shared_lock(shared);
    rate_backlog_put(&shared->backlog, id, is_commit, first_local, items);
    if (!shared->breaker.is_open)
        (void)pthread_cond_signal(&shared->work);
    rate_shared_unlock(shared);
}

static void end(struct rate_shared *shared, struct rate_reservation *reservation, bool is_commit)
{
    struct message *message = (void *)reservation->charges;

    if (message == NULL)
        return;
    if (is_commit)
        rate_store_commit(shared->local, &message->local);
    else
        rate_store_give_back(shared->local, &message->local);
    if (is_commit && message->items != NULL) {
        postpone(shared, reservation->id, true, message->first_local, message->items);
        message->items = NULL;
    } else if (message->is_remote && (message->is_local || phase_of(shared) == PHASE_LOCAL ||
                                      rate_shared_say_end(shared, reservation->id, is_commit,
                                                          shared->timeout_ns) != STORE_REDIS_OK)) {
        postpone(shared, reservation->id, is_commit, is_commit ? message->first_local : 0, NULL);
    }
    rate_backlog_items_free(message->items);
    base_mem_free(message);
    *reservation = (struct rate_reservation){NULL};
}

static void commit(struct rate_store *store, struct rate_reservation *reservation)
{
    end(shared_of(store), reservation, true);
}

static void give_back(struct rate_store *store, struct rate_reservation *reservation)
{
    end(shared_of(store), reservation, false);
}

/* --- the thread ----------------------------------------------------------------------------- */

/* Until a probe may be due, or there is something to do. True: it is to end. */
static bool wait_for_work(struct rate_shared *shared, int64_t begin_ns)
{
    struct base_clock real = base_clock_system();
    int64_t due_ns = begin_ns + RATE_BREAKER_PROBE_NS + LATE_NS;
    int64_t rest_ns = due_ns - base_clock_mono_ns(&real);
    struct timespec until = base_clock_deadline(rest_ns < 0 ? 0 : rest_ns);
    bool is_stopping;

    rate_shared_lock(shared);
    if (!shared->is_stopping)
        (void)pthread_cond_clockwait(&shared->work, &shared->lock, CLOCK_MONOTONIC, &until);
    is_stopping = shared->is_stopping;
    rate_shared_unlock(shared);
    return is_stopping;
}

static bool is_probe_due(struct rate_shared *shared, int64_t *last_ns)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    bool is_due;

    rate_shared_lock(shared);
    is_due = rate_breaker_take_probe(&shared->breaker, now_ns) ||
             (!shared->breaker.is_open && now_ns - *last_ns >= DUE_NS);
    rate_shared_unlock(shared);
    if (is_due)
        *last_ns = now_ns;
    return is_due;
}

/* --- holds that are over ---------------------------------------------------------------------- */

static void copy_text(struct base_text *text, char *room, size_t size)
{
    if (text->length > size)
        text->length = size;
    if (text->length > 0)
        memcpy(room, text->data, text->length);
    text->data = room;
}

/* What the status points at lies in the hold itself. */
static void set_hold(struct rate_ended_hold *hold, const struct rate_status *status)
{
    struct rate_windows windows = *status->windows;

    hold->status = *status;
    copy_text(&hold->status.name, hold->name, sizeof(hold->name));
    copy_text(&hold->status.key, hold->key, sizeof(hold->key));
    hold->windows = windows;
    hold->status.windows = &hold->windows;
}

/* The next one, or that of last time, when the store did not answer. */
static bool take_ending(struct rate_shared *shared)
{
    int64_t now_ns = base_clock_mono_ns(shared->clock);
    struct rate_status status;
    bool is_any;

    rate_shared_lock(shared);
    if (!shared->is_hold_ending &&
        rate_known_take_over(shared->known, now_ns, &shared->ending.digest, &status)) {
        set_hold(&shared->ending, &status);
        shared->is_hold_ending = true;
    }
    is_any = shared->is_hold_ending && !shared->breaker.is_open;
    rate_shared_unlock(shared);
    return is_any;
}

/* Of several hosts one is told by the store that it is the first to see it. Only the thread changes
 * what is ending. */
static bool end_one_hold(struct rate_shared *shared)
{
    const struct rate_ended_hold *ending = &shared->ending;
    struct store_redis_reply *reply;
    struct rate_call call;
    bool is_answered;

    if (!take_ending(shared))
        return false;
    reply = base_mem_alloc(sizeof(*reply));
    rate_shared_begin_call(shared, &call, "over");
    rate_call_add_hex(&call, ending->digest.octets, sizeof(ending->digest.octets));
    rate_call_add_int(&call, ending->windows.count);
    for (unsigned i = 0; i < ending->windows.count; i++)
        rate_call_add_int(&call, rate_call_us(ending->windows.at[i].length_ns));
    is_answered =
        rate_shared_run(shared, &call, RATE_SHARED_BACKGROUND_NS, reply) == STORE_REDIS_OK;
    rate_call_deinit(&call);
    rate_shared_lock(shared);
    if (is_answered) {
        shared->is_hold_ending = false;
        if (reply->numbers[RATE_ANSWER_NUMBER] == 1 && shared->ended_count < ENDED_MAX)
            set_hold(&shared->ended_holds[shared->ended_count++], &ending->status);
    }
    rate_shared_unlock(shared);
    base_mem_free(reply);
    return is_answered;
}

static void end_holds(struct rate_store *store,
                      void (*visit)(void *context, const struct rate_status *status), void *context)
{
    struct rate_shared *shared = shared_of(store);

    rate_shared_lock(shared);
    for (size_t i = 0; i < shared->ended_count; i++)
        visit(context, &shared->ended_holds[i].status);
    shared->ended_count = 0;
    rate_shared_unlock(shared);
}

static void *work(void *context)
{
    struct rate_shared *shared = context;
    struct base_clock real = base_clock_system();
    /* The first probe is due at once: it finds out who else may be asked. */
    int64_t last_ns = base_clock_mono_ns(shared->clock) - DUE_NS;
    int64_t begin_ns = base_clock_mono_ns(&real);
    int64_t stop_ns;

    while (!wait_for_work(shared, begin_ns)) {
        begin_ns = base_clock_mono_ns(&real);
        if (is_probe_due(shared, &last_ns))
            rate_shared_probe(shared);
        while (rate_shared_send_one(shared))
            continue;
        while (end_one_hold(shared))
            continue;
    }
    stop_ns = base_clock_mono_ns(shared->clock) + STOP_NS;
    while (base_clock_mono_ns(shared->clock) < stop_ns && rate_shared_send_one(shared))
        continue;
    rate_shared_lock(shared);
    shared->is_ended = true;
    (void)pthread_cond_signal(&shared->ended);
    rate_shared_unlock(shared);
    return NULL;
}

/* --- lists ---------------------------------------------------------------------------------- */

static void list(struct rate_store *store,
                 void (*visit)(void *context, const struct rate_status *status), void *context)
{
    struct rate_shared *shared = shared_of(store);

    rate_shared_lock(shared);
    rate_known_list(shared->known, base_clock_mono_ns(shared->clock), visit, context);
    rate_shared_unlock(shared);
}

/* Rates of which this host knows the key. */
struct wanted {
    struct base_text name;
    struct base_text key;
    const struct rate_shared *shared;
    int64_t count;
    struct rate_digest digests[64];
};

static void want(void *context, const struct rate_status *status)
{
    struct wanted *wanted = context;

    if (!base_text_equals(status->key, wanted->key) || rate_name_is_whole(status->name) ||
        (wanted->name.data != NULL && !base_text_equals(status->name, wanted->name)) ||
        wanted->count == 64)
        return;
    wanted->digests[wanted->count++] =
        rate_call_key(wanted->shared->hmac, status->name, status->key);
}

/* What this host knows, and has counted without the store, which is told later if it does not
 * answer. The number of keys that were counted. */
static size_t release_here(struct rate_shared *shared, const struct wanted *wanted, bool is_later)
{
    static const struct base_text any = {NULL, 0};
    size_t released = 0;

    rate_shared_lock(shared);
    for (int64_t i = 0; i < wanted->count; i++) {
        char room[RATE_KEY_MAX];
        struct base_text key = local_key(room, shared->generation, &wanted->digests[i]);

        released += rate_store_release(shared->local, any, key);
        rate_known_forget(shared->known, &wanted->digests[i]);
        if (is_later)
            rate_backlog_put_release(&shared->backlog, &wanted->digests[i]);
    }
    rate_shared_unlock(shared);
    return released;
}

static size_t release(struct rate_store *store, struct base_text name, struct base_text key)
{
    struct rate_shared *shared = shared_of(store);
    struct store_redis_reply *reply = base_mem_alloc(sizeof(*reply));
    struct wanted wanted = {.name = name, .key = key, .shared = shared};
    enum store_redis_status status;
    struct rate_call call;
    size_t released = 0;
    size_t counted;
    size_t known;

    list(store, want, &wanted);
    known = (size_t)wanted.count;
    /* Another host may have blocked it: with its rate named, it need not be known here. */
    if (wanted.count == 0 && name.data != NULL)
        wanted.digests[wanted.count++] = rate_call_key(shared->hmac, name, key);
    rate_shared_begin_call(shared, &call, "release");
    rate_call_add_int(&call, wanted.count);
    for (int64_t i = 0; i < wanted.count; i++)
        rate_call_add_hex(&call, wanted.digests[i].octets, sizeof(wanted.digests[i].octets));
    status = rate_shared_run(shared, &call, RATE_SHARED_BACKGROUND_NS, reply);
    if (status == STORE_REDIS_OK && reply->numbers[RATE_ANSWER_NUMBER] > 0 &&
        reply->numbers[RATE_ANSWER_NUMBER] <= wanted.count)
        released = (size_t)reply->numbers[RATE_ANSWER_NUMBER];
    rate_call_deinit(&call);
    base_mem_free(reply);
    counted = release_here(shared, &wanted, status != STORE_REDIS_OK);
    if (status == STORE_REDIS_OK)
        return released;
    return counted > known ? counted : known;
}

static void numbers(struct rate_store *store, struct rate_numbers *numbers_r)
{
    struct rate_shared *shared = shared_of(store);

    rate_store_numbers(shared->local, numbers_r);
    rate_shared_lock(shared);
    numbers_r->keys = rate_known_count(shared->known);
    numbers_r->uncounted += shared->backlog.lost;
    rate_shared_unlock(shared);
}

void rate_shared_numbers(struct rate_store *store, struct rate_shared_numbers *numbers_r)
{
    struct rate_shared *shared = shared_of(store);

    rate_shared_lock(shared);
    numbers_r->is_broken = shared->breaker.is_open;
    numbers_r->breaks = shared->breaker.breaks;
    numbers_r->failures = shared->failures;
    numbers_r->waiting = shared->backlog.count + (shared->is_sending ? 1 : 0);
    numbers_r->lost = shared->backlog.lost;
    memcpy(numbers_r->fault, shared->fault, sizeof(shared->fault));
    rate_shared_unlock(shared);
}

/* --- life ----------------------------------------------------------------------------------- */

static void destroy(struct rate_store *store)
{
    struct rate_shared *shared = shared_of(store);

    rate_shared_lock(shared);
    shared->is_stopping = true;
    (void)pthread_cond_signal(&shared->work);
    rate_shared_unlock(shared);
    if (!shared->is_joined)
        (void)pthread_join(shared->thread, NULL);
    rate_backlog_deinit(&shared->backlog);
    rate_known_destroy(&shared->known);
    base_mem_free(shared->ended_holds);
    rate_store_destroy(&shared->local);
    store_hmac_destroy(&shared->hmac);
    store_redis_destroy(&shared->redis);
    (void)pthread_cond_destroy(&shared->ended);
    (void)pthread_cond_destroy(&shared->work);
    (void)pthread_mutex_destroy(&shared->lock);
    base_mem_free(shared);
}

void rate_shared_flush(struct rate_store *store)
{
    struct rate_shared *shared = shared_of(store);
    struct timespec until = base_clock_deadline(STOP_NS);
    bool is_late = false;

    rate_shared_lock(shared);
    shared->is_stopping = true;
    (void)pthread_cond_signal(&shared->work);
    while (!shared->is_ended && !is_late)
        is_late =
            pthread_cond_clockwait(&shared->ended, &shared->lock, CLOCK_MONOTONIC, &until) != 0;
    if (shared->backlog.count > 0)
        base_log_warning("rate-store: %zu messages were admitted of which it has not heard",
                         shared->backlog.count);
    rate_shared_unlock(shared);
    /* One that has ended and was waited for by nobody is a leak to ThreadSanitizer. */
    if (!is_late && !shared->is_joined)
        shared->is_joined = pthread_join(shared->thread, NULL) == 0;
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

void rate_shared_set_password(struct rate_store *store, const char *password)
{
    if (store->ops == &ops)
        store_redis_set_password(shared_of(store)->redis, password);
}

struct rate_store *rate_shared_create(const struct rate_shared_options *options,
                                      struct base_error *error_r)
{
    struct store_redis_options redis = {.url = options->url,
                                        .user = options->user,
                                        .password = options->password,
                                        .ca_file = options->ca_file};
    struct rate_engine_options local = {.memory = options->memory, .clock = options->clock};
    struct store_redis *server = store_redis_create(&redis, error_r);
    struct rate_shared *shared;

    if (server == NULL)
        return NULL;
    shared = base_mem_alloc_zero(1, sizeof(*shared));
    shared->store.ops = &ops;
    shared->redis = server;
    shared->hmac = store_hmac_create(options->secret);
    shared->clock = options->clock;
    shared->timeout_ns = options->timeout_ns;
    shared->lease_ns = options->lease_ns;
    shared->hosts = options->hosts == 0 ? 1 : options->hosts;
    shared->local = rate_engine_create(&local);
    shared->known = rate_known_create(KNOWN_KEYS);
    shared->ended_holds = base_mem_alloc_zero(ENDED_MAX, sizeof(*shared->ended_holds));
    rate_backlog_init(&shared->backlog);
    (void)pthread_mutex_init(&shared->lock, NULL);
    (void)pthread_cond_init(&shared->work, NULL);
    (void)pthread_cond_init(&shared->ended, NULL);
    if (pthread_create(&shared->thread, NULL, work, shared) != 0)
        base_panic("no thread for the shared store");
    return &shared->store;
}
