#include "policy/decision_session.h"

#include "base/json.h"
#include "base/log.h"
#include "policy/decision.h"
#include "policy/tls.h"

static void add_text(struct base_log_line *line, const char *key, struct base_text value)
{
    if (value.length > 0)
        base_log_line_add(line, key, value);
}

static void log_tls(const struct policy_tls *tls, struct base_log_line *line)
{
    if (tls == NULL)
        return;
    base_log_line_add_cstr(line, "tls", tls->version);
    add_text(line, "cipher", base_text_of(tls->cipher));
    if (tls->cipher_bits >= 0)
        base_log_line_add_int(line, "cipher-bits", tls->cipher_bits);
    if (tls->certificate == POLICY_CERTIFICATE_NONE)
        return;
    base_log_line_add_cstr(line, "cert", policy_certificate_text(tls->certificate));
    add_text(line, "cert-subject", base_text_of(tls->subject));
    add_text(line, "cert-issuer", base_text_of(tls->issuer));
}

void policy_decision_log_session(const struct policy_decision *decision, struct base_log_line *line)
{
    add_text(line, "daemon", decision->daemon_name);
    if (decision->daemon_port > 0)
        base_log_line_add_int(line, "port", decision->daemon_port);
    base_log_line_add(line, "client", decision->client_address);
    add_text(line, "client-name", decision->client_name);
    add_text(line, "helo", decision->helo);
    log_tls(decision->tls, line);
    add_text(line, "login", decision->login);
    add_text(line, "mech", decision->auth_mechanism);
    if (decision->has_auth_bits)
        base_log_line_add_int(line, "auth-bits", decision->auth_bits);
    add_text(line, "auth-author", decision->auth_author);
}

static struct base_json *client_json(const struct policy_decision *decision)
{
    struct base_json *object = base_json_object();

    base_json_set_text_or_null(object, "address", decision->client_address);
    base_json_set_text_or_null(object, "name", decision->client_name);
    base_json_set_text_or_null(object, "helo", decision->helo);
    base_json_set_text_or_null(object, "login", decision->login);
    return object;
}

static void set_number(struct base_json *object, const char *key, bool is_known, int64_t value)
{
    if (is_known)
        base_json_set_int(object, key, value);
    else
        base_json_set_null(object, key);
}

static struct base_json *mta_json(const struct policy_decision *decision)
{
    struct base_json *object = base_json_object();

    base_json_set_text_or_null(object, "name", decision->mta_name);
    base_json_set_text_or_null(object, "version", decision->mta_version);
    base_json_set_text_or_null(object, "daemon", decision->daemon_name);
    set_number(object, "port", decision->daemon_port > 0, decision->daemon_port);
    return object;
}

static const char *word_or_null(const char *word)
{
    return word[0] == '\0' ? NULL : word;
}

static void set_tls(const struct policy_tls *tls, struct base_json *parent)
{
    struct base_json *object;

    if (tls == NULL) {
        base_json_set_null(parent, "tls");
        return;
    }
    object = base_json_object();
    base_json_set_cstr(object, "version", tls->version);
    base_json_set_cstr(object, "cipher", word_or_null(tls->cipher));
    set_number(object, "bits", tls->cipher_bits >= 0, tls->cipher_bits);
    base_json_set_cstr(object, "certificate", policy_certificate_text(tls->certificate));
    base_json_set_text_or_null(object, "subject", base_text_of(word_or_null(tls->subject)));
    base_json_set_text_or_null(object, "issuer", base_text_of(word_or_null(tls->issuer)));
    base_json_set(parent, "tls", object);
}

static struct base_json *auth_json(const struct policy_decision *decision)
{
    struct base_json *object = base_json_object();

    base_json_set_text_or_null(object, "mechanism", decision->auth_mechanism);
    set_number(object, "bits", decision->has_auth_bits, decision->auth_bits);
    base_json_set_text_or_null(object, "author", decision->auth_author);
    return object;
}

void policy_decision_json_session(const struct policy_decision *decision, struct base_json *object)
{
    base_json_set(object, "client", client_json(decision));
    base_json_set(object, "mta", mta_json(decision));
    set_tls(decision->tls, object);
    base_json_set(object, "auth", auth_json(decision));
    set_number(object, "declared_size", decision->has_declared_size,
               (int64_t)decision->declared_size);
}
