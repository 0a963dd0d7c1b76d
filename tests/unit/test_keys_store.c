#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "keys/store.h"

/* Some user and group that are nobody's here. */
#define DAEMON  60123
#define STRANGE 60124

struct place {
    char dir[64];
    char domain_dir[128];
    char file[160];
    struct dns_name domain;
};

static void place_init(struct place *place)
{
    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/test_keys_store.XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    assert_int_equal(chmod(place->dir, 0755), 0);
    (void)snprintf(place->domain_dir, sizeof(place->domain_dir), "%s/example.org", place->dir);
    (void)snprintf(place->file, sizeof(place->file), "%s/s1.pem", place->domain_dir);
    assert_int_equal(dns_name_make(&place->domain, BASE_TEXT("example.org")), DNS_NAME_OK);
}

static void place_deinit(struct place *place)
{
    char command[256];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", place->dir);
    assert_int_equal(system(command), 0);
}

static struct keys_key *make(const struct place *place, const char *selector,
                             struct base_error *error_r)
{
    struct keys_new_options options = {
        .key_dir = place->dir,
        .domain = &place->domain,
        .selector = selector,
        .type = KEYS_TYPE_ED25519,
        .gid = DAEMON,
    };

    return keys_store_new(&options, error_r);
}

static void make_key(struct place *place)
{
    struct base_error error = {""};
    struct keys_key *key = make(place, "s1", &error);

    if (key == NULL)
        fail_msg("%s", error.text);
    keys_key_unref(&key);
}

static bool loads(const struct place *place, struct base_error *error_r)
{
    struct keys_key *key = keys_store_load(place->dir, &place->domain, "s1", NULL, error_r);
    bool is_good = key != NULL;

    keys_key_unref(&key);
    return is_good;
}

static void expect_refused(const struct place *place, const char *want)
{
    struct base_error error = {""};

    assert_false(loads(place, &error));
    if (strstr(error.text, want) == NULL)
        fail_msg("\"%s\" is not in: %s", want, error.text);
}

static void test_selector(void **state)
{
    static const struct {
        const char *selector;
        bool want;
    } cases[] = {
        {"s1", true},
        {"2026a-rsa", true},
        {"a.b.c", true},
        {"_x", true},
        {"", false},
        {".", false},
        {"..", false},
        {".a", false},
        {"a.", false},
        {"a..b", false},
        {"a/b", false},
        {"../x", false},
        {"a b", false},
        {"a;b", false},
        {"\xc3\xa4", false},
        {"a\n", false},
        {"a\"", false},
        {"a\\", false},
        {"*", false},
        {"0123456789012345678901234567890123456789012345678901234567890123", false},
        {"012345678901234567890123456789012345678901234567890123456789012", true},
    };
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(keys_selector_is_valid(cases[i].selector), cases[i].want);
    for (size_t i = 0; i < sizeof(longest); i++)
        longest[i] = i % 2 == 0 ? 'a' : '.';
    longest[251] = '\0';
    assert_true(keys_selector_is_valid(longest));
    longest[251] = '.';
    longest[253] = '\0';
    assert_false(keys_selector_is_valid(longest));
}

static void test_new_and_load(void **state)
{
    struct base_error error = {""};
    struct place place;
    struct stat stat_;
    struct keys_key *key;
    bool is_root = geteuid() == 0;
    DIR *dir;
    int names = 0;

    (void)state;
    place_init(&place);
    make_key(&place);
    assert_int_equal(stat(place.file, &stat_), 0);
    assert_int_equal(stat_.st_mode & 07777, is_root ? 0640 : 0600);
    assert_int_equal(stat_.st_uid, geteuid());
    assert_int_equal(stat_.st_gid, is_root ? DAEMON : getegid());
    assert_int_equal(stat(place.domain_dir, &stat_), 0);
    assert_int_equal(stat_.st_mode & 07777, is_root ? 0750 : 0700);
    assert_true(loads(&place, &error));

    /* Never over an existing one, and no temporary file stays. */
    key = make(&place, "s1", &error);
    assert_null(key);
    assert_non_null(strstr(error.text, "never overwritten"));
    dir = opendir(place.domain_dir);
    while (readdir(dir) != NULL)
        names++;
    (void)closedir(dir);
    assert_int_equal(names, 3);
    assert_true(loads(&place, &error));
    place_deinit(&place);
}

