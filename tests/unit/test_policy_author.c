/* policy/author: From fields, honest and hostile (RFC 5322 sections 3.4 and 4.4, RFC 6532). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "policy/author.h"
#include "policy/header.h"

struct row {
    struct base_text value;
    /* The domain; NULL: not ONE. */
    const char *domain;
    enum policy_author_outcome outcome;
};

#define ONE(value, domain)                            \
    {                                                 \
        BASE_TEXT(value), (domain), POLICY_AUTHOR_ONE \
    }
#define NOT(outcome, value)                             \
    {                                                   \
        BASE_TEXT(value), NULL, POLICY_AUTHOR_##outcome \
    }

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct policy_author got;

        policy_author_parse(rows[i].value, &got);
        if (got.outcome != rows[i].outcome)
            fail_msg("row %zu: %s: got %s (%s)", i, rows[i].value.data,
                     policy_author_outcome_text(got.outcome), got.reason ? got.reason : "-");
        if (strcmp(got.domain.text, rows[i].domain != NULL ? rows[i].domain : "") != 0)
            fail_msg("row %zu: %s: got domain %s", i, rows[i].value.data, got.domain.text);
        if ((got.reason == NULL) != (got.outcome == POLICY_AUTHOR_ONE))
            fail_msg("row %zu: %s: reason %s", i, rows[i].value.data, got.reason);
    }
}
#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void test_everyday(void **state)
{
    static const struct row rows[] = {
        ONE(" alice@example.org", "example.org"),
        ONE("alice@example.org", "example.org"),
        ONE(" <alice@example.org>", "example.org"),
        ONE(" Alice <alice@example.org>", "example.org"),
        ONE(" Alice<alice@example.org>", "example.org"),
        ONE(" Alice Liddell <ALICE@EXAMPLE.ORG>", "example.org"),
        ONE(" \"Liddell, Alice\" <alice@example.org>", "example.org"),
        ONE(" \"Alice \\\"Al\\\" Liddell\" <alice@example.org>", "example.org"),
        ONE(" Alice Q. Liddell <alice@example.org>", "example.org"),
        ONE(" A. <alice@example.org>", "example.org"),
        ONE(" alice@example.org (Alice Liddell)", "example.org"),
        ONE(" (Alice) alice@example.org", "example.org"),
        ONE(" Alice (Sales) <alice@example.org>", "example.org"),
        ONE(" <alice@example.org> (Alice)", "example.org"),
        ONE(" =?UTF-8?Q?J=C3=B6rg?= <joerg@example.org>", "example.org"),
        ONE(" =?UTF-8?B?SsO2cmc=?= =?UTF-8?B?IE0u?= <joerg@example.org>", "example.org"),
        ONE(" =?UTF-8?Q?a=40b.example?= <joerg@example.org>", "example.org"),
        ONE(" \"=?UTF-8?Q?J=C3=B6rg?=\" <joerg@example.org>", "example.org"),
        ONE(" J\xc3\xb6rg <joerg@example.org>", "example.org"),
        ONE(" J\xf6rg <joerg@example.org>", "example.org"),
        ONE(" \"J\xf6rg, M.\" <joerg@example.org>", "example.org"),
        ONE(" alice+tag@example.org", "example.org"),
        ONE(" a.l.i.c.e@sub.example.org", "sub.example.org"),
        ONE(" alice@example.org.", "example.org"),
        ONE(" bounce-123=alice=example.net@lists.example.org", "lists.example.org"),
        ONE(" o'neil@example.org", "example.org"),
        ONE(" \"alice liddell\"@example.org", "example.org"),
        ONE(" \"a..b\"@example.org", "example.org"),
        ONE(" root@localhost", "localhost"),
        ONE(" a@_mail.example.org", "_mail.example.org"),
        ONE(" [TICKET] Support <support@example.org>", "example.org"),
        ONE(" Support [#1234] <support@example.org>", "example.org"),
        ONE(" \"alice@a.example via List\" <list@b.example>", "b.example"),
        ONE(" \"<alice@a.example>\" <list@b.example>", "b.example"),
        ONE(" List (for alice@a.example) <list@b.example>", "b.example"),
        ONE(" alice@a.example <alice@a.example>", "a.example"),
        ONE("\n Alice@A.example\t<alice@a.example>\n ", "a.example"),
        ONE(" alice@a.example<alice@a.example>", "a.example"),
        ONE(" (x) alice@a.example <alice@a.example> (y)", "a.example"),
        ONE(" alice@a.example <alice@a.example>, bob@a.example <bob@a.example>", "a.example"),
        ONE(" G: alice@a.example <alice@a.example>;", "a.example"),
        ONE(" noreply <no-reply@123-bank.example>", "123-bank.example"),
        ONE(" \"\" <alice@example.org>", "example.org"),
        ONE(" Alice & Bob <team@example.org>", "example.org"),
        ONE(" Alice / Bob <team@example.org>", "example.org"),
        ONE(" $$$ !!! <team@example.org>", "example.org"),
    };

    (void)state;
    CHECK(rows);
}

