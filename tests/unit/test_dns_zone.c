/* Master files in, answers out. Values are compared in a text form: octets outside printable ASCII
 * and '|' as \xHH, records joined by '|', an MX with its preference before it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dns/resolver.h"

static const char zone_text[] =
    "; a comment\n"
    "$TTL 1h30m\n"
    "$ORIGIN example.org.\n"
    "@       300 IN SOA ns hostmaster ( 2026010100 ; serial\n"
    "                 1h 15m 1w\n"
    "                 300 )\n"
    "        IN NS  ns\n"
    "        MX  10 mail\n"
    "        MX  20 mail.example.net.\n"
    "        TXT \"v=spf1 mx -all\" ; spf\n"
    "        SPF \"v=spf1 -all\"\n"
    "Mail 60 A 192.0.2.1\n"
    "     IN 120 A 192.0.2.2\n"
    "     AAAA 2001:db8::1\n"
    "twice A 192.0.2.3\n"
    "twice A 192.0.2.3\n"
    "_dmarc.example.org. 60 IN TXT ( \"v=DMARC1;\"\r\n"
    "  \" p=reject\" )\r\n"
    "sel._domainkey TXT v=DKIM1\\; p=AAAA\n"
    "esc TXT \"a\\\"b\\\\c\\000\\255;()\" \"\"\n"
    "plain TXT unquoted words@here\n"
    "nullmx MX 0 .\n"
    "deep.er.still A 192.0.2.9\n"
    "odd\\.dot A 192.0.2.10\n"
    "odd\\ space A 192.0.2.11\n"
    "\\$dollar A 192.0.2.12\n"
    "hi\\195\\164 A 192.0.2.13\n"
    "ptr PTR Mail.Example.ORG.\n"
    "ptrdot PTR a\\.b.example.org.\n"
    "generic TYPE65280 \\# 3 01 ab ff\n"
    "generic2 A \\# 4 c0 0 002 01\n"
    "generic3 TYPE16 three\n"
    "generic4 TYPE65280 \\# 0\n"
    "alias CNAME mail\n"
    "alias2 30 CNAME Alias\n"
    "dangling CNAME nowhere\n"
    "outside CNAME a.example.com.\n"
    "loop CNAME loop2\n"
    "loop2 CNAME loop\n"
    "self CNAME self\n"
    "c0 CNAME c1\nc1 CNAME c2\nc2 CNAME c3\nc3 CNAME c4\nc4 CNAME c5\nc5 CNAME c6\n"
    "c6 CNAME c7\nc7 CNAME c8\nc8 CNAME c9\nc9 CNAME c10\nc10 A 192.0.2.20\n"
    "cx CNAME c0\n"
    "tofault CNAME timeout\n"
    "*.wild A 192.0.2.30\n"
    "*.wild TXT \"from the wildcard\"\n"
    "a.b.wild A 192.0.2.31\n"
    "*.walias CNAME mail\n"
    "sub.*.ent A 192.0.2.32\n"
    "$FAULT timeout ANY TIMEOUT\n"
    "timeout TXT \"but this is there\"\n"
    "partly A 192.0.2.40\n"
    "$FAULT partly A SERVFAIL\n"
    "$FAULT partly TXT BOGUS\n"
    "$FAULT gone A NXDOMAIN\n"
    "$FAULT empty A NODATA\n"
    "empty A 192.0.2.41\n"
    "$FAULT falias ANY SERVFAIL\n"
    "falias CNAME mail\n"
    "$FAULT x.only.faults ANY TIMEOUT\n"
    "$FAULT *.wildfault TXT TIMEOUT\n"
    "$FAULT num TYPE65280 TIMEOUT\n"
    "$ORIGIN sub\n"
    "@ A 192.0.2.50\n"
    "x A 192.0.2.51\n"
    "$ORIGIN .\n"
    "example.com A 192.0.2.60\n"
    "(\n  paren A\n 192.0.2.61 )\n"
    "IN IN A 192.0.2.62\n";

static const struct {
    const char *name;
    enum dns_type type;
    enum dns_status status;
    unsigned ttl;
    const char *want;
} answer_cases[] = {
    {"example.org", DNS_TYPE_MX, DNS_STATUS_OK, 5400, "10 mail.example.org|20 mail.example.net"},
    {"EXAMPLE.org.", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "v=spf1 mx -all"},
    {"example.org", DNS_TYPE_SPF, DNS_STATUS_OK, 5400, "v=spf1 -all"},
    {"example.org", DNS_TYPE_NS, DNS_STATUS_OK, 5400, "ns.example.org"},
    {"example.org", DNS_TYPE_SOA, DNS_STATUS_OK, 300,
     "\\x02ns\\x07example\\x03org\\x00\\x0ahostmaster\\x07example\\x03org\\x00"
     "x\\xc2u\\xf4\\x00\\x00\\x0e\\x10\\x00\\x00\\x03\\x84\\x00\\x09:\\x80\\x00\\x00\\x01,"},
    {"example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"mail.example.org", DNS_TYPE_A, DNS_STATUS_OK, 60, "192.0.2.1|192.0.2.2"},
    {"mail.example.org", DNS_TYPE_AAAA, DNS_STATUS_OK, 5400,
     " \\x01\\x0d\\xb8\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01"},
    {"mail.example.org", DNS_TYPE_TXT, DNS_STATUS_NODATA, 0, ""},
    /* As a server may send it: who counts records must see both. */
    {"twice.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.3|192.0.2.3"},
    {"_dmarc.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 60, "v=DMARC1; p=reject"},
    {"sel._domainkey.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "v=DKIM1;p=AAAA"},
    {"esc.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "a\"b\\c\\x00\\xff;()"},
    {"plain.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "unquotedwords@here"},
    {"nullmx.example.org", DNS_TYPE_MX, DNS_STATUS_OK, 5400, "0 "},
    {"deep.er.still.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.9"},
    {"er.still.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"still.example.org", DNS_TYPE_TXT, DNS_STATUS_NODATA, 0, ""},
    {"org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"nowhere.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"a.mail.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"net", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    /* The label "odd.dot" is not the two labels. */
    {"odd.dot.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"odd\\.dot.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"odd space.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.11"},
    {"$dollar.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.12"},
    {"hi\xc3\xa4.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.13"},
    {"ptr.example.org", DNS_TYPE_PTR, DNS_STATUS_OK, 5400, "mail.example.org"},
    {"ptrdot.example.org", DNS_TYPE_PTR, DNS_STATUS_OK, 5400, "(null)"},
    {"generic.example.org", (enum dns_type)65280, DNS_STATUS_OK, 5400, "\\x01\\xab\\xff"},
    {"generic2.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.1"},
    {"generic3.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "three"},
    {"generic4.example.org", (enum dns_type)65280, DNS_STATUS_OK, 5400, ""},
    /* CNAME */
    {"alias.example.org", DNS_TYPE_CNAME, DNS_STATUS_OK, 5400, "mail.example.org"},
    {"alias.example.org", DNS_TYPE_A, DNS_STATUS_OK, 60, "192.0.2.1|192.0.2.2"},
    {"alias2.example.org", DNS_TYPE_A, DNS_STATUS_OK, 30, "192.0.2.1|192.0.2.2"},
    {"alias2.example.org", DNS_TYPE_TXT, DNS_STATUS_NODATA, 0, ""},
    {"dangling.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"outside.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"loop.example.org", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, ""},
    {"self.example.org", DNS_TYPE_TXT, DNS_STATUS_SERVFAIL, 0, ""},
    {"self.example.org", DNS_TYPE_CNAME, DNS_STATUS_OK, 5400, "self.example.org"},
    {"c0.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.20"},
    {"cx.example.org", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, ""},
    {"tofault.example.org", DNS_TYPE_A, DNS_STATUS_TIMEOUT, 0, ""},
    {"tofault.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "but this is there"},
    /* RFC 4592 */
    {"x.wild.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.30"},
    {"x.y.z.wild.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "from the wildcard"},
    {"x.wild.example.org", DNS_TYPE_MX, DNS_STATUS_NODATA, 0, ""},
    {"wild.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"*.wild.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.30"},
    {"a.b.wild.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.31"},
    {"b.wild.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"c.b.wild.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"x.walias.example.org", DNS_TYPE_A, DNS_STATUS_OK, 60, "192.0.2.1|192.0.2.2"},
    {"x.ent.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    /* $FAULT */
    {"timeout.example.org", DNS_TYPE_A, DNS_STATUS_TIMEOUT, 0, ""},
    {"timeout.example.org", DNS_TYPE_TXT, DNS_STATUS_OK, 5400, "but this is there"},
    {"partly.example.org", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, ""},
    {"partly.example.org", DNS_TYPE_TXT, DNS_STATUS_BOGUS, 0, ""},
    {"partly.example.org", DNS_TYPE_MX, DNS_STATUS_NODATA, 0, ""},
    {"gone.example.org", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, ""},
    {"empty.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"falias.example.org", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, ""},
    {"falias.example.org", DNS_TYPE_CNAME, DNS_STATUS_OK, 5400, "mail.example.org"},
    {"x.only.faults.example.org", DNS_TYPE_A, DNS_STATUS_TIMEOUT, 0, ""},
    {"only.faults.example.org", DNS_TYPE_A, DNS_STATUS_NODATA, 0, ""},
    {"q.wildfault.example.org", DNS_TYPE_TXT, DNS_STATUS_TIMEOUT, 0, ""},
    {"num.example.org", (enum dns_type)65280, DNS_STATUS_TIMEOUT, 0, ""},
    /* $ORIGIN */
    {"sub.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.50"},
    {"x.sub.example.org", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.51"},
    {"example.com", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.60"},
    {"paren", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.61"},
    {"in", DNS_TYPE_A, DNS_STATUS_OK, 5400, "192.0.2.62"},
};

static void render_value(struct base_buf *out, enum dns_type type, struct base_text value)
{
    if (type == DNS_TYPE_A && value.length == 4) {
        base_buf_appendf(out, "%u.%u.%u.%u", (unsigned char)value.data[0],
                         (unsigned char)value.data[1], (unsigned char)value.data[2],
                         (unsigned char)value.data[3]);
        return;
    }
    if (value.data == NULL)
        base_buf_append_cstr(out, "(null)");
    for (size_t i = 0; i < value.length; i++)
        if (base_ascii_is_print(value.data[i]))
            base_buf_append_char(out, value.data[i]);
        else
            base_buf_appendf(out, "\\x%02x", (unsigned)(unsigned char)value.data[i]);
}

static void render(struct base_buf *out, enum dns_type type, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (i > 0)
            base_buf_append_char(out, '|');
        if (type == DNS_TYPE_MX)
            base_buf_appendf(out, "%u ", (unsigned)answer->records[i].preference);
        render_value(out, type, answer->records[i].value);
    }
}

static struct dns_answer *ask(struct dns_resolver *resolver, const char *text, enum dns_type type)
{
    struct dns_pending *pending;
    struct dns_answer *answer;
    struct dns_answer *again;
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    pending = resolver->ops->ask(resolver, &name, type);
    answer = resolver->ops->wait(pending, 0);
    assert_non_null(answer);
    again = resolver->ops->wait(pending, 1);
    assert_ptr_equal(answer, again);
    dns_answer_unref(&again);
    resolver->ops->drop(&pending);
    assert_null(pending);
    return answer;
}

static void test_answers(void **state)
{
    struct base_error error = {""};
    struct dns_resolver *zone = dns_zone_create(BASE_TEXT(zone_text), "test", &error);

    (void)state;
    assert_string_equal(error.text, "");
    assert_non_null(zone);
    assert_true(zone->is_test_zone);
    assert_string_equal(zone->ops->name, "zone");
    for (size_t i = 0; i < sizeof(answer_cases) / sizeof(answer_cases[0]); i++) {
        struct dns_answer *answer = ask(zone, answer_cases[i].name, answer_cases[i].type);
        struct base_buf out;

        base_buf_init(&out, NULL, 4096);
        render(&out, answer_cases[i].type, answer);
        if (answer->status != answer_cases[i].status || answer->ttl != answer_cases[i].ttl)
            fail_msg("%s %s: %s, ttl %u", answer_cases[i].name, dns_type_text(answer_cases[i].type),
                     dns_status_text(answer->status), (unsigned)answer->ttl);
        assert_string_equal(base_buf_cstr(&out), answer_cases[i].want);
        base_buf_deinit(&out);
        dns_answer_unref(&answer);
    }
    dns_resolver_destroy(&zone);
    assert_null(zone);
    dns_resolver_destroy(&zone);
}

#define L63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define N191 L63 "." L63 "." L63
#define S255 N191 "." L63

static const struct {
    const char *zone;
    /* The error, or NULL if it is good. */
    const char *want;
} text_cases[] = {
    {"", NULL},
    {"\n\n ; nothing\n", NULL},
    {"a A 192.0.2.1", NULL},
    {"a 2147483647 A 192.0.2.1\n", NULL},
    {"a 1w2D3h4m5s A 192.0.2.1\n", NULL},
    {"a TXT " S255 "\n", NULL},
    {N191 "."
          "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi A 192.0.2.1\n",
     NULL},
    {"a TXT x" S255 "\n",
     "z:1: 'xabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg...': a string over 255 "
     "octets: split it into several"},
    {"a TXT \"open\nb A 192.0.2.1\n", "z:1: a quoted string does not end on its line"},
    {"a TXT \"open", "z:1: a quoted string does not end on its line"},
    {"\na TXT ( \"x\"\n\n", "z:2: a parenthesis is opened here and never closed"},
    {"a TXT x )\n", "z:1: a closing parenthesis without an opening one"},
    {"a TXT x\\\n", "z:1: a backslash at the end of the line"},
    {"a TXT \"x\\", "z:1: a backslash at the end of the line"},
    {"a TXT \\256\n", "z:1: '\\256': not an escape"},
    {"a TXT \\12\n", "z:1: '\\12': not an escape"},
    {"a\\1x A 192.0.2.1\n", "z:1: 'a\\1x': not an escape"},
    {"a..b A 192.0.2.1\n", "z:1: 'a..b': an empty label: take the second dot away"},
    {".a A 192.0.2.1\n", "z:1: '.a': an empty label"},
    {"\"\" A 192.0.2.1\n", "z:1: '': an empty name"},
    {L63 "x A 192.0.2.1\n", "a label over 63 octets"},
    {S255 ". A 192.0.2.1\n", "a name over 255 octets: shorten it"},
    {"$ORIGIN " N191 ".\n" L63 " A 192.0.2.1\n", "a name over 255 octets with the origin"},
    {" A 192.0.2.1\n", "z:1: 'A': the line begins with a blank, and no record above"},
    {"a\n", "z:1: 'a': a line without a type"},
    {"a 60 IN\n", "z:1: 'a': a line without a type"},
    {"a 60x A 192.0.2.1\n", "z:1: '60x': not a time"},
    {"a 2147483648 A 192.0.2.1\n", "z:1: '2147483648': not a time"},
    {"a 4000w A 192.0.2.1\n", "z:1: '4000w': not a time"},
    {"a 99999999999999999999999 A 192.0.2.1\n", "not a time"},
    {"a 60 60 A 192.0.2.1\n", "z:1: '60': not a type"},
    {"a CH TXT x\n", "z:1: 'CH': a test zone is of class IN"},
    {"a SRV 0 0 25 b\n", "z:1: 'SRV': not a type that a test zone knows"},
    {"a TYPE0 \\# 0\n", "z:1: 'TYPE0': not a type of data"},
    {"a TYPE255 \\# 0\n", "z:1: 'TYPE255': not a type of data"},
    {"a TYPE65536 \\# 0\n", "z:1: 'TYPE65536': not a type"},
    {"a TYPE \\# 0\n", "z:1: 'TYPE': not a type"},
    {"a \"A\" 192.0.2.1\n", "z:1: 'A': a type is not quoted"},
    {"a A 192.0.2.256\n", "z:1: '192.0.2.256': not an IPv4 address"},
    {"a A 192.0.2\n", "not an IPv4 address"},
    {"a A\n", "z:1: 'A': not an IPv4 address"},
    {"a A 192.0.2.1 192.0.2.2\n", "z:1: '192.0.2.2': not an IPv4 address alone"},
    {"a AAAA 192.0.2.1\n", "not an IPv6 address"},
    {"a AAAA 2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0001\n", "not an IPv6 address"},
    {"a MX mail\n", "z:1: 'MX': an MX has a preference and a name"},
    {"a MX 65536 mail\n", "z:1: '65536': not a number from 0 to 65535"},
    {"a MX ten mail\n", "z:1: 'ten': not a number"},
    {"a MX 10 mail extra\n", "z:1: 'extra': an MX has"},
    {"a CNAME\n", "z:1: 'CNAME': one name stands here"},
    {"a PTR b c\n", "z:1: 'c': one name stands here"},
    {"a TXT\n", "z:1: 'TXT': no string"},
    {"a SOA b c 1 2 3 4\n", "z:1: 'SOA': an SOA has seven fields"},
    {"a SOA b c x 2 3 4 5\n", "z:1: 'x': not a number"},
    {"a TYPE65280 abc\n", "z:1: 'abc': this type is written as octets"},
    {"a TYPE65280\n", "z:1: 'TYPE65280': this type is written as octets"},
    {"a TYPE65280 \\#\n", "no length: write \\# LENGTH HEX"},
    {"a TYPE65280 \\# 2 01\n", "z:1: '2': not the number of octets that follow"},
    {"a TYPE65280 \\# 1 0g\n", "z:1: '0g': not a hexadecimal digit"},
    {"a TYPE65280 \\# 1 010\n", "z:1: '010': half an octet"},
    {"a A \\# 3 010203\n", "z:1: 'A': octets that do not fit the type"},
    {"a TXT x\na CNAME b\n", "z:2: 'a': a name with a CNAME has no other records"},
    {"a CNAME b\na TXT x\n", "z:2: 'a': a name with a CNAME has no other records"},
    {"a CNAME b\na CNAME b\n", "z:2: 'a': a second CNAME"},
    {"a CNAME b\na CNAME c\n", "z:2: 'a': a second CNAME"},
    {"$INCLUDE other\n", "z:1: '$INCLUDE': a test zone is one file"},
    {"$GENERATE 1-2 a A 192.0.2.1\n", "z:1: '$GENERATE': not a directive"},
    {"$ORIGIN\n", "z:1: '$ORIGIN': one name follows"},
    {"$ORIGIN a..b\n", "z:1: 'a..b': an empty label"},
    {"$TTL\n", "z:1: '$TTL': one time follows"},
    {"$TTL soon\n", "z:1: 'soon': not a time"},
    {"$TTL \"60\"\n", "not a time"},
    {"$FAULT a ANY\n", "z:1: '$FAULT': three words follow"},
    {"$FAULT a ANY TIMEOUT TIMEOUT\n", "three words follow"},
    {"$FAULT a..b ANY TIMEOUT\n", "z:1: 'a..b': an empty label"},
    {"$FAULT a NONE TIMEOUT\n", "z:1: 'NONE': not a type"},
    {"$FAULT a ANY REFUSED\n", "z:1: 'REFUSED': not a fault: write SERVFAIL, TIMEOUT"},
    {"$FAULT a ANY ok\n", "not a fault"},
    {"$FAULT a TXT capped\n", "not a fault"},
    {"$FAULT a A TIMEOUT\n$fault A a timeout\n", NULL},
    {"$FAULT a A TIMEOUT\n$FAULT a A BOGUS\n", "z:2: '$FAULT': this owner and type has another"},
    {"(\n\n a A (192.0.2.1)\n b )\n", "z:4: 'b': not an IPv4 address alone"},
    {"\x1b[31m A x\n", "z:1: 'x': not an IPv4"},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]); i++) {
        struct base_error error = {""};
        struct dns_resolver *zone = dns_zone_create(base_text_of(text_cases[i].zone), "z", &error);

        if (text_cases[i].want == NULL ? zone == NULL
                                       : strstr(error.text, text_cases[i].want) == NULL)
            fail_msg("%zu: %s: %s", i, text_cases[i].zone, error.text);
        assert_int_equal(zone == NULL, text_cases[i].want != NULL);
        dns_resolver_destroy(&zone);
    }
}

/* The default TTL, and the one stated last where there is no $TTL (RFC 1035 section 5.1). */
static void test_ttl(void **state)
{
    static const struct {
        const char *zone;
        unsigned want;
    } cases[] = {
        {"a A 192.0.2.1\n", 3600},
        {"b 60 A 192.0.2.1\na A 192.0.2.1\n", 60},
        {"$TTL 90\nb 60 A 192.0.2.1\na A 192.0.2.1\n", 90},
        {"a 0 A 192.0.2.1\n", 0},
        {"a 60 A 192.0.2.1\na 50 A 192.0.2.1\n", 50},
        {"c CNAME b\n$TTL 7\nb A 192.0.2.1\na 5 CNAME c\n", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_resolver *zone = dns_zone_create(base_text_of(cases[i].zone), "z", NULL);
        struct dns_answer *answer = ask(zone, "a", DNS_TYPE_A);

        assert_int_equal(answer->ttl, cases[i].want);
        dns_answer_unref(&answer);
        dns_resolver_destroy(&zone);
    }
}

static struct dns_resolver *zone_of_lines(size_t count, bool is_one_set, struct base_error *error)
{
    struct dns_resolver *zone;
    struct base_buf text;

    base_buf_init(&text, NULL, (size_t)64 << 20);
    for (size_t i = 0; i < count; i++)
        base_buf_appendf(&text, "n%zu A 10.%zu.%zu.%zu\n", is_one_set ? 0 : i, i >> 16 & 255,
                         i >> 8 & 255, i & 255);
    zone = dns_zone_create(base_buf_text(&text), "z", error);
    base_buf_deinit(&text);
    return zone;
}

static void test_caps(void **state)
{
    struct base_error error = {""};
    struct dns_resolver *zone = zone_of_lines(1000, true, &error);
    struct dns_answer *answer = ask(zone, "n0", DNS_TYPE_A);

    (void)state;
    assert_int_equal(answer->count, 1000);
    dns_answer_unref(&answer);
    dns_resolver_destroy(&zone);
    assert_null(zone_of_lines(1001, true, &error));
    assert_non_null(strstr(error.text, "z:1001: 'n0': more than 1,000 records"));

    zone = zone_of_lines(50000, false, &error);
    for (unsigned i = 0; i < 50000; i += 49999) {
        char text[16];

        snprintf(text, sizeof(text), "n%u", i);
        answer = ask(zone, text, DNS_TYPE_A);
        assert_int_equal(answer->count, 1);
        dns_answer_unref(&answer);
    }
    dns_resolver_destroy(&zone);
    /* Nothing of it is read. */
    assert_null(dns_zone_create((struct base_text){"", ((size_t)64 << 20) + 1}, "z", &error));
    assert_string_equal(error.text, "z: a test zone over 64 MiB: shorten it");
}

static void test_records_cap(void **state)
{
    struct base_error error = {""};
    struct dns_resolver *zone;
    struct base_buf text;

    (void)state;
    base_buf_init(&text, NULL, (size_t)64 << 20);
    for (size_t i = 0; i < 1000000; i++)
        base_buf_appendf(&text, "a%zu A 192.0.2.1\n", i / 1000);
    zone = dns_zone_create(base_buf_text(&text), "z", &error);
    assert_non_null(zone);
    dns_resolver_destroy(&zone);
    base_buf_append_text(&text, BASE_TEXT("b A 192.0.2.1\n"));
    assert_null(dns_zone_create(base_buf_text(&text), "z", &error));
    assert_non_null(strstr(error.text, "z:1000001: 'b': more than 1,000,000 records"));
    base_buf_deinit(&text);
}

/* RDATA of 65,535 octets is the most there is. */
static void test_rdata_cap(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct base_error error = {""};
        struct dns_resolver *zone;
        struct base_buf text;

        base_buf_init(&text, NULL, 1 << 20);
        base_buf_append_cstr(&text, "a TXT");
        for (size_t i = 0; i < 65535 + extra; i++)
            base_buf_append_cstr(&text, " \"\"");
        zone = dns_zone_create(base_buf_text(&text), "z", &error);
        base_buf_deinit(&text);
        assert_int_equal(zone == NULL, extra);
        if (extra > 0)
            assert_string_equal(error.text, "z:1: 'TXT': a record over 65,535 octets: shorten it");
        dns_resolver_destroy(&zone);
    }
}

static void test_file(void **state)
{
    struct base_error error = {""};
    char path[] = "test_dns_zone.XXXXXX";
    struct dns_resolver *zone;
    struct dns_answer *answer;
    FILE *file;

    (void)state;
    assert_null(dns_zone_create_from_file("no-such-directory/zone", &error));
    assert_non_null(strstr(error.text, "no-such-directory/zone"));
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("a TXT \"from a file\"\n", file);
    fclose(file);
    zone = dns_zone_create_from_file(path, &error);
    assert_non_null(zone);
    answer = ask(zone, "a", DNS_TYPE_TXT);
    assert_int_equal(answer->status, DNS_STATUS_OK);
    dns_answer_unref(&answer);
    dns_resolver_destroy(&zone);
    file = fopen(path, "w");
    fputs("a TXT\n", file);
    fclose(file);
    assert_null(dns_zone_create_from_file(path, &error));
    assert_non_null(strstr(error.text, "test_dns_zone.XXXXXX:1: 'TXT': no string"));
    remove(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),     cmocka_unit_test(test_texts),
        cmocka_unit_test(test_ttl),         cmocka_unit_test(test_caps),
        cmocka_unit_test(test_records_cap), cmocka_unit_test(test_rdata_cap),
        cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
