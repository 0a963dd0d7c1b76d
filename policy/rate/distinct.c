/* An open hash table of values, each with the sub-window that saw it last; past the cap, registers.
 */
#include "policy/rate/distinct.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "policy/rate/window.h"

enum {
    REGISTER_BITS = 10,
    REGISTERS = 1 << REGISTER_BITS,
    CAPACITY_FIRST = 8,
    CAPACITY_LAST = 2048,
};

/* What `slot` says of a value that no accepted message had; FORGOTTEN: its place is not free, what
 * stands behind it must be found. */
#define NEVER     INT64_C(-1)
#define FORGOTTEN INT64_C(-2)

struct value {
    uint64_t hash;
    /* Or NEVER, FORGOTTEN. */
    int64_t slot;
    /* Messages under way that have reserved it. With NEVER and 0 the place is free. */
    uint32_t reserved;
};

struct registers {
    /* The newest sub-window; number n stands at n modulo RATE_SLOTS. */
    int64_t newest;
    unsigned char of[RATE_SLOTS][REGISTERS];
};

struct rate_distinct {
    /* A power of two. */
    size_t capacity;
    /* Places taken, by values that are long forgotten, too. */
    size_t count;
    struct value *values;
    /* NULL: exact. */
    struct registers *registers;
    /* Reservations that only a number is kept of, because there are registers. */
    int64_t reserved;
    /* What was found last, and for which sub-window; -1: to be found again. */
    int64_t found_slot;
    int64_t found;
};

static bool is_taken(const struct value *value)
{
    return value->slot != NEVER || value->reserved > 0;
}

static bool is_alive(const struct value *value, int64_t slot)
{
    return value->reserved > 0 || (value->slot >= 0 && value->slot >= slot - RATE_SUBWINDOWS);
}

struct rate_distinct *rate_distinct_create(void)
{
    struct rate_distinct *distinct = base_mem_alloc_zero(1, sizeof(*distinct));

    distinct->found_slot = -1;
    return distinct;
}

void rate_distinct_destroy(struct rate_distinct **distinct)
{
    struct rate_distinct *it = *distinct;

    *distinct = NULL;
    if (it == NULL)
        return;
    base_mem_free(it->values);
    base_mem_free(it->registers);
    base_mem_free(it);
}

size_t rate_distinct_size(const struct rate_distinct *distinct)
{
    return sizeof(*distinct) + distinct->capacity * sizeof(struct value) +
           (distinct->registers != NULL ? sizeof(struct registers) : 0);
}

static bool is_full(const struct rate_distinct *distinct)
{
    return 4 * (distinct->count + 1) > 3 * distinct->capacity;
}

size_t rate_distinct_growth(const struct rate_distinct *distinct)
{
    if (distinct->registers != NULL || !is_full(distinct))
        return 0;
    if (distinct->capacity == 0)
        return CAPACITY_FIRST * sizeof(struct value);
    if (distinct->capacity < CAPACITY_LAST)
        return distinct->capacity * sizeof(struct value);
    return sizeof(struct registers);
}

