/* store/map_lmdb: what postmap has compiled, while it is read, rewritten and replaced. Real postmap
 * where it is installed with its lmdb plugin; else what LMDB itself writes. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/map.h"
#include "store/table_source.h"

#include "tests/unit/store_files.h"

const char *__lsan_default_suppressions(void);

/* What LMDB has taken for a transaction whose first look is at a file that was cut off. */
const char *__lsan_default_suppressions(void)
{
    return "leak:mdb_txn_begin\n";
}

static bool run_postmap(struct files *files, const char *file)
{
    char command[512];

    files_write(files, "main.cf", BASE_TEXT("compatibility_level = 3.6\n"), 0644);
    snprintf(command, sizeof(command),
             "PATH=$PATH:/usr/sbin postmap -c '%s' 'lmdb:%s/%s' 2>'%s/postmap.log'", files->folder,
             files->folder, file, files->folder);
    return system(command) == 0;
}

/* One transaction, as postmap makes it, but for its locks. `nul`: octets behind key and value. */
static void write_lmdb(struct files *files, const char *file, const char *const *pairs, size_t nul)
{
    const char *path = files_name(files, "", file);
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 1 << 20), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0644), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 0), 0);
    for (; pairs[0] != NULL; pairs += 2) {
        MDB_val key = {strlen(pairs[0]) + nul, (void *)pairs[0]};
        MDB_val value = {strlen(pairs[1]) + nul, (void *)pairs[1]};

        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* The value, "-" for none, or "fault"; static. */
static const char *ask(struct store_map *map, const char *key)
{
    static char answer[256];
    struct store_map_run run;
    struct base_error error;
    struct base_buf value;
    const char *result = "fault";

    base_buf_init_fixed(&value, answer, sizeof(answer));
    if (!store_map_begin(map, &run, &error))
        return result;
    enum store_map_answer found = store_map_find(&run, base_text_of(key), &value, &error);

    if (found == STORE_MAP_FOUND)
        result = answer;
    else if (found == STORE_MAP_NONE)
        result = "-";
    store_map_end(&run);
    return result;
}

static struct store_map *open_map(struct files *files, const char *file,
                                  const struct base_clock *clock)
{
    struct store_map_options options = {.clock = clock};
    struct base_error error;
    struct store_map *map = store_map_open(files_name(files, "lmdb:", file), &options, &error);

    if (map == NULL)
        fail_msg("%s", error.text);
    return map;
}

static void test_nul(void **state)
{
    static const char *const pairs[] = {"a", "1", "bc", "two words", NULL};
    struct files *files = *state;

    for (size_t nul = 0; nul < 2; nul++) {
        char longest[600];

        write_lmdb(files, nul == 0 ? "zero.lmdb" : "one.lmdb", pairs, nul);
        struct store_map *map = open_map(files, nul == 0 ? "zero" : "one", NULL);

        assert_string_equal(ask(map, "x"), "-");
        assert_string_equal(ask(map, "a"), "1");
        assert_string_equal(ask(map, "A"), "1");
        assert_string_equal(ask(map, "BC"), "two words");
        assert_string_equal(ask(map, "b"), "-");
        assert_string_equal(ask(map, ""), "-");
        /* Longer than LMDB can hold. */
        memset(longest, 'k', sizeof(longest));
        longest[511] = '\0';
        assert_string_equal(ask(map, longest), "-");
        longest[511] = 'k';
        longest[512] = '\0';
        assert_string_equal(ask(map, longest), "-");
        store_map_destroy(&map);
    }
}

static void test_refused(void **state)
{
    static const struct {
        struct base_text content;
        const char *want;
    } cases[] = {
        {BASE_TEXT(""), "empty"},
        {BASE_TEXT("a b\n"), "LMDB file"},
        {{NULL, 8192}, "LMDB file"},
    };
    static const char *const pairs[] = {"a", "", NULL};
    static const char zeros[8192];
    struct files *files = *state;
    struct base_error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_text content = cases[i].content;

        if (content.data == NULL)
            content.data = zeros;
        files_write(files, "map.lmdb", content, 0644);
        assert_null(store_map_open(files_name(files, "lmdb:", "map"), NULL, &error));
        if (strstr(error.text, cases[i].want) == NULL || strstr(error.text, "map.lmdb") == NULL)
            fail_msg("%zu: %s", i, error.text);
    }
    write_lmdb(files, "empty-value.lmdb", pairs, 1);
    /* Its name with the suffix does, too. */
    struct store_map *map = open_map(files, "empty-value.lmdb", NULL);

    assert_string_equal(ask(map, "a"), "fault");
    store_map_destroy(&map);
}

