/* Conditions on the session: how the client came in, and who it has proved to be (RFC 4954, RFC
 * 3207, RFC 8314). What is not known never passes for good: without TLS a session is below every
 * version, and a certificate that the MTA does not vouch for is none. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "policy/conditions.h"
#include "policy/rules-private.h"
#include "policy/tls.h"

#define PORT_MAX 65535
#define BITS_MAX 65536

static const char *const version_words[] = {"1.0", "1.1", "1.2", "1.3", NULL};

static bool matches_authenticated(const struct policy_rule_condition *condition,
                                  const struct policy_rule_facts *facts)
{
    return (facts->session.login.length > 0) == policy_condition_bool(condition);
}

/* The whole of it; with '*' at the end, its beginning; in any case. */
static bool is_mechanism(const char *pattern, struct base_text mechanism)
{
    struct base_text wanted = base_text_of(pattern);

    if (wanted.length > 0 && wanted.data[wanted.length - 1] == '*') {
        wanted.length--;
        return base_text_starts_with_nocase(mechanism, wanted);
    }
    return base_text_equals_nocase(mechanism, wanted);
}

/* All items with '!', or none: RFC 4422 section 3.1's names have neither '!' nor '*'. */
static void *compile_mechanisms(const struct policy_condition *condition, const void *value,
                                struct base_error *error_r)
{
    const struct conf_list *list = value;

    (void)condition;
    for (size_t i = 0; i < list->count; i++) {
        const struct conf_item *item = &list->items[i];

        if ((item->text[0] == '!') != (list->items[0].text[0] == '!')) {
            conf_error_at(error_r, item->where,
                          "`auth-mechanism`: \"%s\": write ! before all of the mechanisms (any "
                          "other than these), or before none",
                          item->text);
            return NULL;
        }
    }
    return (void *)(uintptr_t)list;
}

static bool matches_mechanism(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    const struct conf_list *list = condition->compiled;
    bool is_negated;

    if (facts->session.login.length == 0 || list->count == 0)
        return false;
    is_negated = list->items[0].text[0] == '!';
    for (size_t i = 0; i < list->count; i++)
        if (is_mechanism(list->items[i].text + (is_negated ? 1 : 0), facts->session.mechanism))
            return !is_negated;
    return is_negated;
}

/* Of a list of those that are not meant, every item must hold: nothing can be said item by item. */
static bool is_positive(const struct policy_rule *rule)
{
    const struct conf_list *list = &rule->options->auth_mechanism;

    return list->count == 0 || list->items[0].text[0] != '!';
}

static bool is_same_mechanism(const struct policy_rule *a, const struct policy_rule *b)
{
    return is_positive(a) && is_positive(b);
}

/* "SCRAM-*" covers "SCRAM-SHA-1", and "SCRAM-SHA-*". */
static bool covers_mechanism(const void *compiled, const char *item)
{
    const struct conf_list *list = compiled;

    for (size_t i = 0; i < list->count; i++)
        if (is_mechanism(list->items[i].text, base_text_of(item)))
            return true;
    return false;
}

/* Mail of programs on the MTA's host comes over no connection. */
static bool matches_tls_below(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    unsigned wanted = 0x0100 + (unsigned)policy_condition_word(condition);

    return !facts->session.is_local_pickup &&
           (facts->session.tls == NULL || facts->session.tls->number < wanted);
}

static struct policy_reply tls_reply(const struct policy_rule_condition *condition,
                                     const struct policy_rule_facts *facts,
                                     struct base_arena *arena)
{
    (void)condition;
    (void)arena;
    return (struct policy_reply){"550", "5.7.10",
                                 facts->session.tls == NULL
                                     ? "TLS is required: use STARTTLS, or the port for TLS"
                                     : "This version of TLS, or its cipher, is too old"};
}

/* The words are in the order of the versions. */
static bool covers_version(const void *wide, const void *narrow)
{
    return *(const int *)wide >= *(const int *)narrow;
}

static bool matches_cipher_bits(const struct policy_rule_condition *condition,
                                const struct policy_rule_facts *facts)
{
    return !facts->session.is_local_pickup &&
           (facts->session.tls == NULL ||
            facts->session.tls->cipher_bits < policy_condition_number(condition));
}

/* "/O=Org/CN=name": the whole of it; ".example.org": what ends so; else the common name. */
static bool is_name(const char *wanted, const char *whole, const char *common)
{
    size_t length = strlen(wanted);
    size_t common_length = strlen(common);

    if (wanted[0] == '/')
        return strcmp(wanted, whole) == 0;
    if (wanted[0] == '.')
        return common_length > length && strcasecmp(common + common_length - length, wanted) == 0;
    return length > 0 && strcasecmp(common, wanted) == 0;
}

