/* The record of one message in its two written forms. */
#include "policy/decision.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/random.h"
#include "dns/answer.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "policy/decision_bulk.h"
#include "policy/decision_identity.h"
#include "policy/decision_inbound.h"
#include "policy/decision_rates.h"
#include "policy/decision_session.h"
#include "policy/edits.h"

const char *policy_direction_text(enum policy_direction direction)
{
    switch (direction) {
    case POLICY_DIRECTION_INBOUND:
        return "inbound";
    case POLICY_DIRECTION_OUTBOUND:
        return "outbound";
    case POLICY_DIRECTION_TRUSTED:
        return "trusted";
    }
    base_panic("policy: no such direction: %d", (int)direction);
}

const char *policy_author_outcome_text(enum policy_author_outcome outcome)
{
    switch (outcome) {
    case POLICY_AUTHOR_UNKNOWN:
        return "unknown";
    case POLICY_AUTHOR_ONE:
        return "one";
    case POLICY_AUTHOR_MULTIPLE:
        return "multiple";
    case POLICY_AUTHOR_NONE:
        return "none";
    case POLICY_AUTHOR_INVALID:
        return "invalid";
    }
    base_panic("policy: no such author outcome: %d", (int)outcome);
}

const char *policy_display_address_text(enum policy_display_address display)
{
    static const char *const texts[] = {
        [POLICY_DISPLAY_NONE] = "none",
        [POLICY_DISPLAY_SAME] = "same",
        [POLICY_DISPLAY_OTHER_DOMAIN] = "other-domain",
    };

    return texts[display];
}

/* RFC 4648 section 7's digits, which sort as the numbers do. */
static void put_base32(char *out, unsigned digits, uint64_t value)
{
    for (unsigned i = digits; i > 0; i--, value >>= 5)
        out[i - 1] = "0123456789abcdefghijklmnopqrstuv"[value & 31];
}

/* Processes of one second on one spool must not collide: a random tag, drawn once. Bit 16 marks it
 * as drawn. */
static uint32_t process_tag(void)
{
    static atomic_uint_least32_t tag;
    uint32_t drawn = 0;
    uint_least32_t none = 0;

    if (atomic_load(&tag) == 0) {
        base_random_seed(&drawn, sizeof(drawn));
        atomic_compare_exchange_strong(&tag, &none, (drawn & 0x3ff) | 0x10000);
    }
    return (uint32_t)atomic_load(&tag) & 0x3ff;
}

void policy_decision_make_id(char id[17], int64_t wall_ns)
{
    static atomic_uint_fast64_t counter;

    put_base32(id, 9, (uint64_t)(wall_ns / BASE_NS_PER_MS));
    put_base32(id + 9, 2, process_tag());
    put_base32(id + 11, 5, atomic_fetch_add(&counter, 1));
    id[16] = '\0';
}

static void add_text(struct base_log_line *line, const char *key, struct base_text value)
{
    if (value.length > 0)
        base_log_line_add(line, key, value);
}

static void add_cstr(struct base_log_line *line, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        base_log_line_add_cstr(line, key, value);
}

static void log_envelope(const struct policy_decision *decision, struct base_log_line *line)
{
    base_log_line_add_cstr(line, "id", decision->id);
    add_text(line, "queue", decision->queue_id);
    base_log_line_add_cstr(line, "dir", policy_direction_text(decision->direction));
    base_log_line_add_cstr(line, "by", decision->direction_by);
    policy_decision_log_session(decision, line);
    base_log_line_add(line, "from", decision->mail_from);
    if (decision->has_declared_size)
        base_log_line_add_int(line, "declared-size", (int64_t)decision->declared_size);
    base_log_line_add_int(line, "rcpts", decision->recipients);
    if (decision->recipients > 0)
        base_log_line_add(line, "to", decision->first_recipient);
}

static void log_author(const struct policy_decision *decision, struct base_log_line *line)
{
    struct base_buf words;
    char storage[16];

    if (decision->author == POLICY_AUTHOR_ONE) {
        base_log_line_add(line, "author", decision->author_domain);
        return;
    }
    base_buf_init_fixed(&words, storage, sizeof(storage));
    base_buf_appendf(&words, "<%s>", policy_author_outcome_text(decision->author));
    base_log_line_add(line, "author", base_buf_text(&words));
    add_cstr(line, "author-reason", decision->author_reason);
}

