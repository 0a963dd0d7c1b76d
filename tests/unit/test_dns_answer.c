#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dns/answer.h"

#define W63 \
    "\x3f"  \
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define W61 \
    "\x3d"  \
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"

struct decode_case {
    enum dns_type type;
    struct base_text rdata;
    bool want_kept;
    struct base_text value;
    unsigned preference;
};

static const struct decode_case decode_cases[] = {
    {DNS_TYPE_A, BASE_TEXT("\xc0\x00\x02\x01"), true, BASE_TEXT("\xc0\x00\x02\x01"), 0},
    {DNS_TYPE_A, BASE_TEXT("\xc0\x00\x02"), false, {NULL, 0}, 0},
    {DNS_TYPE_A, BASE_TEXT("\xc0\x00\x02\x01\x01"), false, {NULL, 0}, 0},
    {DNS_TYPE_A, BASE_TEXT(""), false, {NULL, 0}, 0},
    {DNS_TYPE_AAAA, BASE_TEXT("0123456789abcdef"), true, BASE_TEXT("0123456789abcdef"), 0},
    {DNS_TYPE_AAAA, BASE_TEXT("0123456789abcde"), false, {NULL, 0}, 0},
    {DNS_TYPE_TXT, BASE_TEXT("\x03one"), true, BASE_TEXT("one"), 0},
    {DNS_TYPE_TXT, BASE_TEXT("\x03one\x00\x04 two"), true, BASE_TEXT("one two"), 0},
    {DNS_TYPE_TXT,
     BASE_TEXT("\x03"
               "a\0b"),
     true, BASE_TEXT("a\0b"), 0},
    {DNS_TYPE_TXT, BASE_TEXT("\x00"), true, BASE_TEXT(""), 0},
    {DNS_TYPE_TXT, BASE_TEXT(""), false, {NULL, 0}, 0},
    {DNS_TYPE_TXT, BASE_TEXT("\x04one"), false, {NULL, 0}, 0},
    {DNS_TYPE_TXT, BASE_TEXT("\x03one\x01"), false, {NULL, 0}, 0},
    {DNS_TYPE_SPF, BASE_TEXT("\x06v=spf1"), true, BASE_TEXT("v=spf1"), 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x04MaiL\x03oRg\x00"), true, BASE_TEXT("mail.org"), 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x00"), true, BASE_TEXT(""), 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x04mail\x03org"), false, {NULL, 0}, 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x04mail\x00x"), false, {NULL, 0}, 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x04mail\xc0\x00"), false, {NULL, 0}, 0},
    {DNS_TYPE_PTR, BASE_TEXT(""), false, {NULL, 0}, 0},
    {DNS_TYPE_PTR, BASE_TEXT("\x3fxx\x00"), false, {NULL, 0}, 0},
    {DNS_TYPE_PTR,
     BASE_TEXT("\x40"
               "abc\x00"),
     false,
     {NULL, 0},
     0},
    /* A label that a name in text cannot hold. */
    {DNS_TYPE_PTR,
     BASE_TEXT("\x03"
               "a.b\x03org\x00"),
     true,
     {NULL, 0},
     0},
    {DNS_TYPE_PTR,
     BASE_TEXT("\x03"
               "a\0b\x03org\x00"),
     true,
     {NULL, 0},
     0},
    {DNS_TYPE_PTR,
     BASE_TEXT("\x03org\x03"
               "a\0b\x00"),
     true,
     {NULL, 0},
     0},
    {DNS_TYPE_NS, BASE_TEXT("\x02ns\x00"), true, BASE_TEXT("ns"), 0},
    {DNS_TYPE_CNAME,
     BASE_TEXT("\x02"
               "a\\\x00"),
     true, BASE_TEXT("a\\"), 0},
    {DNS_TYPE_MX, BASE_TEXT("\x01\x02\x02mx\x00"), true, BASE_TEXT("mx"), 258},
    {DNS_TYPE_MX, BASE_TEXT("\xff\xff\x00"), true, BASE_TEXT(""), 65535},
    {DNS_TYPE_MX, BASE_TEXT("\x00\x0a"), false, {NULL, 0}, 0},
    {DNS_TYPE_MX, BASE_TEXT("\x00"), false, {NULL, 0}, 0},
    {DNS_TYPE_MX, BASE_TEXT("\x00\x0a\x02mx"), false, {NULL, 0}, 0},
    {DNS_TYPE_SOA,
     BASE_TEXT("\x00\x00"
               "01234567890123456789"),
     true,
     BASE_TEXT("\x00\x00"
               "01234567890123456789"),
     0},
    {DNS_TYPE_SOA,
     BASE_TEXT("\x00\x00"
               "0123456789012345678"),
     false,
     {NULL, 0},
     0},
    {DNS_TYPE_SOA, BASE_TEXT("\x00"), false, {NULL, 0}, 0},
    {DNS_TYPE_SOA, BASE_TEXT(""), false, {NULL, 0}, 0},
    {(enum dns_type)65280, BASE_TEXT("\x01\x02"), true, BASE_TEXT("\x01\x02"), 0},
    {(enum dns_type)65280, BASE_TEXT(""), true, BASE_TEXT(""), 0},
    /* 255 octets on the wire, and 256. */
    {DNS_TYPE_PTR, BASE_TEXT(W63 W63 W63 W61 "\x00"), true, {NULL, 253}, 0},
    {DNS_TYPE_PTR,
     BASE_TEXT(W63 W63 W63 "\x3e"
                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"
                           "uvwxyzabcdefghij"
                           "\x00"),
     false,
     {NULL, 0},
     0},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(decode_cases) / sizeof(decode_cases[0]); i++) {
        const struct decode_case *c = &decode_cases[i];
        struct dns_answer *answer = dns_answer_create(c->type, &c->rdata, 1, 300, true);

        assert_int_equal(answer->status, c->want_kept ? DNS_STATUS_OK : DNS_STATUS_NODATA);
        assert_int_equal(answer->count, c->want_kept ? 1 : 0);
        assert_int_equal(answer->ttl, 300);
        assert_true(answer->is_secure);
        if (c->want_kept) {
            const struct dns_record *record = &answer->records[0];

            assert_int_equal(record->value.length, c->value.length);
            if (c->value.data != NULL)
                assert_memory_equal(record->value.data, c->value.data, c->value.length);
            else if (c->value.length == 0)
                assert_null(record->value.data);
            assert_int_equal(record->preference, c->preference);
            assert_int_equal(record->rdata.length, c->rdata.length);
            assert_memory_equal(record->rdata.data, c->rdata.data, c->rdata.length);
            assert_ptr_not_equal(record->rdata.data, c->rdata.data);
        }
        dns_answer_unref(&answer);
        assert_null(answer);
    }
    dns_answer_unref(&(struct dns_answer *){NULL});
}

