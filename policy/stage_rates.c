/* See stage_rates.h. One batch holds what one decision asks of the store. */
#include "policy/stage_rates.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "policy/conditions.h"
#include "policy/decision_rates.h"
#include "policy/options.h"
#include "policy/rate/exempt.h"
#include "policy/rate/rates.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_rules.h"

/* Octets that the keys of one decision may take: `recipients-kept` of them, and more. */
#define BATCH_MEMORY ((size_t)256 << 20)

/* What was charged for the message, and is not for its next recipient. */
struct policy_rate_once {
    const struct rate_rule *rule;
    struct base_text key;
    struct policy_rate_once *next;
};

struct batch {
    struct policy_session *session;
    struct base_arena *arena;
    size_t count;
    size_t capacity;
    struct rate_item *items;
    const struct rate_rule **rules;
    /* In place of the session's; {NULL, 0}: that. */
    struct base_text login;
};

/* --- making items --------------------------------------------------------------------------------
 */

static void begin(struct batch *batch, struct policy_session *session)
{
    *batch = (struct batch){.session = session,
                            .arena = base_arena_create(BATCH_MEMORY, session->env.budget)};
}

static void end(struct batch *batch)
{
    base_mem_free(batch->items);
    base_mem_free(batch->rules);
    base_arena_destroy(&batch->arena);
}

static void add(struct batch *batch, const struct rate_rule *rule, const struct rate_item *item)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->count == 0 ? 8 : 2 * batch->count;
        batch->items = base_mem_realloc(batch->items, batch->capacity * sizeof(*batch->items));
        batch->rules = base_mem_realloc(batch->rules, batch->capacity * sizeof(*batch->rules));
    }
    batch->items[batch->count] = *item;
    batch->rules[batch->count++] = rule;
}

static struct rate_facts facts_of(const struct batch *batch, const struct policy_address *recipient)
{
    const struct policy_session *session = batch->session;

    return (struct rate_facts){
        .login = batch->login.data != NULL ? batch->login : session->decision.login,
        .client = &session->client,
        .sender = session->has_message ? &session->sender : NULL,
        .recipient = recipient,
        .author_domain = session->decision.author_domain,
        .helo = session->decision.helo,
        .tls = session->decision.tls,
        .delimiters = session->snapshot->options->recipient_delimiter,
    };
}

static bool once_has(const struct policy_session *session, const struct rate_rule *rule,
                     struct base_text key)
{
    for (const struct policy_rate_once *it = session->rated_once; it != NULL; it = it->next)
        if (it->rule == rule && base_text_equals(it->key, key))
            return true;
    return false;
}

static bool batch_has(const struct batch *batch, const struct rate_rule *rule, struct base_text key)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->rules[i] == rule && base_text_equals(batch->items[i].key, key))
            return true;
    return false;
}

/* A message is one however many recipients it has; so is its client. */
static bool is_once(const struct rate_rule *rule)
{
    return rule->count == RATE_COUNT_MESSAGES || rule->count == RATE_COUNT_BYTES ||
           rule->count == RATE_COUNT_DISTINCT_CLIENTS ||
           rule->count == RATE_COUNT_DISTINCT_CLIENT_NETS;
}

/* The value of which different ones are counted; false: it is not there. */
static bool make_value(struct batch *batch, const struct rate_rule *rule,
                       const struct rate_facts *facts, struct base_text *value_r)
{
    static const enum rate_part parts[] = {
        [RATE_COUNT_DISTINCT_RECIPIENTS] = RATE_PART_RECIPIENT,
        [RATE_COUNT_DISTINCT_RECIPIENT_DOMAINS] = RATE_PART_RECIPIENT_DOMAIN,
        [RATE_COUNT_DISTINCT_CLIENTS] = RATE_PART_CLIENT_IP,
        [RATE_COUNT_DISTINCT_CLIENT_NETS] = RATE_PART_CLIENT_NET,
    };
    struct base_buf value;

    *value_r = (struct base_text){NULL, 0};
    if (!rate_rule_is_distinct(rule))
        return true;
    base_buf_init(&value, batch->arena, POLICY_ADDRESS_MAX + 512);
    if (!rate_key_append_part(parts[rule->count], &rule->key, facts, &value))
        return false;
    *value_r = base_buf_text(&value);
    return value_r->data != NULL;
}