static void log_verdict(const struct policy_decision *decision, struct base_log_line *line)
{
    const struct policy_verdict *verdict = &decision->verdict;
    struct base_buf words;
    char storage[64];

    base_log_line_add_cstr(line, "action", policy_action_text(verdict->action));
    add_cstr(line, "code", verdict->code);
    add_cstr(line, "enhanced", verdict->enhanced);
    add_cstr(line, "text", verdict->text);
    add_cstr(line, "rule", verdict->rule);
    if (decision->would == NULL)
        return;
    base_buf_init_fixed(&words, storage, sizeof(storage));
    base_buf_append_cstr(&words, policy_action_text(decision->would->action));
    if (decision->would->code[0] != '\0')
        base_buf_appendf(&words, "/%s/%s", decision->would->code, decision->would->enhanced);
    base_log_line_add(line, "would", base_buf_text(&words));
    add_cstr(line, "would-rule", decision->would->rule);
}

static void log_signatures(const struct policy_decision *decision, struct base_log_line *line)
{
    struct base_buf list;

    base_buf_init(&list, NULL, 4096);
    for (const struct policy_signature *it = decision->signatures; it != NULL; it = it->next) {
        if (it->fault != NULL)
            continue;
        if (list.length > 0)
            base_buf_append_char(&list, ',');
        base_buf_append_text(&list, it->domain);
        base_buf_append_char(&list, '/');
        base_buf_append_text(&list, it->selector);
        base_buf_append_char(&list, '/');
        base_buf_append_cstr(&list, it->algorithm);
    }
    add_text(line, "signed", base_buf_text(&list));
    base_buf_deinit(&list);
    add_cstr(line, "unsigned", decision->unsigned_reason);
}

void policy_decision_log(const struct policy_decision *decision, struct base_log_line *line)
{
    log_envelope(decision, line);
    log_author(decision, line);
    add_text(line, "msgid", decision->message_id);
    base_log_line_add_int(line, "size", (int64_t)decision->body_octets);
    log_verdict(decision, line);
    log_signatures(decision, line);
    policy_decision_log_identity(decision, line);
    policy_decision_log_inbound(decision, line);
    policy_decision_log_rates(decision, line);
    if (decision->authres_removed > 0)
        base_log_line_add_int(line, "authres-removed", decision->authres_removed);
    add_cstr(line, "left-out", decision->left_out);
    if (decision->is_aborted)
        base_log_line_add_int(line, "aborted", 1);
    base_log_line_add_int(line, "ms", decision->elapsed_ns / BASE_NS_PER_MS);
}

static struct base_json *recipients_json(const struct policy_decision *decision)
{
    struct base_json *object = base_json_object();
    struct base_json *kept = base_json_array();

    base_json_set_int(object, "count", decision->recipients);
    for (const struct policy_recipient *it = decision->kept_recipients; it != NULL; it = it->next)
        base_json_append_text(kept, it->address);
    base_json_set(object, "kept", kept);
    return object;
}

static struct base_json *author_json(const struct policy_decision *decision)
{
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "outcome", policy_author_outcome_text(decision->author));
    base_json_set_text_or_null(object, "domain", decision->author_domain);
    base_json_set_cstr(object, "reason", decision->author_reason);
    base_json_set_cstr(object, "display_address",
                       decision->author == POLICY_AUTHOR_ONE
                           ? policy_display_address_text(decision->display_address)
                           : NULL);
    return object;
}

static struct base_json *verdict_json(const struct policy_verdict *verdict)
{
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "stage", policy_stage_text(verdict->stage));
    base_json_set_cstr(object, "action", policy_action_text(verdict->action));
    base_json_set_cstr(object, "code", verdict->code);
    base_json_set_cstr(object, "enhanced", verdict->enhanced);
    base_json_set_cstr(object, "text", verdict->text);
    base_json_set_cstr(object, "rule", verdict->rule);
    return object;
}