/* Nothing is seen before its time; then all of it; and what cannot be used changes nothing. */
static void test_replaced(void **state)
{
    static const char *const old[] = {"a", "old", NULL};
    static const char *const new[] = {"a", "new", "b", "2", NULL};
    static const char *const plain[] = {"a", "plain", NULL};
    struct files *files = *state;
    struct base_clock clock = base_clock_manual(0);
    const char *path = files_name(files, "", "map.lmdb");
    struct base_error error;
    struct store_map_run run;

    write_lmdb(files, "map.lmdb", old, 1);
    struct store_map *map = open_map(files, "map", &clock);

    assert_string_equal(ask(map, "a"), "old");
    write_lmdb(files, "other.lmdb", new, 1);
    assert_int_equal(rename(files_name(files, "", "other.lmdb"), path), 0);
    assert_string_equal(ask(map, "a"), "old");
    /* A run under way keeps what it began with. */
    assert_true(store_map_begin(map, &run, &error));
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "new");
    assert_string_equal(ask(map, "b"), "2");
    store_map_end(&run);
    assert_string_equal(ask(map, "a"), "new");

    /* Of the other kind of keys. */
    write_lmdb(files, "other.lmdb", plain, 0);
    assert_int_equal(rename(files_name(files, "", "other.lmdb"), path), 0);
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "plain");

    files_write(files, "other.lmdb", BASE_TEXT("garbage"), 0644);
    assert_int_equal(rename(files_name(files, "", "other.lmdb"), path), 0);
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "plain");

    write_lmdb(files, "other.lmdb", new, 1);
    assert_int_equal(chmod(files_name(files, "", "other.lmdb"), 0666), 0);
    assert_int_equal(rename(files_name(files, "", "other.lmdb"), path), 0);
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "plain");

    assert_int_equal(unlink(path), 0);
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "plain");
    write_lmdb(files, "map.lmdb", old, 1);
    base_clock_advance(&clock, BASE_NS_PER_S);
    assert_string_equal(ask(map, "a"), "old");
    store_map_destroy(&map);
}

static int fcntl_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

static int fcntl_wait_for_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLKW, &lock);
}

/* A writer waits for the runs that there are. */
static void test_lock(void **state)
{
    static const char *const pairs[] = {"a", "1", NULL};
    struct files *files = *state;
    struct store_map_run first, second;
    struct base_error error;

    write_lmdb(files, "map.lmdb", pairs, 1);
    struct store_map *map = open_map(files, "map", NULL);
    int fd = open(files_name(files, "", "map.lmdb"), O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fcntl_lock(fd, F_WRLCK), 0);
    assert_int_equal(fcntl_lock(fd, F_UNLCK), 0);
    assert_true(store_map_begin(map, &first, &error));
    assert_true(store_map_begin(map, &second, &error));
    assert_int_equal(fcntl_lock(fd, F_WRLCK), -1);
    store_map_end(&first);
    assert_int_equal(fcntl_lock(fd, F_WRLCK), -1);
    /* Whoever builds the map holds the shared lock. */
    assert_int_equal(fcntl_lock(fd, F_RDLCK), 0);
    assert_int_equal(fcntl_lock(fd, F_UNLCK), 0);
    store_map_end(&second);
    assert_int_equal(fcntl_wait_for_lock(fd, F_WRLCK), 0);
    assert_int_equal(fcntl_lock(fd, F_RDLCK), 0);
    assert_string_equal(ask(map, "a"), "1");
    close(fd);
    store_map_destroy(&map);
}