static struct base_text make_net(struct batch *batch, const struct rate_rule *rule,
                                 const struct rate_facts *facts)
{
    struct base_buf net;

    if (facts->client->is_local_pickup)
        return (struct base_text){NULL, 0};
    base_buf_init(&net, batch->arena, 128);
    if (!rate_key_append_part(RATE_PART_CLIENT_NET, &rule->key, facts, &net))
        return (struct base_text){NULL, 0};
    return base_buf_text(&net);
}

/* NULL: no memory for them. */
static const struct rate_windows *windows_of(struct batch *batch, const struct rate_rule *rule,
                                             struct base_text key)
{
    struct rate_windows room;
    int64_t wall_s = base_clock_wall_s(batch->session->env.clock);
    const struct rate_windows *windows = rate_rule_windows(rule, key, wall_s, &room);
    struct rate_windows *copy;

    if (windows != &room)
        return windows;
    copy = base_arena_alloc(batch->arena, sizeof(*copy));
    if (copy != NULL)
        *copy = room;
    return copy;
}

/* What the login has sent, that shares are of. */
static void add_whole(struct batch *batch, const struct rate_rule *rule, struct base_text key,
                      const struct rate_windows *shares, int64_t amount)
{
    struct rate_windows *windows = base_arena_alloc(batch->arena, sizeof(*windows));
    struct rate_item item = {
        .name = base_text_of(rule->whole_name), .key = key, .windows = windows, .amount = amount};

    if (windows == NULL)
        return;
    rate_windows_make_whole(shares, windows);
    add(batch, rule, &item);
}

static bool may_refuse(const struct batch *batch, const struct rate_rule *rule,
                       const struct policy_address *recipient)
{
    return rate_rule_is_refusing(rule) &&
           batch->session->snapshot->options->mode == POLICY_MODE_ENFORCE &&
           (batch->login.data != NULL ||
            !policy_session_is_for_reserved(batch->session, recipient));
}

/* Adds what the rate asks for `amount` units; with a recipient, of that recipient. Its conditions
 * hold. */
static void ask(struct batch *batch, const struct rate_rule *rule,
                const struct policy_address *recipient, int64_t amount)
{
    struct rate_facts facts = facts_of(batch, recipient);
    char storage[RATE_KEY_MAX + 1];
    struct base_buf key;
    struct rate_item item = {
        .name = base_text_of(rule->name),
        .amount = amount,
        .is_refusing = may_refuse(batch, rule, recipient),
        .warn_percent = rule->warn_percent,
    };

    base_buf_init_fixed(&key, storage, sizeof(storage));
    /* Who reports a bounce plays no part. */
    if ((batch->login.data == NULL && rate_exempt_has_client(rule->exempt, facts.client)) ||
        rate_key_make(&rule->key, &facts, rule->exempt, &key) != RATE_KEY_MADE ||
        (is_once(rule) && (once_has(batch->session, rule, base_buf_text(&key)) ||
                           batch_has(batch, rule, base_buf_text(&key)))))
        return;
    item.key.data = base_arena_strndup(batch->arena, base_buf_cstr(&key), key.length);
    item.key.length = key.length;
    item.windows = windows_of(batch, rule, item.key);
    if (item.is_refusing)
        item.hold_ns = rule->hold_ns;
    if (batch->login.data == NULL)
        item.net = make_net(batch, rule, &facts);
    if (item.key.data == NULL || item.windows == NULL ||
        !make_value(batch, rule, &facts, &item.value))
        return;
    add(batch, rule, &item);
    if (rate_rule_is_share(rule))
        add_whole(batch, rule, item.key, item.windows, 0);
}

/* The message counts as sent, whatever conditions and networks say: its bounces know neither. */
static void ask_whole(struct batch *batch, const struct rate_rule *rule)
{
    struct rate_facts facts = facts_of(batch, NULL);
    char storage[RATE_KEY_MAX + 1];
    const struct rate_windows *windows;
    struct base_buf key;
    struct base_text copy;

    base_buf_init_fixed(&key, storage, sizeof(storage));
    if (rate_key_make(&rule->key, &facts, rule->exempt, &key) != RATE_KEY_MADE)
        return;
    copy.data = base_arena_strndup(batch->arena, base_buf_cstr(&key), key.length);
    copy.length = key.length;
    windows = copy.data == NULL ? NULL : windows_of(batch, rule, copy);
    if (windows != NULL)
        add_whole(batch, rule, copy, windows, (int64_t)batch->session->decision.recipients);
}

