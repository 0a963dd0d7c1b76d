/* See state.h. The queue is two buffers: one is filled, under its lock, while the other is written.
 */
#include "policy/rate/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/ledger.h"

#define INTERVAL_NS (BASE_NS_PER_S / 2)
/* What has expired is thrown away so often, and a fault of the disk is told again. */
#define EXPIRE_NS (60 * BASE_NS_PER_S)

enum {
    ABOUT_MAX = 200,
    BOOT_ID_MAX = 64,
};

/* A change as it waits; behind it the name and the key. */
struct waiting {
    struct rate_change change;
    struct rate_windows windows;
};

struct rate_state {
    struct store_ledger *ledger;
    struct rate_store *store;
    char boot_id[BOOT_ID_MAX];

    pthread_t thread;
    bool has_thread;
    /* One at a time writes. */
    pthread_mutex_t writing;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping;
    /* The last write failed: there is something to write although nothing comes. */
    bool is_behind;
    struct base_buf queue;
    uint64_t dropped;

    /* The writer's. */
    struct base_buf batch;
    int64_t expired_ns;
    int64_t complained_ns;
};

/* --- windows as text -----------------------------------------------------------------------------
 */

static void write_limit(struct base_buf *out, const struct rate_limit *limit)
{
    base_buf_append_char(out, ' ');
    if (limit->percent > 0)
        base_buf_appendf(out, "%" PRId64 "%%", limit->percent);
    base_buf_appendf(out, "%" PRId64 "/%" PRId64, limit->limit, limit->length_ns);
}

static bool read_limit(struct base_text text, struct rate_limit *limit_r)
{
    struct base_text length = text;
    struct base_text limit = base_text_split(&length, '/');
    struct base_text rest = limit;
    struct base_text percent = base_text_split(&rest, '%');
    uint64_t numbers[3] = {0};

    if (rest.data != NULL) {
        if (!base_text_to_uint(percent, 100, &numbers[2]))
            return false;
        limit = rest;
    }
    if (length.data == NULL || !base_text_to_uint(limit, (uint64_t)RATE_LIMIT_MAX, &numbers[0]) ||
        !base_text_to_uint(length, (uint64_t)RATE_LENGTH_MAX_NS, &numbers[1]) ||
        numbers[1] < RATE_SUBWINDOWS)
        return false;
    *limit_r = (struct rate_limit){(int64_t)numbers[0], (int64_t)numbers[1], (int64_t)numbers[2]};
    return true;
}

/* "u 200/3600000000000 50/60000000000", or "d ..." for different values; "u 20%20/3600000000000"
 * for 20% from 20 units on. */
static struct base_text write_about(const struct rate_change *change, char out[ABOUT_MAX])
{
    struct base_buf text;

    base_buf_init_fixed(&text, out, ABOUT_MAX);
    base_buf_append_char(&text, change->is_distinct ? 'd' : 'u');
    for (unsigned i = 0; i < change->windows->count; i++)
        write_limit(&text, &change->windows->at[i]);
    return base_buf_text(&text);
}

