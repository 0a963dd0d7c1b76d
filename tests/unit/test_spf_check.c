/* policy/spf: check_host() as a whole (RFC 7208 section 4): limits, faults of DNS, clients. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/spf/record.h"
#include "tests/unit/spf_world.h"

struct row {
    const char *name;
    struct spf_setting setting;
    const char *want;
    /* The deciding term; NULL: none. */
    const char *term;
    /* NULL: none. */
    const char *reason;
    /* 0: whatever. */
    size_t questions;
};

static void check_row(const struct row *row)
{
    struct spf_world world;

    spf_world_run(&world, &row->setting);
    const struct spf_outcome *got = &world.outcome;
    if (strcmp(spf_verdict_text(got->verdict), row->want) != 0)
        fail_msg("%s: %s (%s) instead of %s", row->name, spf_verdict_text(got->verdict),
                 got->reason == NULL ? "-" : got->reason, row->want);
    if (!base_text_equals(got->term, base_text_of(row->term)))
        fail_msg("%s: decided by \"%.*s\"", row->name, (int)got->term.length, got->term.data);
    if ((got->reason == NULL) != (row->reason == NULL) ||
        (row->reason != NULL && strcmp(got->reason, row->reason) != 0))
        fail_msg("%s: reason \"%s\"", row->name, got->reason == NULL ? "-" : got->reason);
    if (row->questions != 0 && spf_world_questions(&world) != row->questions)
        fail_msg("%s: %zu questions", row->name, spf_world_questions(&world));
    spf_world_deinit(&world);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}
#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

#define SPF(text) "@ TXT \"v=spf1 " text "\"\n"

static void test_initial(void **state)
{
    static const struct row rows[] = {
        {"no name", {.zone = "@ A 192.0.2.1\n", .domain = ""}, "none", NULL, "empty name", 0},
        {"single label",
         {.zone = SPF("-all"), .domain = "org"},
         "none",
         NULL,
         "the domain has a single label",
         0},
        {"address literal",
         {.zone = SPF("-all"), .domain = "[192.0.2.1]"},
         "none",
         NULL,
         "the domain is an address literal",
         0},
        {"empty label",
         {.zone = SPF("-all"), .domain = "a..example.org"},
         "none",
         NULL,
         "empty label",
         0},
        {"NXDOMAIN",
         {.zone = SPF("-all"), .domain = "no.example.org"},
         "none",
         NULL,
         "the domain does not exist",
         1},
        {"no TXT", {.zone = "@ A 192.0.2.1\n"}, "none", NULL, "no SPF record", 1},
        {"another TXT", {.zone = "@ TXT \"v=spf10 -all\"\n"}, "none", NULL, "no SPF record", 1},
        {"type SPF is not asked for",
         {.zone = "@ SPF \"v=spf1 -all\"\n"},
         "none",
         NULL,
         "no SPF record",
         1},
        {"two",
         {.zone = SPF("-all") SPF("+all")},
         "permerror",
         NULL,
         "more than one SPF record",
         1},
        {"a dot at the end",
         {.zone = SPF("-all"), .domain = "Example.ORG."},
         "fail",
         "-all",
         NULL,
         1},
        {"strings are joined",
         {.zone = "@ TXT \"v=spf1 ip4:192\" \".0.2.1 -all\"\n"},
         "pass",
         "ip4:192.0.2.1",
         NULL,
         1},
        {"through CNAME",
         {.zone = "@ CNAME a.example.net.\na.example.net. TXT \"v=spf1 ?all\"\n"},
         "neutral",
         "?all",
         NULL,
         1},
        {"empty", {.zone = "@ TXT \"v=spf1\"\n"}, "neutral", NULL, NULL, 1},
        {"an error behind the match",
         {.zone = SPF("+all ip4:1.2.3")},
         "permerror",
         NULL,
         "an address or its prefix length is wrong",
         1},
    };

    (void)state;
    CHECK(rows);
}

