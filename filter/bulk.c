/* All keys of the store of rates are looked at, on the main thread: as in rates.c. */
#include "filter/bulk.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "filter/control.h"
#include "filter/daemon.h"
#include "policy/bulk/late.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/providers.h"
#include "policy/snapshot.h"

/* A count, copied. */
struct shown {
    char author[RATE_KEY_MAX + 1];
    char provider[RATE_KEY_MAX + 1];
    int64_t used;
};

struct listing {
    /* An author domain; {NULL, 0}: all. */
    struct base_text wanted;
    size_t count;
    struct shown *rows;
};

static void copy(char *out, struct base_text text)
{
    size_t length = text.length < RATE_KEY_MAX ? text.length : RATE_KEY_MAX;

    memcpy(out, text.data, length);
    out[length] = '\0';
}

static void note(void *context, const struct rate_status *status)
{
    struct listing *listing = context;
    struct bulk_place place;
    size_t at = listing->count;
    struct shown *row;

    if (!bulk_meter_read(status, &place) ||
        (listing->wanted.data != NULL && !base_text_equals_nocase(place.author, listing->wanted))) {
        return;
    }
    while (at > 0 && listing->rows[at - 1].used < status->used[0]) {
        at--;
    }
    if (at == FILTER_BULK_SHOWN) {
        return;
    }
    if (listing->count < FILTER_BULK_SHOWN) {
        listing->count++;
    }
    row = &listing->rows[at];
    memmove(row + 1, row, (listing->count - at - 1) * sizeof *row);
    row->used = status->used[0];
    copy(row->author, place.author);
    copy(row->provider, place.provider);
}

static struct base_json *row_json(const struct bulk_providers *providers, const struct shown *row)
{
    const struct bulk_provider *provider =
        bulk_providers_by_name(providers, base_text_of(row->provider));
    struct base_json *json = base_json_object();

    base_json_set_cstr(json, "author_domain", row->author);
    base_json_set_cstr(json, "provider", row->provider);
    base_json_set_int(json, "recipients", row->used);
    if (provider == NULL) {
        base_json_set_null(json, "limit");
    } else {
        base_json_set_int(json, "limit", provider->limit);
    }
    return json;
}

void filter_bulk_settle(struct filter_daemon *daemon, bool is_last)
{
    struct policy_snapshot *snapshot;

    if (daemon->env.bulk_late == NULL || bulk_late_count(daemon->env.bulk_late) == 0) {
        return;
    }
    snapshot = filter_snapshot_get(&daemon->snapshot);
    bulk_late_settle(daemon->env.bulk_late, policy_snapshot_bulk_psl(snapshot), is_last);
    policy_snapshot_unref(&snapshot);
}

static void run_bulk(void *context, const struct filter_control_request *request,
                     struct filter_control_answer *answer)
{
    struct filter_daemon *daemon = context;
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    const struct bulk_providers *providers = policy_snapshot_bulk_providers(snapshot);
    struct listing listing = {.wanted = {NULL, 0}};

    filter_bulk_settle(daemon, false);
    if (request->count > 0) {
        listing.wanted = request->arguments[0];
    }
    listing.rows = base_mem_alloc_zero(FILTER_BULK_SHOWN + 1, sizeof *listing.rows);
    rate_store_list(daemon->env.rates, note, &listing);
    for (size_t i = 0; i < listing.count; i++) {
        (void)filter_control_answer_add(answer, row_json(providers, &listing.rows[i]));
    }
    base_mem_free(listing.rows);
    policy_snapshot_unref(&snapshot);
}

void filter_bulk_register(struct filter_control *control, struct filter_daemon *daemon)
{
    static const struct filter_control_command commands[] = {
        {.name = "bulk",
         .arguments = "[DOMAIN]",
         .help = "show what author domains send to large mailbox providers",
         .arguments_max = 1,
         .is_main = true,
         .run = run_bulk},
    };

    filter_control_register(control, commands, sizeof commands / sizeof *commands, daemon);
}
