/* policy/spf/record: selection (RFC 7208 section 4.5) and grammar (section 12). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "policy/spf/record.h"

#define ADDRESS   "an address or its prefix length is wrong"
#define PREFIX    "a prefix length is not a number of its range"
#define SPEC      "a domain-spec is missing or malformed"
#define UNKNOWN   "a mechanism is not known"
#define UNPRINTED "the record has an octet that is not printable ASCII"
#define NO_ARG    "\"all\" takes no argument"
#define TWO_EXP   "\"exp\" is given twice"
#define BAD_EXP   "\"exp\" has no proper domain-spec"
#define TWO_REDIR "\"redirect\" is given twice"
#define BAD_REDIR "\"redirect\" has no proper domain-spec"
#define BAD_MACRO "an unknown modifier has a bad macro"

struct row {
    struct base_text text;
    /* NULL: it follows the grammar. */
    const char *fault;
};

#define GOOD(terms)                      \
    {                                    \
        BASE_TEXT("v=spf1 " terms), NULL \
    }
#define BAD(terms, fault)                   \
    {                                       \
        BASE_TEXT("v=spf1 " terms), (fault) \
    }

static const struct row grammar[] = {
    {BASE_TEXT("v=spf1"), NULL},
    {BASE_TEXT("V=SPF1"), NULL},
    GOOD(""),
    GOOD("   all   "),
    GOOD("ALL"),
    GOOD("+all -all ~all ?all"),
    BAD("*all", UNKNOWN),
    BAD("++all", UNKNOWN),
    BAD("+", UNKNOWN),
    BAD("all:", NO_ARG),
    BAD("all/8", NO_ARG),
    BAD("all.", NO_ARG),
    BAD("a\tmx", UNPRINTED),
    BAD("\rall", UNPRINTED),
    BAD("all\0", UNPRINTED),
    BAD("a:\xc3\xbc.example.com", UNPRINTED),
    BAD("moo", UNKNOWN),
    BAD("moo:example.com", UNKNOWN),
    BAD("-redirect=example.com", UNKNOWN),
    BAD("redirect:example.com", UNKNOWN),
    BAD("=x", UNKNOWN),
    BAD("1a=x", UNKNOWN),
    BAD("v=spf1 %", UNKNOWN),

    GOOD("a a:example.com A:EXAMPLE.COM"),
    GOOD("a:example.com. a:_spf.example.com a:ex-ample.c-m a:a.1-2 a:1.a2"),
    GOOD("a:foo.bar/baz.com a:!$&'()*+,;=<>?@[]^`{|}~.com"),
    GOOD("a:.com"),
    GOOD("a/0 a/32 a//0 a//128 a/0//0 a/32//128"),
    GOOD("a:example.com/0//128"),
    GOOD("a:%{d} a:%{d}/24 a:%{ir}.%{v}._spf.%{d2} a:x%% a:x%_ a:x%-"),
    GOOD("a:example.com%{d} a:%{i}example.com"),
    BAD("a:", SPEC),
    BAD("a:/24", SPEC),
    BAD("a:com", SPEC),
    BAD("a:.", SPEC),
    BAD("a:example.com..", SPEC),
    BAD("a:example.123", SPEC),
    BAD("a:1.2.3.4", SPEC),
    BAD("a:example.com-", SPEC),
    BAD("a:example.-com", SPEC),
    BAD("a:example.c_m", SPEC),
    BAD("a:%{d}.", SPEC),
    BAD("a:%{d}com", SPEC),
    BAD("a:example.%", SPEC),
    BAD("a:example.%com", SPEC),
    BAD("a:example.com:25", SPEC),
    GOOD("a="),
    BAD("a/33", PREFIX),
    BAD("a//129", PREFIX),
    BAD("a/032", PREFIX),
    BAD("a/00", PREFIX),
    BAD("a/", PREFIX),
    BAD("a//", PREFIX),
    BAD("a///24", PREFIX),
    BAD("a/24/", PREFIX),
    BAD("a/24/24", SPEC),
    BAD("a//64/24", SPEC),
    BAD("a/4294967320", PREFIX),
    BAD("a/-1", SPEC),
    BAD("a/24:example.com", SPEC),
    BAD("aexample.com", UNKNOWN),

    GOOD("mx mx:example.com mx/24 mx//64 mx:example.com/24//64"),
    BAD("mx:", SPEC),
    BAD("mx/64", PREFIX),
    BAD("mx:a/64", PREFIX),

    GOOD("ptr ptr:example.com PTR:%{d}"),
    BAD("ptr:", SPEC),
    BAD("ptr/24", SPEC),
    BAD("ptr:example.com/24", SPEC),

    GOOD("include:example.com include:%{d} -include:%{l1r+}.example.com"),
    BAD("include", SPEC),
    BAD("include:", SPEC),
    BAD("include/24", SPEC),
    BAD("include:example.com/24", SPEC),

    GOOD("exists:example.com exists:%{i}._spf.%{d}"),
    BAD("exists", SPEC),
    BAD("exists:", SPEC),
    BAD("exists:example.com/24", SPEC),
    BAD("exists:%{i", SPEC),

    GOOD("ip4:0.0.0.0 ip4:255.255.255.255/32 IP4:192.0.2.0/24 ip4:192.0.2.1/0"),
    BAD("ip4", ADDRESS),
    BAD("ip4:", ADDRESS),
    BAD("ip4:/24", ADDRESS),
    BAD("ip4=192.0.2.1x%", BAD_MACRO),
    BAD("ip4/24", ADDRESS),
    BAD("ip4:192.0.2", ADDRESS),
    BAD("ip4:192.0.2.", ADDRESS),
    BAD("ip4:192.0.2.256", ADDRESS),
    BAD("ip4:192.0.2.01", ADDRESS),
    BAD("ip4:192.0.2.1.1", ADDRESS),
    BAD("ip4:192.0.2.1/33", ADDRESS),
    BAD("ip4:192.0.2.1/", ADDRESS),
    BAD("ip4:192.0.2.1/024", ADDRESS),
    BAD("ip4:192.0.2.1//24", ADDRESS),
    BAD("ip4:192.0.2.1/24/24", ADDRESS),
    BAD("ip4:192.0.2.1:25", ADDRESS),
    BAD("ip4:0xc0.0.2.1", ADDRESS),
    BAD("ip4:192.0.2.1,", ADDRESS),
    BAD("ip4:2001:db8::1", ADDRESS),
    BAD("ip4:192.0.2.1/4294967296", ADDRESS),
    BAD("ip4:000000000000000000000000000000000000000000000000192.0.2.1", ADDRESS),

    GOOD("ip6::: ip6:::1 ip6:2001:DB8::/32 ip6:::ffff:192.0.2.1/128 ip6:1:2:3:4:5:6:7:8/0"),
    BAD("ip6", ADDRESS),
    BAD("ip6:", ADDRESS),
    BAD("ip6:192.0.2.1", ADDRESS),
    BAD("ip6:2001:db8", ADDRESS),
    BAD("ip6:1:2:3:4:5:6:7:8:9", ADDRESS),
    BAD("ip6:1::2::3", ADDRESS),
    BAD("ip6:12345::", ADDRESS),
    BAD("ip6:::1/129", ADDRESS),
    BAD("ip6:::1//64", ADDRESS),
    BAD("ip6:[::1]", ADDRESS),
    BAD("ip6:fe80::1%eth0", ADDRESS),

    GOOD("redirect=example.com"),
    GOOD("REDIRECT=%{d} exp=example.com"),
    BAD("redirect=", BAD_REDIR),
    BAD("redirect=com", BAD_REDIR),
    BAD("redirect=example.com/24", BAD_REDIR),
    BAD("redirect=a.com redirect=a.com", TWO_REDIR),
    BAD("redirect=a.com all Redirect=a.com", TWO_REDIR),
    BAD("exp=", BAD_EXP),
    BAD("exp=%{x}.com", BAD_EXP),
    BAD("exp=%{r}.example.com", BAD_EXP),
    BAD("exp=a.com exp=b.com", TWO_EXP),

    GOOD("x= x=y x=y x.y-z_1=%{d} default=%{s2r+} X=%%%_%-"),
    GOOD("moo.cow-far_out=man:dog/cat"),
    GOOD("x=a/b:c=d"),
    BAD("x=%", BAD_MACRO),
    BAD("x=%(d)", BAD_MACRO),
    BAD("x=%{c}", BAD_MACRO),
    BAD("x:y=z", UNKNOWN),
};

