/* What maps cost: `tests/bench/map [LOGINS]` writes a table of that many addresses and their logins
 * (1,000,000), compiles it with postmap where there is one, and prints how long each kind takes to
 * load, the memory that it takes, and what a look-up costs in CPU time; for comparison, the same
 * look-ups by LMDB alone, in one transaction. */
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/map.h"

enum {
    LOOKUPS = 1000000
};

static char folder[] = "/tmp/postseal-bench-XXXXXX";

static void die(const char *what)
{
    fprintf(stderr, "map: %s\n", what);
    exit(1);
}

static int64_t wall_ns(void)
{
    const struct base_clock clock = base_clock_system();

    return base_clock_mono_ns(&clock);
}

/* Of this process, so that others on the machine do not count. */
static int64_t now_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * BASE_NS_PER_S + used.tv_nsec;
}

static void write_table(const char *path, unsigned logins)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        die("cannot write the table");
    for (unsigned i = 0; i < logins; i++)
        fprintf(file, "user%u.lastname@department%u.example.org user%u@example.org\n", i, i % 50,
                i);
    if (fclose(file) != 0)
        die("cannot write the table");
}

/* Each key once in no order that a cache would know; every fourth is not there. */
static size_t make_key(char *out, size_t size, unsigned i, unsigned logins)
{
    unsigned user = (unsigned)((uint64_t)i * 2654435761U % logins);
    unsigned department = i % 4 == 3 ? 99 : user % 50;

    return (size_t)snprintf(out, size, "user%u.lastname@department%u.example.org", user,
                            department);
}

static int64_t keys_alone(unsigned logins)
{
    int64_t begin = now_ns();
    char key[128];
    size_t sum = 0;

    for (unsigned i = 0; i < LOOKUPS; i++)
        sum += make_key(key, sizeof(key), i, logins);
    return sum > 0 ? now_ns() - begin : 0;
}

/* `batch` look-ups a run. */
static double find_ns(struct store_map *map, unsigned logins, unsigned batch)
{
    struct store_map_run run;
    struct base_error error;
    struct base_buf value;
    char key[128], room[256];
    unsigned found = 0;
    int64_t begin = now_ns();

    base_buf_init_fixed(&value, room, sizeof(room));
    for (unsigned i = 0; i < LOOKUPS; i++) {
        struct base_text text = {key, make_key(key, sizeof(key), i, logins)};

        if (i % batch == 0 && !store_map_begin(map, &run, &error))
            die(error.text);
        if (store_map_find(&run, text, &value, &error) == STORE_MAP_FOUND)
            found++;
        if (i % batch == batch - 1)
            store_map_end(&run);
    }
    if (found != LOOKUPS / 4 * 3)
        die("wrong answers");
    return (double)(now_ns() - begin - keys_alone(logins)) / LOOKUPS;
}

static double raw_lmdb_ns(const char *path, unsigned logins)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    char key[128];
    int64_t begin;

    if (mdb_env_create(&env) != 0 ||
        mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0) != 0 ||
        mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 || mdb_dbi_open(txn, NULL, 0, &dbi) != 0)
        die("LMDB");
    begin = now_ns();
    for (unsigned i = 0; i < LOOKUPS; i++) {
        MDB_val wanted = {make_key(key, sizeof(key), i, logins) + 1, key};
        MDB_val value;

        (void)mdb_get(txn, dbi, &wanted, &value);
    }
    double each = (double)(now_ns() - begin - keys_alone(logins)) / LOOKUPS;

    mdb_txn_abort(txn);
    mdb_env_close(env);
    return each;
}

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* In a process of its own, for the peak of its memory. */
static void measure(const char *name, unsigned logins)
{
    pid_t pid = fork();
    int status = 0;

    if (pid > 0) {
        if (waitpid(pid, &status, 0) != pid || status != 0)
            die("a measurement failed");
        return;
    }
    long before = peak_kib();
    int64_t begin_wall = wall_ns(), begin = now_ns();
    struct base_error error;
    struct store_map *map = store_map_open(name, NULL, &error);
    int64_t loaded = now_ns() - begin, loaded_wall = wall_ns() - begin_wall;

    if (map == NULL)
        die(error.text);
    long peak = peak_kib() - before;

    printf("%-5.5s %7u logins: load %7.1f ms (CPU %.1f ms), peak %6.1f MiB; look-up %5.0f ns, "
           "%5.0f ns each of 8 "
           "in a run\n",
           name, logins, (double)loaded_wall / 1e6, (double)loaded / 1e6, (double)peak / 1024,
           find_ns(map, logins, 1), find_ns(map, logins, 8));
    store_map_destroy(&map);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    unsigned logins = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    char path[128], name[160], command[512];

    if (logins == 0 || mkdtemp(folder) == NULL)
        die("usage: map [LOGINS]");
    snprintf(path, sizeof(path), "%s/map", folder);
    write_table(path, logins);
    snprintf(name, sizeof(name), "file:%s", path);
    measure(name, logins);
    snprintf(command, sizeof(command),
             "touch %s/main.cf && PATH=$PATH:/usr/sbin postmap -c %s lmdb:%s", folder, folder,
             path);
    if (system(command) == 0) {
        snprintf(name, sizeof(name), "lmdb:%s", path);
        measure(name, logins);
        snprintf(path, sizeof(path), "%s/map.lmdb", folder);
        printf("LMDB alone: %.0f ns\n", raw_lmdb_ns(path, logins));
    }
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