static bool read_about(struct base_text text, struct rate_windows *windows, bool *is_distinct_r)
{
    struct base_text kind = base_text_split(&text, ' ');

    *windows = (struct rate_windows){0};
    *is_distinct_r = base_text_equals(kind, BASE_TEXT("d"));
    while (text.data != NULL && windows->count < RATE_WINDOWS_MAX) {
        if (!read_limit(base_text_split(&text, ' '), &windows->at[windows->count]))
            return false;
        windows->count++;
    }
    return windows->count > 0 && text.data == NULL;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static void restore_count(void *context, const struct store_ledger_row *row)
{
    const struct rate_state *state = context;
    struct rate_windows windows;
    struct rate_change change = {.kind = RATE_CHANGE_COUNTED,
                                 .name = row->name,
                                 .key = row->key,
                                 .windows = &windows,
                                 .amount = row->amount,
                                 .value = (uint64_t)row->value};
    int64_t length_ns;

    if (!read_about(row->about, &windows, &change.is_distinct) || row->window < 0 ||
        (unsigned)row->window >= windows.count || row->slot < 0 || row->amount < 0 ||
        row->amount > RATE_LIMIT_MAX || row->name.length > RATE_NAME_MAX ||
        row->key.length > RATE_KEY_MAX)
        return;
    change.window = (unsigned)row->window;
    length_ns = windows.at[change.window].length_ns / RATE_SUBWINDOWS;
    if (row->slot > INT64_MAX / length_ns - 1)
        return;
    change.time_ns = row->slot * length_ns;
    rate_engine_restore(state->store, &change);
}

static void restore_hold(void *context, const struct store_ledger_hold *hold)
{
    const struct rate_state *state = context;
    struct rate_windows windows;
    struct rate_change change = {.kind = RATE_CHANGE_HELD,
                                 .name = hold->name,
                                 .key = hold->key,
                                 .windows = &windows,
                                 .until_ns = hold->until_ns};

    /* 0: it is over, and was seen to be. */
    if (hold->until_ns <= 0 || !read_about(hold->about, &windows, &change.is_distinct) ||
        hold->name.length > RATE_NAME_MAX || hold->key.length > RATE_KEY_MAX)
        return;
    rate_engine_restore(state->store, &change);
}

/* --- writing -------------------------------------------------------------------------------------
 */

/* Called under a lock of the engine. */
static void enqueue(void *context, const struct rate_change *change)
{
    struct rate_state *state = context;
    struct waiting waiting = {.change = *change, .windows = *change->windows};
    size_t octets = sizeof(waiting) + change->name.length + change->key.length;

    pthread_mutex_lock(&state->lock);
    if (state->queue.length + octets > RATE_STATE_QUEUE_MAX) {
        state->dropped++;
    } else {
        if (state->queue.length == 0)
            pthread_cond_signal(&state->wake);
        base_buf_append(&state->queue, &waiting, sizeof(waiting));
        base_buf_append_text(&state->queue, change->name);
        base_buf_append_text(&state->queue, change->key);
    }
    pthread_mutex_unlock(&state->lock);
}

static bool write_count(struct rate_state *state, const struct rate_change *change,
                        struct base_text about, struct base_error *error_r)
{
    for (unsigned i = 0; i < change->windows->count; i++) {
        const struct rate_limit *limit = &change->windows->at[i];
        int64_t slot = rate_window_slot(limit, change->time_ns);
        int64_t slot_ns = limit->length_ns / RATE_SUBWINDOWS;
        struct store_ledger_row row = {.name = change->name,
                                       .key = change->key,
                                       .about = about,
                                       .window = (int)i,
                                       .slot = slot,
                                       .value = (int64_t)change->value,
                                       .amount = change->amount,
                                       .expires_ns = (slot + RATE_SLOTS) * slot_ns};

        if (!store_ledger_count(state->ledger, &row, error_r))
            return false;
    }
    return true;
}

static bool write_change(struct rate_state *state, const struct rate_change *change,
                         struct base_error *error_r)
{
    char storage[ABOUT_MAX];
    struct base_text about = write_about(change, storage);
    struct store_ledger_hold hold = {
        .name = change->name, .key = change->key, .about = about, .until_ns = change->until_ns};

    switch (change->kind) {
    case RATE_CHANGE_COUNTED:
        return write_count(state, change, about, error_r);
    case RATE_CHANGE_HELD:
        return store_ledger_hold(state->ledger, &hold, error_r);
    case RATE_CHANGE_RELEASED:
    default:
        return store_ledger_forget(state->ledger, change->name, change->key, error_r);
    }
}

static bool write_batch(struct rate_state *state, struct base_error *error_r)
{
    const char *at = state->batch.data;
    const char *end = at + state->batch.length;

    while (at < end) {
        struct waiting waiting;
        struct rate_change *change = &waiting.change;

        memcpy(&waiting, at, sizeof(waiting));
        at += sizeof(waiting);
        change->windows = &waiting.windows;
        change->name.data = at;
        at += change->name.length;
        change->key.data = at;
        at += change->key.length;
        if (!write_change(state, change, error_r))
            return false;
    }
    return true;
}

/* What waits becomes the batch, unless the last one could not be written: that comes first. */
static bool take_batch(struct rate_state *state)
{
    struct base_buf empty = state->batch;

    if (state->batch.length > 0)
        return true;
    pthread_mutex_lock(&state->lock);
    state->batch = state->queue;
    state->queue = empty;
    pthread_mutex_unlock(&state->lock);
    return state->batch.length > 0;
}

bool rate_state_flush(struct rate_state *state, struct base_error *error_r)
{
    bool is_good = true;

    pthread_mutex_lock(&state->writing);
    while (is_good && take_batch(state)) {
        is_good = store_ledger_begin(state->ledger, error_r) && write_batch(state, error_r) &&
                  store_ledger_end(state->ledger, error_r);
        if (is_good)
            base_buf_clear(&state->batch);
    }
    pthread_mutex_lock(&state->lock);
    state->is_behind = !is_good;
    pthread_mutex_unlock(&state->lock);
    pthread_mutex_unlock(&state->writing);
    return is_good;
}

static void write_some(struct rate_state *state)
{
    int64_t now_ns = rate_engine_now(state->store);
    struct base_error error = {""};
    bool is_good = rate_state_flush(state, &error);

    if (is_good && now_ns - state->expired_ns >= EXPIRE_NS) {
        state->expired_ns = now_ns;
        pthread_mutex_lock(&state->writing);
        is_good = store_ledger_expire(state->ledger, now_ns, &error);
        pthread_mutex_unlock(&state->writing);
    }
    if (is_good || now_ns - state->complained_ns < EXPIRE_NS)
        return;
    state->complained_ns = now_ns;
    base_log_warning("rate-state: %s: mail goes on, counts of rates are not kept meanwhile",
                     error.text);
}

/* The lock is held, and let go while waiting. */
static void wait_for(struct rate_state *state, int64_t ns)
{
    struct timespec until = base_clock_deadline(ns);

    if (!state->is_stopping)
        (void)pthread_cond_timedwait(&state->wake, &state->lock, &until);
}

/* Sleeps as long as there is nothing to write; then a while, for more to come. */
static void *work(void *context)
{
    struct rate_state *state = context;

    pthread_mutex_lock(&state->lock);
    while (!state->is_stopping) {
        if (state->queue.length == 0 && !state->is_behind)
            wait_for(state, EXPIRE_NS);
        if (state->queue.length > 0 || state->is_behind)
            wait_for(state, INTERVAL_NS);
        pthread_mutex_unlock(&state->lock);
        write_some(state);
        pthread_mutex_lock(&state->lock);
    }
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* --- life ----------------------------------------------------------------------------------------
 */

static void read_boot_id(char out[BOOT_ID_MAX])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, out, BOOT_ID_MAX - 1);

    out[length < 0 ? 0 : length] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

struct rate_state *rate_state_open(const char *path, struct base_error *error_r)
{
    struct store_ledger *ledger = store_ledger_open(path, error_r);
    struct rate_state *state;
    pthread_condattr_t attributes;

    if (ledger == NULL)
        return NULL;
    state = base_mem_alloc_zero(1, sizeof(*state));
    state->ledger = ledger;
    read_boot_id(state->boot_id);
    pthread_mutex_init(&state->writing, NULL);
    pthread_mutex_init(&state->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&state->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    base_buf_init(&state->queue, NULL, 2 * RATE_STATE_QUEUE_MAX);
    base_buf_init(&state->batch, NULL, 2 * RATE_STATE_QUEUE_MAX);
    return state;
}

static bool get_number(struct rate_state *state, const char *name, int64_t *value_r)
{
    char text[32];
    uint64_t value;

    if (!store_ledger_get(state->ledger, name, text, sizeof(text)) ||
        !base_text_to_uint(base_text_of(text), UINT64_MAX, &value))
        return false;
    memcpy(value_r, &value, sizeof(value));
    return true;
}

static bool set_number(struct rate_state *state, const char *name, int64_t value,
                       struct base_error *error_r)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)value);
    return store_ledger_set(state->ledger, name, text, error_r);
}