static struct base_json *signatures_json(const struct policy_decision *decision)
{
    struct base_json *array = base_json_array();

    for (const struct policy_signature *it = decision->signatures; it != NULL; it = it->next) {
        struct base_json *object = base_json_object();
        base_json_set_text(object, "d", it->domain);
        base_json_set_text(object, "s", it->selector);
        base_json_set_cstr(object, "a", it->algorithm);
        base_json_set_cstr(object, "result", it->fault == NULL ? "signed" : "failed");
        base_json_set_cstr(object, "fault", it->fault);
        base_json_append(array, object);
    }
    return array;
}

static struct base_json *edits_json(const struct policy_edits *edits)
{
    struct base_json *array = base_json_array();
    const struct policy_edit *it = edits != NULL ? edits->first : NULL;

    for (; it != NULL; it = it->next) {
        struct base_json *object = base_json_object();
        base_json_set_cstr(object, "op", it->op == POLICY_EDIT_DELETE ? "delete" : "insert");
        base_json_set_int(object, "index", it->index);
        base_json_set_text(object, "name", it->name);
        base_json_set_text_or_null(object, "value", it->value);
        base_json_append(array, object);
    }
    return array;
}

static struct base_json *dns_json(const struct dns_lookups *lookups)
{
    struct base_json *array = base_json_array();
    struct dns_lookups_entry entry;

    for (size_t i = 0; lookups != NULL && dns_lookups_at(lookups, i, &entry); i++) {
        struct base_json *object = base_json_object();
        char name[DNS_NAME_ESCAPED_SIZE];
        base_json_set_cstr(object, "name", dns_name_escape(entry.name, name));
        base_json_set_cstr(object, "type", dns_type_text(entry.type));
        base_json_set_cstr(object, "status", dns_status_text(entry.status));
        if (entry.elapsed_ns < 0)
            base_json_set_null(object, "ms");
        else
            base_json_set_int(object, "ms", entry.elapsed_ns / BASE_NS_PER_MS);
        base_json_append(array, object);
    }
    return array;
}

struct base_json *policy_decision_json(const struct policy_decision *decision,
                                       const struct policy_edits *edits,
                                       const struct dns_lookups *lookups)
{
    struct base_json *object = base_json_object();
    char time[32];

    base_clock_format_rfc3339(decision->time_s, time, sizeof(time));
    base_json_set_cstr(object, "id", decision->id);
    base_json_set_cstr(object, "time", time);
    base_json_set_text_or_null(object, "queue_id", decision->queue_id);
    base_json_set_cstr(object, "direction", policy_direction_text(decision->direction));
    base_json_set_cstr(object, "direction_by", decision->direction_by);
    policy_decision_json_session(decision, object);
    base_json_set_text_or_null(object, "mail_from", decision->mail_from);
    base_json_set(object, "recipients", recipients_json(decision));
    base_json_set_text_or_null(object, "message_id", decision->message_id);
    base_json_set_int(object, "body_octets", (int64_t)decision->body_octets);
    base_json_set(object, "author", author_json(decision));
    base_json_set(object, "verdict", verdict_json(&decision->verdict));
    if (decision->would != NULL)
        base_json_set(object, "would", verdict_json(decision->would));
    else
        base_json_set_null(object, "would");
    policy_decision_json_identity(decision, object);
    policy_decision_json_inbound(decision, object);
    policy_decision_json_rates(decision, object);
    policy_decision_json_bulk(decision, object);
    base_json_set(object, "signatures", signatures_json(decision));
    base_json_set_cstr(object, "unsigned_reason", decision->unsigned_reason);
    base_json_set_int(object, "authres_removed", decision->authres_removed);
    base_json_set_cstr(object, "left_out", decision->left_out);
    base_json_set_bool(object, "aborted", decision->is_aborted);
    base_json_set_int(object, "ms", decision->elapsed_ns / BASE_NS_PER_MS);
    base_json_set(object, "edits", edits_json(edits));
    base_json_set(object, "dns", dns_json(lookups));
    return object;
}
