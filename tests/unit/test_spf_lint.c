/* policy/spf/lint: one zone a row, and the findings it must give, in order. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "dns/resolver.h"
#include "policy/spf/lint.h"

struct row {
    const char *name;
    /* Of example.org. */
    const char *zone;
    /* "severity code term;...", "@" for the record as a whole. */
    const char *want;
    /* Terms, voids of IPv4 and of IPv6. */
    unsigned sums[3];
};

#define TEN_HOSTS                                                                                \
    "@ MX 1 m1\n@ MX 2 m2\n@ MX 3 m3\n@ MX 4 m4\n@ MX 5 m5\n@ MX 6 m6\n@ MX 7 m7\n@ MX 8 m8\n@ " \
    "MX 9 m9\n@ MX 10 m10\n* A 192.0.2.1\n* AAAA 2001:db8::1\n"

static const struct row rows[] = {
    {"good", "@ TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\"\n", "", {0, 0, 0}},
    {"only -all", "@ TXT \"v=spf1 -all\"\n", "", {0, 0, 0}},
    {"softfail", "@ TXT \"v=spf1 ip4:192.0.2.1 ~all\"\n", "", {0, 0, 0}},
    {"in capitals", "@ TXT \"V=SPF1 IP4:192.0.2.1 -ALL\"\n", "", {0, 0, 0}},
    {"NXDOMAIN", "sub TXT \"v=spf1 -all\"\n", "error no-record @;", {0, 0, 0}},
    {"no TXT", "@ A 192.0.2.1\n", "error no-record @;", {0, 0, 0}},
    {"DNS is down", "$FAULT @ TXT SERVFAIL\n", "error dns @;", {0, 0, 0}},
    {"two records",
     "@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 +all\"\n",
     "error several-records @;",
     {0, 0, 0}},
    {"type SPF",
     "@ TXT \"v=spf1 -all\"\n@ SPF \"v=spf1 -all\"\n",
     "warning type-spf @;",
     {0, 0, 0}},
    {"type SPF alone",
     "@ SPF \"v=spf1 -all\"\n",
     "error no-record @;warning type-spf @;",
     {0, 0, 0}},
    {"+all", "@ TXT \"v=spf1 +all\"\n", "error permits-all +all;", {0, 0, 0}},
    {"all without a sign", "@ TXT \"v=spf1 all\"\n", "error permits-all all;", {0, 0, 0}},
    {"?all", "@ TXT \"v=spf1 ?all\"\n", "warning neutral-all ?all;", {0, 0, 0}},
    {"no all", "@ TXT \"v=spf1 ip4:192.0.2.1\"\n", "warning no-all @;", {0, 0, 0}},
    {"empty", "@ TXT \"v=spf1\"\n", "warning no-all @;", {0, 0, 0}},
    {"everything",
     "@ TXT \"v=spf1 ip4:0.0.0.0/0 ip6:::/0 -all\"\n",
     "error permits-all ip4:0.0.0.0/0;error permits-all ip6:::/0;",
     {0, 0, 0}},
    {"nothing at all", "@ TXT \"v=spf1 -ip4:0.0.0.0/0 -all\"\n", "", {0, 0, 0}},
    {"behind all",
     "@ TXT \"v=spf1 -all a mx:other.example include:gone.example\"\n",
     "warning after-all a;warning after-all mx:other.example;"
     "warning after-all include:gone.example;",
     {0, 0, 0}},
    {"a second all", "@ TXT \"v=spf1 ~all -all\"\n", "warning after-all -all;", {0, 0, 0}},
    {"redirect beside all",
     "@ TXT \"v=spf1 redirect=gone.example -all\"\n",
     "warning after-all redirect=gone.example;",
     {0, 0, 0}},
    {"redirect",
     "@ TXT \"v=spf1 redirect=_spf.example.org\"\n_spf TXT \"v=spf1 -all\"\n",
     "",
     {1, 0, 0}},
    {"redirect to nowhere",
     "@ TXT \"v=spf1 redirect=_spf.example.org\"\n",
     "error missing-include redirect=_spf.example.org;",
     {1, 0, 0}},
    {"redirect to ?all",
     "@ TXT \"v=spf1 redirect=_spf.example.org\"\n_spf TXT \"v=spf1 ?all\"\n",
     "warning neutral-all ?all;",
     {1, 0, 0}},
    {"ptr", "@ TXT \"v=spf1 ptr -all\"\n", "warning ptr ptr;", {1, 0, 0}},
    {"syntax",
     "@ TXT \"v=spf1 ip4:192.0.2.256 foo a:b -all\"\n",
     "error syntax ip4:192.0.2.256;error syntax foo;error syntax a:b;",
     {0, 0, 0}},
    {"comma",
     "@ TXT \"v=spf1 ip4:192.0.2.1,ip4:192.0.2.2 -all\"\n",
     "error syntax ip4:192.0.2.1,ip4:192.0.2.2;",
     {0, 0, 0}},
    {"two redirects",
     "@ TXT \"v=spf1 redirect=a.example.org redirect=a.example.org\"\na TXT \"v=spf1 -all\"\n",
     "error syntax redirect=a.example.org;",
     {1, 0, 0}},
    {"not ASCII",
     "@ TXT \"v=spf1 a:b\\195\\188cher.example -all\"\n",
     "error syntax @;error syntax a:b??cher.example;",
     {0, 0, 0}},
    {"tab for a blank",
     "@ TXT \"v=spf1\\009-all\"\n",
     "warning no-version @;error no-record @;",
     {0, 0, 0}},

    /* Strings. */
    {"two strings, a blank between", "@ TXT \"v=spf1 ip4:192.0.2.1 \" \"-all\"\n", "", {0, 0, 0}},
    {"the blank at the other side", "@ TXT \"v=spf1 ip4:192.0.2.1\" \" -all\"\n", "", {0, 0, 0}},
    {"words joined",
     "@ TXT \"v=spf1 ip4:192.0.2.1\" \"ip4:192.0.2.2 -all\"\n",
     "error joined-strings ip4:192.0.2.1ip4:192.0.2.2;error syntax ip4:192.0.2.1ip4:192.0.2.2;",
     {0, 0, 0}},
    {"words joined to a good term",
     "@ TXT \"v=spf1 include:a.example.org\" \"a:b.example.org -all\"\n",
     "error joined-strings include:a.example.orga:b.example.org;"
     "error missing-include include:a.example.orga:b.example.org;",
     {1, 0, 0}},
    {"version joined",
     "@ TXT \"v=spf1\" \"ip4:192.0.2.1 -all\"\n",
     "error joined-strings v=spf1ip4:192.0.2.1;warning no-version @;error no-record @;",
     {0, 0, 0}},
    {"all joined",
     "@ TXT \"v=spf1 a\" \"-all\"\n@ A 192.0.2.1\n@ AAAA 2001:db8::1\n",
     "error joined-strings a-all;error syntax a-all;warning no-all @;",
     {0, 0, 0}},
    {"cut within a word", "@ TXT \"v=spf1 ip4:192.0\" \".2.1 -all\"\n", "", {0, 0, 0}},
    {"cut within a word, behind what could be one",
     "@ TXT \"v=spf1 ip4:192.0.2.1\" \"28 -all\"\n",
     "",
     {0, 0, 0}},
    {"joined over an empty string",
     "@ TXT \"v=spf1 ip4:192.0.2.1\" \"\" \"ip4:192.0.2.2 -all\"\n",
     "error joined-strings ip4:192.0.2.1ip4:192.0.2.2;error syntax ip4:192.0.2.1ip4:192.0.2.2;",
     {0, 0, 0}},
    {"empty strings", "@ TXT \"\" \"v=spf1 \" \"\" \"-all\" \"\"\n", "", {0, 0, 0}},

    /* Branches. */
    {"include",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 ip4:192.0.2.1\"\n",
     "",
     {1, 0, 0}},
    {"?all of an include says nothing",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 ip4:192.0.2.1 ?all\"\n",
     "",
     {1, 0, 0}},
    {"+all of an include permits all",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 +all\"\n",
     "error permits-all +all;",
     {1, 0, 0}},
    {"missing include",
     "@ TXT \"v=spf1 include:a.example.org include:b.example.org -all\"\nb A 192.0.2.1\n",
     "error missing-include include:a.example.org;error missing-include include:b.example.org;",
     {2, 0, 0}},
    {"include of two records",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 -all\"\na TXT \"v=spf1 ~all\"\n",
     "error several-records @;",
     {1, 0, 0}},
    {"include that DNS does not give",
     "@ TXT \"v=spf1 include:a.example.org -all\"\n$FAULT a TXT TIMEOUT\n",
     "error dns include:a.example.org;",
     {1, 0, 0}},
    {"loop of one",
     "@ TXT \"v=spf1 include:example.org -all\"\n",
     "error loop include:example.org;",
     {1, 0, 0}},
    {"loop of three",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 include:b.example.org -all\"\n"
     "b TXT \"v=spf1 redirect=Example.ORG\"\n",
     "error loop redirect=Example.ORG;",
     {3, 0, 0}},
    {"twice is no loop",
     "@ TXT \"v=spf1 include:a.example.org include:b.example.org -all\"\n"
     "a TXT \"v=spf1 include:c.example.org\"\nb TXT \"v=spf1 include:c.example.org\"\n"
     "c TXT \"v=spf1 ip4:192.0.2.1\"\n",
     "",
     {4, 0, 0}},
    {"an include behind all is not walked",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 ~all include:b.example.org\"\n",
     "warning after-all include:b.example.org;",
     {1, 0, 0}},

    /* Look-ups. */
    {"seven",
     "@ TXT \"v=spf1 a a a a a a a -all\"\n@ A 192.0.2.1\n@ AAAA 2001:db8::1\n",
     "",
     {7, 0, 0}},
    {"eight",
     "@ TXT \"v=spf1 a a a a a a a a -all\"\n@ A 192.0.2.1\n@ AAAA 2001:db8::1\n",
     "warning many-lookups @;",
     {8, 0, 0}},
    {"ten, over branches",
     "@ TXT \"v=spf1 a a include:b.example.org include:b.example.org -all\"\n"
     "@ A 192.0.2.1\n@ AAAA 2001:db8::1\nb A 192.0.2.1\nb AAAA 2001:db8::1\n"
     "b TXT \"v=spf1 a a a\"\n",
     "warning many-lookups @;",
     {10, 0, 0}},
    {"eleven",
     "@ TXT \"v=spf1 a a a include:b.example.org include:b.example.org -all\"\n"
     "@ A 192.0.2.1\n@ AAAA 2001:db8::1\nb A 192.0.2.1\nb AAAA 2001:db8::1\n"
     "b TXT \"v=spf1 a a a\"\n",
     "error too-many-lookups @;",
     {11, 0, 0}},
    {"fan out",
     "@ TXT \"v=spf1 include:a.example.org include:a.example.org include:a.example.org -all\"\n"
     "a TXT \"v=spf1 include:b.example.org include:b.example.org include:b.example.org\"\n"
     "b TXT \"v=spf1 include:c.example.org include:c.example.org include:c.example.org\"\n"
     "c TXT \"v=spf1 include:d.example.org include:d.example.org include:d.example.org\"\n"
     "d TXT \"v=spf1 ip4:192.0.2.1\"\n",
     "error too-many-lookups @;",
     {100, 0, 0}},
    {"one that finds nothing",
     "@ TXT \"v=spf1 a:no.example.org -all\"\n",
     "warning void-lookup a:no.example.org;",
     {1, 1, 1}},
    {"three that find nothing",
     "@ TXT \"v=spf1 a:no.example.org mx exists:no.example.org -all\"\n",
     "warning void-lookup a:no.example.org;warning void-lookup mx;"
     "warning void-lookup exists:no.example.org;error too-many-voids @;",
     {3, 3, 3}},
    {"three that find nothing for IPv6",
     "@ TXT \"v=spf1 a mx a:m.example.org -all\"\n@ A 192.0.2.1\n@ MX 1 m\nm A 192.0.2.2\n",
     "error too-many-voids @;",
     {3, 0, 3}},
    {"two that find nothing for IPv6",
     "@ TXT \"v=spf1 a mx -all\"\n@ A 192.0.2.1\n@ MX 1 m\nm A 192.0.2.2\n",
     "",
     {2, 0, 2}},
    {"address that DNS does not give",
     "@ TXT \"v=spf1 a -all\"\n$FAULT @ A SERVFAIL\n",
     "error dns a;",
     {1, 0, 0}},
    {"ten hosts", "@ TXT \"v=spf1 mx -all\"\n" TEN_HOSTS, "", {1, 0, 0}},
    {"eleven hosts",
     "@ TXT \"v=spf1 mx -all\"\n" TEN_HOSTS "@ MX 11 m11\n",
     "error too-many-hosts mx;",
     {1, 0, 0}},
    {"no mail exchanger",
     "@ TXT \"v=spf1 mx -all\"\n@ MX 0 .\n",
     "warning void-lookup mx;",
     {1, 1, 1}},

    /* Macros. */
    {"macro of the message",
     "@ TXT \"v=spf1 exists:%{i}._spf.%{d} include:%{l}.example.org -all\"\n",
     "note macro exists:%{i}._spf.%{d};note macro include:%{l}.example.org;",
     {2, 0, 0}},
    {"macro of the domain",
     "@ TXT \"v=spf1 include:_spf.%{d} redirect=%{o}\"\n_spf TXT \"v=spf1 a:%{d2}\"\n"
     "@ A 192.0.2.1\n@ AAAA 2001:db8::1\n",
     "error loop redirect=%{o};",
     {3, 0, 0}},
    {"bad macro",
     "@ TXT \"v=spf1 include:%{x}.example.org -all\"\n",
     "error syntax include:%{x}.example.org;",
     {0, 0, 0}},
    {"no such name",
     "@ TXT \"v=spf1 include:a..example.org -all\"\n",
     "error malformed-name include:a..example.org;",
     {1, 0, 0}},

    /* Explanations. */
    {"explanation",
     "@ TXT \"v=spf1 -all exp=e.example.org\"\ne TXT \"%{i} 100%%\"\n",
     "",
     {0, 0, 0}},
    {"no explanation",
     "@ TXT \"v=spf1 -all exp=e.example.org\"\n",
     "warning explanation e.example.org;",
     {0, 0, 0}},
    {"bad explanation",
     "@ TXT \"v=spf1 -all exp=e.example.org\"\ne TXT \"100%\"\n",
     "warning explanation e.example.org;",
     {0, 0, 0}},
    {"explanation of an include is never used",
     "@ TXT \"v=spf1 include:a.example.org -all\"\na TXT \"v=spf1 -all exp=gone.example.org\"\n",
     "",
     {1, 0, 0}},
};

