/* How long a question takes, and how much processor time: `make tests/bench/dns &&
 * tests/bench/dns`. Against the name server of the unit tests, in this process; its work is counted
 * too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/panic.h"
#include "dns/resolver.h"
#include "tests/unit/fake_dns_server.h"

#define THREADS_MAX 16
#define PATIENCE    (30 * BASE_NS_PER_S)

struct run {
    struct dns_resolver *resolver;
    unsigned number;
    unsigned questions;
    /* Each question is a new name. */
    bool is_miss;
    pthread_t thread;
};

static void ask_one(struct run *run, unsigned i)
{
    struct dns_pending *pending;
    struct dns_answer *answer;
    struct dns_name name;
    char text[64];

    snprintf(text, sizeof(text), "n%u-%u.ok.example", run->is_miss ? run->number : 0,
             run->is_miss ? i : i % 10);
    if (dns_name_make(&name, base_text_of(text)) != DNS_NAME_OK)
        base_panic("no name: %s", text);
    pending = run->resolver->ops->ask(run->resolver, &name, DNS_TYPE_TXT);
    answer = run->resolver->ops->wait(pending, PATIENCE);
    if (answer == NULL || answer->status != DNS_STATUS_OK)
        base_panic("no answer: %s", text);
    dns_answer_unref(&answer);
    run->resolver->ops->drop(&pending);
}

static void *run_main(void *context)
{
    struct run *run = context;

    for (unsigned i = 0; i < run->questions; i++)
        ask_one(run, i);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(struct dns_resolver *resolver, const char *what, bool is_miss, unsigned threads,
                    unsigned base)
{
    struct base_clock clock = base_clock_system();
    struct run runs[THREADS_MAX];
    unsigned questions = (is_miss ? 20000 : 100000) / threads;
    double all = (double)questions * threads;
    double cpu = cpu_seconds();
    int64_t start = base_clock_mono_ns(&clock);

    for (unsigned i = 0; i < threads; i++) {
        runs[i] = (struct run){resolver, base + i, questions, is_miss, 0};
        if (pthread_create(&runs[i].thread, NULL, run_main, &runs[i]) != 0)
            base_panic("no thread");
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(runs[i].thread, NULL);
    printf("%-14s %2u threads: %6.2f us a question, %6.2f us of processor\n", what, threads,
           (double)(base_clock_mono_ns(&clock) - start) / 1000 / all,
           (cpu_seconds() - cpu) * 1e6 / all);
}

int main(void)
{
    struct fake_dns_server *server = fake_dns_server_start();
    struct base_text nameserver = base_text_of(fake_dns_server_address(server));
    struct base_error error = {""};
    struct dns_resolver *resolver = dns_unbound_create(
        &(struct dns_unbound_options){.nameservers = &nameserver, .nameserver_count = 1}, &error);

    if (resolver == NULL)
        base_panic("%s", error.text);
    for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 4) {
        measure(resolver, "cached hit", false, threads, 0);
        measure(resolver, "loopback miss", true, threads, 1000 * threads);
    }
    dns_resolver_destroy(&resolver);
    fake_dns_server_stop(&server);
    return 0;
}
