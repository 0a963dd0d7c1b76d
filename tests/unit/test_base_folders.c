/* base/folders: the way to a file. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folders.h"
#include "base/mem.h"

#define NOBODY ((uid_t)12345)

static char folder[64];

static const char *at(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    FILE *file;

    (void)state;
    strcpy(folder, "/tmp/postseal-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(at("a"), 0755), 0);
    assert_int_equal(mkdir(at("a/b"), 0755), 0);
    assert_int_equal(mkdir(at("other"), 0755), 0);
    file = fopen(at("a/b/file"), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(at("a/b/file"), 0644), 0);
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static bool is_trusted(const char *path, struct base_error *error_r)
{
    struct stat info;

    if (stat(path, &info) != 0)
        fail_msg("%s is not there", path);
    return base_file_is_trusted(&info, path, error_r);
}

/* Of the folder itself and of one further up; its owner, its group, its mode. */
static void test_modes(void **state)
{
    static const struct {
        const char *folder;
        uid_t user;
        gid_t group;
        mode_t mode;
        const char *want;
    } cases[] = {
        {"a/b", 0, 0, 0755, NULL},
        {"a/b", 0, 0, 0700, NULL},
        {"a/b", 0, 0, 0775, NULL},
        {"a/b", 0, 0, 0777,
         "(mode 0777), where anybody could put another in its place: chmod go-w"},
        {"a/b", 0, 0, 0757, "(mode 0757), where anybody"},
        {"a/b", 0, NOBODY, 0755, NULL},
        {"a/b", 0, NOBODY, 0775, "(mode 0775), where its group could"},
        {"a/b", 0, NOBODY, 02775, "(mode 2775), where its group could"},
        {"a/b", 0, NOBODY, 01777, NULL},
        {"a/b", 0, NOBODY, 01775, NULL},
        {"a/b", NOBODY, 0, 0755, NULL},
        {"a/b", NOBODY, 0, 0777, "where anybody"},
        {"a/b", NOBODY, 0, 01777, NULL},
        {"a", 0, 0, 0777, "(mode 0777), where anybody"},
        {"a", 0, NOBODY, 0770, "(mode 0770), where its group"},
        {"a", 0, 0, 01777, NULL},
        {"a", NOBODY, 0, 0700, NULL},
    };

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        const char *path = at(cases[i].folder);
        const char *file = at("a/b/file");

        assert_int_equal(chown(path, cases[i].user, cases[i].group), 0);
        assert_int_equal(chmod(path, cases[i].mode), 0);
        if (is_trusted(file, &error) != (cases[i].want == NULL))
            fail_msg("%zu: %s", i, error.text);
        if (cases[i].want != NULL &&
            (strstr(error.text, cases[i].want) == NULL || strstr(error.text, path) == NULL ||
             strncmp(error.text, file, strlen(file)) != 0))
            fail_msg("%zu: %s", i, error.text);
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(chmod(path, 0755), 0);
    }
}

/* Without root's rights, too. */
static void test_own_folder(void **state)
{
    struct base_error error;

    (void)state;
    assert_true(is_trusted(at("a/b/file"), &error));
    assert_int_equal(chmod(at("a"), 0777), 0);
    assert_false(is_trusted(at("a/b/file"), &error));
    assert_non_null(strstr(error.text, "chmod go-w"));
}

/* Both the folder of a link and that of what it leads to. */
static void test_links(void **state)
{
    static const struct {
        const char *open;
        const char *path;
        bool want;
    } cases[] = {
        {NULL, "other/absolute", true},
        {NULL, "other/relative", true},
        {NULL, "other/folder/file", true},
        {NULL, "other/twice", true},
        {NULL, "a/b/../b/./file", true},
        {NULL, "other/folder/../b/file", true},
        {"other", "other/absolute", false},
        {"other", "other/relative", false},
        {"other", "other/folder/file", false},
        {"other", "a/b/file", true},
        {"other", "a/../other/../a/b/file", false},
        {"a", "other/absolute", false},
        {"a/b", "other/relative", false},
        {"a/b", "other/folder/file", false},
        {"a/b", "other/twice", false},
    };
    struct base_error error;

    (void)state;
    assert_int_equal(symlink(at("a/b/file"), at("other/absolute")), 0);
    assert_int_equal(symlink("../a/b/file", at("other/relative")), 0);
    assert_int_equal(symlink("../a/b", at("other/folder")), 0);
    assert_int_equal(symlink("folder/../../other/absolute", at("other/twice")), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].open != NULL)
            assert_int_equal(chmod(at(cases[i].open), 0777), 0);
        if (is_trusted(at(cases[i].path), &error) != cases[i].want)
            fail_msg("%zu: %s", i, error.text);
        if (cases[i].open != NULL)
            assert_int_equal(chmod(at(cases[i].open), 0755), 0);
    }
}

/* In a folder where everybody may put links, one must be root's or ours. */
static void test_foreign_link(void **state)
{
    struct base_error error;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(symlink(at("a/b/file"), at("other/link")), 0);
    assert_int_equal(chmod(at("other"), 01777), 0);
    assert_true(is_trusted(at("other/link"), &error));
    assert_int_equal(lchown(at("other/link"), NOBODY, 0), 0);
    assert_false(is_trusted(at("other/link"), &error));
    assert_non_null(strstr(error.text, "a link that belongs to user 12345"));
    /* Where only root can have put it there, it is as root's. */
    assert_int_equal(chmod(at("other"), 0755), 0);
    assert_true(is_trusted(at("other/link"), &error));
}

static void test_relative(void **state)
{
    char here[4096];
    struct base_error error;

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(at("a/b")), 0);
    assert_true(is_trusted("file", &error));
    assert_true(is_trusted("../b/file", &error));
    assert_int_equal(chmod(at("a"), 0777), 0);
    assert_false(is_trusted("file", &error));
    assert_false(is_trusted("./file", &error));
    assert_int_equal(chdir(here), 0);
}

static void test_other_file(void **state)
{
    struct base_error error;
    struct stat info;

    (void)state;
    assert_int_equal(stat(at("a/b"), &info), 0);
    assert_true(base_folders_are_trusted(at("a/b"), 0, &info, &error));
    assert_true(base_folders_are_trusted(at("a/b"), 0, NULL, &error));
    assert_true(base_folders_are_trusted(at("a/b/"), 0, &info, &error));
    assert_false(base_folders_are_trusted(at("a"), 0, &info, &error));
    assert_non_null(strstr(error.text, "replaced while it was read"));
    assert_false(base_folders_are_trusted(at("none"), 0, NULL, &error));
    assert_non_null(strstr(error.text, "cannot look at"));
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_false(base_folders_are_trusted(at("loop"), 0, NULL, &error));
}

/* Who is not root trusts his own folders, root's, and those of the one that he names. */
static void test_owner(void **state)
{
    struct base_error error;
    bool is_mine, is_named, is_others;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chown(at("a"), NOBODY, 0), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    is_mine = base_folders_are_trusted(at("a/b"), 0, NULL, &error);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(seteuid(NOBODY + 1), 0);
    is_named = base_folders_are_trusted(at("a/b"), NOBODY, NULL, &error);
    is_others = base_folders_are_trusted(at("a/b"), 0, NULL, &error);
    assert_int_equal(seteuid(0), 0);
    assert_true(is_mine);
    assert_true(is_named);
    assert_false(is_others);
    assert_non_null(strstr(error.text, "belongs to user 12345, who could put another in its place: "
                                       "chown root "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_modes),    TEST(test_own_folder), TEST(test_links), TEST(test_foreign_link),
        TEST(test_relative), TEST(test_other_file), TEST(test_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