/* postmap's text and its compiled form have the same entries as ours. */
static void test_same_as_text(void **state)
{
    static const char text[] = "# c\nAlice@Example.org alice,\n  bob\n\n\"a b\"@example.org  x \n"
                               "a\\ b  y\n@example.org z # z\n  # c\n\tzz\nnovalue\n"
                               "J\xc3\x96RG@B\xc3\x9c"
                               "CHER.example j\n"
                               "Stra\xc3\x9f"
                               "e@example.org s\n\"open z\nq \"\n 5 \"\n"
                               "dup 1\nDUP 2\nlast line";
    struct files *files = *state;
    struct store_table_source source;
    struct store_table_entry entry;
    char copy[sizeof(text)];
    size_t count = 0;

    files_write(files, "map", base_text_of(text), 0644);
    if (!run_postmap(files, "map"))
        skip();
    struct base_error error;
    struct store_map *compiled = open_map(files, "map", NULL);
    struct store_map *plain = store_map_open(files_name(files, "file:", "map"), NULL, &error);

    assert_non_null(plain);
    memcpy(copy, text, sizeof(text));
    store_table_source_init(&source, copy, sizeof(text) - 1);
    while (store_table_source_next(&source, &entry)) {
        char want[256];

        if (entry.fault != NULL)
            continue;
        entry.key[entry.key_length] = '\0';
        snprintf(want, sizeof(want), "%s", ask(plain, entry.key));
        assert_string_not_equal(want, "-");
        assert_string_equal(ask(compiled, entry.key), want);
        count++;
    }
    assert_int_equal(count, 10);
    assert_string_equal(ask(compiled, "novalue"), "-");
    assert_string_equal(ask(plain, "novalue"), "-");
    assert_string_equal(ask(compiled, "strasse@example.org"), "s");
    store_map_destroy(&plain);
    store_map_destroy(&compiled);
}

/* --- look-ups while postmap writes ------------------------------------------------------------ */

enum {
    KEYS = 50,
    THREADS = 3,
    ROUNDS = 12,
};

struct race {
    struct store_map *map;
    atomic_bool is_over;
    atomic_ulong runs;
    atomic_ulong faults;
    /* Runs that saw two states, or none. */
    atomic_ulong torn;
};

/* All keys of one run have the value of one and the same state. */
static void read_once(struct race *race)
{
    struct store_map_run run;
    struct base_error error;
    struct base_buf value;
    char room[64], first[64] = "";

    base_buf_init_fixed(&value, room, sizeof(room));
    if (!store_map_begin(race->map, &run, &error)) {
        atomic_fetch_add(&race->faults, 1);
        return;
    }
    for (unsigned i = 0; i < KEYS; i += 7) {
        char key[32];
        enum store_map_answer answer;

        snprintf(key, sizeof(key), "key%u", i);
        answer = store_map_find(&run, base_text_of(key), &value, &error);
        if (answer == STORE_MAP_FAULT)
            atomic_fetch_add(&race->faults, 1);
        else if (answer == STORE_MAP_NONE || (i > 0 && strcmp(room, first) != 0))
            atomic_fetch_add(&race->torn, 1);
        strcpy(first, room);
    }
    store_map_end(&run);
    atomic_fetch_add(&race->runs, 1);
}

static void *read_on(void *context)
{
    struct race *race = context;

    while (!atomic_load(&race->is_over))
        read_once(race);
    return NULL;
}