/* The engine's time is neither negative nor near an overflow. */
static bool is_sound(int64_t epoch_ns, int64_t mono_ns)
{
    int64_t now_ns;

    return !__builtin_add_overflow(epoch_ns, mono_ns, &now_ns) && now_ns >= 0 &&
           now_ns < INT64_MAX / 2;
}

void rate_state_prepare(struct rate_state *state, struct rate_engine_options *options)
{
    char boot_id[BOOT_ID_MAX];
    int64_t numbers[2];

    if (get_number(state, "seed0", &numbers[0]) && get_number(state, "seed1", &numbers[1]))
        memcpy(options->seed, numbers, sizeof(numbers));
    if (state->boot_id[0] != '\0' &&
        store_ledger_get(state->ledger, "boot", boot_id, sizeof(boot_id)) &&
        strcmp(boot_id, state->boot_id) == 0 && get_number(state, "epoch", &numbers[0]) &&
        is_sound(numbers[0], base_clock_mono_ns(options->clock)))
        options->epoch_ns = numbers[0];
    options->changed = enqueue;
    options->context = state;
}

static bool keep_facts(struct rate_state *state, struct base_error *error_r)
{
    uint64_t seed[2];

    rate_engine_seed(state->store, seed);
    return store_ledger_begin(state->ledger, error_r) &&
           set_number(state, "seed0", (int64_t)seed[0], error_r) &&
           set_number(state, "seed1", (int64_t)seed[1], error_r) &&
           set_number(state, "epoch", rate_engine_epoch(state->store), error_r) &&
           store_ledger_set(state->ledger, "boot", state->boot_id, error_r) &&
           store_ledger_end(state->ledger, error_r);
}

