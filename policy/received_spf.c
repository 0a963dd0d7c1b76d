/* RFC 7208 section 9.1:
 *   header-field = "Received-SPF:" [CFWS] result FWS [comment FWS] [ key-value-list ] CRLF
 *   key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string ) */
#include "policy/received_spf.h"

#include "policy/authres_field.h"
#include "policy/authres_results.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

#define FIELD_MAX 4096

/* What needs no quotes, and may stand in a comment: letters, digits, '-', '_', and dots between. */
static bool is_name(struct base_text text)
{
    bool is_dot = true;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '.' && is_dot)
            return false;
        is_dot = c == '.';
        if (!is_dot && !base_ascii_is_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return !is_dot && text.length <= AUTHRES_VALUE_MAX;
}

static void add_pair(struct base_buf *out, const char *key, struct base_text value)
{
    value = authres_whole_value(value);
    if (value.length == 0)
        return;
    base_buf_appendf(out, ";\n\t%s=", key);
    if (is_name(value))
        base_buf_append_text(out, value);
    else
        authres_append_quoted(out, value);
}

/* The comment of section 9.1, "information for the end user". */
static void add_comment(struct base_buf *out, struct base_text receiver,
                        const struct spf_outcome *outcome, struct base_text client)
{
    static const char *const words[] = {
        [SPF_VERDICT_NONE] = "has no policy for",
        [SPF_VERDICT_NEUTRAL] = "neither permits nor denies",
        [SPF_VERDICT_PASS] = "permits",
        [SPF_VERDICT_FAIL] = "does not permit",
        [SPF_VERDICT_SOFTFAIL] = "probably does not permit",
        [SPF_VERDICT_TEMPERROR] = "cannot be asked now about",
        [SPF_VERDICT_PERMERROR] = "has an invalid policy for",
    };

    base_buf_append_cstr(out, " (");
    if (is_name(receiver)) {
        base_buf_append_text(out, receiver);
        base_buf_append_cstr(out, ": ");
    }
    if (is_name(outcome->domain))
        base_buf_append_text(out, outcome->domain);
    else
        base_buf_append_cstr(out, "the domain");
    base_buf_appendf(out, " %s ", words[outcome->verdict]);
    base_buf_append_text(out, client);
    base_buf_append_char(out, ')');
}

static bool insert(struct policy_session *session, const char *identity,
                   const struct spf_outcome *outcome)
{
    const struct policy_decision *decision = &session->decision;
    struct base_text receiver = policy_authres_own_id(session);
    struct base_buf value;

    base_buf_init(&value, session->message, FIELD_MAX);
    base_buf_appendf(&value, " %s", spf_verdict_text(outcome->verdict));
    add_comment(&value, receiver, outcome, decision->client_address);
    base_buf_appendf(&value, "\n\tidentity=%s", identity);
    add_pair(&value, "client-ip", decision->client_address);
    add_pair(&value, "helo", decision->helo);
    add_pair(&value, "envelope-from", decision->mail_from);
    add_pair(&value, "receiver", receiver);
    if (outcome->reason != NULL)
        add_pair(&value, "problem", base_text_of(outcome->reason));
    else
        add_pair(&value, "mechanism",
                 outcome->term.length > 0 ? outcome->term : BASE_TEXT("default"));
    return !value.is_over && policy_edits_insert(&session->edits, &session->header,
                                                 BASE_TEXT("Received-SPF"), base_buf_text(&value));
}

bool policy_received_spf_insert(struct policy_session *session)
{
    const struct spf_outcome *spf = policy_evaluation_spf(session);
    const struct spf_outcome *helo = policy_evaluation_helo_spf(session);

    if (!session->snapshot->options->received_spf || spf == NULL || helo == NULL)
        return true;
    if (!insert(session, "helo", helo))
        return false;
    return session->sender.kind == POLICY_ADDRESS_NULL || insert(session, "mailfrom", spf);
}