struct work {
    struct dns_resolver *resolver;
    struct base_clock clock;
    struct dns_budget budget;
    struct base_arena *arena;
    struct dns_lookups *lookups;
    struct spf_lint_report report;
};

static void run(struct work *work, const char *zone, size_t memory)
{
    struct dns_lookups_options options = {.clock = &work->clock, .max_questions = 400};
    struct base_error error = {""};
    struct base_buf text;
    struct dns_name domain;

    *work = (struct work){.clock = base_clock_manual(1000)};
    base_buf_init(&text, NULL, 1 << 20);
    base_buf_appendf(&text, "$ORIGIN example.org.\n$TTL 60\n%s", zone);
    work->resolver = dns_zone_create(base_buf_text(&text), "zone", &error);
    base_buf_deinit(&text);
    if (work->resolver == NULL)
        fail_msg("%s", error.text);
    options.resolver = work->resolver;
    work->arena = base_arena_create(memory, NULL);
    work->lookups = dns_lookups_create(work->arena, &options);
    dns_lookups_set_budget(work->lookups, &work->budget);
    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    const struct spf_lint_request request = {work->arena, work->lookups, &domain};

    spf_lint(&request, &work->report);
}

static void done(struct work *work)
{
    dns_lookups_destroy(&work->lookups);
    base_arena_destroy(&work->arena);
    dns_resolver_destroy(&work->resolver);
}

