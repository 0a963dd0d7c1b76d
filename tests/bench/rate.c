/* The embedded rate store under load: CPU time a decision (each thread's own clock), throughput,
 * and memory a key.
 *
 *     tests/bench/rate [KEYS [DECISIONS]]
 *
 * A decision is what a recipient costs with one rate of one window: charge, and commit. Keys are
 * "userN@example.org", all of them known, in random order. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/rate/engine.h"
#include "policy/rate/hash.h"

enum {
    THREADS_MAX = 16
};

struct worker {
    pthread_t thread;
    struct rate_store *store;
    unsigned seed;
    unsigned keys;
    unsigned decisions;
    uint32_t *cost_ns;
};

static const struct rate_windows windows = {.count = 1, .at = {{60000, 3600 * BASE_NS_PER_S}}};

static int64_t read_clock(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return now.tv_sec * BASE_NS_PER_S + now.tv_nsec;
}

static void decide(struct rate_store *store, unsigned number)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item item = {
        .name = BASE_TEXT("per login"), .windows = &windows, .amount = 1, .is_refusing = true};
    char key[40];
    int length = snprintf(key, sizeof(key), "user%u@example.org", number);

    item.key = (struct base_text){key, (size_t)length};
    (void)rate_store_charge(store, &reservation, &item, 1);
    rate_store_commit(store, &reservation);
}

/* As long as a decision, and nothing of the store's: its tail is the machine's. */
static void spin(unsigned number)
{
    uint64_t seed[2] = {number, 1};
    char text[40];

    for (unsigned i = 0; i < 12; i++) {
        int length = snprintf(text, sizeof(text), "user%u@example.org", number + i);

        seed[1] ^= rate_hash(seed, (struct base_text){text, (size_t)length});
    }
    /* Or the compiler would leave it out. */
    if (seed[1] == 0)
        (void)putchar(' ');
}

static void *work(void *context)
{
    struct worker *worker = context;

    for (unsigned i = 0; i < worker->decisions; i++) {
        unsigned number = (unsigned)rand_r(&worker->seed) % worker->keys;
        int64_t begin = worker->cost_ns == NULL ? 0 : read_clock(CLOCK_THREAD_CPUTIME_ID);

        if (worker->store == NULL)
            spin(number);
        else
            decide(worker->store, number);
        if (worker->cost_ns != NULL)
            worker->cost_ns[i] = (uint32_t)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Seconds of the wall clock; costs are all threads' in one row. */
static double run(struct rate_store *store, unsigned threads, unsigned keys, unsigned decisions,
                  uint32_t *cost_ns)
{
    struct worker workers[THREADS_MAX];
    int64_t begin = read_clock(CLOCK_MONOTONIC);

    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){
            .store = store,
            .seed = i + 1,
            .keys = keys,
            .decisions = decisions / threads,
            .cost_ns = cost_ns == NULL ? NULL : cost_ns + (size_t)i * (decisions / threads)};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    return (double)(read_clock(CLOCK_MONOTONIC) - begin) / BASE_NS_PER_S;
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total;
    long pages = 0;

    if (file == NULL || fscanf(file, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (file != NULL)
        (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static double own_cost(void)
{
    int64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);

    for (int i = 0; i < 100000; i++)
        (void)read_clock(CLOCK_THREAD_CPUTIME_ID);
    return (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin) / 100000;
}

static void measure(struct rate_store *store, const char *what, unsigned keys, unsigned decisions,
                    uint32_t *cost_ns)
{
    (void)run(store, 2, keys, decisions, cost_ns);
    qsort(cost_ns, decisions / 2 * 2, sizeof(*cost_ns), compare);
    printf("2 threads: CPU of %s median %.2f us, 99%% %.2f us, 99.9%% %.2f us\n", what,
           cost_ns[decisions / 2] / 1000.0, cost_ns[decisions / 100 * 99] / 1000.0,
           cost_ns[decisions / 1000 * 999] / 1000.0);
}

int main(int argc, char **argv)
{
    unsigned keys = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000;
    unsigned decisions = argc > 2 ? (unsigned)atoi(argv[2]) : 2000000;
    struct base_clock clock = base_clock_system();
    struct rate_engine_options options = {.memory = (size_t)keys * 200, .clock = &clock};
    uint32_t *cost_ns = calloc(decisions, sizeof(*cost_ns));
    long before;
    struct rate_store *store;
    struct rate_numbers numbers;

    if (cost_ns == NULL || keys == 0 || decisions < 1000)
        return 64;
    before = resident();
    store = rate_engine_create(&options);
    for (unsigned i = 0; i < keys; i++)
        decide(store, i);
    rate_store_numbers(store, &numbers);
    printf("keys %zu  octets a key %.1f counted, %.1f resident  forgotten %lu\n", numbers.keys,
           (double)numbers.octets / (double)numbers.keys,
           (double)(resident() - before) / (double)numbers.keys, (unsigned long)numbers.evicted);
    memset(cost_ns, 1, decisions * sizeof(*cost_ns));
    measure(NULL, "nothing", keys, decisions, cost_ns);
    measure(store, "a decision", keys, decisions, cost_ns);
    printf("(the clock itself %.2f us included)\n", own_cost() / 1000.0);
    double two = decisions / run(store, 2, keys, decisions, NULL);
    double sixteen = decisions / run(store, 16, keys, decisions, NULL);

    printf("decisions a second: 2 threads %.0f, 16 threads %.0f (%+.1f%%)\n", two, sixteen,
           (sixteen / two - 1) * 100);
    rate_store_destroy(&store);
    free(cost_ns);
    return 0;
}
