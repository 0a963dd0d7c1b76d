/* For tests of rules about signatures and DMARC: a zone of domains with every kind of policy, and
 * messages that are signed, or seem to be. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_ENFORCE_WORLD_H
#define TESTS_UNIT_ENFORCE_WORLD_H

#include "tests/unit/dkim_custom.h"
#include "tests/unit/policy_world.h"

#define ENFORCE_ED_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define ENFORCE_SIGNER(domain)                                                  \
    "ed._domainkey." domain " TXT \"v=DKIM1; k=ed25519; p=" ENFORCE_ED_P "\"\n" \
    "$FAULT down._domainkey." domain " TXT SERVFAIL\n"

/* Clients: .1 is permitted to send for everybody here, .9 for nobody; .10 and 2001:db8::10 have
 * confirmed names, .11's name has another address, .12 has none, 13's cannot be had, .14's name
 * neither. */
#define ENFORCE_ZONE                                                                            \
    "$ORIGIN example.\n"                                                                        \
    "$TTL 300\n"                                                                                \
    "reject TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                                \
    "_dmarc.reject TXT \"v=DMARC1; p=reject\"\n"                                                \
    "quarantine TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                            \
    "_dmarc.quarantine TXT \"v=DMARC1; p=quarantine\"\n"                                        \
    "testing TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                               \
    "_dmarc.testing TXT \"v=DMARC1; p=reject; t=y\"\n"                                          \
    "none TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                                  \
    "_dmarc.none TXT \"v=DMARC1; p=none\"\n"                                                    \
    "plain TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                                 \
    "down TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"                                                  \
    "$FAULT _dmarc.down TXT SERVFAIL\n"                                                         \
    "$FAULT spfdown TXT SERVFAIL\n"                                                             \
    "list TXT \"v=spf1 ip4:192.0.2.1 ip4:192.0.2.10 ip6:2001:db8::10 -all\"\n"                  \
    "mail.list A 192.0.2.10\n"                                                                  \
    "mail.list AAAA 2001:db8::10\n"                                                             \
    "lie.list A 198.51.100.1\n"                                                                 \
    "$FAULT slow.list A TIMEOUT\n"                                                              \
    "10.2.0.192.in-addr.arpa. PTR mail.list\n"                                                  \
    "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.list\n" \
    "11.2.0.192.in-addr.arpa. PTR lie.list\n"                                                   \
    "$FAULT 13.2.0.192.in-addr.arpa. PTR SERVFAIL\n"                                            \
    "14.2.0.192.in-addr.arpa. PTR slow.list\n" ENFORCE_SIGNER("reject")                         \
        ENFORCE_SIGNER("quarantine") ENFORCE_SIGNER("none") ENFORCE_SIGNER("list")              \
            ENFORCE_SIGNER("plain")

static inline void enforce_set_zone(struct world *world, const char *zone)
{
    struct base_error error;

    dns_resolver_destroy(&world->resolver);
    world->resolver = dns_zone_create(base_text_of(zone), "test.zone", &error);
    if (world->resolver == NULL)
        fail_msg("%s", error.text);
    world->env.resolver = world->resolver;
}

/* A message: who hands it in, and what it says. */
struct enforce_message {
    /* NULL: 192.0.2.9 */
    const char *client;
    /* The reverse-path; NULL: <bounce@list.example> */
    const char *from;
    /* The author; NULL: <alice@reject.example> */
    const char *author;
    /* Further fields, each ended by LF; may be NULL. */
    const char *fields;
    /* Domains that sign, blanks between; with '!' the body hash is wrong, with '?' the key cannot
     * be had, with '+' the body is longer than what was signed. NULL: none. */
    const char *signers;
};

static inline void enforce_sign(struct test_message *message, struct base_text signer)
{
    char kind = signer.length > 0 ? signer.data[0] : '\0';
    bool is_marked = kind == '!' || kind == '?' || kind == '+';
    struct base_buf tags;

    if (is_marked)
        signer = (struct base_text){signer.data + 1, signer.length - 1};
    base_buf_init(&tags, message->arena, 1024);
    base_buf_append_cstr(&tags, " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=");
    base_buf_append_text(&tags, signer);
    base_buf_appendf(&tags, "; s=%s; h=from:list-id; bh=%s;%s b=", kind == '?' ? "down" : "ed",
                     kind == '!' ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" : "BH",
                     kind == '+' ? " l=3;" : "");
    custom_add(message, RFC8463_ED25519, base_buf_cstr(&tags));
}

static inline void enforce_connect(struct world *world, const char *client)
{
    struct sockaddr_storage storage = {.ss_family = AF_INET};
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    struct policy_connect_facts facts = {
        .address = (const struct sockaddr *)&storage,
        .mta_name = BASE_TEXT("mx.example.org"),
    };
    struct policy_helo_facts helo = {.helo = BASE_TEXT("client.example")};

    if (strchr(client, ':') != NULL) {
        storage.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, client, &in6->sin6_addr), 1);
    } else {
        assert_int_equal(inet_pton(AF_INET, client, &in->sin_addr), 1);
        in->sin_port = htons(40000);
    }
    policy_session_connect(world->session, &facts);
    policy_session_helo(world->session, &helo);
}

static inline void enforce_fields(struct world *world, const struct enforce_message *message)
{
    struct base_text signers = base_text_of(message->signers);
    struct test_message built;
    struct base_buf header;

    base_buf_init(&header, NULL, 65536);
    base_buf_appendf(&header, "From: %s\nSubject: one\n%s",
                     message->author == NULL ? "<alice@reject.example>" : message->author,
                     message->fields == NULL ? "" : message->fields);
    test_message_begin(&built, base_buf_text(&header), BASE_TEXT("Hello.\r\n"));
    while (signers.length > 0)
        enforce_sign(&built, base_text_split(&signers, ' '));
    for (size_t i = 0; i < built.header.count; i++)
        policy_session_field(world->session, built.header.fields[i].name,
                             built.header.fields[i].value);
    test_message_end(&built);
    base_buf_deinit(&header);
}

/* Connect to end of message; what the first stage that does not continue says. */
static inline const struct policy_verdict *enforce_send(struct world *world,
                                                        const struct enforce_message *message)
{
    const struct policy_verdict *verdict;
    struct policy_mail_facts facts = {
        .reverse_path =
            base_text_of(message->from == NULL ? "<bounce@list.example>" : message->from),
    };

    enforce_connect(world, message->client == NULL ? "192.0.2.9" : message->client);
    verdict = policy_session_mail(world->session, &facts);
    if (verdict->action != POLICY_ACTION_CONTINUE)
        return verdict;
    (void)policy_session_rcpt(world->session, BASE_TEXT("<bob@example.org>"));
    enforce_fields(world, message);
    verdict = policy_session_eoh(world->session);
    if (verdict->action != POLICY_ACTION_CONTINUE)
        return verdict;
    policy_session_body(world->session, BASE_TEXT("Hello.\r\n"));
    return policy_session_eom(world->session, NULL, NULL);
}

#endif
