/* Stands in for libFuzzer where the compiler has none: feeds each file named in argv, and each file
 * of each directory named there, to the target once. Fails if there was none, so that a corpus that
 * got lost does not pass. What goes wrong in the target aborts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

#define INPUT_MAX ((size_t)16 << 20)

static void replay_file(const char *path)
{
    struct base_error error;
    char *data;
    size_t length;

    if (!base_file_read(path, INPUT_MAX, &data, &length, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    /* A copy of the exact size: a sanitizer then sees a read past the end. */
    uint8_t *exact = base_mem_alloc(length);

    memcpy(exact, data, length);
    base_mem_free(data);
    if (LLVMFuzzerTestOneInput(exact, length) != 0) {
        fprintf(stderr, "%s: the target refused it\n", path);
        exit(1);
    }
    base_mem_free(exact);
}

static unsigned replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    unsigned count = 0;

    if (directory == NULL) {
        perror(path);
        exit(1);
    }
    while ((entry = readdir(directory)) != NULL) {
        char file[4096];

        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) >= (int)sizeof(file)) {
            fprintf(stderr, "%s: name too long\n", entry->d_name);
            exit(1);
        }
        replay_file(file);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            count += replay_directory(argv[i]);
        } else {
            replay_file(argv[i]);
            count++;
        }
    }
    printf("%u inputs\n", count);
    if (count == 0)
        fprintf(stderr, "no inputs\n");
    return count == 0;
}