static void test_grammar(void **state)
{
    struct dns_name domain;

    (void)state;
    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    for (size_t i = 0; i < sizeof(grammar) / sizeof(grammar[0]); i++) {
        struct base_arena *arena = base_arena_create(65536, NULL);
        struct spf_record *record = NULL;
        const char *fault = "?";
        bool is_good = spf_record_parse(arena, &domain, grammar[i].text, &record, &fault);

        if (is_good != (grammar[i].fault == NULL))
            fail_msg("%s: %s", grammar[i].text.data, is_good ? "taken" : fault);
        assert_int_equal(record != NULL, is_good);
        if (!is_good && strcmp(fault, grammar[i].fault) != 0)
            fail_msg("%s: %s", grammar[i].text.data, fault);
        base_arena_destroy(&arena);
    }
}

static void check_address(const struct spf_term *term, const unsigned char *octets, size_t length)
{
    assert_memory_equal(term->address, octets, length);
}

/* What a record becomes. */
static void test_terms(void **state)
{
    static const unsigned char ip4[4] = {192, 0, 2, 255};
    static const unsigned char ip6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    struct base_arena *arena = base_arena_create(65536, NULL);
    struct dns_name domain;
    struct spf_record *record;
    const struct spf_term *term;
    const char *fault;

    (void)state;
    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    assert_true(spf_record_parse(arena, &domain,
                                 BASE_TEXT("v=spf1  -ip4:192.0.2.255/7 ~ip6:2001:db8::9/99 "
                                           "redirect=r.%{d} ?A:x.org/5//6 mx ptr exp=e.org"),
                                 &record, &fault));
    assert_string_equal(record->domain.text, "example.org");
    term = record->first;
    assert_int_equal(term->mechanism, SPF_MECHANISM_IP4);
    assert_int_equal(term->qualifier, '-');
    assert_int_equal(term->prefix4, 7);
    check_address(term, ip4, sizeof(ip4));
    assert_true(base_text_equals(term->text, BASE_TEXT("-ip4:192.0.2.255/7")));
    term = term->next;
    assert_int_equal(term->mechanism, SPF_MECHANISM_IP6);
    assert_int_equal(term->qualifier, '~');
    assert_int_equal(term->prefix6, 99);
    check_address(term, ip6, sizeof(ip6));
    term = term->next;
    assert_int_equal(term->mechanism, SPF_MECHANISM_A);
    assert_int_equal(term->qualifier, '?');
    assert_int_equal(term->prefix4, 5);
    assert_int_equal(term->prefix6, 6);
    assert_true(base_text_equals(term->domain_spec, BASE_TEXT("x.org")));
    term = term->next;
    assert_int_equal(term->mechanism, SPF_MECHANISM_MX);
    assert_int_equal(term->qualifier, '+');
    assert_int_equal(term->prefix4, 32);
    assert_int_equal(term->prefix6, 128);
    assert_null(term->domain_spec.data);
    assert_null(term->target);
    assert_int_equal(term->next->mechanism, SPF_MECHANISM_PTR);
    assert_null(term->next->next);
    assert_true(base_text_equals(record->redirect->domain_spec, BASE_TEXT("r.%{d}")));
    assert_true(base_text_equals(record->exp, BASE_TEXT("e.org")));
    assert_false(record->has_all);
    base_arena_destroy(&arena);
}