static bool applies(const struct batch *batch, const struct rate_rule *rule,
                    const struct policy_address *recipient)
{
    struct policy_rule_facts facts = policy_session_facts(batch->session, recipient);

    return policy_rule_matches(&rule->rule, &facts);
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static struct policy_rate_hit *hit_of(struct policy_session *session, const struct rate_rule *rule,
                                      const struct rate_item *item)
{
    struct policy_rate_hit *hit = session->decision.rates;
    size_t count = 0;

    for (; hit != NULL; hit = hit->next, count++)
        if (hit->name == rule->name && base_text_equals(hit->key, item->key))
            return hit;
    if (count >= POLICY_RATE_HITS_MAX &&
        (item->answer == RATE_FREE || count > POLICY_RATE_HITS_MAX))
        return NULL;
    hit = base_arena_alloc(session->message, sizeof(*hit));
    if (hit == NULL)
        return NULL;
    *hit = (struct policy_rate_hit){.name = rule->name, .next = session->decision.rates};
    hit->key = policy_session_copy(session->message, item->key, RATE_KEY_MAX);
    session->decision.rates = hit;
    return hit;
}

static void record(struct batch *batch, bool is_charged)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct rate_rule *rule = batch->rules[i];
        const struct rate_item *item = &batch->items[i];
        struct policy_rate_hit *hit =
            rate_name_is_whole(item->name) ? NULL : hit_of(batch->session, rule, item);
        bool is_counted = is_charged && rate_item_is_counted(item) && item->value.data == NULL;

        if (hit == NULL)
            continue;
        hit->count = rate_count_text(rule->count);
        hit->action = rate_action_text(rule->action);
        hit->mode = rule->mode;
        hit->answer = item->answer;
        hit->limit = item->windows->at[item->window];
        hit->used = item->used + (is_counted ? item->amount : 0);
        hit->whole = item->whole;
        hit->wait_ns = item->wait_ns;
    }
}

/* Once a key and period: the store remembers. */
static void warn(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct rate_rule *rule = batch->rules[i];
        const struct rate_item *item = &batch->items[i];
        struct base_log_line line;
        char limit[RATE_TEXT_SIZE];

        if (!item->is_warning_due)
            continue;
        base_log_line_begin(&line);
        base_log_line_add_cstr(&line, "event", "rate-warning");
        base_log_line_add_cstr(&line, "id", batch->session->decision.id);
        base_log_line_add_cstr(&line, "rate", rule->name);
        base_log_line_add(&line, "rate-key", item->key);
        base_log_line_add_int(&line, "rate-count", item->used + item->amount);
        if (rate_rule_is_share(rule))
            base_log_line_add_int(&line, "rate-sent", item->whole);
        base_log_line_add_cstr(&line, "rate-limit",
                               rate_limit_text(&item->windows->at[item->window], limit));
        base_log_line_end(&line, BASE_LOG_WARNING);
    }
}

static void tell_one(const struct batch *batch, size_t i, enum rate_event_kind kind)
{
    const struct policy_session *session = batch->session;
    const struct rate_item *item = &batch->items[i];
    struct rate_event event = {
        .kind = kind,
        .key = item->key,
        .limit = item->windows->at[item->window],
        .used = item->used + (rate_item_is_counted(item) ? item->amount : 0),
        .whole = item->whole,
        .time_s = base_clock_wall_s(session->env.clock),
    };

    rate_rule_tell(batch->rules[i], session->env.watch, &event);
}

/* With mode = observe at the top nobody is stopped. */
static void tell(const struct batch *batch)
{
    if (batch->session->snapshot->options->mode != POLICY_MODE_ENFORCE)
        return;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].is_warning_due)
            tell_one(batch, i, RATE_EVENT_WARNING);
        if (batch->items[i].is_newly_blocked)
            tell_one(batch, i, RATE_EVENT_BLOCK);
        if (batch->items[i].is_released)
            tell_one(batch, i, RATE_EVENT_RELEASE);
    }
}

static void note_once(struct batch *batch)
{
    struct policy_session *session = batch->session;

    for (size_t i = 0; i < batch->count; i++) {
        struct policy_rate_once *once;

        if (!is_once(batch->rules[i]) || batch->items[i].answer != RATE_FREE)
            continue;
        once = base_arena_alloc(session->message, sizeof(*once));
        if (once == NULL)
            return;
        once->rule = batch->rules[i];
        once->key = policy_session_copy(session->message, batch->items[i].key, RATE_KEY_MAX);
        once->next = session->rated_once;
        session->rated_once = once;
    }
}