/* The place of the value, or the free one where it belongs. */
static struct value *place_of(struct value *values, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);

    while (is_taken(&values[at]) && values[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return &values[at];
}

static struct value *find(const struct rate_distinct *distinct, uint64_t hash)
{
    struct value *value;

    if (distinct->capacity == 0)
        return NULL;
    value = place_of(distinct->values, distinct->capacity, hash);
    return is_taken(value) ? value : NULL;
}

/* --- registers -----------------------------------------------------------------------------------
 */

static void advance(struct registers *registers, int64_t slot)
{
    if (slot - registers->newest >= RATE_SLOTS) {
        memset(registers->of, 0, sizeof(registers->of));
        registers->newest = slot;
    }
    while (registers->newest < slot)
        memset(registers->of[++registers->newest % RATE_SLOTS], 0, REGISTERS);
}

static void count_value(struct registers *registers, uint64_t hash, int64_t slot)
{
    uint64_t rest = hash >> REGISTER_BITS | UINT64_C(1) << (64 - REGISTER_BITS);
    unsigned char rank = (unsigned char)(__builtin_ctzll(rest) + 1);
    unsigned char *place;

    advance(registers, slot);
    if (registers->newest - slot >= RATE_SLOTS)
        return;
    place = &registers->of[slot % RATE_SLOTS][hash & (REGISTERS - 1)];
    if (*place < rank)
        *place = rank;
}

static int64_t estimate(const struct registers *registers, int64_t slot)
{
    int64_t first = slot > registers->newest ? slot : registers->newest;
    unsigned char merged[REGISTERS] = {0};
    double sum = 0;
    unsigned zeros = 0;

    for (int64_t at = first < RATE_SUBWINDOWS ? 0 : first - RATE_SUBWINDOWS;
         at <= registers->newest; at++) {
        const unsigned char *of = registers->of[at % RATE_SLOTS];

        for (size_t i = 0; i < REGISTERS; i++)
            merged[i] = merged[i] < of[i] ? of[i] : merged[i];
    }
    for (size_t i = 0; i < REGISTERS; i++) {
        sum += 1.0 / (double)(UINT64_C(1) << merged[i]);
        zeros += merged[i] == 0;
    }
    double raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS * REGISTERS / sum;

    /* The paper's correction for few values. */
    if (raw <= 2.5 * REGISTERS && zeros > 0)
        raw = REGISTERS * log((double)REGISTERS / zeros);
    return (int64_t)(raw + 0.5);
}

/* --- the exact set -------------------------------------------------------------------------------
 */

/* Into a table of that capacity, without what is forgotten. */
static void rebuild(struct rate_distinct *distinct, size_t capacity, int64_t slot)
{
    struct value *values = base_mem_alloc_zero(capacity, sizeof(*values));

    for (size_t i = 0; i < capacity; i++)
        values[i].slot = NEVER;
    distinct->count = 0;
    for (size_t i = 0; i < distinct->capacity; i++) {
        if (!is_alive(&distinct->values[i], slot))
            continue;
        *place_of(values, capacity, distinct->values[i].hash) = distinct->values[i];
        distinct->count++;
    }
    base_mem_free(distinct->values);
    distinct->values = values;
    distinct->capacity = capacity;
}

/* Values that messages under way have reserved stay in the table until those are done. */
static void begin_estimates(struct rate_distinct *distinct, int64_t slot)
{
    distinct->registers = base_mem_alloc_zero(1, sizeof(*distinct->registers));
    distinct->registers->newest = slot;
    for (size_t i = 0; i < distinct->capacity; i++) {
        struct value *value = &distinct->values[i];

        if (is_taken(value) && value->slot >= 0 && is_alive(value, slot))
            count_value(distinct->registers, value->hash, value->slot);
        distinct->reserved += value->reserved;
    }
    base_mem_free(distinct->values);
    distinct->values = NULL;
    distinct->capacity = 0;
    distinct->count = 0;
    distinct->found_slot = -1;
}

static int64_t count_alive(const struct rate_distinct *distinct, int64_t slot)
{
    int64_t count = 0;

    for (size_t i = 0; i < distinct->capacity; i++)
        count += is_taken(&distinct->values[i]) && is_alive(&distinct->values[i], slot);
    return count;
}

int64_t rate_distinct_used(struct rate_distinct *distinct, int64_t slot)
{
    if (distinct->found_slot != slot) {
        distinct->found = distinct->registers != NULL ? estimate(distinct->registers, slot)
                                                      : count_alive(distinct, slot);
        distinct->found_slot = slot;
    }
    return distinct->found + distinct->reserved;
}

bool rate_distinct_has(const struct rate_distinct *distinct, uint64_t value, int64_t slot)
{
    const struct value *place = find(distinct, value);

    return place != NULL && is_alive(place, slot);
}

static void make_room(struct rate_distinct *distinct, int64_t slot)
{
    size_t capacity = distinct->capacity;

    if (!is_full(distinct))
        return;
    if (capacity == 0) {
        rebuild(distinct, CAPACITY_FIRST, slot);
        return;
    }
    /* Half of them forgotten: the same room does. */
    int64_t alive = count_alive(distinct, slot);

    if (alive >= RATE_EXACT_MAX)
        begin_estimates(distinct, slot);
    else
        rebuild(distinct,
                2 * (size_t)alive > capacity && capacity < CAPACITY_LAST ? 2 * capacity : capacity,
                slot);
}

void rate_distinct_reserve(struct rate_distinct *distinct, uint64_t value, int64_t slot)
{
    struct value *place = find(distinct, value);

    if (place == NULL && distinct->registers == NULL)
        make_room(distinct, slot);
    if (distinct->registers != NULL) {
        distinct->reserved++;
        return;
    }
    if (distinct->found_slot != slot)
        distinct->found_slot = -1;
    else if (place == NULL || !is_alive(place, slot))
        distinct->found++;
    if (place == NULL) {
        place = place_of(distinct->values, distinct->capacity, value);
        *place = (struct value){.hash = value, .slot = NEVER};
        distinct->count++;
    }
    place->reserved++;
}

/* The place of the value that was reserved; NULL where there are registers. */
static struct value *end_reservation(struct rate_distinct *distinct, uint64_t value)
{
    struct value *place = find(distinct, value);

    if (distinct->registers != NULL) {
        if (distinct->reserved > 0)
            distinct->reserved--;
        return NULL;
    }
    if (place == NULL || place->reserved == 0)
        return NULL;
    place->reserved--;
    return place;
}

void rate_distinct_commit(struct rate_distinct *distinct, uint64_t value, int64_t charged)
{
    struct value *place = end_reservation(distinct, value);

    if (distinct->registers != NULL) {
        count_value(distinct->registers, value, charged);
        distinct->found_slot = -1;
    } else if (place != NULL && place->slot < charged) {
        place->slot = charged;
        if (charged < distinct->found_slot - RATE_SUBWINDOWS)
            distinct->found_slot = -1;
    }
}

void rate_distinct_give_back(struct rate_distinct *distinct, uint64_t value)
{
    struct value *place = end_reservation(distinct, value);

    if (place == NULL || place->reserved > 0)
        return;
    if (place->slot == NEVER)
        place->slot = FORGOTTEN;
    distinct->found_slot = -1;
}

int64_t rate_distinct_oldest(const struct rate_distinct *distinct, int64_t slot)
{
    int64_t oldest = slot;

    for (size_t i = 0; i < distinct->capacity; i++) {
        const struct value *value = &distinct->values[i];

        if (value->reserved == 0 && value->slot >= 0 && value->slot < oldest &&
            is_alive(value, slot))
            oldest = value->slot;
    }
    return oldest;
}
