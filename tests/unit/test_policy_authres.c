/* policy/authres: which Authentication-Results fields claim to be ours (RFC 8601 sections 2.2, 5).
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "policy/authres.h"
#include "policy/edits.h"
#include "policy/header.h"

/* Ours: mx.example.org, old.example.org, bücher.example. */
static struct policy_authserv_ids *make_ids(void)
{
    static const struct conf_item more[] = {
        {.text = "Old.Example.ORG"},
        {.text = "b\xc3\xbc"
                 "cher.example"},
    };
    struct conf_item id = {.text = "mx.example.org"};
    struct conf_list list = {.count = 2, .items = more};
    struct base_error error;

    struct policy_authserv_ids *ids = policy_authserv_ids_create(&id, &list, &error);
    assert_non_null(ids);
    return ids;
}

struct row {
    struct base_text value;
    bool want;
};

#define OURS(value)            \
    {                          \
        BASE_TEXT(value), true \
    }
#define THEIRS(value)           \
    {                           \
        BASE_TEXT(value), false \
    }

static void check(const struct row *rows, size_t count)
{
    struct policy_authserv_ids *ids = make_ids();

    for (size_t i = 0; i < count; i++)
        if (policy_authres_claims(ids, BASE_TEXT("j.example.org"), rows[i].value) != rows[i].want)
            fail_msg("row %zu: %s", i, rows[i].value.data);
    policy_authserv_ids_destroy(&ids);
    assert_null(ids);
}
#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void test_ours(void **state)
{
    static const struct row rows[] = {
        OURS(" mx.example.org; none"),
        OURS("mx.example.org; dkim=pass header.d=bank.example"),
        OURS(" mx.example.org;none"),
        OURS(" mx.example.org"),
        OURS(" mx.example.org;"),
        OURS(" MX.EXAMPLE.ORG; none"),
        OURS(" Mx.Example.Org ; none"),
        OURS(" mx.example.org.; none"),
        OURS(" mx.example.org 1; none"),
        OURS(" mx.example.org 01 ; none"),
        OURS(" mx.example.org 2; none"),
        OURS("\tmx.example.org\t;\tnone"),
        OURS("\n mx.example.org\n ; none"),
        OURS("\r\n\tmx.example.org\r\n\t1\r\n\t; none"),
        OURS(" (comment) mx.example.org (another); none"),
        OURS(" (a(b)c)mx.example.org(d); none"),
        OURS(" (\\)) mx.example.org; none"),
        OURS(" (evil.example; ) mx.example.org; none"),
        OURS(" \"mx.example.org\"; none"),
        OURS(" \"MX\\.Example.org\"; none"),
        OURS(" \" mx.example.org \"; none"),
        OURS(" \"mx.example.org\" 1; none"),
        OURS(" (x)\"mx.example.org\"(y)1(z); none"),
        OURS(" old.example.org; none"),
        OURS(" j.example.org; none"),
        OURS(" b\xc3\xbc"
             "cher.example; none"),
        OURS(" xn--bcher-kva.example; none"),
        OURS(" \"B\xc3\x9c"
             "CHER.example\"; none"),
        OURS(" bu\xcc\x88"
             "cher.example; none"),
        /* Full-width letter, ideographic full stop, soft hyphen: mapped away by IDNA. */
        OURS(" \xef\xbd\x8dx.example.org; none"),
        OURS(" mx\xe3\x80\x82"
             "example.org; none"),
        OURS(" mx.exam\xc2\xadple.org; none"),
    };

    (void)state;
    CHECK(rows);
}

