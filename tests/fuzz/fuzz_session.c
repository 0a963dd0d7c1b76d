/* policy/session: octets drive whole sessions, calls in any order, of any size. The first octet
 * chooses a configuration; then each call is an octet, its arguments behind it. What must hold is
 * checked at every end of message. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "dns/resolver.h"
#include "keys/store.h"
#include "policy/session.h"
#include "policy/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t next(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* A length octet and as many octets, as far as there are. */
static struct base_text text(struct input *input)
{
    size_t length = next(input);
    size_t left = (size_t)(input->end - input->at);

    if (length > left)
        length = left;
    struct base_text it = {(const char *)input->at, length};
    input->at += length;
    return it;
}

static struct dns_resolver *create_resolver(void)
{
    struct base_error error;
    struct dns_resolver *resolver =
        dns_zone_create(BASE_TEXT("example.org. 300 IN A 192.0.2.1\n"), "zone", &error);

    must(resolver != NULL, error.text);
    return resolver;
}

static void make_key(const char *key_dir)
{
    struct keys_new_options options = {
        .key_dir = key_dir, .selector = "s1", .type = KEYS_TYPE_ED25519, .gid = getegid()};
    struct dns_name domain;
    struct base_error error;

    must(dns_name_make(&domain, BASE_TEXT("example.org")) == DNS_NAME_OK, "domain");
    options.domain = &domain;
    struct keys_key *key = keys_store_new(&options, &error);
    must(key != NULL, error.text);
    keys_key_unref(&key);
}

static struct policy_snapshot *create_snapshot(const char *key_dir, const char *more)
{
    static const struct policy_snapshot_options options = {.want_keys = true};
    size_t count = 0;
    const struct conf_table *const *tables = policy_tables(&count);
    struct base_error error;
    char conf_text[1024];

    snprintf(conf_text, sizeof(conf_text), "authserv-id = \"mx.example.org\"\nkey-dir = \"%s\"\n%s",
             key_dir, more);
    struct conf_snapshot *conf = conf_read_text(conf_text, "conf", tables, count, &error);
    must(conf != NULL, error.text);
    struct policy_snapshot *snapshot = policy_snapshot_create(conf, &options, &error);
    must(snapshot != NULL, error.text);
    conf_snapshot_unref(&conf);
    return snapshot;
}

enum {
    CONFIGURATIONS = 3
};

/* What is loaded once; the keys' directory is gone again when this returns. */
static struct policy_snapshot *const *snapshots(void)
{
    static const char *const more[CONFIGURATIONS] = {
        "sign \"example.org\" { keys = { \"s1\" } }\n",
        "sign \"example.org\" { keys = { \"s1\" } }\nsigning-networks = { \"0.0.0.0/1\" }\n"
        "header-fields = 12\nheader-octets = 4KiB\nmessage-memory = 64KiB\nrecipients-kept = 3\n"
        "authres-fields = 2\n",
        "sign \"*\" { keys = { \"s1\" } domain = \"example.org\" }\nmode = observe\n"
        "header-fields = 12\nheader-octets = 4KiB\nmessage-memory = 64KiB\n"
        "trusted-networks = { \"::/1\" }\n",
    };
    static struct policy_snapshot *made[CONFIGURATIONS];
    char key_dir[] = "/tmp/fuzz_session.XXXXXX";
    char command[64];

    if (made[0] != NULL)
        return made;
    must(mkdtemp(key_dir) != NULL, "mkdtemp");
    make_key(key_dir);
    for (size_t i = 0; i < CONFIGURATIONS; i++)
        made[i] = create_snapshot(key_dir, more[i]);
    snprintf(command, sizeof(command), "rm -rf '%s'", key_dir);
    must(system(command) == 0, command);
    return made;
}

static void connect_call(struct policy_session *session, struct input *input)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct policy_connect_facts facts = {.mta_name = BASE_TEXT("j.example.org")};
    uint8_t kind = next(input);

    in.sin_addr.s_addr = htonl((uint32_t)next(input) << 24 | 1);
    in.sin_port = htons(kind & 4 ? 0 : 40000);
    in6.sin6_addr.s6_addr[0] = next(input);
    if ((kind & 3) == 1)
        facts.address = (const struct sockaddr *)&in;
    else if ((kind & 3) == 2)
        facts.address = (const struct sockaddr *)&in6;
    facts.client_name = text(input);
    facts.daemon_name = kind & 8 ? BASE_TEXT("ORIGINATING") : text(input);
    policy_session_connect(session, &facts);
}

static void mail_call(struct policy_session *session, struct input *input)
{
    struct policy_mail_facts facts = {.reverse_path = text(input)};

    facts.auth_authen = text(input);
    facts.queue_id = text(input);
    policy_session_mail(session, &facts);
}

/* A field; or the same one many times, or one much larger than an octet can say. */
static void field_call(struct policy_session *session, struct input *input)
{
    static const struct base_text names[] = {BASE_TEXT("From"), BASE_TEXT("Authentication-Results"),
                                             BASE_TEXT("Subject"), BASE_TEXT("Message-ID")};
    static char big[100000];
    uint8_t kind = next(input);
    struct base_text name = kind & 4 ? text(input) : names[kind & 3];
    struct base_text value = text(input);
    unsigned times = kind & 8 ? (unsigned)next(input) * 16 : 1;

    if (kind & 16) {
        memset(big, next(input), sizeof(big));
        value = (struct base_text){big, (size_t)next(input) * 390};
    }
    for (unsigned i = 0; i < times; i++)
        policy_session_field(session, name, value);
}

