/* filter/reply: which milter reply is given, and in which words. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "filter/reply.h"
#include "filter/session.h"

static void test_escape(void **state)
{
    static const struct {
        const char *input, *want;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        {"100%", "100%%"},
        {"%s%n%", "%%s%%n%%"},
        {"%%", "%%%%"},
        {"two\r\nlines\tand\x7f"
         "8\xfc",
         "two??lines?and?8?"},
    };
    char out[FILTER_REPLY_TEXT_SIZE];
    char longer[FILTER_REPLY_TEXT_MAX + 50];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter_reply_escape(cases[i].input, out);
        assert_string_equal(out, cases[i].want);
    }
    memset(longer, '%', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    filter_reply_escape(longer, out);
    assert_int_equal(strlen(out), 2 * FILTER_REPLY_TEXT_MAX);
    memset(longer, 'x', sizeof longer - 1);
    filter_reply_escape(longer, out);
    assert_int_equal(strlen(out), FILTER_REPLY_TEXT_MAX);
}

struct fake_mta {
    char reply[512];
    unsigned replies;
};

/* The lines, '|' between them. */
static bool fake_set_reply(void *context, const char *code, const char *enhanced,
                           const char *const *lines)
{
    struct fake_mta *fake = context;
    size_t length = (size_t)snprintf(fake->reply, sizeof fake->reply, "%s %s ", code, enhanced);

    fake->replies++;
    for (size_t i = 0; lines[i] != NULL; i++) {
        length += (size_t)snprintf(fake->reply + length, sizeof fake->reply - length, "%s%s",
                                   i == 0 ? "" : "|", lines[i]);
    }
    return true;
}

static const struct filter_mta_ops fake_ops = {.set_reply = fake_set_reply};

#define VERDICT(what, codes, extended, words)                                               \
    {                                                                                       \
        .action = POLICY_ACTION_##what, .code = codes, .enhanced = extended, .text = words, \
        .rule = ""                                                                          \
    }

static const struct policy_verdict verdict_continue = VERDICT(CONTINUE, "", "", "");
static const struct policy_verdict verdict_accept = VERDICT(ACCEPT, "", "", "");
static const struct policy_verdict verdict_bypass = {.action = POLICY_ACTION_ACCEPT,
                                                     .code = "",
                                                     .enhanced = "",
                                                     .text = "",
                                                     .rule = "r",
                                                     .is_bypass = true};
