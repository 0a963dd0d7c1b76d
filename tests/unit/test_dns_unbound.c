/* The libunbound backend against a name server in this process: no network. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "tests/unit/fake_dns_server.h"

/* Long enough that only a fault gets there. */
#define PATIENCE (30 * BASE_NS_PER_S)

struct fixture {
    struct fake_dns_server *server;
    struct dns_resolver *resolver;
};

static void fixture_open(struct fixture *f, const char *trust_anchor)
{
    struct base_error error = {""};
    struct base_text nameserver;

    f->server = fake_dns_server_start();
    nameserver = base_text_of(fake_dns_server_address(f->server));
    f->resolver = dns_unbound_create(&(struct dns_unbound_options){.nameservers = &nameserver,
                                                                   .nameserver_count = 1,
                                                                   .trust_anchor = trust_anchor},
                                     &error);
    assert_string_equal(error.text, "");
    assert_non_null(f->resolver);
    assert_string_equal(f->resolver->ops->name, "unbound");
    assert_false(f->resolver->is_test_zone);
}

static void fixture_close(struct fixture *f)
{
    dns_resolver_destroy(&f->resolver);
    fake_dns_server_stop(&f->server);
}

static struct dns_pending *begin(struct fixture *f, const char *text, enum dns_type type)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return f->resolver->ops->ask(f->resolver, &name, type);
}

static struct dns_answer *ask(struct fixture *f, const char *text, enum dns_type type,
                              int64_t timeout_ns)
{
    struct dns_pending *pending = begin(f, text, type);
    struct dns_answer *answer = f->resolver->ops->wait(pending, timeout_ns);

    f->resolver->ops->drop(&pending);
    assert_null(pending);
    return answer;
}

static void test_answers(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        size_t count;
        /* Of the last record; not looked at where there is no text or length here. */
        struct base_text value;
    } cases[] = {
        {"a.ok.example", DNS_TYPE_A, DNS_STATUS_OK, 2, BASE_TEXT("\xc0\x00\x02\x02")},
        {"hello.ok.example", DNS_TYPE_TXT, DNS_STATUS_OK, 1, BASE_TEXT("hello")},
        {"a.ok.example", DNS_TYPE_PTR, DNS_STATUS_OK, 1, BASE_TEXT("host.example")},
        {"a.ok.example", DNS_TYPE_MX, DNS_STATUS_OK, 2, {NULL, 0}},
        {"a.ok.test", DNS_TYPE_PTR, DNS_STATUS_OK, 1, BASE_TEXT("host.example")},
        {"1.ok.2.0.192.in-addr.arpa", DNS_TYPE_PTR, DNS_STATUS_OK, 1, BASE_TEXT("host.example")},
        {"1.ok.0.10.in-addr.arpa", DNS_TYPE_PTR, DNS_STATUS_OK, 1, BASE_TEXT("host.example")},
        /* libunbound asks for the target itself: what a server adds proves nothing. */
        {"a.alias.example", DNS_TYPE_A, DNS_STATUS_OK, 2, BASE_TEXT("\xc0\x00\x02\x02")},
        {"a.ok.example", DNS_TYPE_AAAA, DNS_STATUS_NODATA, 0, {NULL, 0}},
        {"a.nodata.example", DNS_TYPE_A, DNS_STATUS_NODATA, 0, {NULL, 0}},
        {"a.bare.example", DNS_TYPE_A, DNS_STATUS_NODATA, 0, {NULL, 0}},
        {"a.nx.example", DNS_TYPE_A, DNS_STATUS_NXDOMAIN, 0, {NULL, 0}},
        {"a.servfail.example", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, {NULL, 0}},
        {"a.refused.example", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, {NULL, 0}},
        {"a.formerr.example", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, {NULL, 0}},
        {"a.notimp.example", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, {NULL, 0}},
        {"a.loop.example", DNS_TYPE_A, DNS_STATUS_SERVFAIL, 0, {NULL, 0}},
        {"a.longname.example", DNS_TYPE_PTR, DNS_STATUS_OK, 1, {NULL, 253}},
        {"a.dotlabel.example", DNS_TYPE_PTR, DNS_STATUS_OK, 1, {NULL, 0}},
        {"a b\"c;(d)\\e.ok.example", DNS_TYPE_TXT, DNS_STATUS_OK, 1, BASE_TEXT("a b\"c;(d)\\e")},
        {"\\010$@*.ok.example", DNS_TYPE_TXT, DNS_STATUS_OK, 1, BASE_TEXT("\\010$@*")},
        {"\x01\x7f\x80\xff\r\n.ok.example", DNS_TYPE_TXT, DNS_STATUS_OK, 1,
         BASE_TEXT("\x01\x7f\x80\xff\r\n")},
    };
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_answer *answer = ask(&f, cases[i].name, cases[i].type, PATIENCE);

        if (answer == NULL || answer->status != cases[i].status)
            fail_msg("%s %s: %s", cases[i].name, dns_type_text(cases[i].type),
                     answer == NULL ? "none" : dns_status_text(answer->status));
        if (answer->count != cases[i].count)
            fail_msg("%s %s: %zu records", cases[i].name, dns_type_text(cases[i].type),
                     answer->count);
        if (cases[i].value.length > 0)
            assert_int_equal(answer->records[answer->count - 1].value.length,
                             cases[i].value.length);
        if (cases[i].value.data != NULL)
            assert_memory_equal(answer->records[answer->count - 1].value.data, cases[i].value.data,
                                cases[i].value.length);
        assert_true(answer->status == DNS_STATUS_OK ? answer->ttl > 0 : true);
        assert_false(answer->is_secure);
        dns_answer_unref(&answer);
    }
    fixture_close(&f);
}