/* Later states are larger, so that the file grows beyond what is mapped. */
static void write_state(struct files *files, const char *file, unsigned state)
{
    struct base_buf text;

    base_buf_init(&text, NULL, (size_t)8 << 20);
    for (unsigned i = 0; i < KEYS * (1 + state * 20); i++)
        base_buf_appendf(&text, "key%u state%u\n", i, state);
    files_write(files, file, base_buf_text(&text), 0644);
    base_buf_deinit(&text);
}

static void run_race(struct files *files, bool (*rewrite)(struct files *files, unsigned state))
{
    struct race race = {.map = NULL};
    pthread_t threads[THREADS];

    race.map = open_map(files, "map", NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &race), 0);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        unsigned long before = atomic_load(&race.runs);

        assert_true(rewrite(files, i));
        while (atomic_load(&race.runs) < before + THREADS)
            sched_yield();
    }
    atomic_store(&race.is_over, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&race.faults), 0);
    assert_int_equal(atomic_load(&race.torn), 0);
    store_map_destroy(&race.map);
}

static bool rewrite_in_place(struct files *files, unsigned state)
{
    write_state(files, "map", state);
    return run_postmap(files, "map");
}

static bool rewrite_by_rename(struct files *files, unsigned state)
{
    write_state(files, "new", state);
    return run_postmap(files, "new") &&
           rename(files_name(files, "", "new.lmdb"), files_name(files, "", "map.lmdb")) == 0;
}

static void test_race_in_place(void **state)
{
    write_state(*state, "map", 0);
    if (!run_postmap(*state, "map"))
        skip();
    run_race(*state, rewrite_in_place);
}

static void test_race_by_rename(void **state)
{
    write_state(*state, "map", 0);
    if (!run_postmap(*state, "map"))
        skip();
    run_race(*state, rewrite_by_rename);
}

/* --- a file that something else than postmap writes ------------------------------------------- */

enum {
    CUT_KEYS = 2000,
    CUT_ROUNDS = 60,
};

struct cut {
    struct store_map *map;
    atomic_bool is_over;
    atomic_ulong found;
    atomic_ulong wrong;
};

static void write_numbers(struct files *files, const char *file, unsigned count, unsigned state)
{
    char **pairs = base_mem_alloc_zero(2 * count + 1, sizeof(*pairs));

    for (unsigned i = 0; i < count; i++) {
        char text[32];

        snprintf(text, sizeof(text), "key%u", i);
        pairs[2 * i] = base_mem_strdup(text);
        snprintf(text, sizeof(text), "state%u", state);
        pairs[2 * i + 1] = base_mem_strdup(text);
    }
    write_lmdb(files, file, (const char *const *)pairs, 1);
    for (unsigned i = 0; i < 2 * count; i++)
        base_mem_free(pairs[i]);
    base_mem_free(pairs);
}

static char *read_whole(struct files *files, const char *file, size_t *length_r)
{
    struct base_error error;
    char *data;

    if (!base_file_read(files_name(files, "", file), (size_t)64 << 20, &data, length_r, &error))
        fail_msg("%s", error.text);
    return data;
}

/* What is found is of the one file or of the other. */
static void *read_cut(void *context)
{
    struct cut *cut = context;
    struct base_error error;
    struct base_buf value;
    char key[32], room[64];

    base_buf_init_fixed(&value, room, sizeof(room));
    for (unsigned i = 0; !atomic_load(&cut->is_over); i += 7) {
        struct store_map_run run;
        enum store_map_answer answer;

        snprintf(key, sizeof(key), "key%u", i % CUT_KEYS);
        if (!store_map_begin(cut->map, &run, &error))
            continue;
        answer = store_map_find(&run, base_text_of(key), &value, &error);
        store_map_end(&run);
        if (answer != STORE_MAP_FOUND)
            continue;
        atomic_fetch_add(&cut->found, 1);
        if (strcmp(room, "state1") != 0 && strcmp(room, "state2") != 0)
            atomic_fetch_add(&cut->wrong, 1);
    }
    return NULL;
}