static const struct policy_verdict verdict_mark = VERDICT(MARK, "", "", "");
static const struct policy_verdict verdict_hold = VERDICT(HOLD_QUEUE, "", "", "held");
static const struct policy_verdict verdict_discard = VERDICT(DISCARD, "", "", "");
static const struct policy_verdict verdict_reject = VERDICT(REJECT, "553", "5.7.1", "50% no");
static const struct policy_verdict verdict_tempfail = VERDICT(TEMPFAIL, "450", "4.7.1", "later");
static const struct policy_verdict reject_as_4xx = VERDICT(REJECT, "451", "4.7.1", "no");
static const struct policy_verdict reject_mixed = VERDICT(REJECT, "550", "4.7.1", "no");
static const struct policy_verdict tempfail_as_5xx = VERDICT(TEMPFAIL, "550", "5.7.1", "no");
static const struct policy_verdict two_lines = VERDICT(REJECT, "550", "5.7.1", "one 1%\ntwo \t2%");
static const struct policy_verdict ten_lines =
    VERDICT(TEMPFAIL, "450", "4.7.1", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
static const struct policy_verdict empty_lines = VERDICT(REJECT, "550", "5.7.1", "\n\n");
static const struct policy_verdict tempfail_bare = {.action = POLICY_ACTION_TEMPFAIL};

static void test_choose(void **state)
{
    static const struct {
        const struct policy_verdict *verdict;
        enum policy_stage stage;
        int want;
        const char *reply;
    } cases[] = {
        {&verdict_continue, POLICY_STAGE_MAIL, SMFIS_CONTINUE, ""},
        {&verdict_accept, POLICY_STAGE_CONNECT, SMFIS_CONTINUE, ""},
        {&verdict_accept, POLICY_STAGE_EOM, SMFIS_CONTINUE, ""},
        {&verdict_mark, POLICY_STAGE_EOM, SMFIS_CONTINUE, ""},
        {&verdict_hold, POLICY_STAGE_EOM, SMFIS_CONTINUE, ""},
        {&verdict_discard, POLICY_STAGE_RCPT, SMFIS_DISCARD, ""},
        {&verdict_discard, POLICY_STAGE_CONNECT, SMFIS_CONTINUE, ""},
        {&verdict_discard, POLICY_STAGE_HELO, SMFIS_CONTINUE, ""},
        {&verdict_reject, POLICY_STAGE_RCPT, SMFIS_REJECT, "553 5.7.1 50%% no"},
        {&verdict_tempfail, POLICY_STAGE_EOM, SMFIS_TEMPFAIL, "450 4.7.1 later"},
        {&reject_as_4xx, POLICY_STAGE_EOM, SMFIS_REJECT, "550 5.7.1 no"},
        {&reject_mixed, POLICY_STAGE_EOM, SMFIS_REJECT, "550 5.7.1 no"},
        {&tempfail_as_5xx, POLICY_STAGE_EOM, SMFIS_TEMPFAIL, "451 4.7.1 no"},
        {&tempfail_bare, POLICY_STAGE_EOM, SMFIS_TEMPFAIL, "451 4.7.1 "},
        {&verdict_accept, POLICY_STAGE_UNKNOWN, SMFIS_CONTINUE, ""},
        {&verdict_discard, POLICY_STAGE_UNKNOWN, SMFIS_CONTINUE, ""},
        {&verdict_reject, POLICY_STAGE_UNKNOWN, SMFIS_REJECT, "553 5.7.1 50%% no"},
        {&verdict_bypass, POLICY_STAGE_CONNECT, SMFIS_ACCEPT, ""},
        {&verdict_bypass, POLICY_STAGE_UNKNOWN, SMFIS_CONTINUE, ""},
        {&two_lines, POLICY_STAGE_MAIL, SMFIS_REJECT, "550 5.7.1 one 1%%|two ?2%%"},
        {&ten_lines, POLICY_STAGE_MAIL, SMFIS_TEMPFAIL, "450 4.7.1 1|2|3|4|5|6|7|8"},
        {&empty_lines, POLICY_STAGE_MAIL, SMFIS_REJECT, "550 5.7.1 ||"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_session session = {.daemon = NULL};
        struct fake_mta fake = {.replies = 0};
        struct filter_mta mta = {.ops = &fake_ops, .context = &fake};

        assert_int_equal(filter_reply_choose(&session, &mta, cases[i].stage, cases[i].verdict),
                         cases[i].want);
        assert_string_equal(fake.reply, cases[i].reply);
    }
}

/* A verdict at a stage without a reply waits for the next one that has one. */
static void test_latch(void **state)
{
    struct filter_session session = {
        .protocol = {.steps = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_BODY}};
    struct fake_mta fake = {.replies = 0};
    struct filter_mta mta = {.ops = &fake_ops, .context = &fake};

    (void)state;
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_CONNECT, &verdict_continue),
                     SMFIS_NOREPLY);
    assert_null(filter_session_latched(&session));
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_MAIL, &verdict_tempfail),
                     SMFIS_NOREPLY);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_BODY, &verdict_reject),
                     SMFIS_NOREPLY);
    assert_int_equal(fake.replies, 0);
    /* The first one counts, also against a later one that could be given at once. */
    assert_ptr_equal(filter_session_latched(&session), &verdict_tempfail);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_EOM, &verdict_reject),
                     SMFIS_TEMPFAIL);
    assert_string_equal(fake.reply, "450 4.7.1 later");

    session.message_verdict = NULL;
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_HELO, &verdict_reject),
                     SMFIS_NOREPLY);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_RCPT, &verdict_continue),
                     SMFIS_REJECT);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_EOM, &verdict_continue),
                     SMFIS_REJECT);
}

/* There is nothing to discard before MAIL, so it is done there. */
static void test_early_discard(void **state)
{
    struct filter_session session = {.daemon = NULL};
    struct fake_mta fake = {.replies = 0};
    struct filter_mta mta = {.ops = &fake_ops, .context = &fake};

    (void)state;
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_CONNECT, &verdict_discard),
                     SMFIS_CONTINUE);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_HELO, &verdict_continue),
                     SMFIS_CONTINUE);
    assert_int_equal(filter_reply_choose(&session, &mta, POLICY_STAGE_MAIL, &verdict_continue),
                     SMFIS_DISCARD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_escape), cmocka_unit_test(test_choose),
                                       cmocka_unit_test(test_latch),
                                       cmocka_unit_test(test_early_discard)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
