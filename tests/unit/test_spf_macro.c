/* policy/spf/macro: RFC 7208 section 7. Expansions are read off an explanation, where every letter
 * may stand, and off the name that a term asks for. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/spf/macro.h"
#include "policy/spf/record.h"
#include "tests/unit/spf_world.h"

struct row {
    const char *macro;
    const char *want;
};

/* The examples of section 7.4: strong-bad@email.example.com, 192.0.2.3. */
#define DOMAIN "email.example.com"
#define LOCAL  "strong-bad"

static void expand(const char *macro, const char *client, const char *local, const char *helo,
                   const char *want)
{
    struct base_buf zone;
    struct spf_world world;

    base_buf_init(&zone, NULL, 65536);
    base_buf_append_cstr(&zone, DOMAIN ". TXT \"v=spf1 -all exp=x.%{d}\"\nx." DOMAIN ". TXT \"");
    base_buf_append_cstr(&zone, macro);
    base_buf_append_cstr(&zone, "\"\n3.2.0.192.in-addr.arpa. PTR mx.example.org.\n"
                                "mx.example.org. A 192.0.2.3\n");
    struct spf_setting setting = {.zone = base_buf_cstr(&zone),
                                  .client = client,
                                  .domain = DOMAIN,
                                  .local = local,
                                  .helo = helo};
    spf_world_run(&world, &setting);
    if (!base_text_equals(world.outcome.explanation, base_text_of(want)))
        fail_msg("%s: \"%.*s\"", macro, (int)world.outcome.explanation.length,
                 world.outcome.explanation.data);
    spf_world_deinit(&world);
    base_buf_deinit(&zone);
}

static void test_rfc_examples(void **state)
{
    static const struct row rows[] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expand(rows[i].macro, "192.0.2.3", LOCAL, "mx.example.org", rows[i].want);
}

