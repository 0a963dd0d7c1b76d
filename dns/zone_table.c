#include "dns/zone_table.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/panic.h"

/* As many as dns_answer_create() keeps. */
#define SET_RECORDS_MAX 1000
#define SETS_MAX        4000000
/* The arenas bound nothing here: the file's size and the counts do. */
#define ARENA_CAP ((size_t)1 << 40)

struct dns_zone_record {
    struct base_text rdata;
    struct dns_zone_record *next;
};

struct dns_zone_table {
    /* Sets and owners. */
    struct base_arena *arena;
    /* RDATA, until the answers are made of it. */
    struct base_arena *scratch;
    struct dns_zone_set **buckets;
    /* A power of two. */
    size_t bucket_count;
    size_t count;
    struct dns_zone_set *all;
};

struct dns_zone_table *dns_zone_table_create(void)
{
    struct dns_zone_table *table = base_mem_alloc_zero(1, sizeof(*table));

    table->arena = base_arena_create(ARENA_CAP, NULL);
    table->scratch = base_arena_create(ARENA_CAP, NULL);
    table->bucket_count = 64;
    table->buckets = base_mem_alloc_zero(table->bucket_count, sizeof(struct dns_zone_set *));
    return table;
}

void dns_zone_table_destroy(struct dns_zone_table **table)
{
    struct dns_zone_table *old = *table;

    *table = NULL;
    if (old == NULL)
        return;
    for (struct dns_zone_set *set = old->all; set != NULL; set = set->next)
        dns_answer_unref(&set->answer);
    base_mem_free(old->buckets);
    base_arena_destroy(&old->scratch);
    base_arena_destroy(&old->arena);
    base_mem_free(old);
}

/* FNV-1a. */
static uint64_t hash_of(struct base_text owner, enum dns_type type)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)type;

    for (size_t i = 0; i < owner.length; i++)
        hash = (hash ^ (unsigned char)owner.data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static struct dns_zone_set **bucket_of(const struct dns_zone_table *table, struct base_text owner,
                                       enum dns_type type)
{
    return &table->buckets[hash_of(owner, type) & (table->bucket_count - 1)];
}

struct dns_zone_set *dns_zone_table_find(const struct dns_zone_table *table, struct base_text owner,
                                         enum dns_type type)
{
    struct dns_zone_set *set = *bucket_of(table, owner, type);

    while (set != NULL && !(set->type == type && base_text_equals(set->owner, owner)))
        set = set->next_in_bucket;
    return set;
}

static void table_grow(struct dns_zone_table *table)
{
    base_mem_free(table->buckets);
    table->bucket_count *= 2;
    table->buckets = base_mem_alloc_zero(table->bucket_count, sizeof(struct dns_zone_set *));
    for (struct dns_zone_set *set = table->all; set != NULL; set = set->next) {
        struct dns_zone_set **bucket = bucket_of(table, set->owner, set->type);

        set->next_in_bucket = *bucket;
        *bucket = set;
    }
}

/* `owner` must live as long as the table. */
static struct dns_zone_set *table_insert(struct dns_zone_table *table, struct base_text owner,
                                         enum dns_type type)
{
    struct dns_zone_set *set;
    struct dns_zone_set **bucket;

    if (table->count >= SETS_MAX)
        return NULL;
    set = base_arena_alloc(table->arena, sizeof(*set));
    if (set == NULL)
        base_panic("dns_zone_table: arena exhausted");
    if (table->count >= table->bucket_count)
        table_grow(table);
    bucket = bucket_of(table, owner, type);
    set->owner = owner;
    set->type = type;
    set->next_in_bucket = *bucket;
    *bucket = set;
    set->next = table->all;
    table->all = set;
    table->count++;
    return set;
}

/* The name and those above it (RFC 8020: what is above a name that is there, is there). */
static struct dns_zone_set *table_add_name(struct dns_zone_table *table, struct base_text owner)
{
    struct dns_zone_set *name = dns_zone_table_find(table, owner, DNS_ZONE_NAME);
    struct base_text above;
    char *copy;

    if (name != NULL)
        return name;
    copy = base_arena_strndup(table->arena, owner.data, owner.length);
    if (copy == NULL)
        base_panic("dns_zone_table: arena exhausted");
    above = (struct base_text){copy, owner.length};
    name = table_insert(table, above, DNS_ZONE_NAME);
    while (name != NULL && above.data[0] != 0) {
        size_t label = 1 + (size_t)(unsigned char)above.data[0];

        /* A tail of the copy is the owner above. */
        above = (struct base_text){above.data + label, above.length - label};
        if (dns_zone_table_find(table, above, DNS_ZONE_NAME) != NULL)
            break;
        if (table_insert(table, above, DNS_ZONE_NAME) == NULL)
            return NULL;
    }
    return name;
}

struct dns_zone_set *dns_zone_table_add(struct dns_zone_table *table, struct base_text owner,
                                        enum dns_type type)
{
    struct dns_zone_set *set = dns_zone_table_find(table, owner, type);
    struct dns_zone_set *name;

    if (set != NULL)
        return set;
    name = table_add_name(table, owner);
    if (name == NULL || type == DNS_ZONE_NAME)
        return name;
    return table_insert(table, name->owner, type);
}

enum dns_zone_added dns_zone_table_add_record(struct dns_zone_table *table,
                                              struct dns_zone_set *set, struct base_text rdata,
                                              uint32_t ttl)
{
    struct dns_zone_record *record;
    char *copy;

    if (set->count == 0 || ttl < set->ttl)
        set->ttl = ttl;
    if (set->count >= SET_RECORDS_MAX)
        return DNS_ZONE_FULL;
    record = base_arena_alloc(table->scratch, sizeof(*record));
    copy = base_arena_strndup(table->scratch, rdata.data, rdata.length);
    if (record == NULL || copy == NULL)
        base_panic("dns_zone_table: arena exhausted");
    record->rdata = (struct base_text){copy, rdata.length};
    if (set->last != NULL)
        set->last->next = record;
    else
        set->first = record;
    set->last = record;
    set->count++;
    return DNS_ZONE_ADDED;
}

void dns_zone_table_finish(struct dns_zone_table *table)
{
    struct base_text rdata[SET_RECORDS_MAX];

    for (struct dns_zone_set *set = table->all; set != NULL; set = set->next) {
        size_t count = 0;

        for (struct dns_zone_record *r = set->first; r != NULL; r = r->next)
            rdata[count++] = r->rdata;
        set->first = set->last = NULL;
        if (count > 0)
            set->answer = dns_answer_create(set->type, rdata, count, set->ttl, false);
    }
    base_arena_destroy(&table->scratch);
}