/* The longest wait speaks, then the name: the order of the rates plays no part. */
static bool is_worse(const struct batch *batch, size_t i, size_t than)
{
    int64_t a = batch->items[i].wait_ns;
    int64_t b = batch->items[than].wait_ns;

    if (a != b)
        return b >= 0 && (a < 0 || a > b);
    return strcmp(batch->rules[i]->name, batch->rules[than]->name) < 0;
}

/* The item that speaks for those that are over, of the wanted ones; batch->count: none is. */
static size_t find_worst(const struct batch *batch, bool (*is_wanted)(const struct rate_rule *rule,
                                                                      const struct rate_item *item))
{
    size_t worst = batch->count;

    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].answer != RATE_FREE && is_wanted(batch->rules[i], &batch->items[i]) &&
            (worst == batch->count || is_worse(batch, i, worst)))
            worst = i;
    return worst;
}

/* It is more than the key can ever have at once: coming back is of no use. */
static bool is_never(const struct rate_rule *rule, const struct rate_item *item)
{
    if (item->answer != RATE_OVER)
        return false;
    for (unsigned i = 0; i < item->windows->count; i++)
        if (item->amount > rate_rule_most(rule, item->key, item->windows, i))
            return true;
    return false;
}

static const char *words_of(struct policy_session *session, const struct rate_rule *rule,
                            const struct rate_item *item)
{
    struct base_arena *arena = session->message;
    const struct rate_limit *limit = &item->windows->at[item->window];
    const char *name = policy_condition_printable(arena, base_text_of(rule->name));
    int64_t wait_s = (item->wait_ns + BASE_NS_PER_S - 1) / BASE_NS_PER_S;
    char length[RATE_TEXT_SIZE];
    const char *what;

    if (item->answer == RATE_HELD)
        what = base_arena_printf(arena, "Rate limit \"%s\": sending is on hold", name);
    else if (item->answer == RATE_NET_BLOCKED)
        what = base_arena_printf(arena, "Rate limit \"%s\": your network is over it", name);
    else if (limit->percent > 0)
        what =
            base_arena_printf(arena, "Rate limit \"%s\": %" PRId64 "%% of the mail bounces in %s",
                              name, limit->percent, rate_length_text(limit->length_ns, length));
    else
        what = base_arena_printf(arena, "Rate limit \"%s\": %" PRId64 " %s in %s", name,
                                 limit->limit, rate_count_words(rule->count),
                                 rate_length_text(limit->length_ns, length));
    if (what == NULL)
        return "Rate limit reached";
    if (is_never(rule, item))
        what = base_arena_printf(arena, "%s, this is more than that at once", what);
    else if (item->wait_ns >= 0)
        what = base_arena_printf(arena, "%s, come back in %" PRId64 " seconds", what, wait_s);
    return what == NULL ? "Rate limit reached" : what;
}

static const struct policy_verdict *make_verdict(const struct batch *batch, size_t at,
                                                 enum policy_stage stage)
{
    struct policy_session *session = batch->session;
    const struct rate_rule *rule = batch->rules[at];
    struct policy_verdict *verdict = base_arena_alloc(session->message, sizeof(*verdict));

    if (verdict == NULL)
        return NULL;
    *verdict = (struct policy_verdict){
        .stage = stage,
        .action = POLICY_ACTION_TEMPFAIL,
        .code = "450",
        .enhanced = "4.7.1",
        .text = words_of(session, rule, &batch->items[at]),
        .rule = rule->name,
    };
    if (rule->action == RATE_ACTION_TEMPFAIL && rule->count == RATE_COUNT_BYTES &&
        is_never(rule, &batch->items[at])) {
        /* RFC 3463 section 3.4: too big for this system. */
        verdict->action = POLICY_ACTION_REJECT;
        verdict->code = "552";
        verdict->enhanced = "5.3.4";
    } else if (rule->action == RATE_ACTION_REJECT ||
               (rule->action == RATE_ACTION_TEMPFAIL && is_never(rule, &batch->items[at]))) {
        verdict->action = POLICY_ACTION_REJECT;
        verdict->code = "550";
        verdict->enhanced = "5.7.1";
    } else if (rule->action == RATE_ACTION_DISCARD || rule->action == RATE_ACTION_MARK) {
        verdict->action =
            rule->action == RATE_ACTION_MARK ? POLICY_ACTION_MARK : POLICY_ACTION_DISCARD;
        verdict->code = "";
        verdict->enhanced = "";
        verdict->text = "";
    }
    return verdict;
}