static void test_letters(void **state)
{
    static const struct row rows[] = {
        {"%{i} %{c} %{v}", "192.0.2.3 192.0.2.3 in-addr"},
        {"%{h}", "mx.example.org"},
        {"%{p}", "mx.example.org"},
        {"%{p2} %{pr}", "example.org org.example.mx"},
        {"%{r}", "mx.example.com"},
        {"%{t}", "1795348800"},
        {"%%|%_|%-", "%| |%20"},
        {"%%%%", "%%"},
        {"%{t1}%{t99}%{t999999999999999999999}", "179534880017953488001795348800"},
        {"%{h.} %{h1.} %{h9r.}", "mx.example.org org org.example.mx"},
        {"plain text, \\\"quoted\\\" {d} $ 5~", "plain text, \"quoted\" {d} $ 5~"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expand(rows[i].macro, "192.0.2.3", LOCAL, "mx.example.org", rows[i].want);
}

static void test_ipv6(void **state)
{
    static const struct row rows[] = {
        {"%{i}", "2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B.0.1"},
        {"%{ir}", "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2"},
        {"%{i2}", "0.1"},
        {"%{i2r}", "0.2"},
        {"%{v} %{c}", "ip6 2001:db8::cb01"},
        {"%{p}", "unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expand(rows[i].macro, "2001:db8::cb01", LOCAL, "mx.example.org", rows[i].want);
}

/* The whole set of delimiters, empty parts, more digits than parts. */
static void test_delimiters(void **state)
{
    static const struct row rows[] = {
        {"%{l}", "a-b+c,d/e_f=g.h"},
        {"%{l.}", "a-b+c,d/e_f=g.h"},
        {"%{l-}", "a.b+c,d/e_f=g.h"},
        {"%{l+}", "a-b.c,d/e_f=g.h"},
        {"%{l,}", "a-b+c.d/e_f=g.h"},
        {"%{l/}", "a-b+c,d.e_f=g.h"},
        {"%{l_}", "a-b+c,d/e.f=g.h"},
        {"%{l=}", "a-b+c,d/e_f.g.h"},
        {"%{l.-+,/_=}", "a.b.c.d.e.f.g.h"},
        {"%{lr=_/,+-.}", "h.g.f.e.d.c.b.a"},
        {"%{l3.-+,/_=}", "f.g.h"},
        {"%{l3r.-+,/_=}", "c.b.a"},
        {"%{l8-+,/_=.}", "a.b.c.d.e.f.g.h"},
        {"%{l128r-+,/_=.}", "h.g.f.e.d.c.b.a"},
        {"%{l1=}", "g.h"},
        {"%{lR=}", "g.h.a-b+c,d/e_f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expand(rows[i].macro, "192.0.2.3", "a-b+c,d/e_f=g.h", "mx.example.org", rows[i].want);
}

static void test_empty_parts(void **state)
{
    static const struct row rows[] = {
        {"%{l}", "-a--b-"}, {"%{l-}", ".a..b."}, {"%{lr-}", ".b..a."},
        {"%{l1-}", ""},     {"%{l2-}", "b."},    {"%{l2r-}", "a."},
        {"%{l3-}", ".b."},  {"%{l1r-}", ""},     {"[%{l1r-}]", "[]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expand(rows[i].macro, "192.0.2.3", "-a--b-", "mx.example.org", rows[i].want);
}

/* Upper case letters: RFC 3986 "unreserved" stays, all else is escaped. */
static void test_escapes(void **state)
{
    (void)state;
    expand("%{L}", "192.0.2.3", "aZ09-._~", "h", "aZ09-._~");
    expand("%{L}", "192.0.2.3", " !\"#$%&'()*+,/", "h",
           "%20%21%22%23%24%25%26%27%28%29%2A%2B%2C%2F");
    expand("%{L}", "192.0.2.3", ":;<=>?@[\\]^`{|}", "h",
           "%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D");
    expand("%{L}", "192.0.2.3", "\xc3\xbc", "h", "%C3%BC");
    expand("%{S}", "192.0.2.3", "a+b", "h", "a%2Bb%40email.example.com");
    expand("%{S2R+}", "192.0.2.3", "a+b", "h", "b%40email.example.com.a");
    expand("%{L+}", "192.0.2.3", "a+b&c", "h", "a.b%26c");
    expand("%{O}|%{D}|%{V}", "192.0.2.3", "x", "h", "email.example.com|email.example.com|in-addr");
    expand("%{I}|%{C}|%{H}|%{P}|%{R}|%{T}", "192.0.2.3", "x", "a b",
           "192.0.2.3|192.0.2.3|a%20b|mx.example.org|mx.example.com|1795348800");
    expand("%{C}", "2001:db8::cb01", "x", "h", "2001%3Adb8%3A%3Acb01");
}

static void test_sender(void **state)
{
    (void)state;
    /* 4.3: no local part is postmaster. */
    expand("%{l}|%{s}", "192.0.2.3", "", "h", "postmaster|postmaster@email.example.com");
    expand("%{s}", "192.0.2.3", "a@b", "h", "a@b@email.example.com");
    /* Not US-ASCII: no explanation (6.2). */
    expand("%{l}", "192.0.2.3", "b\xc3\xbc", "h", "");
    expand("%{h}", "192.0.2.3", "x", "", "");
    expand("<%{h}>", "192.0.2.3", "x", "", "<>");
}

/* %{p}: the domain, else a name below it, else any (7.3). */
static void test_validated(void **state)
{
#define PTR "1.2.0.192.in-addr.arpa. PTR "
    static const struct {
        const char *zone;
        const char *want;
    } rows[] = {
        {"", "unknown"},
        {PTR "a.example.net.\na.example.net. A 192.0.2.1\n", "a.example.net"},
        {PTR "a.example.net.\na.example.net. A 192.0.2.2\n", "unknown"},
        {PTR "a.example.net.\n" PTR "b\na.example.net. A 192.0.2.1\nb A 192.0.2.1\n",
         "b.example.org"},
        {PTR "b\n" PTR "@\nb A 192.0.2.1\n@ A 192.0.2.1\n", "example.org"},
        {PTR "a.example.net.\n" PTR "b.example.net.\na.example.net. A 192.0.2.1\n"
             "b.example.net. A 192.0.2.1\n",
         "a.example.net"},
        {PTR "a\n$FAULT a A SERVFAIL\n", "unknown"},
        {"$FAULT 1.2.0.192.in-addr.arpa. PTR TIMEOUT\n", "unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_buf zone;
        struct spf_world world;

        base_buf_init(&zone, NULL, 65536);
        base_buf_append_cstr(&zone, "@ TXT \"v=spf1 ?exists:%{p}.x.%{d} -all\"\n");
        base_buf_append_cstr(&zone, rows[i].zone);
        struct spf_setting setting = {.zone = base_buf_cstr(&zone)};
        spf_world_run(&world, &setting);
        char want[256];
        snprintf(want, sizeof(want), "%s.x.example.org", rows[i].want);
        assert_string_equal(world.outcome.record->first->target->text, want);
        assert_int_equal(world.outcome.verdict, SPF_VERDICT_FAIL);
        spf_world_deinit(&world);
        base_buf_deinit(&zone);
    }
}

/* Names: 253 octets at most, labels go from the left; a dot at the end; what is no name. */
static void test_names(void **state)
{
#define L60 "123456789012345678901234567890123456789012345678901234567890"
    static const struct {
        const char *spec;
        const char *local;
        /* NULL: no name. */
        const char *want;
    } rows[] = {
        {"%{l}.%{d}", "Upper", "upper.example.org"},
        {"%{l}.%{d}", "a b", "a b.example.org"},
        {"%{l}.com.", "a", "a.com"},
        {"%{l}.%{d}", "a..b", NULL},
        {"%{l}%{d}", ".", NULL},
        {"%{l}.%{d}", L60 "123", L60 "123.example.org"},
        {"%{l}.%{d}", L60 "1234", NULL},
        {"%{l}.%{l}.%{l}.%{l}.%{d}", L60, L60 "." L60 "." L60 ".example.org"},
        {"a.b.%{l}.%{l}.%{l}.%{l}.a.bcdefg", L60, L60 "." L60 "." L60 "." L60 ".a.bcdefg"},
        {"%{l}.%{l}.%{l}.%{l}.a.bcdefgh", L60, L60 "." L60 "." L60 "." L60 ".a.bcdefgh"},
        {"%{l}.%{l}.%{l}.%{l}.a.bcdefghi", L60, L60 "." L60 "." L60 ".a.bcdefghi"},
        {"%{l}%{l}%{l}%{l}%{l}.com", L60, "com"},
        {"%{l}%{l}%{l}%{l}%{l}%{o4}", L60, "org"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spf_world world;
        char zone[512];

        snprintf(zone, sizeof(zone), "@ TXT \"v=spf1 exists:%s -all\"\n", rows[i].spec);
        struct spf_setting setting = {.zone = zone, .local = rows[i].local};
        spf_world_run(&world, &setting);
        const struct dns_name *target = world.outcome.record->first->target;
        if ((target == NULL) != (rows[i].want == NULL) ||
            (target != NULL && strcmp(target->text, rows[i].want) != 0))
            fail_msg("%s of %s: %s", rows[i].spec, rows[i].local,
                     target == NULL ? "no name" : target->text);
        assert_int_equal(world.outcome.verdict, SPF_VERDICT_FAIL);
        spf_world_deinit(&world);
    }
}

static void test_validity(void **state)
{
    static const struct {
        struct base_text text;
        bool in_domain;
        bool in_explanation;
    } rows[] = {
        {BASE_TEXT(""), true, true},
        {BASE_TEXT("abc"), true, true},
        {BASE_TEXT("a b"), false, true},
        {BASE_TEXT("a\tb"), false, false},
        {BASE_TEXT("a\0b"), false, false},
        {BASE_TEXT("a\x7f"), false, false},
        {BASE_TEXT("\xc3\xbc"), false, false},
        {BASE_TEXT("%"), false, false},
        {BASE_TEXT("%%"), true, true},
        {BASE_TEXT("%%%"), false, false},
        {BASE_TEXT("%_%-"), true, true},
        {BASE_TEXT("% "), false, false},
        {BASE_TEXT("%d"), false, false},
        {BASE_TEXT("%(d)"), false, false},
        {BASE_TEXT("%{"), false, false},
        {BASE_TEXT("%{}"), false, false},
        {BASE_TEXT("%{d"), false, false},
        {BASE_TEXT("%{d }"), false, false},
        {BASE_TEXT("%{ d}"), false, false},
        {BASE_TEXT("%{dd}"), false, false},
        {BASE_TEXT("%{d0}"), false, false},
        {BASE_TEXT("%{d00}"), false, false},
        {BASE_TEXT("%{d01}"), true, true},
        {BASE_TEXT("%{d128}"), true, true},
        {BASE_TEXT("%{d10r.-+,/_=}"), true, true},
        {BASE_TEXT("%{dr10}"), false, false},
        {BASE_TEXT("%{drr}"), false, false},
        {BASE_TEXT("%{d.r}"), false, false},
        {BASE_TEXT("%{d-1}"), false, false},
        {BASE_TEXT("%{d:}"), false, false},
        {BASE_TEXT("%{d}}"), true, true},
        {BASE_TEXT("{d}"), true, true},
        {BASE_TEXT("%{s}%{l}%{o}%{d}%{i}%{p}%{v}%{h}"), true, true},
        {BASE_TEXT("%{S}%{L}%{O}%{D}%{I}%{P}%{V}%{H}"), true, true},
        {BASE_TEXT("%{c}"), false, true},
        {BASE_TEXT("%{R}"), false, true},
        {BASE_TEXT("%{t}"), false, true},
        {BASE_TEXT("%{a}"), false, false},
        {BASE_TEXT("%{x}"), false, false},
        {BASE_TEXT("%{1}"), false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (spf_macro_is_valid(rows[i].text, SPF_MACRO_DOMAIN) != rows[i].in_domain)
            fail_msg("%s in a domain-spec", rows[i].text.data);
        if (spf_macro_is_valid(rows[i].text, SPF_MACRO_EXPLANATION) != rows[i].in_explanation)
            fail_msg("%s in an explanation", rows[i].text.data);
    }
}

static void test_has_local_part(void **state)
{
    static const struct {
        struct base_text text;
        bool want;
    } rows[] = {
        {BASE_TEXT("%{l}"), true},   {BASE_TEXT("a.%{S2r-}.b"), true}, {BASE_TEXT("%{s}"), true},
        {BASE_TEXT("%{L}"), true},   {BASE_TEXT("%{d}.l.s"), false},   {BASE_TEXT("%%{l}"), false},
        {BASE_TEXT("%%%{l}"), true}, {BASE_TEXT(""), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (spf_macro_has_local_part(rows[i].text) != rows[i].want)
            fail_msg("%s", rows[i].text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_examples),   cmocka_unit_test(test_letters),
        cmocka_unit_test(test_ipv6),           cmocka_unit_test(test_delimiters),
        cmocka_unit_test(test_empty_parts),    cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_sender),         cmocka_unit_test(test_validated),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_validity),
        cmocka_unit_test(test_has_local_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
