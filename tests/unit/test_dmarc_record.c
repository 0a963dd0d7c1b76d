/* policy/dmarc/record: RFC 9989 sections 4.7 and 4.8. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/dmarc/record.h"

/* "p=reject sp=! np=- dkim=s spf=r psd=u t=n rua=1": '-' absent, '!' not valid. */
static void show_request(char *out, size_t size, const struct dmarc_request *request)
{
    const char *text = request->is_valid ? dmarc_policy_text(request->policy) : "!";

    snprintf(out, size, "%s", request->is_present ? text : "-");
}

static void show(char *out, size_t size, const struct dmarc_record *record)
{
    char requests[3][16];

    show_request(requests[0], sizeof(requests[0]), &record->p);
    show_request(requests[1], sizeof(requests[1]), &record->sp);
    show_request(requests[2], sizeof(requests[2]), &record->np);
    snprintf(out, size, "%s %s %s %s%s %c %s %s", requests[0], requests[1], requests[2],
             record->is_dkim_strict ? "s" : "r", record->is_spf_strict ? "s" : "r",
             "uyn"[record->psd], record -> is_test ? "t" : "-",
             record->has_valid_rua ? "rua" : "-");
}

struct row {
    struct base_text text;
    /* NULL: no DMARC Policy Record. */
    const char *want;
};