static bool is_refusing(const struct rate_rule *rule, const struct rate_item *item)
{
    (void)rule;
    return item->is_refusing;
}

static bool is_marking(const struct rate_rule *rule, const struct rate_item *item)
{
    (void)item;
    return rule->mode == POLICY_RULE_ENFORCE && rule->action == RATE_ACTION_MARK;
}

/* With mode = observe at the top: what would have been. */
static bool would_refuse(const struct rate_rule *rule, const struct rate_item *item)
{
    (void)item;
    return rate_rule_is_refusing(rule);
}

static const struct policy_verdict *answer(const struct batch *batch, bool is_charged,
                                           enum policy_stage stage)
{
    struct policy_session *session = batch->session;
    size_t at;

    if (!is_charged) {
        const struct policy_verdict *verdict =
            make_verdict(batch, find_worst(batch, is_refusing), stage);

        if (verdict != NULL)
            return verdict;
        /* The message's arena is exhausted: end of message says so. */
        return policy_session_continue(stage);
    }
    at = find_worst(batch, is_marking);
    if (at < batch->count &&
        (session->mark == NULL || session->mark->action != POLICY_ACTION_HOLD_QUEUE))
        session->mark = make_verdict(batch, at, stage);
    at = find_worst(batch, would_refuse);
    if (at < batch->count && session->snapshot->options->mode == POLICY_MODE_OBSERVE &&
        session->decision.would == NULL)
        session->decision.would = make_verdict(batch, at, stage);
    return policy_session_continue(stage);
}

static const struct policy_verdict *judge(struct batch *batch, enum policy_stage stage)
{
    static const struct policy_verdict no_memory = {
        .stage = POLICY_STAGE_RCPT,
        .action = POLICY_ACTION_TEMPFAIL,
        .code = "451",
        .enhanced = "4.3.2",
        .text = "No memory for another message, please try again later",
        .rule = "",
    };
    struct policy_session *session = batch->session;
    bool is_charged;

    /* What was not asked may not pass. */
    if (base_arena_is_exhausted(batch->arena))
        return &no_memory;
    if (batch->count == 0)
        return policy_session_continue(stage);
    is_charged = rate_store_charge(session->env.rates, &session->rates, batch->items, batch->count);
    record(batch, is_charged);
    warn(batch);
    tell(batch);
    if (is_charged)
        note_once(batch);
    return answer(batch, is_charged, stage);
}

/* --- the stages ----------------------------------------------------------------------------------
 */

static bool is_idle(const struct policy_session *session)
{
    const struct rate_watch *watch = session->env.watch;

    /* What tells of rates is not counted by them. Who gets such mail may read its HELO. */
    return session->env.rates == NULL || session->snapshot->rates->count == 0 ||
           (watch != NULL && watch->helo.length > 0 &&
            base_text_equals(session->decision.helo, watch->helo) &&
            session->sender.kind == POLICY_ADDRESS_NULL && session->decision.login.length == 0);
}

const struct policy_verdict *policy_session_rate_recipient(struct policy_session *session,
                                                           const struct policy_address *recipient)
{
    const struct rate_rules *rules = session->snapshot->rates;
    const struct policy_verdict *verdict;
    struct batch batch;

    if (is_idle(session) || session->client.is_local_pickup)
        return policy_session_continue(POLICY_STAGE_RCPT);
    begin(&batch, session);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rate_rule *rule = &rules->items[i];

        if (rule->rule.stage == POLICY_STAGE_RCPT && applies(&batch, rule, recipient))
            ask(&batch, rule, recipient, rate_rule_is_of_events(rule) ? 0 : 1);
    }
    verdict = judge(&batch, POLICY_STAGE_RCPT);
    end(&batch);
    return verdict;
}

static int64_t message_amount(const struct policy_session *session, const struct rate_rule *rule)
{
    switch (rule->count) {
    case RATE_COUNT_RECIPIENTS:
        return (int64_t)session->decision.recipients;
    case RATE_COUNT_BYTES:
        return (int64_t)session->header.octets + (int64_t)session->decision.body_octets;
    case RATE_COUNT_REJECTED:
    case RATE_COUNT_BOUNCES:
        return 0;
    case RATE_COUNT_MESSAGES:
    case RATE_COUNT_DISTINCT_RECIPIENTS:
    case RATE_COUNT_DISTINCT_RECIPIENT_DOMAINS:
    case RATE_COUNT_DISTINCT_CLIENTS:
    case RATE_COUNT_DISTINCT_CLIENT_NETS:
    default:
        return 1;
    }
}