static void test_new_refuses(void **state)
{
    struct base_error error = {""};
    struct place place;

    (void)state;
    place_init(&place);
    assert_null(make(&place, "../s1", &error));
    assert_non_null(strstr(error.text, "not a selector"));
    assert_int_equal(dns_name_make(&place.domain, BASE_TEXT("a/../../b")), DNS_NAME_EMPTY_LABEL);
    assert_int_equal(dns_name_make(&place.domain, BASE_TEXT("a/b.example")), DNS_NAME_OK);
    assert_null(make(&place, "s1", &error));
    assert_non_null(strstr(error.text, "no name for a directory"));
    assert_int_equal(dns_name_make(&place.domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    assert_int_equal(rmdir(place.dir), 0);
    assert_null(make(&place, "s1", &error));
    assert_non_null(strstr(error.text, place.dir));
}

static void test_modes(void **state)
{
    static const struct {
        const char *name;
        uid_t owner;
        gid_t group;
        mode_t mode;
        uid_t reader;
        gid_t reader_group;
        gid_t supplementary;
        /* In the error; NULL: accepted. */
        const char *want;
    } cases[] = {
        {"own 0600", DAEMON, DAEMON, 0600, DAEMON, DAEMON, 0, NULL},
        {"own 0400", DAEMON, DAEMON, 0400, DAEMON, DAEMON, 0, NULL},
        {"own 0640", DAEMON, DAEMON, 0640, DAEMON, DAEMON, 0, "chmod 0600 /tmp/"},
        {"own 0604", DAEMON, DAEMON, 0604, DAEMON, DAEMON, 0, "mode 0604"},
        {"own 0700", DAEMON, DAEMON, 0700, DAEMON, DAEMON, 0, "chmod 0600"},
        {"own 04600", DAEMON, DAEMON, 04600, DAEMON, DAEMON, 0, "chmod 0600"},
        {"root and group", 0, DAEMON, 0640, DAEMON, DAEMON, 0, NULL},
        {"root and group, read only", 0, DAEMON, 0440, DAEMON, DAEMON, 0, NULL},
        {"root and a supplementary group", 0, STRANGE, 0640, DAEMON, DAEMON, STRANGE, NULL},
        {"root, readable by all", 0, DAEMON, 0644, DAEMON, DAEMON, 0, "chown root:60123 /tmp/"},
        {"root, writable by group", 0, DAEMON, 0660, DAEMON, DAEMON, 0, "chmod 0640"},
        {"root, another group", 0, STRANGE, 0640, DAEMON, DAEMON, 0,
         "Permission denied: chown root:60123"},
        {"root only", 0, 0, 0600, DAEMON, DAEMON, 0, "Permission denied: chown root:60123"},
        {"a stranger's", STRANGE, DAEMON, 0640, DAEMON, DAEMON, 0, "owner uid 60124"},
        {"a stranger's, open", STRANGE, DAEMON, 0666, DAEMON, DAEMON, 0, "owner uid 60124"},
        {"root reads the daemon's own", DAEMON, DAEMON, 0600, 0, 0, 0, NULL},
        {"root reads the group's", 0, DAEMON, 0640, 0, 0, 0, NULL},
        {"root reads its own", 0, 0, 0600, 0, 0, 0, NULL},
        {"root, open to a group of another's", DAEMON, DAEMON, 0640, 0, 0, 0, "chmod 0640"},
        {"root, open to all", 0, 0, 0644, 0, 0, 0, "chmod 0640"},
    };
    struct place place;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
    place_init(&place);
    make_key(&place);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        bool is_good;

        print_message("%s\n", cases[i].name);
        assert_int_equal(chown(place.file, cases[i].owner, cases[i].group), 0);
        assert_int_equal(chmod(place.file, cases[i].mode), 0);
        assert_int_equal(setgroups(cases[i].supplementary == 0 ? 0 : 1, &cases[i].supplementary),
                         0);
        assert_int_equal(setegid(cases[i].reader_group), 0);
        assert_int_equal(seteuid(cases[i].reader), 0);
        is_good = loads(&place, &error);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
        if (is_good != (cases[i].want == NULL) ||
            (cases[i].want != NULL && strstr(error.text, cases[i].want) == NULL))
            fail_msg("wanted %s, got %s", cases[i].want, error.text);
    }
    place_deinit(&place);
}

static void test_directories(void **state)
{
    struct base_error error = {""};
    struct place place;

    (void)state;
    place_init(&place);
    make_key(&place);
    assert_int_equal(chmod(place.domain_dir, 0757), 0);
    expect_refused(&place, "chmod go-w");
    assert_int_equal(chmod(place.domain_dir, 01777), 0);
    expect_refused(&place, "chmod go-w");
    assert_int_equal(chmod(place.domain_dir, 0750), 0);
    assert_int_equal(chmod(place.dir, 0777), 0);
    expect_refused(&place, "chmod go-w");
    if (geteuid() == 0) {
        assert_int_equal(chown(place.dir, 0, DAEMON), 0);
        assert_int_equal(chmod(place.dir, 0770), 0);
        expect_refused(&place, "chmod go-w");
        assert_int_equal(chmod(place.dir, 0755), 0);
        assert_int_equal(chown(place.domain_dir, STRANGE, DAEMON), 0);
        assert_int_equal(setegid(DAEMON), 0);
        assert_int_equal(seteuid(DAEMON), 0);
        expect_refused(&place, "chown root");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
    }
    assert_int_equal(chmod(place.dir, 0755), 0);
    assert_true(loads(&place, &error));
    place_deinit(&place);
}

static void put_symlink_to_key(const struct place *place)
{
    char other[200];

    (void)snprintf(other, sizeof(other), "%s/other", place->domain_dir);
    assert_int_equal(rename(place->file, other), 0);
    assert_int_equal(symlink("other", place->file), 0);
}

static void put_second_name(const struct place *place)
{
    char other[200];

    (void)snprintf(other, sizeof(other), "%s/other", place->domain_dir);
    assert_int_equal(link(place->file, other), 0);
}

static void put_pipe(const struct place *place)
{
    assert_int_equal(unlink(place->file), 0);
    assert_int_equal(mkfifo(place->file, 0600), 0);
}

static void put_directory(const struct place *place)
{
    assert_int_equal(unlink(place->file), 0);
    assert_int_equal(mkdir(place->file, 0700), 0);
}

static void put_nothing(const struct place *place)
{
    assert_int_equal(unlink(place->file), 0);
}

static void put_large(const struct place *place)
{
    assert_int_equal(truncate(place->file, 64 * 1024 + 1), 0);
}

static void put_largest(const struct place *place)
{
    assert_int_equal(truncate(place->file, 0), 0);
    assert_int_equal(truncate(place->file, 64 * 1024), 0);
}

static void put_empty(const struct place *place)
{
    assert_int_equal(truncate(place->file, 0), 0);
}

static void put_linked_domain(const struct place *place)
{
    char other[200];

    (void)snprintf(other, sizeof(other), "%s/elsewhere", place->dir);
    assert_int_equal(rename(place->domain_dir, other), 0);
    assert_int_equal(symlink("elsewhere", place->domain_dir), 0);
}

static void test_kinds_of_file(void **state)
{
    static const struct {
        void (*put)(const struct place *place);
        const char *want;
    } cases[] = {
        {put_symlink_to_key, "symbolic links are not followed"},
        {put_second_name, "cp -p"},
        {put_pipe, "not a regular file"},
        {put_directory, "not a regular file"},
        {put_nothing, "postseal key new"},
        {put_large, "larger than"},
        {put_largest, "no private key"},
        {put_empty, "no private key"},
        {put_linked_domain, "symbolic links are not followed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct place place;

        place_init(&place);
        make_key(&place);
        cases[i].put(&place);
        expect_refused(&place, cases[i].want);
        place_deinit(&place);
    }
}

static void test_file_of_any_name(void **state)
{
    struct base_error error = {""};
    const char *warning = NULL;
    struct keys_key *key;
    struct place place;
    char path[200];

    (void)state;
    place_init(&place);
    make_key(&place);
    assert_int_equal(chmod(place.file, 0600), 0);
    (void)snprintf(path, sizeof(path), "%s/some.link", place.dir);
    assert_int_equal(symlink(place.file, path), 0);
    key = keys_store_load_file(path, &warning, &error);
    assert_non_null(key);
    assert_null(warning);
    keys_key_unref(&key);
    assert_int_equal(chmod(place.file, 0644), 0);
    key = keys_store_load_file(path, &warning, &error);
    assert_non_null(key);
    assert_non_null(strstr(warning, "chmod 0600"));
    keys_key_unref(&key);
    assert_null(keys_store_load_file(place.dir, &warning, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    put_pipe(&place);
    assert_null(keys_store_load_file(path, &warning, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    put_nothing(&place);
    assert_null(keys_store_load_file(path, &warning, &error));
    assert_non_null(strstr(error.text, path));
    place_deinit(&place);
}

/* Nor when it was the first there is: a daemon may have been started without standard input. */
static void test_nothing_stays_open(void **state)
{
    struct base_error error = {""};
    int old = dup(STDIN_FILENO);
    int next;

    (void)state;
    (void)close(STDIN_FILENO);
    assert_null(keys_store_load_file("/tmp", NULL, &error));
    next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (old > STDIN_FILENO) {
        (void)dup2(old, STDIN_FILENO);
        (void)close(old);
    }
    assert_int_equal(next, STDIN_FILENO);
}

static void test_list(void **state)
{
    static const char *const want[][2] = {
        {"a.example", "s2"}, {"example.org", "a.b"}, {"example.org", "s1"}};
    struct base_error error = {""};
    struct keys_entry *entries;
    struct place place;
    struct keys_key *key;
    char path[200];
    size_t count;

    (void)state;
    place_init(&place);
    assert_true(keys_store_list(place.dir, &entries, &count, &error));
    assert_int_equal(count, 0);
    base_mem_free(entries);
    make_key(&place);
    key = make(&place, "a.b", NULL);
    assert_non_null(key);
    keys_key_unref(&key);
    assert_int_equal(dns_name_make(&place.domain, BASE_TEXT("a.example")), DNS_NAME_OK);
    key = make(&place, "s2", NULL);
    assert_non_null(key);
    keys_key_unref(&key);
    /* None of these is a key's place. */
    (void)snprintf(path, sizeof(path), "%s/Upper.example", place.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/example.org/.pem", place.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/example.org/README", place.dir);
    assert_int_equal(mkdir(path, 0700), 0);

    assert_true(keys_store_list(place.dir, &entries, &count, &error));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(entries[i].domain.text, want[i][0]);
        assert_string_equal(entries[i].selector, want[i][1]);
    }
    base_mem_free(entries);
    assert_int_equal(chmod(place.domain_dir, 0777), 0);
    assert_false(keys_store_list(place.dir, &entries, &count, &error));
    assert_non_null(strstr(error.text, "chmod go-w"));
    place_deinit(&place);
    assert_false(keys_store_list(place.dir, &entries, &count, &error));
    assert_non_null(strstr(error.text, place.dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selector),           cmocka_unit_test(test_new_and_load),
        cmocka_unit_test(test_new_refuses),        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_directories),        cmocka_unit_test(test_kinds_of_file),
        cmocka_unit_test(test_file_of_any_name),   cmocka_unit_test(test_list),
        cmocka_unit_test(test_nothing_stays_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