static bool is_listed(const struct policy_rule_condition *condition, const char *whole,
                      const char *common)
{
    const struct conf_list *list = condition->value;

    for (size_t i = 0; i < list->count; i++)
        if (is_name(list->items[i].text, whole, common))
            return true;
    return false;
}

static bool is_verified(const struct policy_tls *tls)
{
    return tls != NULL && tls->certificate == POLICY_CERTIFICATE_VERIFIED;
}

static bool matches_subject(const struct policy_rule_condition *condition,
                            const struct policy_rule_facts *facts)
{
    const struct policy_tls *tls = facts->session.tls;

    return is_verified(tls) && is_listed(condition, tls->subject, tls->subject_cn);
}

static bool matches_issuer(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct policy_tls *tls = facts->session.tls;

    return is_verified(tls) && is_listed(condition, tls->issuer, tls->issuer_cn);
}

static bool matches_daemon(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct conf_list *list = condition->value;

    for (size_t i = 0; i < list->count; i++)
        if (base_text_equals(facts->session.daemon_name, base_text_of(list->items[i].text)))
            return true;
    return false;
}

/* Ports, 0 behind the last. */
static void *compile_ports(const struct policy_condition *condition, const void *value,
                           struct base_error *error_r)
{
    const struct conf_list *list = value;
    unsigned *ports = base_mem_alloc_zero(list->count + 1, sizeof(*ports));
    uint64_t port;

    (void)condition;
    for (size_t i = 0; i < list->count; i++) {
        if (base_text_to_uint(base_text_of(list->items[i].text), PORT_MAX, &port) && port > 0) {
            ports[i] = (unsigned)port;
            continue;
        }
        conf_error_at(error_r, list->items[i].where,
                      "`port`: \"%s\" is no port: write a number from 1 to %d, as 587",
                      list->items[i].text, PORT_MAX);
        base_mem_free(ports);
        return NULL;
    }
    return ports;
}

static void destroy_ports(void *compiled)
{
    base_mem_free(compiled);
}

static bool matches_port(const struct policy_rule_condition *condition,
                         const struct policy_rule_facts *facts)
{
    for (const unsigned *port = condition->compiled; *port != 0; port++)
        if (*port == facts->session.daemon_port)
            return true;
    return false;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("tls-below", CONF_WORD, tls_below, version_words),
     .known_from = POLICY_STAGE_MAIL,
     .covers = covers_version,
     .matches = matches_tls_below,
     .reply = tls_reply},
    {.option = {.name = "cipher-bits-below",
                .type = CONF_INT,
                .offset = offsetof(struct policy_rule_options, cipher_bits_below),
                .min = 1,
                .max = BITS_MAX},
     .known_from = POLICY_STAGE_MAIL,
     .covers = policy_condition_covers_below,
     .matches = matches_cipher_bits,
     .reply = tls_reply},
    {.option = POLICY_CONDITION_OPTION("auth-mechanism", CONF_LIST, auth_mechanism, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .directions = 1U << POLICY_DIRECTION_OUTBOUND,
     .is_constant = true,
     .compile = compile_mechanisms,
     .matches = matches_mechanism,
     .covers_item = covers_mechanism,
     .is_same_fact = is_same_mechanism,
     /* RFC 4954 section 6: 5.7.9 is for the reply to AUTH; the session is over that. */
     .fixed_reply = {"550", "5.7.9", "This authentication mechanism is not accepted here"}},
    {.option = POLICY_CONDITION_OPTION("authenticated", CONF_BOOL, authenticated, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .is_always_there = true,
     .is_constant = true,
     .matches = matches_authenticated},
    {.option = POLICY_CONDITION_OPTION("cert-subject", CONF_LIST, cert_subject, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .matches = matches_subject,
     .requires = "cert-issuer"},
    {.option = POLICY_CONDITION_OPTION("cert-issuer", CONF_LIST, cert_issuer, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .matches = matches_issuer},
    {.option = POLICY_CONDITION_OPTION("daemon", CONF_LIST, daemon, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .is_constant = true,
     .matches = matches_daemon},
    {.option = POLICY_CONDITION_OPTION("port", CONF_LIST, port, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .topics = POLICY_TOPIC_PORT,
     .is_constant = true,
     .compile = compile_ports,
     .destroy = destroy_ports,
     .matches = matches_port},
};

const struct conf_option_group policy_conditions_session = POLICY_CONDITION_GROUP(rows);