static bool ignore(void *context, struct base_text key, struct base_text value)
{
    (void)context;
    (void)key;
    (void)value;
    return true;
}

static void write_decision(const struct policy_session *session)
{
    const struct policy_decision *decision = policy_session_decision(session);
    struct base_json *json = policy_decision_json(decision, policy_session_edits(session), NULL);
    struct base_log_line line;

    must(base_json_count(json) > 10, "json");
    base_json_destroy(&json);
    base_log_line_begin(&line);
    policy_decision_log(decision, &line);
    must(base_log_line_parse(base_buf_text(&line.text), ignore, NULL), "log line");
}

static void check_edits(const struct policy_edits *edits)
{
    const struct policy_edit *previous = NULL;
    size_t count = 0;

    for (const struct policy_edit *it = edits->first; it != NULL; it = it->next, count++) {
        if (it->op == POLICY_EDIT_DELETE) {
            must(it->index > 0, "index");
            must(previous == NULL ||
                     (previous->op == POLICY_EDIT_DELETE && previous->index >= it->index),
                 "order of deletions");
        } else {
            must(memchr(it->value.data, '\r', it->value.length) == NULL, "CR");
        }
        previous = it;
    }
    must(count == edits->count, "count of edits");
}

static void eom_call(struct policy_session *session)
{
    bool had_message = policy_session_has_message(session);
    const struct policy_verdict *verdict = policy_session_eom(session, NULL, NULL);
    const struct policy_decision *decision = policy_session_decision(session);
    const struct policy_edits *edits = policy_session_edits(session);

    must(verdict->action == POLICY_ACTION_CONTINUE || verdict->action == POLICY_ACTION_TEMPFAIL,
         "action");
    must(!decision->is_aborted, "aborted");
    if (!had_message)
        return;
    check_edits(edits);
    must(strlen(decision->id) == 16, "id");
    if (verdict->action == POLICY_ACTION_TEMPFAIL) {
        must(edits->first == NULL, "edits of what is refused");
    } else if (decision->direction == POLICY_DIRECTION_OUTBOUND) {
        must((decision->unsigned_reason == NULL) == (decision->signatures != NULL),
             "neither signed nor a reason");
        must(decision->signatures == NULL || decision->author == POLICY_AUTHOR_ONE,
             "signed without an author domain");
    } else {
        must(decision->signatures == NULL, "a stranger's mail is signed");
    }
}

static struct policy_tls_facts tls_facts(struct input *input)
{
    struct policy_tls_facts facts = {.version = text(input)};

    facts.cipher = text(input);
    facts.cipher_bits = text(input);
    facts.cert_subject = text(input);
    facts.cert_issuer = text(input);
    facts.cn_subject = text(input);
    facts.verify = next(input) & 1 ? BASE_TEXT("OK") : text(input);
    return facts;
}

static void tls_helo_call(struct policy_session *session, struct input *input)
{
    struct policy_helo_facts facts = {.helo = text(input)};

    facts.tls = tls_facts(input);
    policy_session_helo(session, &facts);
}

static void tls_mail_call(struct policy_session *session, struct input *input)
{
    struct policy_mail_facts facts = {.reverse_path = text(input)};

    facts.tls = tls_facts(input);
    facts.auth_type = text(input);
    facts.auth_ssf = text(input);
    facts.auth_author = text(input);
    facts.declared_size = text(input);
    policy_session_mail(session, &facts);
}

static void call(struct policy_session *session, struct input *input)
{
    struct policy_helo_facts helo;

    switch (next(input) % 14) {
    case 0:
        connect_call(session, input);
        break;
    case 12:
        tls_helo_call(session, input);
        break;
    case 13:
        tls_mail_call(session, input);
        break;
    case 1:
        helo = (struct policy_helo_facts){.helo = text(input)};
        policy_session_helo(session, &helo);
        break;
    case 2:
        mail_call(session, input);
        break;
    case 3:
        policy_session_rcpt(session, text(input));
        break;
    case 4:
        policy_session_data(session);
        break;
    case 5:
    case 6:
        field_call(session, input);
        break;
    case 7:
        policy_session_eoh(session);
        break;
    case 8:
        policy_session_body(session, text(input));
        break;
    case 9:
        eom_call(session);
        break;
    case 10:
        policy_session_reset(session);
        break;
    default:
        policy_session_queue_id(session, text(input));
        write_decision(session);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_clock clock = base_clock_manual(1795348800);
    struct input input = {.at = data, .end = data + size};
    uint8_t choice = next(&input);
    struct base_budget *budget = base_budget_create(choice & 8 ? 20000 : 8 << 20);
    struct dns_resolver *resolver = create_resolver();
    struct policy_env env = {.resolver = resolver, .clock = &clock, .budget = budget};
    struct policy_session *session =
        policy_session_create(&env, snapshots()[choice % CONFIGURATIONS]);

    for (unsigned calls = 0; input.at < input.end && calls < 500; calls++)
        call(session, &input);
    policy_session_destroy(&session);
    must(base_budget_used(budget) == 0, "memory is held after the session");
    base_budget_destroy(&budget);
    dns_resolver_destroy(&resolver);
    return 0;
}