/* Each recipient has another key or value, or the conditions hold for some of them only. */
static bool is_of_recipient(const struct rate_rule *rule)
{
    if (rate_key_is_of_recipient(&rule->key) || rule->count == RATE_COUNT_DISTINCT_RECIPIENTS ||
        rule->count == RATE_COUNT_DISTINCT_RECIPIENT_DOMAINS)
        return true;
    for (size_t i = 0; i < rule->rule.condition_count; i++)
        if (rule->rule.conditions[i].row->known_from == POLICY_STAGE_RCPT)
            return true;
    return false;
}

static void ask_each(struct batch *batch, const struct rate_rule *rule)
{
    const struct policy_recipient *it = batch->session->decision.kept_recipients;

    for (; it != NULL; it = it->next) {
        struct policy_address address;
        int64_t amount = message_amount(batch->session, rule);

        (void)policy_address_parse(it->address, &address);
        if (applies(batch, rule, &address))
            ask(batch, rule, &address, rule->count == RATE_COUNT_RECIPIENTS ? 1 : amount);
    }
}

const struct policy_verdict *policy_session_rate_message(struct policy_session *session)
{
    const struct rate_rules *rules = session->snapshot->rates;
    const struct policy_verdict *verdict;
    struct batch batch;

    if (is_idle(session))
        return policy_session_continue(POLICY_STAGE_EOM);
    begin(&batch, session);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rate_rule *rule = &rules->items[i];

        bool is_judged = rule->rule.stage == POLICY_STAGE_RCPT && !session->client.is_local_pickup;

        if (!is_judged && is_of_recipient(rule))
            ask_each(&batch, rule);
        else if (!is_judged && applies(&batch, rule, NULL))
            ask(&batch, rule, NULL, message_amount(session, rule));
        if (rate_rule_is_share(rule))
            ask_whole(&batch, rule);
    }
    verdict = judge(&batch, POLICY_STAGE_EOM);
    end(&batch);
    return verdict;
}

/* What has happened is counted at once, whatever becomes of the message. */
static void charge_event(struct batch *batch)
{
    struct policy_session *session = batch->session;
    struct rate_reservation reservation = {NULL};

    for (size_t i = 0; i < batch->count; i++)
        batch->items[i].is_refusing = false;
    (void)rate_store_charge(session->env.rates, &reservation, batch->items, batch->count);
    rate_store_commit(session->env.rates, &reservation);
    warn(batch);
    tell(batch);
}

void policy_session_rate_rejected(struct policy_session *session,
                                  const struct policy_address *recipient)
{
    struct batch batch;

    if (is_idle(session))
        return;
    begin(&batch, session);
    for (size_t i = 0; i < session->snapshot->rates->count; i++) {
        const struct rate_rule *rule = &session->snapshot->rates->items[i];

        if (rule->count == RATE_COUNT_REJECTED && applies(&batch, rule, recipient))
            ask(&batch, rule, recipient, 1);
    }
    charge_event(&batch);
    end(&batch);
}

/* The conditions are those of what the login sends, not of what comes back. */
void policy_session_rate_bounced(struct policy_session *session, struct base_text login,
                                 bool is_by_sender, unsigned recipients)
{
    struct batch batch;

    if (is_idle(session))
        return;
    begin(&batch, session);
    batch.login = login;
    for (size_t i = 0; i < session->snapshot->rates->count; i++) {
        const struct rate_rule *rule = &session->snapshot->rates->items[i];

        int64_t amount = rate_rule_is_share(rule) ? (int64_t)recipients : 1;

        if (rule->count == RATE_COUNT_BOUNCES && amount > 0 &&
            (!is_by_sender || rule->is_by_sender))
            ask(&batch, rule, NULL, amount);
    }
    charge_event(&batch);
    end(&batch);
}

void policy_session_rate_commit(struct policy_session *session)
{
    if (session->env.rates != NULL)
        rate_store_commit(session->env.rates, &session->rates);
}

void policy_session_rate_give_back(struct policy_session *session)
{
    if (session->env.rates != NULL)
        rate_store_give_back(session->env.rates, &session->rates);
}