static void test_unreadable(void **state)
{
    static const struct row rows[] = {
        OURS(""),
        OURS(" "),
        OURS(" (comment)"),
        OURS(" ; none"),
        OURS(" \"\"; none"),
        OURS(" \"mx.example.org; none"),
        OURS(" (mx.example.org; none"),
        OURS(" evil.example (; mx.example.org; none"),
        OURS(" \"evil.example\\"),
        OURS(" spf=pass smtp.mailfrom=evil.example"),
        OURS(" evil.example mx.example.org; none"),
        OURS(" evil.example, mx.example.org; none"),
        OURS(" evil.example/mx.example.org; none"),
        OURS(" mx.example.org/abc; none"),
        OURS(" <mx.example.org>; none"),
        OURS(" evil.example@mx.example.org; none"),
        OURS(" evil.example:25; none"),
        OURS(" evil.example 1 mx.example.org; none"),
        OURS(" evil.example 1x; none"),
        OURS(" evil.example\0; none"),
        OURS(" evil.example; none\0"),
        OURS(" evil.example; none\nAuthentication-Results: mx.example.org; dmarc=pass"),
        OURS(" evil.example; none\rmx.example.org"),
        OURS(" evil.example; none\r"),
        OURS(" evil.example; none\n"),
        OURS(" evil\x01.example; none"),
        OURS(" evil..example; none"),
        OURS(" .; none"),
        OURS(" evil+host; none"),
        OURS(" \"evil example\"; none"),
        OURS(" \"evil.example\"x; none"),
        OURS(" =?utf-8?q?mx.example.org?=; none"),
        OURS(" evil\xff.example; none"),
        OURS(" mx.example.org\xff; none"),
        OURS(" )mx.example.org; none"),
        OURS(" evil.example) ; none"),
        /* Readers without nested comments, quoted pairs, or with quotes in comments. */
        OURS(" ((a) mx.example.org; dmarc=pass) mx.example.com; none"),
        OURS(" (\\)mx.example.org; dmarc=pass) mx.example.com; none"),
        OURS(" (\") MX.Example.org; dmarc=pass (\") mx.example.com; none"),
        OURS(" (\") mx.example.com; none (\") mx.example.org; dmarc=pass"),
        OURS(" (\") mx.example.com (\") old.example.org; dmarc=pass"),
        OURS(" ((a) \"mx\\.example.org\"; dmarc=pass) mx.example.com; none"),
        OURS(" ((a)\n mx.exam\n ple.org; dmarc=pass) mx.example.com; none"),
        OURS(" (\\)j.example.org; dmarc=pass) mx.example.com; none"),
        OURS(" ((a) xn--bcher-kva.example; dmarc=pass) mx.example.com; none"),
        OURS(" ((a) b\xc3\xbc"
             "cher.example; dmarc=pass) mx.example.com; none"),
    };

    (void)state;
    CHECK(rows);
}

static void test_theirs(void **state)
{
    static const struct row rows[] = {
        THEIRS(" mx.example.com; none"),
        THEIRS(" mx.example.org.evil.example; none"),
        THEIRS(" xmx.example.org; none"),
        THEIRS(" example.org; none"),
        THEIRS(" sub.mx.example.org; none"),
        THEIRS(" mx-example.org; none"),
        THEIRS(" bucher.example; none"),
        THEIRS(" localhost; none"),
        THEIRS(" mx.example.com 1; none"),
        THEIRS(" mx.example.com"),
        THEIRS(" (mx.example.org) mx.example.com; none"),
        THEIRS(" mx.example.com (mx.example.org); none"),
        THEIRS(" (a (nested) comment) mx.example.com; none"),
        THEIRS(" (a \\(quoted\\) \"comment\") mx.example.com; none"),
        THEIRS(" mx.example.com ((a) mx.example.org); none"),
        THEIRS(" (a) mx.example.com (\"); none (\") mx.example.org; dmarc=pass"),
        THEIRS(" ((a) mx.example.net, mx.example.o) mx.example.com; none"),
        THEIRS(" \"mx.example.com\"; none"),
        THEIRS(" mx.example.com; dkim=pass header.d=mx.example.org"),
        THEIRS(" mx.example.com; mx.example.org; none"),
        THEIRS(" mx.example.com; dkim=pass reason=\"(\" (unclosed"),
        THEIRS(" mx.example.com; dkim=none header.d=none;mx.example.com;"),
        THEIRS("\r\n\tmx.example.com;\r\n\tdkim=pass"),
        THEIRS(" mx.google.com;\n       dkim=pass header.i=@b.example header.s=s header.b=Ab"),
        THEIRS(" \xe4\xbe\x8b\xe3\x81\x88.example; none"),
        THEIRS(" a_b.example; none"),
        THEIRS(" 192.0.2.1; none"),
    };

    (void)state;
    CHECK(rows);
}