static void test_memory(void **state)
{
    struct dns_name domain;
    struct spf_record *record;
    const char *fault = "";

    (void)state;
    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    for (size_t cap = 16; cap < 512; cap += 16) {
        struct base_arena *arena = base_arena_create(cap, NULL);

        assert_false(spf_record_parse(arena, &domain, BASE_TEXT("v=spf1 a mx ptr redirect=a.b a a"),
                                      &record, &fault));
        assert_null(fault);
        assert_null(record);
        base_arena_destroy(&arena);
    }
}

struct selection_row {
    const char *name;
    const char *records[4];
    enum spf_selection want;
    /* Which of them. */
    unsigned index;
};

/* TXT RDATA of one string. */
static struct base_text rdata(char storage[256], const char *text)
{
    size_t length = strlen(text);

    storage[0] = (char)length;
    memcpy(storage + 1, text, length);
    return (struct base_text){storage, length + 1};
}

static void test_selection(void **state)
{
    static const struct selection_row rows[] = {
        {"none", {"x", "y"}, SPF_SELECTION_NONE, 0},
        {"one", {"x", "v=spf1", "y"}, SPF_SELECTION_ONE, 1},
        {"with terms", {"v=spf1 all"}, SPF_SELECTION_ONE, 0},
        {"case", {"V=SpF1 all"}, SPF_SELECTION_ONE, 0},
        {"another version", {"v=spf10", "v=spf2.0/pra all", "v=spf1.0"}, SPF_SELECTION_NONE, 0},
        {"no blank", {"v=spf1-all", "v=spf1;", "v=spf1\tall"}, SPF_SELECTION_NONE, 0},
        {"a blank before", {" v=spf1 all"}, SPF_SELECTION_NONE, 0},
        {"short", {"v=spf"}, SPF_SELECTION_NONE, 0},
        {"two", {"v=spf1 a", "x", "v=spf1 b"}, SPF_SELECTION_SEVERAL, 0},
        {"twice the same", {"v=spf1", "v=spf1"}, SPF_SELECTION_SEVERAL, 0},
        {"beside another version", {"v=spf10", "v=spf1 -all"}, SPF_SELECTION_ONE, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char storage[4][256];
        struct base_text records[4];
        struct base_text text = {NULL, 0};
        size_t count = 0;

        for (; count < 4 && rows[i].records[count] != NULL; count++)
            records[count] = rdata(storage[count], rows[i].records[count]);
        struct dns_answer *answer = dns_answer_create(DNS_TYPE_TXT, records, count, 60, false);
        if (spf_record_select(answer, &text) != rows[i].want)
            fail_msg("%s", rows[i].name);
        if (rows[i].want == SPF_SELECTION_ONE)
            assert_true(base_text_equals(text, base_text_of(rows[i].records[rows[i].index])));
        dns_answer_unref(&answer);
    }
}

static void test_words(void **state)
{
    static const char *const words[] = {"all", "include", "a",      "mx",      "ptr",
                                        "ip4", "ip6",     "exists", "redirect"};

    (void)state;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_string_equal(spf_mechanism_text((enum spf_mechanism)i), words[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar), cmocka_unit_test(test_terms),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_selection),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
