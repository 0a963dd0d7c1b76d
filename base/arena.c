/* Arenas: a list of blocks, the first of 4 KiB, each next one twice as large up to 64 KiB. What is
 * larger than half a block gets one of its own, so that the rest of the current one is not lost.
 * The cap counts what is handed out; the shared budget counts blocks, which is what the process
 * really holds. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* With the address sanitizer, memory that is not handed out is poisoned: a pointer that outlives
 * its reset is found. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define arena_poison(data, size)   ASAN_POISON_MEMORY_REGION((data), (size))
#define arena_unpoison(data, size) ASAN_UNPOISON_MEMORY_REGION((data), (size))
#else
#define arena_poison(data, size)   ((void)0)
#define arena_unpoison(data, size) ((void)0)
#endif

#define ARENA_FIRST ((size_t)4096)
#define ARENA_LARGE ((size_t)65536)
#define ARENA_ALIGN _Alignof(max_align_t)

struct base_budget {
    atomic_size_t used;
    atomic_size_t max;
};

struct arena_block {
    struct arena_block *next;
    /* Octets of `data`, and how many of them are handed out. */
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char data[];
};

struct base_arena {
    /* Kept by a reset. */
    struct arena_block *first;
    /* Where the next small allocation is tried; blocks behind it are full or single. */
    struct arena_block *current;
    struct base_budget *budget;
    size_t cap;
    size_t used;
    /* Payload of the next growing block. */
    size_t next_size;
    bool is_exhausted;
};

struct base_budget *base_budget_create(size_t max)
{
    struct base_budget *budget = base_mem_alloc_zero(1, sizeof(*budget));

    atomic_init(&budget->used, 0);
    atomic_init(&budget->max, max);
    return budget;
}

void base_budget_destroy(struct base_budget **budget)
{
    base_mem_free(*budget);
    *budget = NULL;
}

size_t base_budget_used(const struct base_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

void base_budget_set_max(struct base_budget *budget, size_t max)
{
    atomic_store_explicit(&budget->max, max, memory_order_relaxed);
}

static bool budget_take(struct base_budget *budget, size_t size)
{
    if (budget == NULL)
        return true;
    size_t max = atomic_load_explicit(&budget->max, memory_order_relaxed);
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        if (used > max || size > max - used)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void budget_give(struct base_budget *budget, size_t size)
{
    if (budget != NULL)
        atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
}

struct base_arena *base_arena_create(size_t cap, struct base_budget *budget)
{
    struct base_arena *arena = base_mem_alloc_zero(1, sizeof(*arena));

    /* Leaves room for a header and for rounding up, whatever is asked. */
    arena->cap = cap > SIZE_MAX / 4 ? SIZE_MAX / 4 : cap;
    arena->budget = budget;
    arena->next_size = ARENA_FIRST - sizeof(struct arena_block);
    return arena;
}

static void block_free(struct base_arena *arena, struct arena_block *block)
{
    arena_unpoison(block->data, block->size);
    budget_give(arena->budget, sizeof(*block) + block->size);
    base_mem_free(block);
}

static void free_blocks(struct base_arena *arena, struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;

        block_free(arena, block);
        block = next;
    }
}

void base_arena_destroy(struct base_arena **arena)
{
    if (*arena == NULL)
        return;
    free_blocks(*arena, (*arena)->first);
    base_mem_free(*arena);
    *arena = NULL;
}

void base_arena_reset(struct base_arena *arena)
{
    struct arena_block *first = arena->first;

    arena->used = 0;
    arena->is_exhausted = false;
    arena->current = first;
    arena->next_size = ARENA_FIRST - sizeof(struct arena_block);
    if (first == NULL)
        return;
    free_blocks(arena, first->next);
    first->next = NULL;
    if (first->size > arena->next_size) {
        /* The first allocation was a large one: nothing small to keep. */
        block_free(arena, first);
        arena->first = arena->current = NULL;
        return;
    }
    first->used = 0;
    arena_poison(first->data, first->size);
    arena->next_size = ARENA_FIRST * 2 - sizeof(struct arena_block);
}

/* A block of `size` octets behind the first, or as the first. NULL past the budget. */
static struct arena_block *add_block(struct base_arena *arena, size_t size)
{
    if (!budget_take(arena->budget, sizeof(struct arena_block) + size))
        return NULL;
    struct arena_block *block = base_mem_alloc(sizeof(*block) + size);

    block->size = size;
    block->used = 0;
    arena_poison(block->data, size);
    if (arena->first == NULL) {
        block->next = NULL;
        arena->first = arena->current = block;
    } else {
        block->next = arena->first->next;
        arena->first->next = block;
    }
    return block;
}

/* A block with room for `rounded` octets; NULL past the budget. */
static struct arena_block *block_for(struct base_arena *arena, size_t rounded)
{
    struct arena_block *block = arena->current;

    if (block != NULL && rounded <= block->size - block->used)
        return block;
    if (rounded > arena->next_size / 2)
        return add_block(arena, rounded);
    block = add_block(arena, arena->next_size);
    if (block == NULL)
        /* The last octets of the budget. */
        return add_block(arena, rounded);
    arena->current = block;
    if (arena->next_size < ARENA_LARGE - sizeof(*block))
        arena->next_size = 2 * (arena->next_size + sizeof(*block)) - sizeof(*block);
    return block;
}

void *base_arena_alloc(struct base_arena *arena, size_t size)
{
    if (arena->used > arena->cap || size > arena->cap - arena->used) {
        arena->is_exhausted = true;
        return NULL;
    }
    /* An empty allocation takes its place too: it is a pointer of its own, and not free. */
    size_t rounded = (size + (size == 0) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    struct arena_block *block = block_for(arena, rounded);

    if (block == NULL) {
        arena->is_exhausted = true;
        return NULL;
    }
    void *memory = block->data + block->used;

    block->used += rounded;
    arena->used += rounded;
    arena_unpoison(memory, size);
    if (size != 0)
        memset(memory, 0, size);
    return memory;
}

char *base_arena_strndup(struct base_arena *arena, const char *data, size_t length)
{
    char *copy = base_arena_alloc(arena, length == SIZE_MAX ? length : length + 1);

    if (copy != NULL && length != 0)
        memcpy(copy, data, length);
    return copy;
}

char *base_arena_strdup(struct base_arena *arena, const char *text)
{
    return base_arena_strndup(arena, text, strlen(text));
}

char *base_arena_printf(struct base_arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = base_arena_alloc(arena, (size_t)length + 1);

    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

bool base_arena_is_exhausted(const struct base_arena *arena)
{
    return arena->is_exhausted;
}

size_t base_arena_used(const struct base_arena *arena)
{
    return arena->used;
}