static void test_ids_are_checked(void **state)
{
    static const struct conf_item bad = {.text = "mx example.org", .where = {"x.conf", 7}};
    static const struct conf_item none = {.text = NULL};
    static const struct conf_list empty;
    struct conf_list list = {.count = 1, .items = &bad};
    struct base_error error;

    (void)state;
    assert_null(policy_authserv_ids_create(&bad, &empty, &error));
    assert_non_null(strstr(error.text, "x.conf:7: authserv-id: \"mx example.org\""));
    assert_null(policy_authserv_ids_create(&none, &list, &error));
    assert_non_null(strstr(error.text, "x.conf:7: authserv-ids: "));
    struct policy_authserv_ids *ids = policy_authserv_ids_create(&none, &empty, &error);
    assert_non_null(ids);
    assert_false(policy_authres_claims(ids, (struct base_text){NULL, 0}, BASE_TEXT(" mx; none")));
    assert_true(policy_authres_claims(ids, (struct base_text){NULL, 0}, BASE_TEXT(" a b; none")));
    policy_authserv_ids_destroy(&ids);
}

static void test_remove(void **state)
{
    static const struct policy_header_caps caps = {.max_fields = 1000, .max_octets = 100000};
    struct policy_authserv_ids *ids = make_ids();
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    struct policy_header header;
    struct policy_edits edits;
    unsigned removed = 0, last = 0;

    (void)state;
    policy_header_init(&header, arena);
    policy_edits_init(&edits, arena);
    for (unsigned i = 0; i < 20; i++) {
        policy_header_append(&header, &caps, BASE_TEXT("authentication-RESULTS"),
                             i % 3 == 0 ? BASE_TEXT(" mx.example.org; none")
                                        : BASE_TEXT(" mx.example.com; none"));
        policy_header_append(&header, &caps, BASE_TEXT("X-Authentication-Results"),
                             BASE_TEXT(" mx.example.org; none"));
    }
    /* An insertion of our own is never taken for a forgery. */
    assert_true(policy_edits_insert(&edits, &header, BASE_TEXT("Authentication-Results"),
                                    BASE_TEXT(" mx.example.org; none")));
    assert_true(
        policy_authres_remove(&header, &edits, ids, (struct base_text){NULL, 0}, 200, &removed));
    assert_int_equal(removed, 7);
    for (const struct policy_edit *edit = edits.first; edit->op == POLICY_EDIT_DELETE;
         edit = edit->next) {
        assert_int_equal(edit->index % 3, 1);
        assert_true(last == 0 || edit->index < last);
        last = edit->index;
    }
    assert_int_equal(policy_header_count(&header, BASE_TEXT("Authentication-Results")), 14);
    base_arena_destroy(&arena);
    policy_authserv_ids_destroy(&ids);
}

static void test_caps(void **state)
{
    static const struct policy_header_caps caps = {.max_fields = 9, .max_octets = 100000};
    struct policy_authserv_ids *ids = make_ids();
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    struct policy_header header;
    struct policy_edits edits;
    unsigned removed = 0;

    (void)state;
    policy_header_init(&header, arena);
    policy_edits_init(&edits, arena);
    for (unsigned i = 0; i < 9; i++)
        policy_header_append(&header, &caps, BASE_TEXT("Authentication-Results"),
                             BASE_TEXT(" mx.example.com; none"));
    assert_true(policy_header_append_mark(&header, BASE_TEXT("Authentication-Results")));
    /* At the cap only what was left out goes, below it all that were not looked at. */
    assert_true(
        policy_authres_remove(&header, &edits, ids, (struct base_text){NULL, 0}, 9, &removed));
    assert_int_equal(removed, 1);
    assert_int_equal(edits.first->index, 10);
    assert_true(
        policy_authres_remove(&header, &edits, ids, (struct base_text){NULL, 0}, 8, &removed));
    assert_int_equal(removed, 1);
    assert_int_equal(edits.first->next->index, 9);
    base_arena_destroy(&arena);

    /* No room for all deletions is not "all were removed". */
    arena = base_arena_create(6000, NULL);
    policy_header_init(&header, arena);
    policy_edits_init(&edits, arena);
    while (policy_header_append_mark(&header, BASE_TEXT("Authentication-Results")))
        continue;
    assert_false(
        policy_authres_remove(&header, &edits, ids, (struct base_text){NULL, 0}, 8, &removed));
    base_arena_destroy(&arena);
    policy_authserv_ids_destroy(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ours),   cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_theirs), cmocka_unit_test(test_ids_are_checked),
        cmocka_unit_test(test_remove), cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
