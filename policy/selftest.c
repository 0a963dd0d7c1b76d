#include "policy/selftest.h"

#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "conf/source.h"
#include "dns/resolver.h"
#include "policy/bulk/organizations.h"
#include "policy/deferrals.h"
#include "policy/options.h"
#include "policy/rate/engine.h"
#include "policy/replay.h"
#include "policy/saved_message.h"
#include "policy/selftest_compare.h"
#include "policy/selftest_file.h"
#include "policy/snapshot.h"

/* What one case may use beside its session. */
#define ARENA_OCTETS ((size_t)64 << 20)
/* Octets of the zone of one case. */
#define ZONE_MAX ((size_t)16 << 20)
/* Rules and domains that `tempfail-for` remembers in one case. */
#define DEFERRALS_MAX 1000

/* One case while it runs: its own messages, and those of its `after` before them. */
struct running {
    struct base_arena *arena;
    const struct conf_section *top;
    /* The case's; and whose message is sent. */
    const struct conf_section *given;
    const struct conf_section *sent;
    struct base_clock clock;
    struct dns_resolver *resolver;
    struct rate_store *rates;
    struct policy_deferrals *deferrals;
    struct policy_snapshot *snapshot;
    /* Of the last message that was sent. */
    struct policy_session *session;
    const struct policy_verdict *verdict;
    struct policy_saved_message message;
    struct sockaddr_storage address;
    /* As they are refused. */
    struct base_text *refused;
    size_t refused_count;
    const struct policy_verdict *last;
    /* Of all that were sent so far; and of those that `sent` sends, how many were taken. */
    bool is_begun;
    int64_t accepted;
};

static bool add_zone_file(struct running *running, const struct conf_section *section,
                          const char *path, struct base_buf *zone, struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, "zone-file");
    struct dns_resolver *resolver;
    char *data = NULL;
    size_t length = 0;

    path = conf_source_resolve(path, where.file, running->arena);
    /* By itself, so that an error names its line. */
    resolver = dns_zone_create_from_file(path, error_r);
    if (resolver == NULL || !base_file_read(path, ZONE_MAX, &data, &length, error_r)) {
        dns_resolver_destroy(&resolver);
        return false;
    }
    dns_resolver_destroy(&resolver);
    base_buf_append(zone, data, length);
    base_buf_append_char(zone, '\n');
    base_mem_free(data);
    return true;
}

static bool add_zone(struct running *running, const struct conf_section *section, const char *file,
                     const struct conf_list *lines, struct base_buf *zone,
                     struct base_error *error_r)
{
    if (file != NULL && !add_zone_file(running, section, file, zone, error_r))
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        base_buf_append_cstr(zone, lines->items[i].text);
        base_buf_append_char(zone, '\n');
    }
    return true;
}

static bool make_zone(struct running *running, struct base_error *error_r)
{
    const struct selftest_options *options = running->top->values;
    const struct selftest_given *given = running->given->values;
    struct base_error error = {""};
    struct base_buf zone;

    base_buf_init(&zone, running->arena, ZONE_MAX);
    if (!add_zone(running, running->top, options->zone_file, &options->zone, &zone, error_r) ||
        !add_zone(running, running->given, given->zone_file, &given->zone, &zone, error_r))
        return false;
    running->resolver = dns_zone_create(base_buf_text(&zone), "zone", &error);
    if (running->resolver == NULL)
        conf_error_at(error_r, running->given->where, "given \"%s\": %s", running->given->title,
                      error.text);
    return running->resolver != NULL;
}

static void make_clock(struct running *running)
{
    const struct selftest_options *options = running->top->values;
    const struct selftest_given *given = running->given->values;
    const char *time = given->time != NULL ? given->time : options->time;
    int64_t wall_s = 0;

    running->clock = base_clock_system();
    /* The table's check has read it before. */
    if (time == NULL || !base_clock_parse_rfc3339(time, &wall_s))
        wall_s = base_clock_wall_s(&running->clock);
    /* It stands still but for `every`: nothing is waited for. */
    running->clock = base_clock_manual(wall_s);
}

static void add_lines(const struct conf_list *lines, struct base_buf *out)
{
    for (size_t i = 0; i < lines->count; i++) {
        base_buf_append_cstr(out, lines->items[i].text);
        base_buf_append_char(out, '\n');
    }
}

