/* All keys are looked at, a shard at a time, and the fullest kept: on the main thread, so that no
 * other client of the control socket waits. */
#include "filter/rates.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "filter/control.h"
#include "filter/daemon.h"
#include "policy/bulk/meter.h"
#include "policy/rate/limits.h"
#include "policy/rate/rates.h"
#include "policy/rate/store.h"
#include "policy/snapshot.h"

/* A key, copied. */
struct shown {
    char name[RATE_NAME_MAX + 1];
    char key[RATE_KEY_MAX + 1];
    bool is_distinct;
    bool is_held;
    struct rate_windows windows;
    int64_t used[RATE_WINDOWS_MAX];
    /* Of shares: what was sent. */
    int64_t whole[RATE_WINDOWS_MAX];
    int64_t blocked_ns;
    /* The greatest share of a limit, in thousandths; held and blocked ones stand above all. */
    int64_t rank;
};

struct listing {
    /* {NULL, 0}: all keys. */
    struct base_text wanted;
    size_t count;
    struct shown *rows;
};

static int64_t rank_of(const struct rate_status *status)
{
    int64_t rank = 0;

    for (unsigned i = 0; i < status->windows->count; i++) {
        int64_t limit = status->windows->at[i].limit;
        int64_t share = rate_window_share(status->used[i], limit);

        rank = share > rank ? share : rank;
    }
    if (rank > 1000) {
        rank = 1000;
    }
    return rank + (status->blocked_ns != 0 ? 10000 : 0) + (status->is_held ? 100000 : 0);
}

static void copy(char *out, struct base_text text, size_t max)
{
    size_t length = text.length < max ? text.length : max;

    memcpy(out, text.data, length);
    out[length] = '\0';
}

/* Where a row of that rank goes: behind those of the same. */
static size_t place_of(const struct listing *listing, int64_t rank)
{
    size_t at = listing->count;

    while (at > 0 && listing->rows[at - 1].rank < rank) {
        at--;
    }
    return at;
}

static void note(void *context, const struct rate_status *status)
{
    struct listing *listing = context;
    int64_t rank = rank_of(status);
    size_t at;
    struct shown *row;

    if (bulk_meter_owns(status) || rate_name_is_whole(status->name)) {
        return;
    }
    if (listing->wanted.data != NULL && !base_text_equals(status->key, listing->wanted)) {
        return;
    }
    at = place_of(listing, rank);
    if (at == FILTER_RATES_SHOWN) {
        return;
    }
    if (listing->count < FILTER_RATES_SHOWN) {
        listing->count++;
    }
    row = &listing->rows[at];
    memmove(row + 1, row, (listing->count - at - 1) * sizeof *row);
    *row = (struct shown){.is_distinct = status->is_distinct,
                          .is_held = status->is_held,
                          .windows = *status->windows,
                          .blocked_ns = status->blocked_ns,
                          .rank = rank};
    copy(row->name, status->name, RATE_NAME_MAX);
    copy(row->key, status->key, RATE_KEY_MAX);
    memcpy(row->used, status->used, sizeof row->used);
}

/* A second look: what the shown shares are of. */
static void note_whole(void *context, const struct rate_status *status)
{
    struct listing *listing = context;
    struct base_text name = {status->name.data + 1, status->name.length - 1};

    if (!rate_name_is_whole(status->name)) {
        return;
    }
    for (size_t i = 0; i < listing->count; i++) {
        struct shown *row = &listing->rows[i];

        if (base_text_equals(base_text_of(row->name), name) &&
            base_text_equals(base_text_of(row->key), status->key)) {
            memcpy(row->whole, status->used, sizeof row->whole);
        }
    }
}

static struct base_json *windows_json(const struct shown *row)
{
    struct base_json *array = base_json_array();

    for (unsigned i = 0; i < row->windows.count; i++) {
        struct base_json *window = base_json_object();
        char limit[RATE_TEXT_SIZE];

        base_json_set_cstr(window, "limit", rate_limit_text(&row->windows.at[i], limit));
        base_json_set_int(window, "used", row->used[i]);
        if (row->windows.at[i].percent > 0) {
            base_json_set_int(window, "sent", row->whole[i]);
        }
        base_json_append(array, window);
    }
    return array;
}

static struct base_json *row_json(const struct shown *row)
{
    struct base_json *json = base_json_object();
    const char *state = row->blocked_ns != 0 ? "blocked" : "free";

    base_json_set_cstr(json, "rate", row->name);
    base_json_set_cstr(json, "key", row->key);
    base_json_set_cstr(json, "state", row->is_held ? "held" : state);
    if (row->blocked_ns < 0) {
        base_json_set_null(json, "wait");
    } else {
        base_json_set_int(json, "wait", (row->blocked_ns + BASE_NS_PER_S - 1) / BASE_NS_PER_S);
    }
    base_json_set(json, "windows", windows_json(row));
    return json;
}