static const struct row clients[] = {
    {"127.0.0.1 is no friend",
     {.zone = SPF("-all"), .client = "127.0.0.1"},
     "fail",
     "-all",
     NULL,
     1},
    {"127.1.2.3",
     {.zone = SPF("ip4:127.0.0.0/8 -all"), .client = "127.1.2.3"},
     "pass",
     "ip4:127.0.0.0/8",
     NULL,
     1},
    {"127.0.0.1 is not 192.0.2.1",
     {.zone = SPF("ip4:192.0.2.1 -all"), .client = "127.0.0.1"},
     "fail",
     "-all",
     NULL,
     1},
    {"nor by a",
     {.zone = SPF("a -all") "@ A 192.0.2.1\n", .client = "127.0.0.1"},
     "fail",
     "-all",
     NULL,
     2},
    {"127.0.0.1 by a",
     {.zone = SPF("a/31 -all") "@ A 127.0.0.0\n", .client = "127.0.0.1"},
     "pass",
     "a/31",
     NULL,
     2},
    {"::1 is no friend", {.zone = SPF("-all"), .client = "::1"}, "fail", "-all", NULL, 1},
    {"::1 by mx",
     {.zone = SPF("mx -all") "@ MX 1 m\nm AAAA ::1\n", .client = "::1"},
     "pass",
     "mx",
     NULL,
     3},
    {"::1 is not 2001:db8::1",
     {.zone = SPF("ip6:2001:db8::1 a -all") "@ AAAA 2001:db8::1\n", .client = "::1"},
     "fail",
     "-all",
     NULL,
     2},
    {"mapped",
     {.zone = SPF("ip4:192.0.2.0/24 -all"), .client = "::ffff:192.0.2.9"},
     "pass",
     "ip4:192.0.2.0/24",
     NULL,
     1},
    {"mapped is no IPv6",
     {.zone = SPF("ip6:::/0 -all"), .client = "::ffff:192.0.2.9"},
     "fail",
     "-all",
     NULL,
     1},
    {"compatible is IPv6",
     {.zone = SPF("ip6:::/96 -all"), .client = "::192.0.2.9"},
     "pass",
     "ip6:::/96",
     NULL,
     1},
    {"/0 of ip4", {.zone = SPF("ip4:10.0.0.1/0 -all")}, "pass", "ip4:10.0.0.1/0", NULL, 1},
    {"/0 of ip6 for IPv4", {.zone = SPF("ip6:::/0 -all")}, "fail", "-all", NULL, 1},
    {"/0 of a", {.zone = SPF("a/0 -all") "@ A 10.0.0.1\n"}, "pass", "a/0", NULL, 2},
    {"/0 of a without an address", {.zone = SPF("a/0 -all")}, "fail", "-all", NULL, 2},
    {"//0 of a for IPv4", {.zone = SPF("a//0 -all") "@ A 10.0.0.1\n"}, "fail", "-all", NULL, 2},
    {"//0 of mx",
     {.zone = SPF("-mx//0 +all") "@ MX 1 m\nm AAAA ::5\n", .client = "2001:db8::9"},
     "fail",
     "-mx//0",
     NULL,
     3},
    {"/32", {.zone = SPF("a/32 -all") "@ A 192.0.2.1\n"}, "pass", "a/32", NULL, 2},
    {"//127",
     {.zone = SPF("a//127 -all") "@ AAAA 2001:db8::8\n", .client = "2001:db8::9"},
     "pass",
     "a//127",
     NULL,
     2},
    {"IPv6 asks AAAA alone",
     {.zone = SPF("a -all") "@ A 192.0.2.1\n", .client = "2001:db8::9"},
     "fail",
     "-all",
     NULL,
     2},
    {"exists asks A alone",
     {.zone = SPF("exists:e.%{d} -all") "e AAAA ::1\n", .client = "::2"},
     "fail",
     "-all",
     NULL,
     2},
    {"exists for IPv6",
     {.zone = SPF("exists:e.%{d} -all") "e A 10.0.0.1\n", .client = "::2"},
     "pass",
     "exists:e.%{d}",
     NULL,
     2},
};

static void test_clients(void **state)
{
    (void)state;
    CHECK(clients);
}

/* Terms that ask DNS are counted over all records together. */
static void test_terms(void **state)
{
#define TEN_A                                                                          \
    "a:h.example.org a:h.example.org a:h.example.org a:h.example.org a:h.example.org " \
    "a:h.example.org a:h.example.org a:h.example.org a:h.example.org a:h.example.org "
#define H "h A 10.0.0.1\n"
    static const struct row rows[] = {
        {"ten, one question", {.zone = SPF(TEN_A "-all") H}, "fail", "-all", NULL, 2},
        {"eleven",
         {.zone = SPF(TEN_A "a:h.example.org -all") H},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         2},
        {"the eleventh is not reached",
         {.zone = SPF(TEN_A "-ip4:192.0.2.1 a:x.example.org +all") H},
         "fail",
         "-ip4:192.0.2.1",
         NULL,
         2},
        {"the tenth matches",
         {.zone = SPF("mx mx mx mx mx mx mx mx mx exists:h.%{d} mx -all") "@ MX 1 h\n" H},
         "pass",
         "exists:h.%{d}",
         NULL,
         3},
        {"redirect is the eleventh",
         {.zone = SPF(TEN_A "redirect=h.example.org") H "h TXT \"v=spf1 -all\"\n"},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         2},
        {"ten with the redirect",
         {.zone = SPF("a:h.example.org a:h.example.org a:h.example.org "
                      "a:h.example.org a:h.example.org a:h.example.org "
                      "a:h.example.org a:h.example.org a:h.example.org "
                      "redirect=h.example.org") H "h TXT \"v=spf1 -all\"\n"},
         "fail",
         "-all",
         NULL,
         3},
        {"over includes",
         {.zone = SPF("include:i.example.org include:i.example.org a:h.example.org -all") H
          "i TXT \"v=spf1 a:h.example.org a:h.example.org a:h.example.org "
          "a:h.example.org -all\"\n"},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         3},
        {"ten over includes",
         {.zone = SPF("include:i.example.org include:i.example.org -all") H
          "i TXT \"v=spf1 a:h.example.org a:h.example.org a:h.example.org "
          "a:h.example.org -all\"\n"},
         "fail",
         "-all",
         NULL,
         3},
        {"include of itself",
         {.zone = SPF("include:example.org -all")},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         1},
        {"redirect to itself",
         {.zone = SPF("redirect=example.org")},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         1},
        {"ptr counts",
         {.zone =
              SPF("ptr ptr ptr ptr ptr ptr ptr ptr ptr ptr ptr -all") "1.2.0.192.in-addr.arpa. PTR "
                                                                      "h\n" H},
         "permerror",
         NULL,
         "too many terms that ask DNS",
         3},
        {"ip4, ip6, all, exp do not",
         {.zone = SPF("ip4:1.1.1.1 ip6:::5 exp=e.%{d} " TEN_A "-all") H},
         "fail",
         "-all",
         NULL,
         3},
    };

    (void)state;
    CHECK(rows);
}

