#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "dns/cache.h"

#define S BASE_NS_PER_S

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return name;
}

/* Puts an answer that the cache alone keeps. */
static void put(struct dns_cache *cache, const char *text, enum dns_type type,
                struct dns_answer *answer, int64_t now_ns)
{
    struct dns_name name = name_of(text);

    dns_cache_put(cache, &name, type, answer, now_ns);
    dns_answer_unref(&answer);
}

static struct dns_answer *txt(size_t length, uint32_t ttl)
{
    static char octets[70000];
    const struct base_text rdata = {octets, length};

    return dns_answer_create(DNS_TYPE_TXT, &rdata, 1, ttl, false);
}

/* The status, or -1 for a miss. */
static int get(struct dns_cache *cache, const char *text, enum dns_type type, int64_t now_ns)
{
    struct dns_name name = name_of(text);
    struct dns_answer *answer = dns_cache_get(cache, &name, type, now_ns);
    int status = answer == NULL ? -1 : (int)answer->status;

    dns_answer_unref(&answer);
    return status;
}

static void test_time(void **state)
{
    static const struct {
        uint32_t ttl;
        int64_t after_ns;
        bool want_hit;
    } cases[] = {
        {60, 0, true},
        {60, 60 * S - 1, true},
        {60, 60 * S, false},
        {0, 0, false},
        {3600, 3600 * S - 1, true},
        {86400, 3600 * S - 1, true},
        {86400, 3600 * S, false},
        {UINT32_MAX, 3600 * S, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_cache *cache = dns_cache_create();

        put(cache, "a.org", DNS_TYPE_TXT, txt(4, cases[i].ttl), 1000 * S);
        assert_int_equal(get(cache, "a.org", DNS_TYPE_TXT, 1000 * S + cases[i].after_ns),
                         cases[i].want_hit ? DNS_STATUS_OK : -1);
        dns_cache_destroy(&cache);
        assert_null(cache);
    }
    dns_cache_destroy(&(struct dns_cache *){NULL});
}

static void test_what_is_kept(void **state)
{
    static const struct {
        enum dns_status status;
        bool want_hit;
    } cases[] = {
        {DNS_STATUS_NODATA, true},   {DNS_STATUS_NXDOMAIN, true}, {DNS_STATUS_SERVFAIL, false},
        {DNS_STATUS_TIMEOUT, false}, {DNS_STATUS_BOGUS, false},   {DNS_STATUS_CAPPED, false},
    };
    struct dns_cache *cache = dns_cache_create();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];

        snprintf(text, sizeof(text), "n%zu.org", i);
        put(cache, text, DNS_TYPE_A, dns_answer_create_empty(cases[i].status, 60), 0);
        assert_int_equal(get(cache, text, DNS_TYPE_A, 1),
                         cases[i].want_hit ? (int)cases[i].status : -1);
    }
    put(cache, "a.org", DNS_TYPE_TXT, txt(DNS_CACHE_OCTETS_MAX, 60), 0);
    assert_int_equal(get(cache, "a.org", DNS_TYPE_TXT, 1), DNS_STATUS_OK);
    assert_int_equal(get(cache, "A.org", DNS_TYPE_A, 1), -1);
    assert_int_equal(get(cache, "b.a.org", DNS_TYPE_TXT, 1), -1);
    put(cache, "large.org", DNS_TYPE_TXT, txt(DNS_CACHE_OCTETS_MAX + 1, 60), 0);
    assert_int_equal(get(cache, "large.org", DNS_TYPE_TXT, 1), -1);
    /* A later answer takes the place of the one before. */
    put(cache, "a.org", DNS_TYPE_TXT, dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 60), 0);
    assert_int_equal(get(cache, "a.org", DNS_TYPE_TXT, 1), DNS_STATUS_NXDOMAIN);
    dns_cache_destroy(&cache);
}

/* Three times as many as it holds: it keeps no more than its size, and most of that. */
static void test_full(void **state)
{
    struct dns_cache *cache = dns_cache_create();
    unsigned hits = 0;
    char text[16];

    (void)state;
    for (int round = 0; round < 2; round++) {
        hits = 0;
        for (unsigned i = 0; i < 3 * DNS_CACHE_ENTRIES_MAX; i++) {
            snprintf(text, sizeof(text), "n%u.org", i);
            if (round == 0)
                put(cache, text, DNS_TYPE_TXT, txt(4, 60 + i), 0);
            else
                hits += get(cache, text, DNS_TYPE_TXT, 1) == DNS_STATUS_OK;
        }
    }
    assert_in_range(hits, DNS_CACHE_ENTRIES_MAX * 9 / 10, DNS_CACHE_ENTRIES_MAX);
    /* The last one came in last. */
    assert_int_equal(get(cache, text, DNS_TYPE_TXT, 1), DNS_STATUS_OK);
    dns_cache_destroy(&cache);
}

static void *thread_main(void *context)
{
    char text[16];

    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "n%u.org", i % 50);
        if (get(context, text, DNS_TYPE_TXT, i) < 0)
            put(context, text, DNS_TYPE_TXT, txt(4, 1), i * S / 100);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct dns_cache *cache = dns_cache_create();
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, cache), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    dns_cache_destroy(&cache);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