static void test_dotlabel(void **state)
{
    struct fixture f;
    struct dns_answer *answer;

    (void)state;
    fixture_open(&f, NULL);
    answer = ask(&f, "a.dotlabel.example", DNS_TYPE_PTR, PATIENCE);
    assert_int_equal(answer->status, DNS_STATUS_OK);
    assert_null(answer->records[0].value.data);
    assert_int_equal(answer->records[0].rdata.length, 13);
    dns_answer_unref(&answer);
    fixture_close(&f);
}

/* 4,000 octets do not fit into UDP: asked again by TCP. */
static void test_big_txt(void **state)
{
    struct fixture f;
    struct dns_answer *answer;

    (void)state;
    fixture_open(&f, NULL);
    answer = ask(&f, "a.big.example", DNS_TYPE_TXT, PATIENCE);
    assert_non_null(answer);
    assert_int_equal(answer->status, DNS_STATUS_OK);
    assert_int_equal(answer->records[0].value.length, 4000);
    assert_int_equal(answer->records[0].value.data[3999], 'p');
    dns_answer_unref(&answer);
    fixture_close(&f);
}

/* No record comes of it, and nothing breaks; what is no answer at all is a time-out or a failure.
 */
static void test_hostile(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
    } cases[] = {
        {"a.shorta.example", DNS_TYPE_A},  {"a.badtxt.example", DNS_TYPE_TXT},
        {"a.cut.example", DNS_TYPE_A},     {"a.pointer.example", DNS_TYPE_PTR},
        {"a.garbage.example", DNS_TYPE_A}, {"a.other.example", DNS_TYPE_A},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_answer *answer;
        struct fixture f;

        /* Each has its own, so that a server held for dead by one is not dead for the next. */
        fixture_open(&f, NULL);
        answer = ask(&f, cases[i].name, cases[i].type, 50 * BASE_NS_PER_MS);
        if (answer != NULL)
            assert_int_equal(answer->count, 0);
        dns_answer_unref(&answer);
        answer = ask(&f, "after.ok.example", DNS_TYPE_TXT, PATIENCE);
        assert_non_null(answer);
        dns_answer_unref(&answer);
        fixture_close(&f);
    }
}

static void test_cached(void **state)
{
    struct fixture f;
    unsigned before;

    (void)state;
    fixture_open(&f, NULL);
    for (int i = 0; i < 10; i++) {
        struct dns_answer *answer = ask(&f, "once.ok.example", DNS_TYPE_TXT, PATIENCE);

        assert_int_equal(answer->status, DNS_STATUS_OK);
        dns_answer_unref(&answer);
        if (i == 0)
            before = fake_dns_server_count(f.server);
    }
    assert_int_equal(fake_dns_server_count(f.server), before);
    fixture_close(&f);
}