static void test_white_space_and_comments(void **state)
{
    static const struct row rows[] = {
        ONE("\talice@example.org", "example.org"),
        ONE("\n alice@example.org", "example.org"),
        ONE(" Alice\n <alice@example.org>", "example.org"),
        ONE(" Alice\r\n\t<alice@example.org>", "example.org"),
        ONE(" \"Alice\n Liddell\" <alice@example.org>\n ", "example.org"),
        ONE(" Alice <\n alice@example.org\n >", "example.org"),
        ONE(" < alice@example.org >", "example.org"),
        ONE(" <alice @ example.org>", "example.org"),
        ONE(" alice . liddell @ example.org", "example.org"),
        ONE(" (a(b(c)d)e) alice@example.org (f)(g)", "example.org"),
        ONE(" (a \\) b) alice@example.org", "example.org"),
        ONE(" (<eve@evil.example>) alice@example.org", "example.org"),
        ONE(" alice(comment)@(comment)example.org", "example.org"),
        ONE(" Alice <(c)alice@example.org(c)>", "example.org"),
        /* RFC 5322 appendix A.6.3 */
        ONE(" John Doe <jdoe@machine(comment).  example>", "machine.example"),
        ONE(" Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "silly.test"),
        ONE(" jdoe@machine . example", "machine.example"),
        ONE(" jdoe@machine .example.org", "machine.example.org"),
        NOT(INVALID, " alice@bank.example (x).evil.example"),
        NOT(INVALID, " alice@bank.example. evil.example"),
        NOT(INVALID, " alice@bank.example .evil.example"),
        NOT(INVALID, " <alice@bank.example\n .evil.example>"),
        NOT(INVALID, " (alice@example.org"),
        NOT(INVALID, " (a(b) alice@example.org"),
        NOT(INVALID, " alice@example.org )"),
        NOT(INVALID, " (a\\"),
        NOT(INVALID, " (a\\\n b) alice@example.org"),
    };

    (void)state;
    CHECK(rows);
}

static void test_lists_and_groups(void **state)
{
    static const struct row rows[] = {
        ONE(" a@example.org, b@example.org", "example.org"),
        ONE(" a@example.org,b@EXAMPLE.org.,\n <c@example.org>", "example.org"),
        ONE(" , a@example.org, ,", "example.org"),
        ONE(" Team: a@example.org, b@example.org;", "example.org"),
        ONE(" Team: A <a@example.org>;", "example.org"),
        ONE(" \"The Team\" (us) :a@example.org; (all)", "example.org"),
        ONE(" Team:;, a@example.org", "example.org"),
        ONE(" Team: ,a@example.org,;", "example.org"),
        ONE(" <@relay.example:a@example.org>", "example.org"),
        ONE(" A <@x.example,@y.example:a@example.org>", "example.org"),
        ONE(" A <@x.example , , @y.example : a@example.org>", "example.org"),
        ONE(" <@[192.0.2.1]:a@example.org>", "example.org"),
        NOT(MULTIPLE, " a@example.org, b@example.net"),
        NOT(MULTIPLE, " a@example.org, b@sub.example.org"),
        NOT(MULTIPLE, " Team: a@example.org, b@example.net;"),
        NOT(MULTIPLE, " Team: a@example.org;, b@example.net"),
        NOT(MULTIPLE, " a@example.org, b@[192.0.2.1]"),
        NOT(MULTIPLE, " a@example.org, b@example.net, c@example.org"),
        NOT(NONE, ""),
        NOT(NONE, " "),
        NOT(NONE, " (nobody)"),
        NOT(NONE, " ,"),
        NOT(NONE, " <>"),
        NOT(NONE, " MAILER-DAEMON <>"),
        NOT(NONE, " undisclosed-recipients:;"),
        NOT(NONE, " a@[192.0.2.1]"),
        NOT(NONE, " <a@[IPv6:2001:db8::1]>"),
        NOT(INVALID, " Team: a@example.org"),
        NOT(INVALID, " Team: Sub: a@example.org;;"),
        NOT(INVALID, " a@example.org;"),
        NOT(INVALID, " :a@example.org;"),
        NOT(INVALID, " <@relay.example a@example.org>"),
        NOT(INVALID, " <@relay.example:>"),
        NOT(INVALID, " <@relay.example>"),
        NOT(INVALID, " @relay.example:a@example.org"),
    };

    (void)state;
    CHECK(rows);
}

static void test_hostile(void **state)
{
    static const struct row rows[] = {
        NOT(INVALID, " alice"),
        NOT(INVALID, " Alice Liddell"),
        NOT(INVALID, " <alice>"),
        NOT(INVALID, " Liddell, Alice <alice@example.org>"),
        NOT(INVALID, " alice@a.example via List <list@b.example>"),
        NOT(INVALID, " alice@a.example <list@b.example>"),
        NOT(INVALID, " alice@a.example <bob@a.example>"),
        NOT(INVALID, " alice@a.example <alice@a.example.>"),
        NOT(INVALID, " alice@a.example <@b.example:alice@a.example>"),
        NOT(INVALID, " alice@a.example <alice@a.example> x"),
        NOT(INVALID, " alice@a.example <alice@a.example"),
        NOT(INVALID, " alice@a.example <alice@a.example><alice@a.example>"),
        NOT(INVALID, " alice@a.example, alice@a.example <alice@b.example>"),
        NOT(INVALID, " alice@b.example@a.example <alice@b.example@a.example>"),
        NOT(INVALID, " alice@a.example x <alice@a.example>"),
        NOT(INVALID, " alice@a.example (x) <alice@a.example>"),
        NOT(INVALID, " <a@bank.example> <b@evil.example>"),
        NOT(INVALID, " <a@bank.example> b@evil.example"),
        NOT(INVALID, " b@evil.example <a@bank.example>"),
        NOT(INVALID, " <a@bank.example>, <b@evil.example"),
        NOT(INVALID, " <<a@bank.example>>"),
        NOT(INVALID, " <a@bank.example>>"),
        NOT(INVALID, " a@bank.example@evil.example"),
        NOT(INVALID, " a@@evil.example"),
        NOT(INVALID, " @evil.example"),
        NOT(INVALID, " a@"),
        NOT(INVALID, " a@ (x)"),
        NOT(INVALID, " a@."),
        NOT(INVALID, " a@.example.org"),
        NOT(INVALID, " a@example..org"),
        NOT(INVALID, " a@example.org.."),
        NOT(INVALID, " .a@example.org"),
        NOT(INVALID, " a.@example.org"),
        NOT(INVALID, " a..b@example.org"),
        NOT(INVALID, " a b@example.org"),
        NOT(INVALID, " \"a@bank.example\"@evil.example"),
        NOT(INVALID, " \"a@bank.example>\"@evil.example"),
        NOT(INVALID, " \"a, b\"@evil.example"),
        NOT(INVALID, " \"a\\\"b\"@evil.example"),
        NOT(INVALID, " \"a\x01\"@evil.example"),
        NOT(INVALID, " \"a\n b\"@evil.example"),
        NOT(INVALID, " \"Alice <alice@example.org>"),
        NOT(INVALID, " \"Alice\\"),
        NOT(INVALID, " =?utf-8?q?a?=@example.org"),
        NOT(INVALID, " =?utf-8?q?a=40bank.example=00?=@evil.example"),
        NOT(INVALID, " =?utf-8?q?a=40bank.example?="),
        NOT(INVALID, " a@=?utf-8?q?bank.example?="),
        NOT(INVALID, " a@exa!mple.org"),
        NOT(INVALID, " a@192.0.2.1"),
        NOT(INVALID, " a@example.123"),
        NOT(INVALID, " a@[192.0.2.1"),
        NOT(INVALID, " a@[[192.0.2.1]]"),
        NOT(INVALID, " a@[192.0.2.1\\]"),
        NOT(INVALID, " a@[192.0.2.1].example.org"),
        NOT(INVALID, " a@bank.example\0.evil.example"),
        NOT(INVALID, " a\0@bank.example"),
        NOT(INVALID, " \"A\0\" <a@bank.example>"),
        NOT(INVALID, " (A\0) a@bank.example"),
        NOT(INVALID, "\0"),
        NOT(INVALID, " a@bank.example\0"),
        NOT(INVALID, " a@bank.example\nFrom: b@evil.example"),
        NOT(INVALID, " a@bank.example\n"),
        NOT(INVALID, " a@bank.example\r b@evil.example"),
        NOT(INVALID, " a@bank.example\r"),
        NOT(INVALID, " \"A\nB\" <a@bank.example>"),
        NOT(INVALID, " \"A\rB\" <a@bank.example>"),
        NOT(INVALID, " (A\nB) <a@bank.example>"),
        NOT(INVALID, " A\\ B <a@bank.example>"),
        NOT(INVALID, " a\x7f@bank.example"),
        NOT(INVALID, " a@bank\x01.example"),
        NOT(INVALID, " a@bank.example;b@evil.example"),
        NOT(INVALID, " a@\xff\xfe.example"),
        NOT(INVALID, " \xff@bank.example"),
        NOT(INVALID, " a@bank.ex\xc0\xafmple"),
        NOT(INVALID, " <@[1<a@bank.example>]:a@evil.example>"),
        /* U+2100 maps to "a/c" */
        NOT(INVALID, " a@bank\xe2\x84\x80.example"),
        NOT(INVALID, " a@-\xc3\xa4.example"),
    };

    (void)state;
    CHECK(rows);
}

static void test_internationalized(void **state)
{
    static const struct row rows[] = {
        ONE(" a@b\xc3\xbc"
            "cher.example",
            "xn--bcher-kva.example"),
        ONE(" a@B\xc3\x9c"
            "CHER.example",
            "xn--bcher-kva.example"),
        ONE(" a@XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ONE(" a@bu\xcc\x88"
            "cher.example",
            "xn--bcher-kva.example"),
        ONE(" J\xc3\xb6rg <j\xc3\xb6rg@example.org>", "example.org"),
        ONE(" a@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
            "xn--r8jz45g.xn--zckzah"),
        /* Ideographic full stop */
        ONE(" a@example\xe3\x80\x82org", "example.org"),
        /* Full-width letters: every IDNA look-up asks for example.org. */
        ONE(" a@\xef\xbd\x85xample.org", "example.org"),
        ONE(" a@b\xc3\xbc"
            "cher.example, b@xn--bcher-kva.example",
            "xn--bcher-kva.example"),
        ONE(" a@stra\xc3\x9f"
            "e.example",
            "xn--strae-oqa.example"),
        NOT(MULTIPLE, " a@b\xc3\xbc"
                      "cher.example, b@bucher.example"),
    };

    (void)state;
    CHECK(rows);
}

/* Nothing overflows, recurses or takes quadratic time. */
static void test_long(void **state)
{
    enum {
        SIZE = 300000
    };
    static char text[SIZE];
    struct policy_author got;

    (void)state;
    memset(text, '(', SIZE);
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_INVALID);
    memset(text, '(', SIZE / 2);
    memset(text + SIZE / 2, ')', SIZE / 2);
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_NONE);
    memset(text, ',', SIZE);
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_NONE);
    memset(text, 'a', SIZE);
    memcpy(text + SIZE - 12, "@example.org", 12);
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_ONE);
    memcpy(text, "a@", 2);
    text[SIZE - 12] = 'a';
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_INVALID);
    for (size_t i = 2; i < SIZE; i++)
        text[i] = i % 2 == 0 ? 'a' : '.';
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_INVALID);
    for (size_t i = 0; i + 6 <= SIZE; i += 6)
        memcpy(text + i, "a@b.c,", 6);
    policy_author_parse((struct base_text){text, SIZE}, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_ONE);
}

