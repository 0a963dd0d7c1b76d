/* Stands in for libFuzzer where the compiler has none: feeds each file named in argv, and each file
 * of each directory named there, to the target once. `--seed=N --random=COUNT` feeds it COUNT
 * inputs of random octets, the same ones each time: for targets that make their input from octets
 * by a grammar, and faster than a search for new paths. Fails if there was no input, so that a
 * corpus that got lost does not pass. What goes wrong in the target aborts. */
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

#define INPUT_MAX  ((size_t)16 << 20)
#define RANDOM_MAX 768

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

/* splitmix64: any seed is a good one. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += 0x9e3779b97f4a7c15U;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

/* Each input has a seed of its own: the hundredth is found without the 99 before it. Short ones are
 * as frequent as long ones, by powers of two. */
static void feed_random(uint64_t seed, uint64_t number)
{
    uint64_t state = seed * 0xd1342543de82ef95U + number;
    size_t max = (size_t)16 << next_random(&state) % 7;
    size_t length = next_random(&state) % (max > RANDOM_MAX ? RANDOM_MAX : max);
    uint8_t *octets = base_mem_alloc(length);

    for (size_t i = 0; i < length; i++)
        octets[i] = (uint8_t)(next_random(&state) >> 24);
    if (LLVMFuzzerTestOneInput(octets, length) != 0) {
        fprintf(stderr, "the target refused input %llu\n", (unsigned long long)number);
        exit(1);
    }
    base_mem_free(octets);
}

/* The value of an option `name`, or NULL. */
static const char *option_value(const char *argument, const char *name)
{
    size_t length = strlen(name);

    return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    uint64_t count = 0;

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        const char *given_seed = option_value(argv[i], "--seed=");
        const char *random = option_value(argv[i], "--random=");
        struct stat info;

        if (given_seed != NULL) {
            seed = strtoull(given_seed, NULL, 10);
        } else if (random != NULL) {
            for (uint64_t left = strtoull(random, NULL, 10); left > 0; left--)
                feed_random(seed, count++);
        } else if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            count += replay_directory(argv[i]);
        } else {
            replay_file(argv[i]);
            count++;
        }
    }
    printf("%llu inputs\n", (unsigned long long)count);
    if (count == 0)
        fprintf(stderr, "no inputs\n");
    return count == 0;
}