static bool make_message(struct running *running, struct base_error *error_r)
{
    const struct selftest_given *given = running->sent->values;
    struct base_error error = {""};
    struct base_buf text;

    policy_saved_message_deinit(&running->message);
    if (given->message != NULL) {
        struct conf_where where = conf_section_where(running->sent, "message");
        const char *path = conf_source_resolve(given->message, where.file, running->arena);

        if (policy_saved_message_read(&running->message, path, -1, &error))
            return true;
        conf_error_at(error_r, where, "message: %s", error.text);
        return false;
    }
    base_buf_init(&text, running->arena, ZONE_MAX);
    add_lines(&given->header, &text);
    base_buf_append_char(&text, '\n');
    add_lines(&given->body, &text);
    policy_saved_message_parse(&running->message, base_buf_text(&text));
    return true;
}

static void note(void *context, enum policy_stage stage, struct base_text what,
                 const struct policy_verdict *verdict)
{
    struct running *running = context;

    running->last = verdict;
    if (stage == POLICY_STAGE_RCPT &&
        (verdict->action == POLICY_ACTION_REJECT || verdict->action == POLICY_ACTION_TEMPFAIL))
        running->refused[running->refused_count++] = what;
}

/* {NULL, 0}: the MTA did not say it. */
static struct base_text text_of(const char *text)
{
    return text == NULL ? (struct base_text){NULL, 0} : base_text_of(text);
}

static struct policy_tls_facts tls_of(const struct selftest_given *given)
{
    return policy_replay_tls(text_of(given->tls), text_of(given->cipher),
                             text_of(given->cipher_bits), text_of(given->cert_subject),
                             text_of(given->cert_issuer));
}

/* The verdict that ended it. `recipients` has room for all, and as many that are refused. */
static const struct policy_verdict *replay(struct running *running, struct base_text *recipients)
{
    const struct selftest_given *given = running->sent->values;
    size_t count = given->rcpt.count;
    struct policy_replay replay = {
        .client = text_of(given->ip),
        .connect = {.address = (const struct sockaddr *)&running->address,
                    .client_name = text_of(given->client_name),
                    .daemon_name = text_of(given->daemon),
                    .daemon_port = text_of(given->port)},
        .helo = {.helo = text_of(given->helo), .tls = tls_of(given)},
        .mail = {.reverse_path = text_of(given->from),
                 .tls = tls_of(given),
                 .declared_size = text_of(given->size),
                 .auth_type = text_of(given->auth_mech),
                 .auth_authen = text_of(given->login)},
        .recipients = recipients,
        .recipient_count = count,
        .message = &running->message,
        .each = note,
        .context = running,
    };

    for (size_t i = 0; i < count; i++)
        recipients[i] = base_text_of(given->rcpt.items[i].text);
    running->refused = recipients + count + 1;
    running->refused_count = 0;
    if (!policy_replay_run(running->session, &replay))
        return running->last;
    policy_session_accepted(running->session);
    return &policy_session_decision(running->session)->verdict;
}

/* Each message in a session of its own. */
static void send_one(struct running *running, struct base_text *recipients)
{
    const struct policy_env env = {.resolver = running->resolver,
                                   .clock = &running->clock,
                                   .deferrals = running->deferrals,
                                   .rates = running->rates};
    enum policy_action action;

    policy_session_destroy(&running->session);
    running->session = policy_session_create(&env, running->snapshot);
    running->verdict = replay(running, recipients);
    action = running->verdict->action;
    running->accepted += action != POLICY_ACTION_REJECT && action != POLICY_ACTION_TEMPFAIL;
}

static bool send_all(struct running *running, const struct conf_section *sent,
                     struct base_error *error_r)
{
    const struct selftest_given *given = sent->values;
    struct base_text *recipients =
        conf_source_alloc(running->arena, (given->rcpt.count + 1) * 2 * sizeof(*recipients));

    running->sent = sent;
    running->accepted = 0;
    /* The table's check has read the address before. */
    if (!policy_replay_address(given->ip, &running->address, error_r) ||
        !make_message(running, error_r))
        return false;
    for (int64_t i = 0; i < given->times; i++) {
        if (running->is_begun)
            base_clock_advance(&running->clock, given->every * BASE_NS_PER_MS);
        running->is_begun = true;
        send_one(running, recipients);
    }
    return true;
}

struct run {
    struct policy_snapshot *snapshot;
    const struct conf_snapshot *file;
    void (*each)(void *context, const struct policy_selftest_case *it);
    void *context;
    struct policy_selftest_sums *sums;
};

/* Those of `after`, then its own. */
static bool send_case(const struct run *run, struct running *running, struct base_error *error_r)
{
    const struct selftest_given *given = running->given->values;

    for (size_t i = 0; i < given->after.count; i++)
        if (!send_all(running, selftest_file_given(run->file, given->after.items[i].text), error_r))
            return false;
    return send_all(running, running->given, error_r);
}