static const struct row rows[] = {
    {BASE_TEXT("v=DMARC1"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1;"), "- - - rr u - -"},
    {BASE_TEXT("V=DMARC1; p=none"), "none - - rr u - -"},
    {BASE_TEXT("v = DMARC1 ; p = none ;"), "none - - rr u - -"},
    {BASE_TEXT("v=DMARC1\t;\tp=none"), "none - - rr u - -"},
    {BASE_TEXT("v=DMARC1;p=reject;sp=quarantine;np=none"), "reject quarantine none rr u - -"},
    {BASE_TEXT("v=DMARC1; np=reject; sp=none; p=quarantine"), "quarantine none reject rr u - -"},
    {BASE_TEXT("v=DMARC1; P=ReJect"), "reject - - rr u - -"},
    {BASE_TEXT("v=DMARC1; ; ;; p=none"), "none - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=none; p=reject"), "none - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=bad; p=reject"), "! - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=; p=reject"), "! - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject; sp=; np ="), "reject ! ! rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject; sp; np"), "reject - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject; sp=none\x80; np=\x7f"), "reject ! ! rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject; psd=; psd=n; t=\x01; t=y"), "reject - - rr n t -"},
    {BASE_TEXT("v=DMARC1; p=rejected; sp=no; np=quarantine x"), "! ! ! rr u - -"},
    {BASE_TEXT("v=DMARC1; adkim=s; aspf=S"), "- - - ss u - -"},
    {BASE_TEXT("v=DMARC1; adkim=r; aspf=r"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; adkim=strict; aspf=x"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; psd=y"), "- - - rr y - -"},
    {BASE_TEXT("v=DMARC1; psd=n"), "- - - rr n - -"},
    {BASE_TEXT("v=DMARC1; psd=u"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; psd=yes"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; t=y"), "- - - rr u t -"},
    {BASE_TEXT("v=DMARC1; t=n"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; t=yes"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; t=n; t=y"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject; pct=0; rf=afrf; ri=60; x=y"), "reject - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=reject pct=0"), "! - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p2=none; p=none"), "none - - rr u - -"},
    {BASE_TEXT("v=DMARC1; =none"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=n\xc3\xb6ne"), "! - - rr u - -"},
    {BASE_TEXT("v=DMARC1; p=none\0; sp=reject"), "! reject - rr u - -"},

    {BASE_TEXT("v=DMARC1; rua=mailto:a@b.example"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a@b.example!10m"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=MAILTO:a@b.example , https://c.example/d"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=nothing, mailto:a@b.example"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=ftp:x"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a%21b@c.example"), "- - - rr u - rua"},
    {BASE_TEXT("v=DMARC1; rua=a@b.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a@"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:@b.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mail to:a@b.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=1mailto:a@b.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a b@c.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=mailto:a<b@c.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=,,,"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=!10m"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; ruf=mailto:a@b.example"), "- - - rr u - -"},
    {BASE_TEXT("v=DMARC1; rua=x; rua=mailto:a@b.example"), "- - - rr u - -"},

    {BASE_TEXT(""), NULL},
    {BASE_TEXT(" v=DMARC1; p=none"), NULL},
    {BASE_TEXT("v=dmarc1; p=none"), NULL},
    {BASE_TEXT("v=DMARC2; p=none"), NULL},
    {BASE_TEXT("v=DMARC10; p=none"), NULL},
    {BASE_TEXT("v=DMARC1 p=none"), NULL},
    {BASE_TEXT("v=DMARC1, p=none"), NULL},
    {BASE_TEXT("vDMARC1"), NULL},
    {BASE_TEXT("v="), NULL},
    {BASE_TEXT("p=none; v=DMARC1"), NULL},
    {BASE_TEXT("; v=DMARC1; p=none"), NULL},
    {BASE_TEXT("v\0=DMARC1"), NULL},
    {BASE_TEXT("v=DMARC1\0; p=none"), NULL},
    {BASE_TEXT("\"v=DMARC1; p=none\""), NULL},
    {BASE_TEXT("v=spf1 -all"), NULL},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dmarc_record record;
        char got[128];
        bool is_record = dmarc_record_parse(rows[i].text, &record);

        show(got, sizeof(got), &record);
        if (is_record != (rows[i].want != NULL))
            fail_msg("%s: %s", rows[i].text.data, is_record ? got : "no record");
        if (is_record && strcmp(got, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].text.data, got);
    }
}

static void test_texts(void **state)
{
    struct dmarc_record record;

    (void)state;
    assert_true(dmarc_record_parse(
        BASE_TEXT("v=DMARC1; rua = mailto:a@b.example!1k ,x; ruf=mailto:c@d.example ;fo=1:d"),
        &record));
    assert_true(base_text_equals(record.rua, BASE_TEXT("mailto:a@b.example!1k ,x")));
    assert_true(base_text_equals(record.ruf, BASE_TEXT("mailto:c@d.example")));
    assert_true(base_text_equals(record.fo, BASE_TEXT("1:d")));
}

static void test_uris(void **state)
{
    struct base_text rest =
        BASE_TEXT(" mailto:a@b.example!10m,bad,,https://c.example/d?e=f!1 ,MAILTO:g@h");
    struct base_text uri;

    (void)state;
    assert_true(dmarc_record_next_uri(&rest, &uri));
    assert_true(base_text_equals(uri, BASE_TEXT("mailto:a@b.example")));
    assert_true(dmarc_record_next_uri(&rest, &uri));
    assert_true(base_text_equals(uri, BASE_TEXT("https://c.example/d?e=f")));
    assert_true(dmarc_record_next_uri(&rest, &uri));
    assert_true(base_text_equals(uri, BASE_TEXT("MAILTO:g@h")));
    assert_false(dmarc_record_next_uri(&rest, &uri));
    assert_false(dmarc_record_next_uri(&rest, &uri));
    rest = BASE_TEXT("a\0b:c");
    assert_false(dmarc_record_next_uri(&rest, &uri));
}

static struct base_text rdata(char storage[256], const char *text)
{
    storage[0] = (char)strlen(text);
    memcpy(storage + 1, text, strlen(text));
    return (struct base_text){storage, strlen(text) + 1};
}

/* 4.10 step 2. */
static void test_select(void **state)
{
    static const struct {
        const char *name;
        const char *records[3];
        bool want;
    } selections[] = {
        {"nothing", {NULL}, false},
        {"one", {"v=DMARC1; p=reject"}, true},
        {"beside others", {"v=spf1 -all", "v=DMARC1; p=reject", "x"}, true},
        {"others only", {"v=spf1 -all", "v=DMARC2"}, false},
        {"two", {"v=DMARC1; p=reject", "v=DMARC1; p=none"}, false},
        {"three", {"v=DMARC1; p=reject", "v=DMARC1; p=reject", "v=DMARC1"}, false},
        {"one that is usable", {"v=DMARC1; p=reject", "v=DMARC1"}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(selections) / sizeof(selections[0]); i++) {
        char storage[3][256];
        struct base_text records[3];
        struct dmarc_record record = {.p = {.is_valid = false}};
        size_t count = 0;

        for (; count < 3 && selections[i].records[count] != NULL; count++)
            records[count] = rdata(storage[count], selections[i].records[count]);
        struct dns_answer *answer =
            count == 0 ? dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 0)
                       : dns_answer_create(DNS_TYPE_TXT, records, count, 60, false);
        if (dmarc_record_select(answer, &record) != selections[i].want)
            fail_msg("%s", selections[i].name);
        if (selections[i].want)
            assert_int_equal(record.p.policy, DMARC_POLICY_REJECT);
        dns_answer_unref(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
