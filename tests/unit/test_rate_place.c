/* `rate-store` and what goes with it: what is refused, and with which words; where secrets come
 * from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "policy/rate/place.h"
#include "policy/rate/store.h"

static const struct conf_table *const tables[] = {&rate_place_table};

#define SECRET "rate-secret = \"file:/nowhere/secret\"\n"

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        /* NULL: it is fine. */
        const char *want;
    } cases[] = {
        {"", NULL},
        {"rate-store = \"redis://127.0.0.1\"\n" SECRET, NULL},
        {"rate-store = \"unix:/run/redis.sock?db=3\"\n" SECRET, NULL},
        {"rate-store = \"rediss://redis.example.org:6380/1\"\nrate-ca = \"/ca\"\n" SECRET, NULL},
        {"rate-store = \"redis://127.0.0.1\"\n", "it needs `rate-secret"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-secret = \"hunter2\"\n", "a file of its own"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-password = \"hunter2\"\n" SECRET,
         "a file of its own"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-user = \"a\"\n" SECRET, "a user needs"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-ca = \"/ca\"\n" SECRET, "without TLS"},
        {"rate-store = \"redis://me:hunter2@127.0.0.1\"\n" SECRET, "does not belong"},
        {"rate-store = \"127.0.0.1\"\n" SECRET, "is no address of a Redis server"},
        {"rate-hosts = 2\n", "which is not there"},
        {SECRET, "which is not there"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-hosts = 0\n" SECRET, "rate-hosts"},
        {"rate-store = \"redis://127.0.0.1\"\nrate-timeout = \"1ms\"\n" SECRET, "rate-timeout"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct conf_snapshot *conf = conf_read_text(cases[i].text, "a.conf", tables, 1, &error);

        if ((conf != NULL) != (cases[i].want == NULL) ||
            (conf == NULL &&
             (strstr(error.text, cases[i].want) == NULL || strstr(error.text, "hunter2") != NULL ||
              strncmp(error.text, "a.conf:", 7) != 0)))
            fail_msg("case %zu: %s", i, error.text);
        if (conf != NULL)
            conf_snapshot_unref(&conf);
    }
}

static void test_secret_file(void **state)
{
    static const struct {
        const char *content;
        mode_t mode;
        mode_t folder_mode;
        const char *want;
    } cases[] = {
        {"0123456789abcdef\n", 0600, 0700, NULL},
        {"0123456789abcdef\n", 0600, 01777, NULL},
        {"0123456789abcdef\n", 0600, 0777, "(mode 0777), where anybody"},
        {"0123456789abcdef\n", 0644, 0700, "chmod 0600"},
        {"0123456789abcde\n", 0600, 0700, "fewer than 16"},
        {"", 0600, 0700, "fewer than 16"},
        {NULL, 0600, 0700, "rate-secret"},
    };
    char folder[] = "/tmp/postseal-place.XXXXXX";
    char path[64];
    char text[256];
    struct base_clock clock = base_clock_manual(1800000000);

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/secret", folder);
    (void)snprintf(text, sizeof(text), "rate-store = \"unix:%s/none\"\nrate-secret = \"file:%s\"\n",
                   folder, path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct conf_snapshot *conf = conf_read_text(text, "a.conf", tables, 1, &error);
        struct rate_store *store = NULL;
        FILE *file = cases[i].content == NULL ? NULL : fopen(path, "w");
        bool is_open;

        assert_non_null(conf);
        if (file != NULL) {
            (void)fputs(cases[i].content, file);
            (void)fclose(file);
            assert_int_equal(chmod(path, cases[i].mode), 0);
        }
        assert_int_equal(chmod(folder, cases[i].folder_mode), 0);
        is_open = rate_place_open(conf, &clock, 1 << 20, &store, &error);
        if (is_open != (cases[i].want == NULL) || is_open != (store != NULL) ||
            (!is_open && strstr(error.text, cases[i].want) == NULL))
            fail_msg("case %zu: %s", i, error.text);
        rate_store_destroy(&store);
        (void)unlink(path);
        conf_snapshot_unref(&conf);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_none(void **state)
{
    struct base_error error = {""};
    struct conf_snapshot *conf = conf_read_text(NULL, "a.conf", tables, 1, &error);
    struct base_clock clock = base_clock_manual(1800000000);
    struct rate_store *store = NULL;

    (void)state;
    assert_non_null(conf);
    assert_true(rate_place_open(conf, &clock, 1 << 20, &store, &error));
    assert_null(store);
    conf_snapshot_unref(&conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
