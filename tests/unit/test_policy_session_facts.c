/* Facts of the session: kept from the stage that tells them, in the record of each message. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/policy_world.h"

#include "base/json.h"
#include "base/log.h"
#include "policy/tls.h"

static const struct policy_tls_facts tls12 = {
    .version = BASE_TEXT("TLSv1.2"),
    .cipher = BASE_TEXT("ECDHE-RSA-AES128-SHA"),
    .cipher_bits = BASE_TEXT("128"),
};
static const struct policy_tls_facts tls13 = {
    .version = BASE_TEXT("TLSv1.3"),
    .cipher = BASE_TEXT("TLS_AES_256_GCM_SHA384"),
    .cipher_bits = BASE_TEXT("256"),
    .cert_subject = BASE_TEXT("client.example"),
    .cert_issuer = BASE_TEXT("CA One"),
};
static const struct policy_tls_facts no_tls;

static void greet(struct world *world, const struct policy_tls_facts *tls)
{
    struct policy_helo_facts facts = {.helo = BASE_TEXT("client.example"), .tls = *tls};

    policy_session_helo(world->session, &facts);
}

static const struct policy_decision *mail(struct world *world, const struct policy_tls_facts *tls)
{
    struct policy_mail_facts facts = {
        .reverse_path = BASE_TEXT("<a@example.org>"),
        .auth_type = BASE_TEXT("SCRAM-SHA-256"),
        .auth_authen = BASE_TEXT("alice"),
        .auth_ssf = BASE_TEXT("0"),
        .auth_author = BASE_TEXT("<boss@example.org>"),
        .declared_size = BASE_TEXT("1234"),
        .tls = *tls,
    };

    policy_session_mail(world->session, &facts);
    return policy_session_decision(world->session);
}

static void connect_client(struct world *world)
{
    struct policy_connect_facts facts = {
        .mta_name = BASE_TEXT("mx.example.org"),
        .mta_version = BASE_TEXT("Postfix 3.7.11"),
        .daemon_name = BASE_TEXT("ORIGINATING"),
        .daemon_port = BASE_TEXT("587"),
    };

    policy_session_connect(world->session, &facts);
}

/* Who tells of TLS: HELO, MAIL, both; the later word counts, and silence is no word. */
static void test_tls(void **state)
{
    static const struct {
        const char *name;
        const struct policy_tls_facts *first_helo;
        const struct policy_tls_facts *second_helo;
        const struct policy_tls_facts *mail;
        const char *want;
    } cases[] = {
        {"none", &no_tls, NULL, &no_tls, NULL},
        {"at HELO, wrapped", &tls12, NULL, &no_tls, "TLSv1.2"},
        {"at the HELO after STARTTLS", &no_tls, &tls12, &no_tls, "TLSv1.2"},
        {"no HELO after STARTTLS", &no_tls, NULL, &tls13, "TLSv1.3"},
        {"no HELO at all", NULL, NULL, &tls13, "TLSv1.3"},
        {"both", &tls12, NULL, &tls13, "TLSv1.3"},
        {"gone with another HELO", &tls12, &no_tls, &no_tls, NULL},
    };
    struct world world;

    (void)state;
    world_init(&world);
    world_configure(&world, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct policy_tls *tls;

        connect_client(&world);
        if (cases[i].first_helo != NULL)
            greet(&world, cases[i].first_helo);
        if (cases[i].second_helo != NULL)
            greet(&world, cases[i].second_helo);
        tls = mail(&world, cases[i].mail)->tls;
        if ((tls == NULL) != (cases[i].want == NULL) ||
            (tls != NULL && strcmp(tls->version, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].name, tls == NULL ? "none" : tls->version);
        /* The next message of the session knows it, too. */
        tls = mail(&world, &no_tls)->tls;
        assert_int_equal(tls == NULL, cases[i].want == NULL);
    }
    world_deinit(&world);
}

/* A new client begins with nothing. */
static void test_connect_forgets(void **state)
{
    struct world world;

    (void)state;
    world_init(&world);
    world_configure(&world, "");
    connect_client(&world);
    greet(&world, &tls13);
    world_connect(&world, "192.0.2.1", "MTA");
    const struct policy_decision *decision = mail(&world, &no_tls);
    assert_null(decision->tls);
    assert_int_equal(decision->daemon_port, 0);
    assert_null(decision->mta_version.data);
    world_deinit(&world);
}

/* HELO within a message changes nothing of that one; clients may greet as often as they like. */
static void test_helo_meanwhile(void **state)
{
    struct world world;

    (void)state;
    world_init(&world);
    world_configure(&world, "");
    connect_client(&world);
    greet(&world, &tls13);
    const struct policy_decision *decision = mail(&world, &no_tls);
    for (int i = 0; i < 1000; i++)
        greet(&world, &tls12);
    assert_string_equal(decision->tls->version, "TLSv1.3");
    assert_string_equal(mail(&world, &no_tls)->tls->version, "TLSv1.2");
    assert_int_equal(world_finish(&world)->action, POLICY_ACTION_CONTINUE);
    world_deinit(&world);
}

static void test_record(void **state)
{
    static const char want[] = " daemon=ORIGINATING port=587 client=unknown helo=client.example "
                               "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 cipher-bits=256 "
                               "cert=verified cert-subject=client.example cert-issuer=\"CA One\" "
                               "login=alice mech=SCRAM-SHA-256 auth-bits=0 "
                               "auth-author=\"<boss@example.org>\" from=a@example.org "
                               "declared-size=1234 rcpts=0 ";
    struct base_log_line line;
    struct base_json *json;
    struct base_buf text;
    struct world world;

    (void)state;
    world_init(&world);
    world_configure(&world, "");
    connect_client(&world);
    greet(&world, &tls13);
    const struct policy_decision *decision = mail(&world, &no_tls);
    base_log_line_begin(&line);
    policy_decision_log(decision, &line);
    if (strstr(base_buf_cstr(&line.text), want) == NULL)
        fail_msg("%s", base_buf_cstr(&line.text));
    json = policy_decision_json(decision, NULL, NULL);
    base_buf_init(&text, NULL, 65536);
    base_json_append_to(json, &text);
    static const char *const members[] = {
        "\"mta\":{\"name\":\"mx.example.org\",\"version\":\"Postfix 3.7.11\","
        "\"daemon\":\"ORIGINATING\",\"port\":587}",
        "\"tls\":{\"version\":\"TLSv1.3\",\"cipher\":\"TLS_AES_256_GCM_SHA384\",\"bits\":256,"
        "\"certificate\":\"verified\",\"subject\":\"client.example\",\"issuer\":\"CA One\"}",
        "\"auth\":{\"mechanism\":\"SCRAM-SHA-256\",\"bits\":0,\"author\":\"<boss@example.org>\"}",
        "\"declared_size\":1234",
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strstr(base_buf_cstr(&text), members[i]) == NULL)
            fail_msg("%s is not in %s", members[i], base_buf_cstr(&text));
    base_buf_deinit(&text);
    base_json_destroy(&json);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_connect_forgets),
        cmocka_unit_test(test_helo_meanwhile),
        cmocka_unit_test(test_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
