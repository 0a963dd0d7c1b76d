/* The heap; see mem.h. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

void *base_mem_alloc(size_t size)
{
    void *memory = malloc(size == 0 ? 1 : size);

    if (memory == NULL)
        base_panic("out of memory: %zu octets", size);
    return memory;
}

void *base_mem_alloc_zero(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        base_panic("allocation of %zu times %zu octets", count, size);
    size_t total = count * size;
    void *memory = calloc(1, total == 0 ? 1 : total);

    if (memory == NULL)
        base_panic("out of memory: %zu octets", total);
    return memory;
}

void *base_mem_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size == 0 ? 1 : size);

    if (memory == NULL)
        base_panic("out of memory: %zu octets", size);
    return memory;
}

char *base_mem_strdup(const char *text)
{
    return base_mem_strndup(text, strlen(text));
}

char *base_mem_strndup(const char *data, size_t length)
{
    if (length == SIZE_MAX)
        base_panic("allocation of %zu octets", length);
    char *copy = base_mem_alloc(length + 1);

    if (length != 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

void base_mem_free(void *memory)
{
    free(memory);
}

void base_mem_wipe(void *memory, size_t size)
{
    if (size != 0)
        explicit_bzero(memory, size);
}