/* The same question of two askers, one of whom gives up. */
static void test_drop_one_of_two(void **state)
{
    struct fixture f;
    struct dns_pending *first;
    struct dns_pending *second;
    struct dns_answer *answer;

    (void)state;
    fixture_open(&f, NULL);
    for (int i = 0; i < 200; i++) {
        char text[64];

        snprintf(text, sizeof(text), "n%d.ok.example", i);
        first = begin(&f, text, DNS_TYPE_TXT);
        second = begin(&f, text, DNS_TYPE_TXT);
        f.resolver->ops->drop(&first);
        answer = f.resolver->ops->wait(second, PATIENCE);
        assert_non_null(answer);
        assert_int_equal(answer->status, DNS_STATUS_OK);
        dns_answer_unref(&answer);
        answer = f.resolver->ops->wait(second, 0);
        assert_non_null(answer);
        dns_answer_unref(&answer);
        f.resolver->ops->drop(&second);
    }
    fixture_close(&f);
}

/* Through the look-ups: silence is TIMEOUT as soon as the budget is spent. */
static void test_silence(void **state)
{
    struct base_clock clock = base_clock_system();
    struct base_arena *arena = base_arena_create(1 << 16, NULL);
    struct dns_budget budget = {50 * BASE_NS_PER_MS};
    struct dns_lookups *lookups;
    struct dns_name name;
    struct fixture f;
    int64_t start;

    (void)state;
    fixture_open(&f, NULL);
    lookups = dns_lookups_create(arena, &(struct dns_lookups_options){.resolver = f.resolver,
                                                                      .clock = &clock,
                                                                      .max_questions = 10});
    assert_int_equal(dns_name_make(&name, BASE_TEXT("a.silent.example")), DNS_NAME_OK);
    dns_lookups_set_budget(lookups, &budget);
    start = base_clock_mono_ns(&clock);
    assert_int_equal(dns_lookups_get(lookups, &name, DNS_TYPE_A)->status, DNS_STATUS_TIMEOUT);
    assert_in_range(base_clock_mono_ns(&clock) - start, 50 * BASE_NS_PER_MS, 10 * BASE_NS_PER_S);
    assert_int_equal(budget.left_ns, 0);
    dns_lookups_destroy(&lookups);
    base_arena_destroy(&arena);
    fixture_close(&f);
}

/* Given up, but still under way inside libunbound when it ends. */
static void test_destroy_with_questions_under_way(void **state)
{
    struct dns_pending *pending[100];
    struct fixture f;
    char text[64];

    (void)state;
    fixture_open(&f, NULL);
    for (size_t i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "n%zu.%s.example", i, i % 2 == 0 ? "silent" : "ok");
        pending[i] = begin(&f, text, DNS_TYPE_TXT);
    }
    for (size_t i = 0; i < 100; i++)
        f.resolver->ops->drop(&pending[i]);
    fixture_close(&f);
}

#define THREADS   8
#define QUESTIONS 300

struct asker {
    struct fixture *fixture;
    unsigned number;
    unsigned wrong;
    pthread_t thread;
};

static enum dns_status want_of(unsigned i)
{
    return i % 3 == 0 ? DNS_STATUS_NXDOMAIN : DNS_STATUS_OK;
}

/* Sixteen at once, of which every seventh is given up; half of the names are asked by all. */
static void ask_batch(struct asker *asker, unsigned first)
{
    const struct dns_resolver_ops *ops = asker->fixture->resolver->ops;
    struct dns_pending *pending[16];
    char text[64];

    for (unsigned i = 0; i < 16; i++) {
        struct dns_name name;

        snprintf(text, sizeof(text), "n%u-%u.%s.example", i % 2 == 0 ? asker->number : 0, first + i,
                 want_of(i) == DNS_STATUS_OK ? "ok" : "nx");
        if (dns_name_make(&name, base_text_of(text)) != DNS_NAME_OK)
            asker->wrong++;
        pending[i] = ops->ask(asker->fixture->resolver, &name, DNS_TYPE_TXT);
    }
    for (unsigned i = 0; i < 16; i++) {
        struct dns_answer *answer = i % 7 == 6 ? NULL : ops->wait(pending[i], PATIENCE);

        if (i % 7 != 6 && (answer == NULL || answer->status != want_of(i)))
            asker->wrong++;
        dns_answer_unref(&answer);
        ops->drop(&pending[i]);
    }
}