static void describe(const struct spf_lint_report *report, struct base_buf *out)
{
    for (const struct policy_finding *it = report->found.first; it != NULL; it = it->next) {
        base_buf_appendf(out, "%s %s ", policy_severity_text(it->severity), it->word);
        for (size_t i = 0; i < it->term.length; i++)
            base_buf_append_char(out,
                                 base_ascii_is_print(it->term.data[i]) ? it->term.data[i] : '?');
        base_buf_append_cstr(out, it->term.length == 0 ? "@;" : ";");
        assert_true(strlen(it->text) > 5);
        assert_true(strlen(it->mend) > 5);
        assert_true(it->domain.length > 0);
    }
}

static void check(const struct row *row)
{
    struct work work;
    struct base_buf got;

    run(&work, row->zone, (size_t)16 << 20);
    base_buf_init(&got, NULL, 1 << 16);
    describe(&work.report, &got);
    if (strcmp(base_buf_cstr(&got), row->want) != 0)
        fail_msg("%s: %s", row->name, base_buf_cstr(&got));
    const struct spf_lint_report *it = &work.report;

    if (it->terms != row->sums[0] || it->voids4 != row->sums[1] || it->voids6 != row->sums[2])
        fail_msg("%s: terms %u, voids %u and %u", row->name, it->terms, it->voids4, it->voids6);
    base_buf_deinit(&got);
    done(&work);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i]);
}

