/* conf/reader: one parse at a time, whoever asks; nothing of one is left for the next; and what
 * libConfuse decodes is what the scanner expects. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conf_sample.h"

#define THREADS 4
#define ROUNDS  50

struct worker {
    pthread_t thread;
    int number;
    int faults;
};

static bool has_value(const char *text, int want)
{
    struct base_error error;
    struct conf_snapshot *snapshot =
        conf_read_text(text, "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    if (snapshot == NULL)
        return false;
    const struct sample_top *top = conf_snapshot_top(snapshot, &sample_top_table)->values;
    bool is_good = top->count == want;
    conf_snapshot_unref(&snapshot);
    return is_good;
}

static bool has_error(const char *text, const char *want)
{
    struct base_error error = {""};
    struct conf_snapshot *snapshot =
        conf_read_text(text, "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    bool is_good = snapshot == NULL && strstr(error.text, want) != NULL;
    conf_snapshot_unref(&snapshot);
    return is_good;
}

static void *work(void *context)
{
    struct worker *worker = context;
    char good[200];
    char bad[200];
    char want[200];
    snprintf(good, sizeof(good), "rule \"r\" { spf = { pass, fail } }\n count = %d",
             worker->number);
    snprintf(bad, sizeof(bad), "rule \"r\" { spf = { pass,\n fail } nomode%d = 1 }",
             worker->number);
    snprintf(want, sizeof(want), "x.conf:2: nomode%d: unknown option", worker->number);
    for (int i = 0; i < ROUNDS; i++) {
        worker->faults += has_value(good, worker->number) ? 0 : 1;
        worker->faults += has_error(bad, want) ? 0 : 1;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct worker workers[THREADS] = {0};
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i + 1;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].faults, 0);
    }
}

/* Each octet that may stand in a value comes back as it was written, in each way of writing it. */
static void test_every_octet(void **state)
{
    static const char *const quotes[] = {"\"", "'", ""};
    (void)state;
    for (int c = 0x20; c < 0x7f; c++) {
        for (size_t i = 0; i < COUNT_OF(quotes); i++) {
            char text[64];
            char want[] = {'a', base_ascii_lower((char)c), 'b', '\0'};
            struct base_error error;
            if (i < 2 ? strchr("\"\\'", c) != NULL : strchr(" \"#'()*+,;={}", c) != NULL)
                continue;
            snprintf(text, sizeof(text), "authserv-id = %sa%cb%s", quotes[i], c, quotes[i]);
            struct conf_snapshot *snapshot =
                conf_read_text(text, "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
            if (snapshot == NULL)
                fail_msg("%s: %s", text, error.text);
            const struct sample_top *top = conf_snapshot_top(snapshot, &sample_top_table)->values;
            assert_string_equal(top->authserv_id, want);
            conf_snapshot_unref(&snapshot);
        }
    }
}

/* The environment plays no part. */
static void test_environment(void **state)
{
    (void)state;
    setenv("POSTSEAL_TEST", "7", 1);
    assert_true(has_error("count = \"${POSTSEAL_TEST}\"", "is refused"));
    assert_true(has_error("count = ${POSTSEAL_TEST}", "is refused"));
    assert_true(has_error("count = '${POSTSEAL_TEST}'", "is refused"));
    assert_true(has_value("count = 8 # ${POSTSEAL_TEST}", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
