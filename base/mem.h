/* The heap. Nothing outside base/ calls malloc(3). Memory whose size a peer can choose comes from
 * an arena (base/arena.h), which has a cap; the heap is for what the configuration or the number
 * of sessions bounds, so running out of it is fatal: these functions panic, never return NULL. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *base_mem_alloc(size_t size);
/* Zeroed; panics if count * size overflows. */
void *base_mem_alloc_zero(size_t count, size_t size);
void *base_mem_realloc(void *old, size_t size);
char *base_mem_strdup(const char *text);
/* Copies `length` octets and ends them with NUL. */
char *base_mem_strndup(const char *data, size_t length);
/* Frees; NULL is fine. */
void base_mem_free(void *memory);
/* Overwrites with zeros in a way that the compiler keeps. */
void base_mem_wipe(void *memory, size_t size);

#endif