static bool judge(const struct run *run, struct running *running, struct base_error *error_r)
{
    const struct conf_section *given = running->given;
    struct selftest_outcome outcome = {
        .verdict = running->verdict,
        .decision = policy_session_decision(running->session),
        .edits = policy_session_edits(running->session),
        .refused = running->refused,
        .refused_count = running->refused_count,
        .accepted = running->accepted,
    };
    struct policy_selftest_case it = {.name = given->title, .where = given->where};

    it.first =
        selftest_compare(selftest_file_expect(run->file, given->title), &outcome, running->arena);
    run->sums->cases++;
    run->sums->failed += it.first != NULL;
    if (run->each != NULL)
        run->each(run->context, &it);
    if (base_arena_is_exhausted(running->arena))
        conf_error_at(error_r, given->where, "given \"%s\": too large to be compared",
                      given->title);
    return !base_arena_is_exhausted(running->arena);
}

static bool run_case(const struct run *run, const struct conf_section *given,
                     struct base_error *error_r)
{
    struct running running = {.arena = base_arena_create(ARENA_OCTETS, NULL),
                              .top = conf_snapshot_top(run->file, &selftest_options_table),
                              .given = given,
                              .snapshot = run->snapshot,
                              .deferrals = policy_deferrals_create(DEFERRALS_MAX)};
    bool is_run;

    make_clock(&running);
    /* Empty: what the case alone charges. */
    running.rates = rate_engine_create(
        &(struct rate_engine_options){.memory = (size_t)RATE_MEMORY_MIN, .clock = &running.clock});
    is_run = make_zone(&running, error_r) && send_case(run, &running, error_r) &&
             judge(run, &running, error_r);
    policy_session_destroy(&running.session);
    rate_store_destroy(&running.rates);
    policy_deferrals_destroy(&running.deferrals);
    policy_saved_message_deinit(&running.message);
    dns_resolver_destroy(&running.resolver);
    base_arena_destroy(&running.arena);
    return is_run;
}

bool policy_selftest_run(struct policy_snapshot *snapshot, const char *path,
                         void (*each)(void *context, const struct policy_selftest_case *it),
                         void *context, struct policy_selftest_sums *sums,
                         struct base_error *error_r)
{
    struct conf_snapshot *file = selftest_file_read(path, error_r);
    const struct run run = {snapshot, file, each, context, sums};
    bool is_run = file != NULL;

    if (!is_run)
        return false;
    for (size_t i = 0; is_run && i < conf_snapshot_count(file, &selftest_given_table); i++)
        is_run = run_case(&run, conf_snapshot_at(file, &selftest_given_table, i), error_r);
    conf_snapshot_unref(&file);
    return is_run;
}

/* --- require-tests --------------------------------------------------------------------------- */

/* The first difference in words. */
struct complaint {
    struct base_error first;
    bool is_there;
};

static void complain(void *context, const struct policy_selftest_case *it)
{
    struct complaint *complaint = context;

    if (it->first == NULL || complaint->is_there)
        return;
    complaint->is_there = true;
    base_error_set(&complaint->first, "%s:%d: \"%s\": %s: want %.*s, got %.*s",
                   it->first->where.file, it->first->where.line, it->name, it->first->option,
                   (int)it->first->want.length, it->first->want.data, (int)it->first->got.length,
                   it->first->got.data);
}

static bool require_file(struct policy_snapshot *snapshot, const struct conf_item *item,
                         struct base_error *error_r)
{
    struct base_arena *arena = base_arena_create((size_t)1 << 16, NULL);
    const char *path = conf_source_resolve(item->text, item->where.file, arena);
    struct policy_selftest_sums sums = {0, 0};
    struct complaint complaint = {.is_there = false};
    struct base_error error = {""};

    if (!policy_selftest_run(snapshot, path, complain, &complaint, &sums, &error))
        conf_error_at(error_r, item->where, "require-tests: %s", error.text);
    else if (sums.failed > 0)
        conf_error_at(error_r, item->where,
                      "require-tests: %zu of %zu tests of %s fail, the first: %s; `postseal test "
                      "%s` shows all",
                      sums.failed, sums.cases, path, complaint.first.text, path);
    base_arena_destroy(&arena);
    return error.text[0] == '\0' && sums.failed == 0;
}

bool policy_selftest_require(struct policy_snapshot *snapshot, struct base_error *error_r)
{
    const struct conf_list *files =
        &policy_options_get(policy_snapshot_conf(snapshot))->require_tests;

    for (size_t i = 0; i < files->count; i++)
        if (!require_file(snapshot, &files->items[i], error_r))
            return false;
    return true;
}