static void test_depth(void **state)
{
    struct base_buf zone;
    struct row row;

    (void)state;
    base_buf_init(&zone, NULL, 65536);
    for (int i = 0; i < 10; i++)
        base_buf_appendf(&zone, "%s%d TXT \"v=spf1 include:n%d.example.org -all\"\n", "n", i,
                         i + 1);
    base_buf_append_cstr(&zone, "n10 TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
    row = (struct row){"ten includes deep",
                       {.zone = base_buf_cstr(&zone), .domain = "n0.example.org"},
                       "pass",
                       "include:n1.example.org",
                       NULL,
                       11};
    check_row(&row);
    row.name = "eleven";
    base_buf_append_cstr(&zone, "n TXT \"v=spf1 include:n0.example.org -all\"\n");
    row.setting = (struct spf_setting){.zone = base_buf_cstr(&zone), .domain = "n.example.org"};
    row.want = "permerror";
    row.term = NULL;
    row.reason = "too many terms that ask DNS";
    check_row(&row);
    base_buf_clear(&zone);
    for (int i = 0; i < 10; i++)
        base_buf_appendf(&zone, "%s%d TXT \"v=spf1 redirect=n%d.example.org\"\n", "n", i, i + 1);
    base_buf_append_cstr(&zone, "n10 TXT \"v=spf1 ~all exp=e.%{d}\"\n");
    row = (struct row){"ten redirects deep",
                       {.zone = base_buf_cstr(&zone), .domain = "n0.example.org"},
                       "softfail",
                       "~all",
                       NULL,
                       11};
    check_row(&row);
    base_buf_deinit(&zone);
}

/* RFC 7208 section 4.6.4, last paragraphs. */
static void test_voids(void **state)
{
#define VOIDS "too many look-ups found nothing"
    static const struct row rows[] = {
        {"two", {.zone = SPF("a:n1.%{d} exists:n2.%{d} -all")}, "fail", "-all", NULL, 3},
        {"three",
         {.zone = SPF("a:n1.%{d} mx:n2.%{d} exists:n3.%{d} -all")},
         "permerror",
         NULL,
         VOIDS,
         4},
        {"NODATA counts", {.zone = SPF("a mx exists:%{d} -all")}, "permerror", NULL, VOIDS, 3},
        {"the same name thrice",
         {.zone = SPF("a:n.%{d} a:n.%{d} a:n.%{d} -all")},
         "permerror",
         NULL,
         VOIDS,
         2},
        {"over includes",
         {.zone =
              SPF("a:n1.%{d} include:i.%{d} a:n4.%{d} -all") "i TXT \"v=spf1 a:n2.%{d} -all\"\n"},
         "permerror",
         NULL,
         VOIDS,
         5},
        {"an mx is one term",
         {.zone = SPF("mx -all") "@ MX 1 a\n@ MX 2 b\n@ MX 3 c\na A 10.0.0.1\n"
                                 "b A 10.0.0.2\nc A 10.0.0.3\n",
          .client = "2001:db8::9"},
         "fail",
         "-all",
         NULL,
         5},
        {"three of them are three",
         {.zone = SPF("mx mx mx -all") "@ MX 1 a\na A 10.0.0.1\n", .client = "2001:db8::9"},
         "permerror",
         NULL,
         VOIDS,
         3},
        {"a null MX asks nothing more",
         {.zone = SPF("mx mx mx -all") "@ MX 0 .\n"},
         "fail",
         "-all",
         NULL,
         2},
        {"ptr counts", {.zone = SPF("ptr a:n1.%{d} a:n2.%{d} -all")}, "permerror", NULL, VOIDS, 4},
        {"%{p} is its term's",
         {.zone = SPF("exists:%{p}.%{d} a:n1.%{d} -all")},
         "fail",
         "-all",
         NULL,
         4},
        {"names that cannot be are not asked for",
         {.zone = SPF("a:..org a:a..org exists:.org mx:x..org "
                      "-all")},
         "fail",
         "-all",
         NULL,
         1},
        {"the explanation is free",
         {.zone = SPF("a:n1.%{d} a:n2.%{d} -all exp=n3.%{d}")},
         "fail",
         "-all",
         NULL,
         4},
    };

    (void)state;
    CHECK(rows);
}

/* `format` takes the number of the line. */
#define APPEND_HOSTS(zone, format, count)        \
    do {                                         \
        for (int i = 1; i <= (count); i++)       \
            base_buf_appendf((zone), format, i); \
    } while (0)

static void test_hosts(void **state)
{
    struct base_buf zone;
    struct row row = {"ten MX", {.zone = NULL}, "pass", "mx", NULL, 12};

    (void)state;
    base_buf_init(&zone, NULL, 65536);
    base_buf_append_cstr(&zone, SPF("mx -all") "h10 A 192.0.2.1\n");
    APPEND_HOSTS(&zone, "@ MX 1%1$d h%1$d\n", 10);
    APPEND_HOSTS(&zone, "h%d A 10.0.0.1\n", 9);
    row.setting.zone = base_buf_cstr(&zone);
    check_row(&row);
    base_buf_append_cstr(&zone, "@ MX 1 h1.example.net.\n");
    row = (struct row){"eleven MX", {.zone = base_buf_cstr(&zone)}, "permerror",
                       NULL,        "more than 10 MX hosts",        2};
    check_row(&row);
    base_buf_clear(&zone);
    base_buf_append_cstr(&zone, SPF("ptr -all") "h10 A 192.0.2.1\nh11 A 192.0.2.1\n");
    APPEND_HOSTS(&zone, "1.2.0.192.in-addr.arpa. PTR h%d\n", 11);
    APPEND_HOSTS(&zone, "h%d A 10.0.0.1\n", 9);
    row = (struct row){"the tenth PTR", {.zone = base_buf_cstr(&zone)}, "pass", "ptr", NULL, 12};
    check_row(&row);
    base_buf_clear(&zone);
    base_buf_append_cstr(&zone, SPF("ptr -all") "h11 A 192.0.2.1\n");
    APPEND_HOSTS(&zone, "1.2.0.192.in-addr.arpa. PTR h%d\n", 11);
    APPEND_HOSTS(&zone, "h%d A 10.0.0.1\n", 10);
    row =
        (struct row){"the eleventh PTR", {.zone = base_buf_cstr(&zone)}, "fail", "-all", NULL, 12};
    check_row(&row);
    base_buf_deinit(&zone);
}

static void test_ptr(void **state)
{
#define PTR1 "1.2.0.192.in-addr.arpa. PTR "
    static const struct row rows[] = {
        {"below the domain",
         {.zone = SPF("ptr -all") PTR1 "a.b\na.b A 192.0.2.1\n"},
         "pass",
         "ptr",
         NULL,
         3},
        {"the domain", {.zone = SPF("ptr -all") PTR1 "@\n@ A 192.0.2.1\n"}, "pass", "ptr", NULL, 3},
        {"by label, not by octets",
         {.zone = SPF("ptr -all") PTR1 "xexample.org.\n"
                                       "xexample.org. A 192.0.2.1\n"},
         "fail",
         "-all",
         NULL,
         3},
        {"not confirmed",
         {.zone = SPF("ptr -all") PTR1 "a\na A 192.0.2.2\n"},
         "fail",
         "-all",
         NULL,
         3},
        {"PTR fails",
         {.zone = SPF("ptr -all") "$FAULT 1.2.0.192.in-addr.arpa. PTR SERVFAIL\n"},
         "fail",
         "-all",
         NULL,
         2},
        {"a name's A fails",
         {.zone = SPF("ptr -all") PTR1 "a\n" PTR1 "b\n$FAULT a A TIMEOUT\n"
                                       "b A 192.0.2.1\n"},
         "pass",
         "ptr",
         NULL,
         4},
        {"another domain",
         {.zone = SPF("ptr:example.net -all") PTR1 "a.example.net.\n"
                                                   "a.example.net. A 192.0.2.1\n"},
         "pass",
         "ptr:example.net",
         NULL,
         3},
        {"IPv6",
         {.zone = SPF("ptr -all") "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
                                  ".ip6.arpa. PTR a\na AAAA 2001:db8::1\n",
          .client = "2001:db8::1"},
         "pass",
         "ptr",
         NULL,
         3},
        {"two ptr ask once",
         {.zone = SPF("ptr:example.net ptr:example.com ptr -all") PTR1 "a\n"
                                                                       "a A 192.0.2.1\n"},
         "pass",
         "ptr",
         NULL,
         3},
    };

    (void)state;
    CHECK(rows);
}

/* A failure for now is temperror wherever its answer would be used, but for ptr. */
static void test_faults(void **state)
{
    static const struct row rows[] = {
        {"the record", {.zone = "$FAULT @ TXT SERVFAIL\n"}, "temperror", NULL, "servfail", 1},
        {"it times out", {.zone = "$FAULT @ TXT TIMEOUT\n"}, "temperror", NULL, "timeout", 1},
        {"it is bogus", {.zone = "$FAULT @ TXT BOGUS\n"}, "temperror", NULL, "bogus", 1},
        {"NXDOMAIN is none",
         {.zone = "$FAULT @ TXT NXDOMAIN\n"},
         "none",
         NULL,
         "the domain does not exist",
         1},
        {"a", {.zone = SPF("a +all") "$FAULT @ A SERVFAIL\n"}, "temperror", NULL, "servfail", 2},
        {"AAAA",
         {.zone = SPF("a +all") "@ A 192.0.2.1\n$FAULT @ AAAA TIMEOUT\n", .client = "::5"},
         "temperror",
         NULL,
         "timeout",
         2},
        {"mx", {.zone = SPF("mx +all") "$FAULT @ MX TIMEOUT\n"}, "temperror", NULL, "timeout", 2},
        {"an MX host",
         {.zone = SPF("mx +all") "@ MX 1 a\n@ MX 2 b\na A 10.0.0.1\n$FAULT b A TIMEOUT\n"},
         "temperror",
         NULL,
         "timeout",
         4},
        {"a host behind the one that matches",
         {.zone = SPF("mx -all") "@ MX 1 a\n@ MX 2 b\na A 192.0.2.1\n"
                                 "$FAULT b A TIMEOUT\n"},
         "pass",
         "mx",
         NULL,
         0},
        {"exists",
         {.zone = SPF("exists:e.%{d} +all") "$FAULT e A SERVFAIL\n"},
         "temperror",
         NULL,
         "servfail",
         2},
        {"include",
         {.zone = SPF("include:i.%{d} +all") "$FAULT i TXT SERVFAIL\n"},
         "temperror",
         NULL,
         "servfail",
         2},
        {"in an include",
         {.zone = SPF("include:i.%{d} +all") "i TXT \"v=spf1 a -all\"\n$FAULT i A TIMEOUT\n"},
         "temperror",
         NULL,
         "timeout",
         3},
        {"redirect",
         {.zone = SPF("redirect=i.%{d}") "$FAULT i TXT SERVFAIL\n"},
         "temperror",
         NULL,
         "servfail",
         2},
        {"the explanation",
         {.zone = SPF("-all exp=e.%{d}") "$FAULT e TXT SERVFAIL\n"},
         "fail",
         "-all",
         NULL,
         2},
        {"not reached",
         {.zone = SPF("ip4:192.0.2.1 a -all") "$FAULT @ A SERVFAIL\n"},
         "pass",
         "ip4:192.0.2.1",
         NULL,
         1},
    };

    (void)state;
    CHECK(rows);
}

static const struct row includes[] = {
    {"its pass",
     {.zone = SPF("~include:i.%{d} -all") "i TXT \"v=spf1 +all\"\n"},
     "softfail",
     "~include:i.%{d}",
     NULL,
     2},
    {"its fail",
     {.zone = SPF("include:i.%{d} ?all") "i TXT \"v=spf1 -all\"\n"},
     "neutral",
     "?all",
     NULL,
     2},
    {"its softfail",
     {.zone = SPF("include:i.%{d} ?all") "i TXT \"v=spf1 ~ip4:192.0.2.1 +all\"\n"},
     "neutral",
     "?all",
     NULL,
     2},
    {"its neutral",
     {.zone = SPF("include:i.%{d} -all") "i TXT \"v=spf1\"\n"},
     "fail",
     "-all",
     NULL,
     2},
    {"its redirect's pass",
     {.zone = SPF("include:i.%{d} -all") "i TXT \"v=spf1 redirect=j.example.org\"\n"
                                         "j TXT \"v=spf1 ip4:192.0.2.1\"\n"},
     "pass",
     "include:i.%{d}",
     NULL,
     3},
    {"its permerror",
     {.zone = SPF("include:i.%{d} +all") "i TXT \"v=spf1 x\"\n"},
     "permerror",
     NULL,
     "a mechanism is not known",
     2},
    {"none",
     {.zone = SPF("include:i.%{d} +all")},
     "permerror",
     NULL,
     "the domain does not exist",
     2},
    {"no record",
     {.zone = SPF("include:i.%{d} +all") "i A 10.0.0.1\n"},
     "permerror",
     NULL,
     "no SPF record",
     2},
    {"two records",
     {.zone = SPF("include:i.%{d} +all") "i TXT \"v=spf1\"\ni TXT \"v=spf1 +all\"\n"},
     "permerror",
     NULL,
     "more than one SPF record",
     2},
    {"no name",
     {.zone = SPF("include:i..%{d} +all")},
     "permerror",
     NULL,
     "a name to include is malformed",
     1},
    {"a single label",
     {.zone = SPF("include:%{d1} +all") "org. TXT \"v=spf1 +all\"\n"},
     "permerror",
     NULL,
     "a name to include is malformed",
     1},
    {"redirect to a single label",
     {.zone = SPF("redirect=%{d1}") "org. TXT \"v=spf1 +all\"\n"},
     "permerror",
     NULL,
     "a name to include is malformed",
     1},
    {"redirect to none",
     {.zone = SPF("redirect=i.%{d}")},
     "permerror",
     NULL,
     "the domain does not exist",
     2},
    {"redirect beside all", {.zone = SPF("redirect=i.%{d} ?all")}, "neutral", "?all", NULL, 1},
    {"redirect beside a match",
     {.zone = SPF("redirect=i.%{d} -ip4:192.0.2.1")},
     "fail",
     "-ip4:192.0.2.1",
     NULL,
     1},
    {"redirect stands anywhere",
     {.zone = SPF("redirect=i.%{d} -ip4:192.0.2.2") "i TXT \"v=spf1 ~all\"\n"},
     "softfail",
     "~all",
     NULL,
     2},
    {"%{d} of the include is its own",
     {.zone = SPF("include:i.%{d} -all") "i TXT \"v=spf1 exists:%{d}.%{o}\"\n"
                                         "i.example.org A 10.0.0.1\n"
                                         "i.example.org.example.org. A 10.0.0.1\n"},
     "pass",
     "include:i.%{d}",
     NULL,
     3},
};

static void test_include(void **state)
{
    (void)state;
    CHECK(includes);
}

/* RFC 8616 section 4: a term with %{s} or %{l} matches nothing. */
static void test_utf8_local_part(void **state)
{
#define UTF8             \
    .local = "b\xc3\xbc" \
             "cher"
#define STAR "*.example.org. A 10.0.0.1\n*.example.org. TXT \"v=spf1 +all\"\n"
    static const struct row rows[] = {
        {"exists", {.zone = SPF("exists:%{l}.%{d} -all") STAR, UTF8}, "fail", "-all", NULL, 1},
        {"%{S}", {.zone = SPF("exists:%{S1r-}.%{d} -all") STAR, UTF8}, "fail", "-all", NULL, 1},
        {"a/0", {.zone = SPF("a:%{l}.%{d}/0 -all") STAR, UTF8}, "fail", "-all", NULL, 1},
        {"include", {.zone = SPF("include:%{l}.%{d} -all") STAR, UTF8}, "fail", "-all", NULL, 1},
        {"redirect", {.zone = SPF("redirect=%{l}.%{d}") STAR, UTF8}, "neutral", NULL, NULL, 1},
        {"another macro",
         {.zone = SPF("exists:%{o}.%{d} -all") STAR, UTF8},
         "pass",
         "exists:%{o}.%{d}",
         NULL,
         2},
        {"ASCII", {.zone = SPF("exists:%{l}.%{d} -all") STAR}, "pass", "exists:%{l}.%{d}", NULL, 2},
    };

    (void)state;
    CHECK(rows);
}

struct text_row {
    const char *name;
    struct spf_setting setting;
    const char *want;
};

static void test_explanation(void **state)
{
#define EXP(text) SPF("-all exp=e.%{d}") "e TXT \"" text "\"\n"
    static const struct text_row rows[] = {
        {"plain", {.zone = EXP("See me.")}, "See me."},
        {"macros of explanations",
         {.zone = EXP("%{c} %{r} %{t}")},
         "192.0.2.1 mx.example.com 1795348800"},
        {"none of a pass", {.zone = SPF("+all exp=e.%{d}") "e TXT \"x\"\n"}, NULL},
        {"none of a softfail", {.zone = SPF("~all exp=e.%{d}") "e TXT \"x\"\n"}, NULL},
        {"two", {.zone = EXP("a") "e TXT \"b\"\n"}, NULL},
        {"in strings", {.zone = SPF("-all exp=e.%{d}") "e TXT \"a\" \" b\" \"c\"\n"}, "a bc"},
        {"syntax", {.zone = EXP("100% of it")}, NULL},
        {"a control", {.zone = EXP("a\\010b")}, NULL},
        {"8-bit", {.zone = EXP("a\\200b")}, NULL},
        {"a percent", {.zone = EXP("%%s%%n%_%-")}, "%s%n %20"},
        {"8-bit in %{h}", {.zone = EXP("%{h}"), .helo = "m\xc3\xbc.example"}, NULL},
        {"CR LF in %{h}", {.zone = EXP("%{h}"), .helo = "a\r\n550 b"}, NULL},
        {"escaped", {.zone = EXP("%{H}"), .helo = "a\r\n550 b"}, "a%0D%0A550%20b"},
        {"of the redirect",
         {.zone = SPF(
              "redirect=r.%{d} exp=e.%{d}") "e TXT \"no\"\n"
                                            "r TXT \"v=spf1 -all exp=f.example.org\"\nf TXT \"%{d} "
                                            "%{o}\"\n"},
         "r.example.org example.org"},
        {"not of an include",
         {.zone = SPF("include:i.%{d} -all") "i TXT \"v=spf1 -all exp=e.example.org\"\n"
                                             "e TXT \"no\"\n"},
         NULL},
        {"4096 octets",
         {.zone = EXP("%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}"
                      "%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}"),
          .helo = "0123456789012345678901234567890123456789012345678901234567890123456"
                  "0123456789012345678901234567890123456789012345678901234567890123456"},
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spf_world world;

        spf_world_run(&world, &rows[i].setting);
        struct base_text got = world.outcome.explanation;
        if ((got.data == NULL) != (rows[i].want == NULL) ||
            !base_text_equals(got, base_text_of(rows[i].want)))
            fail_msg("%s: \"%.*s\"", rows[i].name, (int)got.length, got.data);
        assert_int_equal(world.outcome.explanation_domain.data == NULL, rows[i].want == NULL);
        spf_world_deinit(&world);
    }
}

static void test_explanation_unwanted(void **state)
{
    struct spf_setting setting = {.zone = EXP("See me.")};
    struct spf_world world;

    (void)state;
    spf_world_init(&world, &setting);
    world.request.want_explanation = false;
    spf_check_host(&world.request, &world.outcome);
    assert_int_equal(world.outcome.verdict, SPF_VERDICT_FAIL);
    assert_null(world.outcome.explanation.data);
    assert_int_equal(spf_world_questions(&world), 1);
    spf_world_deinit(&world);
}

static void test_only_all(void **state)
{
    static const struct {
        const char *record;
        bool want;
    } rows[] = {
        {SPF("-all"), true},
        {SPF("  -ALL "), true},
        {SPF("-all exp=e.%{d}"), true},
        {SPF("-all x=y"), true},
        {SPF("~all"), false},
        {SPF("all"), false},
        {SPF("a -all"), false},
        {SPF("-all a"), false},
        {SPF("-ip4:0.0.0.0/0"), false},
        {SPF("redirect=r.%{d}") "r TXT \"v=spf1 -all\"\n", false},
        {SPF("x -all"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct spf_setting setting = {.zone = rows[i].record};
        struct spf_world world;

        spf_world_run(&world, &setting);
        if (world.outcome.is_only_all != rows[i].want)
            fail_msg("%s", rows[i].record);
        spf_world_deinit(&world);
    }
}

/* The end of a long record counts as much as its beginning (libspf2 alone cuts it). */
static void test_long_records(void **state)
{
    struct base_buf zone;
    struct row row;

    (void)state;
    base_buf_init(&zone, NULL, (size_t)1 << 20);
    base_buf_append_cstr(&zone, "@ TXT \"v=spf1\"");
    APPEND_HOSTS(&zone, " \" ip4:10.0.%1$d.0/24 ip6:2001:db8:%1$d::/48\"", 250);
    base_buf_append_cstr(&zone, " \" ip4:192.0.2.0/24 -all\"\n");
    row = (struct row){
        "in the last of 501", {.zone = base_buf_cstr(&zone)}, "pass", "ip4:192.0.2.0/24", NULL, 1};
    check_row(&row);
    row = (struct row){"in none of them",
                       {.zone = base_buf_cstr(&zone), .client = "198.51.100.1"},
                       "fail",
                       "-all",
                       NULL,
                       1};
    check_row(&row);
    row = (struct row){"in the 500th", {.zone = base_buf_cstr(&zone), .client = "2001:db8:250::1"},
                       "pass",         "ip6:2001:db8:250::/48",
                       NULL,           1};
    check_row(&row);
    base_buf_clear(&zone);
    base_buf_append_cstr(&zone, SPF("include:i.%{d} include:i.%{d} include:i.%{d} include:i.%{d} "
                                    "include:i.%{d} include:i.%{d} include:i.%{d} include:i.%{d} "
                                    "include:i.%{d} include:i.%{d} -all") "i TXT \"v=spf1\"");
    APPEND_HOSTS(&zone, " \" ip4:10.0.%1$d.0/24 ip6:2001:db8:%1$d::/48\"", 250);
    base_buf_append_cstr(&zone, " \" ?all\"\n");
    row = (struct row){"ten of them", {.zone = base_buf_cstr(&zone)}, "fail", "-all", NULL, 2};
    check_row(&row);
    base_buf_deinit(&zone);
}

/* RFC 1035: no TXT record in DNS is longer than 65535 octets, strings' lengths included. */
static void test_too_long(void **state)
{
    char *text = base_mem_alloc(SPF_RECORD_MAX + 2);
    struct base_arena *arena = base_arena_create((size_t)8 << 20, NULL);
    struct dns_name domain;
    struct spf_record *record;
    const char *fault = NULL;

    (void)state;
    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    memset(text, ' ', SPF_RECORD_MAX + 1);
    memcpy(text, "v=spf1", 6);
    assert_true(spf_record_parse(arena, &domain, (struct base_text){text, SPF_RECORD_MAX}, &record,
                                 &fault));
    assert_false(spf_record_parse(arena, &domain, (struct base_text){text, SPF_RECORD_MAX + 1},
                                  &record, &fault));
    assert_string_equal(fault, "the record is longer than 64 KiB");
    base_arena_destroy(&arena);
    base_mem_free(text);
}

/* Wherever memory runs out, the result is temperror and never another one. */
static void test_memory(void **state)
{
    static const struct spf_setting setting = {
        .zone = SPF("exists:%{ir}.%{p}.%{d} mx include:i.%{d} a:%{l}.%{h}.%{d} -all "
                    "exp=e.%{d}") "@ MX 1 m\nm A 10.0.0.1\n1.2.0.192.in-addr.arpa. "
                                  "PTR m.example.org.\n"
                                  "i TXT \"v=spf1 ip4:10.0.0.1 a:m.example.org "
                                  "redirect=j.example.org\"\n"
                                  "j TXT \"v=spf1 mx:example.org ~all\"\ne TXT "
                                  "\"%{h}%{h}%{h}%{h} is not %{d}\"\n"};
    size_t enough = 0;
    unsigned short_runs = 0;

    (void)state;
    for (size_t memory = 1024; enough == 0; memory += 64) {
        struct spf_setting tight = setting;
        struct spf_world world;

        tight.memory = memory;
        spf_world_init(&world, &tight);
        spf_check_host(&world.request, &world.outcome);
        if (base_arena_is_exhausted(world.arena)) {
            assert_string_equal(spf_verdict_text(world.outcome.verdict), "temperror");
            assert_string_equal(world.outcome.reason, "no memory left");
            short_runs++;
        } else {
            assert_string_equal(spf_verdict_text(world.outcome.verdict), "fail");
            assert_non_null(world.outcome.explanation.data);
            enough = memory;
        }
        spf_world_deinit(&world);
    }
    assert_true(short_runs > 50);
}

/* The tree that the command prints. */
static void test_tree(void **state)
{
    static const struct spf_setting setting = {
        .zone = SPF("a ?mx:%{d2} include:i.%{d} -all") "@ A 10.0.0.1\n@ MX 1 h\nh A 10.0.0.2\n"
                                                       "i TXT \"v=spf1 -exists:e.%{d} "
                                                       "redirect=j.example.org\"\n"
                                                       "j TXT \"v=spf1 ip4:10.0.0.1 +ip4:192.0.2.1 "
                                                       "~all\"\n"};
    struct spf_world world;
    const struct spf_term *term;

    (void)state;
    spf_world_run(&world, &setting);
    assert_int_equal(world.outcome.verdict, SPF_VERDICT_PASS);
    assert_int_equal(world.outcome.terms, 5);
    assert_int_equal(world.outcome.voids, 1);
    term = world.outcome.record->first;
    assert_true(term->is_reached && !term->is_match && term->number == 1);
    assert_string_equal(term->target->text, "example.org");
    term = term->next;
    assert_true(term->is_reached && !term->is_match && term->number == 2);
    term = term->next;
    assert_true(term->is_reached && term->is_match && term->number == 3);
    assert_string_equal(term->target->text, "i.example.org");
    assert_false(term->next->is_reached);
    assert_string_equal(term->child->domain.text, "i.example.org");
    assert_true(term->child->first->is_void);
    term = term->child->redirect;
    assert_int_equal(term->number, 5);
    term = term->child->first;
    assert_true(term->is_reached && !term->is_match && term->number == 0);
    assert_true(term->next->is_match);
    assert_false(term->next->next->is_reached);
    spf_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial),     cmocka_unit_test(test_clients),
        cmocka_unit_test(test_terms),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_voids),       cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_ptr),         cmocka_unit_test(test_faults),
        cmocka_unit_test(test_include),     cmocka_unit_test(test_utf8_local_part),
        cmocka_unit_test(test_explanation), cmocka_unit_test(test_explanation_unwanted),
        cmocka_unit_test(test_only_all),    cmocka_unit_test(test_long_records),
        cmocka_unit_test(test_too_long),    cmocka_unit_test(test_memory),
        cmocka_unit_test(test_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