/* A record of `octets` octets, in strings of 255. */
static void make_record(struct base_buf *zone, size_t octets)
{
    struct base_buf record;

    base_buf_init(&record, NULL, 1 << 20);
    base_buf_append_cstr(&record, "v=spf1");
    while (record.length + 14 + 5 <= octets)
        base_buf_append_cstr(&record, " ip4:192.0.2.1");
    base_buf_append_cstr(&record, " -all");
    while (record.length < octets)
        base_buf_append_char(&record, ' ');
    base_buf_append_cstr(zone, "@ TXT");
    for (size_t at = 0; at < record.length; at += 255)
        base_buf_appendf(zone, " \"%.*s\"", 255, base_buf_cstr(&record) + at);
    base_buf_append_char(zone, '\n');
    base_buf_deinit(&record);
}

static void test_sizes(void **state)
{
    static const struct {
        size_t octets;
        const char *more;
        const char *want;
    } sizes[] = {
        /* Beside the name's 11. */
        {439, "", ""},
        {440, "", "note long-answer @;"},
        {450, "", "note long-answer @;"},
        {451, "", "warning long-record @;"},
        {2000, "", "warning long-record @;"},
        {400, "@ TXT \"some-verification=12345678901234567890123456789012345678901234\"\n",
         "note long-answer @;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct work work;
        struct base_buf zone;
        struct base_buf got;

        base_buf_init(&zone, NULL, 1 << 20);
        base_buf_init(&got, NULL, 1 << 16);
        make_record(&zone, sizes[i].octets);
        base_buf_append_cstr(&zone, sizes[i].more);
        run(&work, base_buf_cstr(&zone), (size_t)16 << 20);
        describe(&work.report, &got);
        if (strcmp(base_buf_cstr(&got), sizes[i].want) != 0)
            fail_msg("%zu octets: %s", sizes[i].octets, base_buf_cstr(&got));
        done(&work);
        base_buf_deinit(&got);
        base_buf_deinit(&zone);
    }
}

/* A full string that ends and begins with whole terms, by chance: the joined word is good. */
static void test_full_string(void **state)
{
    struct work work;
    struct base_buf zone;
    struct base_buf got;

    (void)state;
    base_buf_init(&zone, NULL, 4096);
    base_buf_init(&got, NULL, 4096);
    base_buf_append_cstr(&zone, "@ TXT \"v=spf1");
    while (zone.length < 7 + 255 - 16)
        base_buf_append_cstr(&zone, " ");
    base_buf_append_cstr(&zone, "ip4:192.168.0.11\" \"a:b.example.org -all\"\n");
    run(&work, base_buf_cstr(&zone), (size_t)16 << 20);
    describe(&work.report, &got);
    assert_string_equal(base_buf_cstr(&got), "error joined-strings ip4:192.168.0.11a:b.example.org;"
                                             "error syntax ip4:192.168.0.11a:b.example.org;");
    done(&work);
    base_buf_clear(&zone);
    base_buf_clear(&got);
    base_buf_append_cstr(&zone, "@ TXT \"v=spf1");
    while (zone.length < 7 + 255 - 16)
        base_buf_append_cstr(&zone, " ");
    base_buf_append_cstr(&zone, "include:c.exampl\" \"a -all\"\nc.example TXT \"v=spf1 -all\"\n");
    run(&work, base_buf_cstr(&zone), (size_t)16 << 20);
    describe(&work.report, &got);
    assert_string_equal(base_buf_cstr(&got), "warning joined-strings include:c.exampla;"
                                             "error missing-include include:c.exampla;");
    done(&work);
    base_buf_deinit(&got);
    base_buf_deinit(&zone);
}

/* Whatever the memory, no crash; and the arena says that it was not enough. */
static void test_memory(void **state)
{
    (void)state;
    for (size_t memory = 4096; memory < 40000; memory += 512) {
        struct work work = {NULL};

        run(&work, "@ TXT \"v=spf1 a mx include:%{i} -all exp=x.%{d}\"\n" TEN_HOSTS, memory);
        if (work.report.found.notes == 0)
            assert_true(base_arena_is_exhausted(work.arena));
        done(&work);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_full_string),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