static void add_numbers(struct rate_store *store, struct filter_control_answer *answer)
{
    struct base_json *json = base_json_object();
    struct rate_numbers numbers;

    rate_store_numbers(store, &numbers);
    base_json_set_int(json, "keys", (int64_t)numbers.keys);
    base_json_set_int(json, "blocked", (int64_t)numbers.blocked);
    base_json_set_int(json, "blocked_nets", (int64_t)numbers.blocked_nets);
    base_json_set_int(json, "octets", (int64_t)numbers.octets);
    base_json_set_int(json, "forgotten", (int64_t)numbers.evicted);
    base_json_set_int(json, "uncounted", (int64_t)numbers.uncounted);
    (void)filter_control_answer_add(answer, json);
}

/* Which rates knew the key, so that those who want to know are told of its release. */
struct releasing {
    struct base_text key;
    struct base_text name;
    const struct rate_watch *watch;
    const struct rate_rules *rules;
    int64_t time_s;
};

static void tell_over(void *context, const struct rate_status *status)
{
    const struct releasing *releasing = context;
    const struct rate_rule *rule = rate_rules_find(releasing->rules, status->name);
    struct rate_event event = {.kind = RATE_EVENT_RELEASE,
                               .key = status->key,
                               .limit = status->windows->at[0],
                               .used = status->used[0],
                               .time_s = releasing->time_s};

    if (rule != NULL) {
        rate_rule_tell(rule, releasing->watch, &event);
    }
}

static void tell_release(void *context, const struct rate_status *status)
{
    const struct releasing *releasing = context;

    if (status->blocked_ns != 0 && base_text_equals(status->key, releasing->key) &&
        (releasing->name.data == NULL || base_text_equals(status->name, releasing->name))) {
        tell_over(context, status);
    }
}

void filter_rates_end_holds(struct filter_daemon *daemon)
{
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    struct releasing releasing = {.watch = daemon->env.watch,
                                  .rules = policy_snapshot_rates(snapshot),
                                  .time_s = base_clock_wall_s(&daemon->clock)};

    rate_store_end_holds(daemon->env.rates, tell_over, &releasing);
    policy_snapshot_unref(&snapshot);
}

static void run_rates(void *context, const struct filter_control_request *request,
                      struct filter_control_answer *answer)
{
    const struct filter_daemon *daemon = context;
    struct rate_store *store = daemon->env.rates;
    struct listing listing = {.wanted = {NULL, 0}};

    if (request->count > 0) {
        listing.wanted = request->arguments[0];
    }
    listing.rows = base_mem_alloc_zero(FILTER_RATES_SHOWN + 1, sizeof *listing.rows);
    rate_store_list(store, note, &listing);
    rate_store_list(store, note_whole, &listing);
    add_numbers(store, answer);
    for (size_t i = 0; i < listing.count; i++) {
        (void)filter_control_answer_add(answer, row_json(&listing.rows[i]));
    }
    base_mem_free(listing.rows);
}

/* In a shared store a key may be blocked that this host was never asked about: it is found by the
 * names of the rates. */
static size_t release_key(struct rate_store *store, const struct rate_rules *rules,
                          struct base_text name, struct base_text key)
{
    size_t released = rate_store_release(store, name, key);

    if (name.data != NULL || released > 0) {
        return released;
    }
    for (size_t i = 0; i < rules->count; i++) {
        released += rate_store_release(store, base_text_of(rules->items[i].name), key);
    }
    return released;
}

static void run_release(void *context, const struct filter_control_request *request,
                        struct filter_control_answer *answer)
{
    struct filter_daemon *daemon = context;
    struct base_text name = {NULL, 0};
    struct policy_snapshot *snapshot;
    struct releasing releasing;
    struct base_json *json;
    size_t released;

    if (request->count > 1) {
        name = request->arguments[1];
    }
    snapshot = filter_snapshot_get(&daemon->snapshot);
    releasing = (struct releasing){.key = request->arguments[0],
                                   .name = name,
                                   .watch = daemon->env.watch,
                                   .rules = policy_snapshot_rates(snapshot),
                                   .time_s = base_clock_wall_s(&daemon->clock)};
    rate_store_list(daemon->env.rates, tell_release, &releasing);
    released = release_key(daemon->env.rates, releasing.rules, name, request->arguments[0]);
    policy_snapshot_unref(&snapshot);
    if (released == 0) {
        filter_control_answer_fail(answer, "refused",
                                   "no rate knows the key \"%.200s\"; see postseal rates",
                                   request->arguments[0].data);
        return;
    }
    base_log_info("rate key \"%.200s\" released by hand, of %zu rates", request->arguments[0].data,
                  released);
    json = base_json_object();
    base_json_set_text(json, "key", request->arguments[0]);
    base_json_set_int(json, "released", (int64_t)released);
    (void)filter_control_answer_add(answer, json);
}

void filter_rates_register(struct filter_control *control, struct filter_daemon *daemon)
{
    static const struct filter_control_command commands[] = {
        {.name = "rates",
         .arguments = "[KEY]",
         .help = "show the fullest keys of rates, the held ones first",
         .arguments_max = 1,
         .is_main = true,
         .run = run_rates},
        {.name = "release",
         .arguments = "KEY [RATE]",
         .help = "forget that a key is held or blocked, and what it used",
         .arguments_min = 1,
         .arguments_max = 2,
         .is_privileged = true,
         .is_main = true,
         .run = run_release},
    };

    filter_control_register(control, commands, sizeof commands / sizeof *commands, daemon);
}
