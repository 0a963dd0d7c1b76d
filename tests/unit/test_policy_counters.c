/* policy/counters: rules by name and stage, verdicts and results of messages, many threads at once.
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "policy/counters.h"
#include "policy/decision.h"
#include "policy/dmarc/dmarc.h"
#include "policy/spf/spf.h"

#define THREADS 8
#define ROUNDS  20000

static void test_rules(void **state)
{
    struct policy_counters *counters = policy_counters_create();
    char name[32];

    (void)state;
    assert_int_equal(policy_counters_read(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED),
                     0);
    policy_counters_add(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED);
    policy_counters_add(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED);
    policy_counters_add(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_DECIDED);
    policy_counters_add(counters, "a", POLICY_STAGE_EOM, POLICY_COUNTER_WOULD);
    assert_int_equal(policy_counters_read(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED),
                     2);
    assert_int_equal(policy_counters_read(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_DECIDED),
                     1);
    assert_int_equal(policy_counters_read(counters, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_WOULD),
                     0);
    assert_int_equal(policy_counters_read(counters, "a", POLICY_STAGE_EOM, POLICY_COUNTER_WOULD),
                     1);
    assert_int_equal(policy_counters_read(counters, "b", POLICY_STAGE_EOM, POLICY_COUNTER_WOULD),
                     0);
    /* Several in each chain. */
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "rule %d", i);
        for (int j = 0; j <= i % 3; j++)
            policy_counters_add(counters, name, POLICY_STAGE_RCPT, POLICY_COUNTER_SPARED);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "rule %d", i);
        assert_int_equal(
            policy_counters_read(counters, name, POLICY_STAGE_RCPT, POLICY_COUNTER_SPARED),
            i % 3 + 1);
    }
    policy_counters_destroy(&counters);
    assert_null(counters);
    policy_counters_add(NULL, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED);
    assert_int_equal(policy_counters_read(NULL, "a", POLICY_STAGE_MAIL, POLICY_COUNTER_MATCHED), 0);
}

static int64_t number(const struct base_json *object, const char *key, const char *inner)
{
    const struct base_json *value = base_json_get(object, key);
    int64_t result = -1;

    if (inner != NULL)
        value = base_json_get(value, inner);
    return base_json_int(value, &result) ? result : -1;
}

static void want_verdict(const struct base_json *list, size_t index, const char *want)
{
    struct base_buf line;

    base_buf_init(&line, NULL, 1024);
    base_json_append_to(base_json_at(list, index), &line);
    assert_string_equal(base_buf_cstr(&line), want);
    base_buf_deinit(&line);
}

static void test_messages(void **state)
{
    struct policy_counters *counters = policy_counters_create();
    const struct spf_outcome spf = {.verdict = SPF_VERDICT_SOFTFAIL};
    const struct dmarc_outcome list = {.result = DMARC_RESULT_PASS};
    struct dmarc_outcome dmarc = {.result = DMARC_RESULT_FAIL, .method = DMARC_METHOD_COMPARE};
    struct policy_signature failed = {.fault = "no"};
    struct policy_signature made = {.next = NULL};
    const struct policy_verdict rejected = {.stage = POLICY_STAGE_MAIL,
                                            .action = POLICY_ACTION_REJECT};
    struct policy_decision inbound = {
        .verdict = {.stage = POLICY_STAGE_EOM, .action = POLICY_ACTION_HOLD_QUEUE},
        .spf = &spf,
        .dkim_word = "pass",
        .dmarc = &dmarc,
        .recipients_refused = 3,
        .authres_removed = 2};
    struct policy_decision outbound = {.direction = POLICY_DIRECTION_OUTBOUND,
                                       .verdict = {.stage = POLICY_STAGE_EOM},
                                       .would = &rejected,
                                       .signatures = &failed};
    struct base_json *object = base_json_object();

    (void)state;
    policy_counters_note(NULL, &inbound);
    policy_counters_note(counters, &inbound);
    dmarc.by_list = &list;
    policy_counters_note(counters, &inbound);
    dmarc.result = DMARC_RESULT_PASS;
    policy_counters_note(counters, &inbound);
    policy_counters_note(counters, &outbound);
    failed.next = &made;
    policy_counters_note(counters, &outbound);
    outbound.is_aborted = true;
    policy_counters_note(counters, &outbound);

    policy_counters_json(counters, object);
    assert_int_equal(base_json_count(base_json_get(object, "verdicts")), 2);
    want_verdict(base_json_get(object, "verdicts"), 0,
                 "{\"direction\":\"inbound\",\"stage\":\"eom\",\"action\":\"hold-queue\","
                 "\"count\":3}");
    want_verdict(base_json_get(object, "verdicts"), 1,
                 "{\"direction\":\"outbound\",\"stage\":\"eom\",\"action\":\"continue\","
                 "\"count\":2}");
    assert_int_equal(base_json_count(base_json_get(object, "would")), 1);
    want_verdict(base_json_get(object, "would"), 0,
                 "{\"direction\":\"outbound\",\"stage\":\"mail\",\"action\":\"reject\","
                 "\"count\":2}");
    assert_int_equal(number(object, "aborted", NULL), 1);
    assert_int_equal(number(object, "recipients_refused", NULL), 9);
    assert_int_equal(number(object, "authres_removed", NULL), 6);
    assert_int_equal(number(object, "signed", NULL), 1);
    assert_int_equal(number(object, "unsigned", NULL), 0);
    assert_int_equal(number(object, "spf", "softfail"), 3);
    assert_int_equal(number(object, "spf", "pass"), 0);
    assert_int_equal(number(object, "helo_spf", "pass"), 0);
    assert_int_equal(number(object, "dkim", "pass"), 3);
    assert_int_equal(number(object, "dmarc", "fail"), 2);
    assert_int_equal(number(object, "dmarc", "pass"), 1);
    assert_int_equal(number(object, "dmarc_compare", "messages"), 3);
    assert_int_equal(number(object, "dmarc_compare", "differ"), 2);
    assert_int_equal(number(object, "dmarc_compare", "differ_in_result"), 1);
    base_json_destroy(&object);
    policy_counters_destroy(&counters);
}

static void *count(void *context)
{
    struct policy_counters *counters = context;
    char name[32];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof(name), "rule %d", i % 100);
        policy_counters_add(counters, name, POLICY_STAGE_EOM, POLICY_COUNTER_MATCHED);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct policy_counters *counters = policy_counters_create();
    pthread_t threads[THREADS];
    char name[32];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, counters), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "rule %d", i);
        assert_int_equal(
            policy_counters_read(counters, name, POLICY_STAGE_EOM, POLICY_COUNTER_MATCHED),
            THREADS * ROUNDS / 100);
    }
    policy_counters_destroy(&counters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
