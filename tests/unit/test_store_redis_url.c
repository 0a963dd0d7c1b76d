/* store/redis_url: addresses of servers as they are written. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/redis_url.h"

static void test_good(void **state)
{
    static const struct {
        const char *text;
        struct store_redis_url want;
    } cases[] = {
        {"redis://redis.example.org", {.host = "redis.example.org", .port = 6379}},
        {"redis://redis.example.org/", {.host = "redis.example.org", .port = 6379}},
        {"redis://192.0.2.1:1/0", {.host = "192.0.2.1", .port = 1}},
        {"rediss://a:65535/9999", {.host = "a", .port = 65535, .database = 9999, .is_tls = true}},
        {"redis://[2001:db8::1]", {.host = "2001:db8::1", .port = 6379}},
        {"rediss://[::1]:7000/3", {.host = "::1", .port = 7000, .database = 3, .is_tls = true}},
        {"unix:/run/redis.sock", {.path = "/run/redis.sock"}},
        {"unix:/run/redis.sock?db=7", {.path = "/run/redis.sock", .database = 7}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct store_redis_url url;

        if (!store_redis_url_parse(cases[i].text, &url, &error))
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_string_equal(url.host, cases[i].want.host);
        assert_string_equal(url.path, cases[i].want.path);
        assert_int_equal(url.port, cases[i].want.port);
        assert_int_equal(url.database, cases[i].want.database);
        assert_int_equal(url.is_tls, cases[i].want.is_tls);
    }
}

/* Nothing is decoded: neither a host nor a path of a server has need of %. */
static void test_bad(void **state)
{
    static const char *const cases[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis:///1",
        "REDIS://a",
        "http://a",
        "redis://a:",
        "redis://a:0",
        "redis://a:65536",
        "redis://a:-1",
        "redis://a:+1",
        "redis://a: 1",
        "redis://a:1x",
        "redis://::1",
        "redis://[::1",
        "redis://[::1]x",
        "redis://[::1]:",
        "redis://[]",
        "redis://a/x",
        "redis://a/-1",
        "redis://a/10000",
        "redis://a/1/2",
        "redis://a/18446744073709551616",
        "unix:",
        "unix:relative",
        "unix:?db=1",
        "unix:/a?",
        "unix:/a?db=",
        "unix:/a?db=x",
        "unix:/a?db=1&db=2",
        "unix:/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct store_redis_url url;

        if (store_redis_url_parse(cases[i], &url, &error))
            fail_msg("%s is accepted", cases[i]);
        assert_non_null(strstr(error.text, "redis://HOST:PORT/DB"));
        assert_non_null(strstr(error.text, cases[i]));
    }
}

/* Passwords are not said again. */
static void test_passwords(void **state)
{
    static const char *const cases[] = {
        "redis://:secret@a",       "redis://user:secret@a/1", "REDIS://user:secret@a/1",
        "redis:user:secret@a",     "redis://a/secret@1",      "user:secret@a",
        "unix:/a?password=secret",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct store_redis_url url;

        if (store_redis_url_parse(cases[i], &url, &error))
            fail_msg("%s is accepted", cases[i]);
        if (strstr(error.text, "secret") != NULL || strstr(error.text, "rate-password") == NULL)
            fail_msg("%s: %s", cases[i], error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_passwords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
