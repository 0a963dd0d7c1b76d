/* Files for the tests of conf/, in a folder of their own under the working directory. */
#ifndef TESTS_UNIT_CONF_FILES_H
#define TESTS_UNIT_CONF_FILES_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf_files {
    char folder[64];
};

static inline int conf_files_remove(const char *path, const struct stat *info, int type,
                                    struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/* cmocka's setup and teardown of a test. */
static inline int conf_files_setup(void **state)
{
    struct conf_files *files = calloc(1, sizeof(*files));
    strcpy(files->folder, "conf-files-XXXXXX");
    *state = files;
    return mkdtemp(files->folder) != NULL ? 0 : -1;
}

static inline int conf_files_teardown(void **state)
{
    struct conf_files *files = *state;
    nftw(files->folder, conf_files_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(files);
    return 0;
}

/* The path of `name` in the folder; valid until the fourth call after this. */
static inline const char *conf_files_path(const struct conf_files *files, const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", files->folder, name);
    return path;
}

static inline const char *conf_files_write(const struct conf_files *files, const char *name,
                                           const char *text, size_t length, unsigned int mode)
{
    const char *path = conf_files_path(files, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static inline const char *conf_files_put(const struct conf_files *files, const char *name,
                                         const char *text)
{
    return conf_files_write(files, name, text, strlen(text), 0644);
}

#endif