static void *asker_main(void *context)
{
    struct asker *asker = context;

    for (unsigned i = 0; i < QUESTIONS; i += 16)
        ask_batch(asker, i);
    return NULL;
}

static void test_threads(void **state)
{
    struct asker askers[THREADS];
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.fixture = &f, .number = i + 1};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_main, &askers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].wrong, 0);
    }
    fixture_close(&f);
}

static void write_file(char *path, const char *text)
{
    FILE *file;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The server signs nothing, and the anchor says that it does. */
static void test_bogus(void **state)
{
    char path[] = "test_dns_unbound.XXXXXX";
    struct dns_answer *answer;
    struct fixture f;

    (void)state;
    write_file(path, "example. DS 12345 8 2 "
                     "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    fixture_open(&f, path);
    answer = ask(&f, "a.ok.example", DNS_TYPE_TXT, PATIENCE);
    assert_non_null(answer);
    assert_int_equal(answer->status, DNS_STATUS_BOGUS);
    assert_int_equal(answer->count, 0);
    dns_answer_unref(&answer);
    answer = ask(&f, "a.ok.elsewhere", DNS_TYPE_TXT, PATIENCE);
    assert_int_equal(answer->status, DNS_STATUS_OK);
    dns_answer_unref(&answer);
    fixture_close(&f);
    remove(path);
}

static void test_resolv_conf(void **state)
{
    char path[] = "test_dns_unbound.XXXXXX";
    struct base_error error = {""};
    struct dns_resolver *resolver;

    (void)state;
    write_file(path, "search example\nnameserver 127.0.0.1\noptions edns0\n");
    resolver = dns_unbound_create(&(struct dns_unbound_options){.resolv_conf = path}, &error);
    assert_string_equal(error.text, "");
    assert_non_null(resolver);
    dns_resolver_destroy(&resolver);
    remove(path);
}

static void test_faults(void **state)
{
    char garbage[] = "test_dns_unbound.XXXXXX";
    const struct base_text loopback = BASE_TEXT("127.0.0.1");
    const struct base_text bad[] = {
        BASE_TEXT("ns.example.org"),
        BASE_TEXT(""),
        BASE_TEXT("192.0.2.256"),
        BASE_TEXT("192.0.2.1@port"),
        {NULL, 0},
        BASE_TEXT("192.0.2.1\0x"),
        BASE_TEXT("1111111111111111111111111111111111111111111111111111111111111111111111111111111"
                  "1111111111111111111111111"),
    };
    struct dns_unbound_options options = {.nameserver_count = 1};
    struct base_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options.nameservers = &bad[i];
        assert_null(dns_unbound_create(&options, &error));
        assert_non_null(strstr(error.text, "is not an address: write 192.0.2.1"));
    }
    options.nameservers = &loopback;
    options.trust_anchor = "no-such-file";
    assert_null(dns_unbound_create(&options, &error));
    assert_non_null(strstr(error.text, "trust-anchor: "));
    assert_non_null(strstr(error.text, "no-such-file"));
    write_file(garbage, "this is no record\n");
    options.trust_anchor = garbage;
    assert_null(dns_unbound_create(&options, &error));
    assert_non_null(strstr(error.text, "holds DS or DNSKEY records"));
    remove(garbage);
    options = (struct dns_unbound_options){.resolv_conf = "no-such-file"};
    assert_null(dns_unbound_create(&options, &error));
    assert_non_null(strstr(error.text, "no-such-file: "));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),     cmocka_unit_test(test_dotlabel),
        cmocka_unit_test(test_big_txt),     cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cached),      cmocka_unit_test(test_drop_one_of_two),
        cmocka_unit_test(test_silence),     cmocka_unit_test(test_destroy_with_questions_under_way),
        cmocka_unit_test(test_threads),     cmocka_unit_test(test_bogus),
        cmocka_unit_test(test_resolv_conf), cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
