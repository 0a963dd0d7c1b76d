/* base/file: what is read, what is refused, and what the operator is told. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define MAX_OCTETS 10

struct fixture {
    char directory[64];
    char path[80];
};

static int setup(void **state)
{
    struct fixture *fixture = base_mem_alloc_zero(1, sizeof(*fixture));

    strcpy(fixture->directory, "/tmp/postseal-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof(fixture->path), "%s/file", fixture->directory);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->path);
    rmdir(fixture->directory);
    base_mem_free(fixture);
    return 0;
}

static void write_file(const char *path, const char *data, size_t length, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_read(void **state)
{
    static const struct {
        struct base_text content;
        bool want;
    } cases[] = {
        {BASE_TEXT(""), true},
        {BASE_TEXT("abc\n"), true},
        {BASE_TEXT("nul\0nul"), true},
        {BASE_TEXT("0123456789"), true},
        {BASE_TEXT("0123456789x"), false},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        char *data = NULL;
        size_t length = 0;

        write_file(fixture->path, cases[i].content.data, cases[i].content.length, 0600);
        bool got = base_file_read(fixture->path, MAX_OCTETS, &data, &length, &error);

        assert_int_equal(got, cases[i].want);
        if (got) {
            assert_true(base_text_equals((struct base_text){data, length}, cases[i].content));
            assert_int_equal(data[length], '\0');
            base_mem_free(data);
        } else {
            assert_non_null(strstr(error.text, fixture->path));
            assert_non_null(strstr(error.text, "larger than 10 octets"));
        }
    }
}

static void test_not_files(void **state)
{
    const struct fixture *fixture = *state;
    struct base_error error;
    char *data;
    size_t length;

    assert_false(base_file_read(fixture->path, MAX_OCTETS, &data, &length, &error));
    assert_non_null(strstr(error.text, "No such file"));
    assert_false(base_file_read(fixture->directory, MAX_OCTETS, &data, &length, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    assert_false(base_file_read("/dev/null", MAX_OCTETS, &data, &length, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    /* Opening a pipe that nobody writes to must not wait. */
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_false(base_file_read(fixture->path, MAX_OCTETS, &data, &length, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    assert_false(base_file_read(fixture->path, MAX_OCTETS, &data, &length, NULL));
    unlink(fixture->path);
}

static void test_trusted(void **state)
{
    static const struct {
        mode_t mode;
        bool has_foreign_group;
        const char *want;
    } cases[] = {
        {0600, false, NULL},         {0644, true, NULL},
        {0640, true, NULL},          {0602, false, "chmod go-w "},
        {0666, true, "chmod go-w "}, {0660, true, "its group could change it: chmod go-w "},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        char *data;
        size_t length;

        write_file(fixture->path, "x", 1, 0600);
        /* Root's own group may write; others' may not. Only root can give a file away. */
        if (geteuid() == 0)
            assert_int_equal(chown(fixture->path, 0, cases[i].has_foreign_group ? 12345 : 0), 0);
        assert_int_equal(chmod(fixture->path, cases[i].mode), 0);
        bool got = base_file_read_trusted(fixture->path, MAX_OCTETS, &data, &length, &error);

        assert_int_equal(got, cases[i].want == NULL);
        if (got)
            base_mem_free(data);
        else
            assert_non_null(strstr(error.text, cases[i].want));
    }
}

static void test_trusted_owner(void **state)
{
    const struct fixture *fixture = *state;
    struct base_error error;
    char *data;
    size_t length;

    if (geteuid() != 0)
        skip();
    write_file(fixture->path, "x", 1, 0600);
    assert_int_equal(chown(fixture->path, 12345, 0), 0);
    assert_false(base_file_read_trusted(fixture->path, MAX_OCTETS, &data, &length, &error));
    assert_non_null(strstr(error.text, "belongs to user 12345"));
    assert_non_null(strstr(error.text, "chown root "));
    assert_int_equal(chown(fixture->path, 0, 0), 0);
    assert_int_equal(chmod(fixture->path, 0660), 0);
    assert_true(base_file_read_trusted(fixture->path, MAX_OCTETS, &data, &length, &error));
    base_mem_free(data);
}

/* A pipe gives its octets in pieces and has no size. */
static void test_read_fd(void **state)
{
    static const struct {
        size_t length, max;
        bool want;
    } cases[] = {{0, 10, true}, {10, 10, true}, {11, 10, false}, {40000, 100000, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        char *written = base_mem_alloc(cases[i].length);
        char *data;
        size_t length;
        int ends[2];

        memset(written, 'p', cases[i].length);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(write(ends[1], written, cases[i].length), (ssize_t)cases[i].length);
        close(ends[1]);
        bool got = base_file_read_fd(ends[0], "stdin", cases[i].max, &data, &length, &error);

        assert_int_equal(got, cases[i].want);
        if (got) {
            assert_int_equal(length, cases[i].length);
            assert_memory_equal(data, written, length);
            base_mem_free(data);
        } else {
            assert_memory_equal(error.text, "stdin: ", 7);
        }
        close(ends[0]);
        base_mem_free(written);
    }
}

static void test_read_fd_fault(void **state)
{
    struct base_error error;
    char *data;
    size_t length;

    (void)state;
    assert_false(base_file_read_fd(-1, "nothing", 10, &data, &length, &error));
    assert_memory_equal(error.text, "nothing: cannot read: ", 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted_owner, setup, teardown),
        cmocka_unit_test(test_read_fd),
        cmocka_unit_test(test_read_fd_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
