/* A folder of files for tests of maps, gone with the test. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_STORE_FILES_H
#define TESTS_UNIT_STORE_FILES_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define FILES_NAMES 256

struct files {
    char folder[64];
    char *names[FILES_NAMES];
    size_t count;
};

static inline int files_setup(void **state)
{
    struct files *files = base_mem_alloc_zero(1, sizeof(*files));

    strcpy(files->folder, "/tmp/postseal-test-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    *state = files;
    return 0;
}

static inline int files_teardown(void **state)
{
    struct files *files = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", files->folder);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < files->count; i++)
        base_mem_free(files->names[i]);
    base_mem_free(files);
    return 0;
}

/* "file:/tmp/.../map"; lives as long as the test. */
static inline const char *files_name(struct files *files, const char *kind, const char *file)
{
    char name[256];

    assert_true(files->count < FILES_NAMES);
    snprintf(name, sizeof(name), "%s%s/%s", kind, files->folder, file);
    return files->names[files->count++] = base_mem_strdup(name);
}

static inline void files_write(struct files *files, const char *file, struct base_text text,
                               mode_t mode)
{
    const char *path = files_name(files, "", file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.data, text.length), (ssize_t)text.length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

#endif
