/* Arenas with caps. A connection has two (connection, message); all that a peer can make us keep
 * lives in one of them, so that one reset frees it and one number bounds it. Past the cap
 * base_arena_alloc() returns NULL and the arena remembers it (sticky until the reset): callers may
 * go on and ask base_arena_is_exhausted() once, at the stage where the verdict is given.
 * An arena belongs to one session: not thread-safe. A budget is shared and thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct base_arena;
struct base_budget;

/* A bound on the octets held by all arenas that share it (`memory-max`). Never NULL.
 * Must outlive its arenas. */
struct base_budget *base_budget_create(size_t max);
/* Sets *budget to NULL. NULL inside is fine. */
void base_budget_destroy(struct base_budget **budget);
size_t base_budget_used(const struct base_budget *budget);
/* A reload may change the bound; what is held already stays. */
void base_budget_set_max(struct base_budget *budget, size_t max);

/* `cap`: octets that the arena may hand out. `budget` may be NULL (no shared bound). No memory is
 * taken before the first allocation. Never NULL. */
struct base_arena *base_arena_create(size_t cap, struct base_budget *budget);
/* Frees everything and sets *arena to NULL. */
void base_arena_destroy(struct base_arena **arena);
/* Frees what was handed out, clears the exhausted mark; keeps one small block for reuse. */
void base_arena_reset(struct base_arena *arena);

/* Zeroed memory aligned for any object, valid until reset or destroy. NULL past the cap or the
 * shared budget. A size of 0 gives a unique pointer. */
void *base_arena_alloc(struct base_arena *arena, size_t size);
/* A copy with a NUL behind it; NULL past the cap. */
char *base_arena_strndup(struct base_arena *arena, const char *data, size_t length);
char *base_arena_strdup(struct base_arena *arena, const char *text);
char *base_arena_printf(struct base_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An allocation has failed since the last reset. */
bool base_arena_is_exhausted(const struct base_arena *arena);
/* Octets handed out since the last reset. */
size_t base_arena_used(const struct base_arena *arena);

#endif