/* What does not fit is left out, and what stands around it stays, in order. */
static void test_mixed(void **state)
{
    static const struct base_text rdata[] = {BASE_TEXT("\x01"
                                                       "a"),
                                             BASE_TEXT("\x09"
                                                       "b"),
                                             BASE_TEXT("\x01"
                                                       "c"),
                                             BASE_TEXT("")};
    struct dns_answer *answer = dns_answer_create(DNS_TYPE_TXT, rdata, 4, 60, false);

    (void)state;
    assert_int_equal(answer->count, 2);
    assert_memory_equal(answer->records[0].value.data, "a", 1);
    assert_memory_equal(answer->records[1].value.data, "c", 1);
    assert_false(answer->is_secure);
    dns_answer_unref(&answer);
}

static void test_records_cap(void **state)
{
    static struct base_text rdata[1001];
    struct dns_answer *answer;

    (void)state;
    for (size_t i = 0; i < 1001; i++)
        rdata[i] = BASE_TEXT("\x7f\x00\x00\x01");
    answer = dns_answer_create(DNS_TYPE_A, rdata, 1000, 60, false);
    assert_int_equal(answer->count, 1000);
    dns_answer_unref(&answer);
    answer = dns_answer_create(DNS_TYPE_A, rdata, 1001, 60, false);
    assert_int_equal(answer->count, 1000);
    dns_answer_unref(&answer);
}

static void test_references(void **state)
{
    struct dns_answer *answer = dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 30);
    struct dns_answer *other = dns_answer_ref(answer);

    (void)state;
    assert_ptr_equal(answer, other);
    dns_answer_unref(&answer);
    assert_int_equal(other->status, DNS_STATUS_NXDOMAIN);
    assert_int_equal(other->ttl, 30);
    assert_int_equal(other->count, 0);
    dns_answer_unref(&other);
    answer = dns_answer_create_empty(DNS_STATUS_TIMEOUT, 30);
    assert_int_equal(answer->ttl, 0);
    dns_answer_unref(&answer);
}

static void test_words(void **state)
{
    static const struct {
        enum dns_status status;
        const char *text;
        bool is_temporary;
    } statuses[] = {
        {DNS_STATUS_OK, "ok", false},
        {DNS_STATUS_NODATA, "nodata", false},
        {DNS_STATUS_NXDOMAIN, "nxdomain", false},
        {DNS_STATUS_SERVFAIL, "servfail", true},
        {DNS_STATUS_TIMEOUT, "timeout", true},
        {DNS_STATUS_BOGUS, "bogus", true},
        {DNS_STATUS_CAPPED, "capped", true},
    };
    static const char *const types[] = {"A",   "AAAA", "CNAME", "MX", "NS",
                                        "PTR", "SOA",  "SPF",   "TXT"};

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        assert_string_equal(dns_status_text(statuses[i].status), statuses[i].text);
        assert_int_equal(dns_status_is_temporary(statuses[i].status), statuses[i].is_temporary);
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        assert_string_equal(dns_type_text(dns_type_from_text(base_text_of(types[i]))), types[i]);
    assert_int_equal(dns_type_from_text(BASE_TEXT("txt")), DNS_TYPE_TXT);
    assert_int_equal(dns_type_from_text(BASE_TEXT("")), 0);
    assert_int_equal(dns_type_from_text(BASE_TEXT("SRV")), 0);
    assert_int_equal(dns_type_from_text(BASE_TEXT("TXTX")), 0);
    assert_string_equal(dns_type_text((enum dns_type)65280), "TYPE65280");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),      cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_records_cap), cmocka_unit_test(test_references),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
