/* Octets that nobody can guess, from the system. Thread-safe. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* For seeds of hash tables and tags: never blocks, never fails, and is never all zero. Early at
 * boot, before the system has entropy, it is made of the time, the process and where that is in
 * memory: such a seed differs between two starts, but a stranger might guess it. */
void base_random_seed(void *out, size_t size);
/* For what must not be guessed: blocks until the system has entropy; panics where there is no such
 * call. */
void base_random_draw(void *out, size_t size);

#endif
