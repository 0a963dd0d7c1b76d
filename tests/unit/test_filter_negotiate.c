/* filter/negotiate: no more of the milter protocol than is needed. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "filter/negotiate.h"

#define ALL_ACTIONS 0x1ffUL
#define ALL_STEPS   0x1fffffUL
#define EOM_ONLY    (1u << POLICY_STAGE_EOM)

#define NR_ENVELOPE (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA)
#define NR_CONTENT  (SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define ALWAYS      (SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | SMFIP_NR_UNKN)

struct negotiate_case {
    const char *name;
    struct filter_offer offer;
    struct filter_wishes wishes;
    bool want_good;
    unsigned long want_actions;
    unsigned long want_steps;
};

#define EDIT (SMFIF_ADDHDRS | SMFIF_CHGHDRS)
#define FULL                                       \
    {                                              \
        .actions = ALL_ACTIONS, .steps = ALL_STEPS \
    }

static void test_negotiate(void **state)
{
    static const struct negotiate_case cases[] = {
        {"signing only",
         FULL,
         {.needs = {EOM_ONLY, true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA},
        {"nobody hashes the body",
         FULL,
         {.needs = {EOM_ONLY, false}},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA | SMFIP_NOBODY},
        {"MAIL and RCPT decide",
         FULL,
         {.needs = {EOM_ONLY | 1u << POLICY_STAGE_MAIL | 1u << POLICY_STAGE_RCPT, true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         (ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA) &
             ~(unsigned long)(SMFIP_NR_MAIL | SMFIP_NR_RCPT)},
        {"DATA and end of header decide",
         FULL,
         {.needs = {EOM_ONLY | 1u << POLICY_STAGE_DATA | 1u << POLICY_STAGE_EOH, true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | (NR_ENVELOPE & ~(unsigned long)SMFIP_NR_DATA) | SMFIP_NR_HDR | SMFIP_NR_BODY},
        {"rules at DATA that answer nothing",
         FULL,
         {.needs = {.deciding_stages = EOM_ONLY, .has_body = true, .has_data = true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | NR_ENVELOPE | NR_CONTENT},
        {"rules about unknown commands that answer nothing",
         FULL,
         {.needs = {.deciding_stages = EOM_ONLY, .has_body = true, .has_unknown = true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         (ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA) & ~(unsigned long)SMFIP_NOUNKNOWN},
        {"unknown commands are refused",
         FULL,
         {.needs = {.deciding_stages = EOM_ONLY | 1u << POLICY_STAGE_UNKNOWN,
                    .has_body = true,
                    .has_unknown = true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         (ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA) &
             ~(unsigned long)(SMFIP_NOUNKNOWN | SMFIP_NR_UNKN)},
        {"header fields and chunks of the body never decide",
         FULL,
         {.needs = {EOM_ONLY | 1u << POLICY_STAGE_HEADER | 1u << POLICY_STAGE_BODY, true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA},
        {"over TCP the answer to DATA carries the acknowledgement",
         FULL,
         {.needs = {EOM_ONLY, true}, .is_inet = true},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | (NR_ENVELOPE & ~(unsigned long)SMFIP_NR_DATA) | NR_CONTENT},
        {"one session too many",
         FULL,
         {.needs = {EOM_ONLY, true}, .is_refused = true},
         true,
         EDIT | SMFIF_QUARANTINE,
         ALWAYS | (NR_ENVELOPE & ~(unsigned long)SMFIP_NR_CONN) | NR_CONTENT | SMFIP_NODATA},
        {"an MTA without leading blanks and NODATA",
         {ALL_ACTIONS, NR_CONTENT},
         {.needs = {EOM_ONLY, true}},
         true,
         EDIT | SMFIF_QUARANTINE,
         NR_CONTENT},
        {"an MTA that offers nothing", {EDIT, 0}, {.needs = {EOM_ONLY, true}}, true, EDIT, 0},
        {"an MTA that deletes no fields",
         {SMFIF_ADDHDRS, ALL_STEPS},
         {.needs = {EOM_ONLY, true}},
         false,
         EDIT,
         ALWAYS | NR_ENVELOPE | NR_CONTENT | SMFIP_NODATA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct negotiate_case *c = &cases[i];
        struct filter_protocol got;
        bool is_good = filter_negotiate(&c->offer, &c->wishes, &got);

        if (is_good != c->want_good || got.actions != c->want_actions ||
            got.steps != c->want_steps) {
            fail_msg("%s: %d actions 0x%lx steps 0x%lx, wanted 0x%lx 0x%lx", c->name, is_good,
                     got.actions, got.steps, c->want_actions, c->want_steps);
        }
    }
}

static void test_silent(void **state)
{
    static const struct {
        enum policy_stage stage;
        unsigned long bit;
    } cases[] = {
        {POLICY_STAGE_CONNECT, SMFIP_NR_CONN}, {POLICY_STAGE_HELO, SMFIP_NR_HELO},
        {POLICY_STAGE_MAIL, SMFIP_NR_MAIL},    {POLICY_STAGE_RCPT, SMFIP_NR_RCPT},
        {POLICY_STAGE_DATA, SMFIP_NR_DATA},    {POLICY_STAGE_HEADER, SMFIP_NR_HDR},
        {POLICY_STAGE_EOH, SMFIP_NR_EOH},      {POLICY_STAGE_BODY, SMFIP_NR_BODY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_protocol one = {.steps = cases[i].bit};
        struct filter_protocol others = {.steps = ALL_STEPS & ~cases[i].bit};

        assert_true(filter_protocol_is_silent(&one, cases[i].stage));
        assert_false(filter_protocol_is_silent(&others, cases[i].stage));
        assert_false(filter_protocol_is_silent(&one, POLICY_STAGE_EOM));
    }
}

/* What is read at a stage must be in its list, because a list replaces the MTA's. */
static void test_macros(void **state)
{
    struct filter_protocol silent = {.steps = ALL_STEPS};
    struct filter_protocol talking = {.steps = 0};

    (void)state;
    assert_non_null(
        strstr(filter_negotiate_macros(&silent, POLICY_STAGE_CONNECT), "{daemon_name}"));
    assert_non_null(strstr(filter_negotiate_macros(&silent, POLICY_STAGE_HELO), "{tls_version}"));
    assert_non_null(strstr(filter_negotiate_macros(&silent, POLICY_STAGE_MAIL), "{auth_authen}"));
    assert_non_null(strstr(filter_negotiate_macros(&silent, POLICY_STAGE_MAIL), "{tls_version}"));
    assert_non_null(
        strstr(filter_negotiate_macros(&silent, POLICY_STAGE_CONNECT), "{daemon_port}"));
    assert_non_null(strstr(filter_negotiate_macros(&silent, POLICY_STAGE_HELO), "{verify}"));
    assert_string_equal(filter_negotiate_macros(&silent, POLICY_STAGE_EOM), "i");
    assert_null(filter_negotiate_macros(&silent, POLICY_STAGE_DATA));
    assert_string_equal(filter_negotiate_macros(&talking, POLICY_STAGE_DATA), "i");
    assert_null(filter_negotiate_macros(&talking, POLICY_STAGE_HEADER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_negotiate),
                                       cmocka_unit_test(test_silent),
                                       cmocka_unit_test(test_macros)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