static void test_fields(void **state)
{
    static const struct {
        const char *values[4];
        enum policy_author_outcome outcome;
        const char *reason;
    } cases[] = {
        {{NULL}, POLICY_AUTHOR_NONE, "no From field"},
        {{" a@example.org", NULL}, POLICY_AUTHOR_ONE, NULL},
        {{" a@example.org", " a@example.org", NULL}, POLICY_AUTHOR_MULTIPLE, "two From fields"},
        {{" a@example.org", "", NULL}, POLICY_AUTHOR_MULTIPLE, "two From fields"},
        {{" a@example.org", " b", " c", NULL}, POLICY_AUTHOR_MULTIPLE, "several From fields"},
        {{" a@[192.0.2.1]", NULL}, POLICY_AUTHOR_NONE, "no author domain"},
        {{" a@b.example, c@d.example", NULL}, POLICY_AUTHOR_MULTIPLE, "several author domains"},
    };
    static const struct policy_header_caps caps = {.max_fields = 10, .max_octets = 10000};
    struct base_arena *arena = base_arena_create(1 << 16, NULL);
    struct policy_header header;
    struct policy_author got;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        base_arena_reset(arena);
        policy_header_init(&header, arena);
        policy_header_append(&header, &caps, BASE_TEXT("Subject"), BASE_TEXT(" x@y.example"));
        for (size_t k = 0; cases[i].values[k] != NULL; k++)
            policy_header_append(&header, &caps, base_text_of(k == 1 ? "FROM" : "From"),
                                 base_text_of(cases[i].values[k]));
        policy_author_read(&header, &got);
        assert_int_equal(got.outcome, cases[i].outcome);
        if (cases[i].reason != NULL)
            assert_string_equal(got.reason, cases[i].reason);
    }
    base_arena_reset(arena);
    policy_header_init(&header, arena);
    assert_true(policy_header_append_mark(&header, BASE_TEXT("From")));
    policy_author_read(&header, &got);
    assert_int_equal(got.outcome, POLICY_AUTHOR_INVALID);
    assert_string_equal(got.reason, "From field past a cap");
    base_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everyday),
        cmocka_unit_test(test_white_space_and_comments),
        cmocka_unit_test(test_lists_and_groups),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_internationalized),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