/* As cp does: cut off, then written piece by piece. */
static void copy_over(const char *path, const char *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t at = 0; at < length;) {
        size_t count = length - at < 30000 ? length - at : 30000;

        assert_int_equal(write(fd, data + at, count), (ssize_t)count);
        at += count;
        sched_yield();
    }
    close(fd);
}

static void test_cut_off(void **state)
{
    struct files *files = *state;
    struct cut cut = {.map = NULL};
    pthread_t threads[THREADS];
    char *contents[2];
    size_t lengths[2];

    write_numbers(files, "map.lmdb", CUT_KEYS + 1000, 1);
    write_numbers(files, "other.lmdb", CUT_KEYS, 2);
    contents[0] = read_whole(files, "map.lmdb", &lengths[0]);
    contents[1] = read_whole(files, "other.lmdb", &lengths[1]);
    cut.map = open_map(files, "map", NULL);
    const char *path = files_name(files, "", "map.lmdb");

    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_cut, &cut), 0);
    for (unsigned i = 1; i <= CUT_ROUNDS; i++) {
        unsigned long before = atomic_load(&cut.found);

        copy_over(path, contents[i % 2], lengths[i % 2]);
        while (atomic_load(&cut.found) < before + 10)
            sched_yield();
    }
    atomic_store(&cut.is_over, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&cut.wrong), 0);
    assert_string_equal(ask(cut.map, "key5"), "state1");
    store_map_destroy(&cut.map);
    for (unsigned i = 0; i < 2; i++)
        base_mem_free(contents[i]);
}

/* Cut off within a run, between runs and for good; and back again. */
static void test_truncated(void **state)
{
    static const off_t lengths[] = {0, 1, 4095, 4096, 8192, 12288};
    struct files *files = *state;
    struct base_clock clock = base_clock_manual(0);
    struct base_error error;
    struct base_buf value;
    char *content, room[64];
    size_t length;

    base_buf_init_fixed(&value, room, sizeof(room));
    write_numbers(files, "map.lmdb", CUT_KEYS, 1);
    content = read_whole(files, "map.lmdb", &length);
    const char *path = files_name(files, "", "map.lmdb");

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct store_map *map = open_map(files, "map", &clock);
        struct store_map_run run;

        assert_true(store_map_begin(map, &run, &error));
        assert_int_equal(store_map_find(&run, BASE_TEXT("key5"), &value, &error), STORE_MAP_FOUND);
        assert_int_equal(truncate(path, lengths[i]), 0);
        assert_int_equal(store_map_find(&run, BASE_TEXT("key5"), &value, &error), STORE_MAP_FAULT);
        assert_non_null(strstr(error.text, "map.lmdb: cut off"));
        store_map_end(&run);
        assert_string_equal(ask(map, "key5"), "fault");
        base_clock_advance(&clock, BASE_NS_PER_S);
        assert_string_equal(ask(map, "key5"), "fault");
        copy_over(path, content, length);
        base_clock_advance(&clock, BASE_NS_PER_S);
        assert_string_equal(ask(map, "key5"), "state1");
        store_map_destroy(&map);
    }
    base_mem_free(content);
}

/* Whoever else reads where there is nothing dies of it as before. */
static void test_other_bus_error(void **state)
{
    static const char *const pairs[] = {"a", "1", NULL};
    struct files *files = *state;
    int status = 0;

    write_lmdb(files, "map.lmdb", pairs, 1);
    struct store_map *map = open_map(files, "map", NULL);
    pid_t pid = fork();

    if (pid == 0) {
        raise(SIGBUS);
        raise(SIGBUS);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    store_map_destroy(&map);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nul),
        TEST(test_refused),
        TEST(test_replaced),
        TEST(test_lock),
        TEST(test_same_as_text),
        TEST(test_race_in_place),
        TEST(test_race_by_rename),
        TEST(test_cut_off),
        TEST(test_truncated),
        TEST(test_other_bus_error),
    };
    const struct base_log_options quiet = {.ident = "test", .target = BASE_LOG_NONE};

    base_log_init(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