bool rate_state_start(struct rate_state *state, struct rate_store *store,
                      struct base_error *error_r)
{
    sigset_t all;
    sigset_t before;

    state->store = store;
    state->expired_ns = rate_engine_now(store);
    state->complained_ns = state->expired_ns - EXPIRE_NS;
    if (!store_ledger_expire(state->ledger, state->expired_ns, error_r) ||
        !store_ledger_read(state->ledger, restore_count, restore_hold, state, error_r) ||
        !keep_facts(state, error_r))
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    state->has_thread = pthread_create(&state->thread, NULL, work, state) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!state->has_thread)
        base_error_set(error_r, "no thread can be made for rate-state");
    return state->has_thread;
}

uint64_t rate_state_dropped(struct rate_state *state)
{
    uint64_t dropped;

    pthread_mutex_lock(&state->lock);
    dropped = state->dropped;
    pthread_mutex_unlock(&state->lock);
    return dropped;
}

void rate_state_close(struct rate_state **state)
{
    struct rate_state *it = *state;
    struct base_error error;

    *state = NULL;
    if (it == NULL)
        return;
    pthread_mutex_lock(&it->lock);
    it->is_stopping = true;
    pthread_cond_signal(&it->wake);
    pthread_mutex_unlock(&it->lock);
    if (it->has_thread)
        (void)pthread_join(it->thread, NULL);
    if (it->has_thread && !rate_state_flush(it, &error))
        base_log_warning("rate-state: %s: what was counted last is not kept", error.text);
    store_ledger_close(&it->ledger);
    base_buf_deinit(&it->queue);
    base_buf_deinit(&it->batch);
    pthread_mutex_destroy(&it->writing);
    pthread_mutex_destroy(&it->lock);
    pthread_cond_destroy(&it->wake);
    base_mem_free(it);
}
