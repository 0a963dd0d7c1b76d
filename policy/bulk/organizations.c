/* Sets of a few entries each, found by a hash that strangers cannot choose; in a full set the one
 * that was used longest ago makes room. A user of ours who writes ever new domains into From pushes
 * out old ones, which are then asked for again: nothing else. */
#include "policy/bulk/organizations.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "policy/dmarc/psl.h"
#include "policy/dmarc/walk.h"
#include "policy/rate/hash.h"

enum {
    WAYS = 8,
    SETS = BULK_ORGANIZATIONS_MAX / WAYS,
};

/* Octets of one walk's questions and answers. */
#define ARENA_MAX ((size_t)64 * 1024)

struct walk {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    int64_t begun_ns;
};

struct entry {
    struct dns_name domain;
    /* The organizational domain is that many labels of it. */
    enum entry_kind {
        UNKNOWN,
        LABELS,
        /* No record in the whole walk: the list decides. */
        NO_RECORD,
    } kind;
    unsigned labels;
    bool is_used;
    int64_t used_ns;
    int64_t ask_again_ns;
    /* lookups NULL: none is under way. */
    struct walk walk;
};

struct bulk_organizations {
    struct bulk_organizations_options options;
    pthread_mutex_t lock;
    uint64_t seed[2];
    unsigned walks;
    struct entry (*sets)[WAYS];
};

struct bulk_organizations *bulk_organizations_create(
    const struct bulk_organizations_options *options)
{
    struct bulk_organizations *organizations = base_mem_alloc_zero(1, sizeof(*organizations));

    organizations->options = *options;
    pthread_mutex_init(&organizations->lock, NULL);
    base_random_seed(organizations->seed, sizeof(organizations->seed));
    organizations->sets = base_mem_alloc_zero(SETS, sizeof(*organizations->sets));
    return organizations;
}

static void end_walk(struct bulk_organizations *organizations, struct entry *entry)
{
    if (entry->walk.lookups == NULL)
        return;
    dns_lookups_destroy(&entry->walk.lookups);
    base_arena_destroy(&entry->walk.arena);
    organizations->walks--;
}

void bulk_organizations_destroy(struct bulk_organizations **organizations)
{
    struct bulk_organizations *it = *organizations;

    *organizations = NULL;
    if (it == NULL)
        return;
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < WAYS; j++)
            end_walk(it, &it->sets[i][j]);
    pthread_mutex_destroy(&it->lock);
    base_mem_free(it->sets);
    base_mem_free(it);
}

/* --- entries; under the lock ----------------------------------------------------------------- */

static struct entry *set_of(const struct bulk_organizations *organizations,
                            const struct dns_name *domain)
{
    struct base_text text = {domain->text, domain->length};

    return organizations->sets[rate_hash(organizations->seed, text) % SETS];
}

static struct entry *find(const struct bulk_organizations *organizations,
                          const struct dns_name *domain, int64_t now_ns)
{
    struct entry *set = set_of(organizations, domain);

    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].is_used || !dns_name_equals(&set[i].domain, domain))
            continue;
        set[i].used_ns = now_ns;
        return &set[i];
    }
    return NULL;
}

static struct entry *find_or_add(struct bulk_organizations *organizations,
                                 const struct dns_name *domain, int64_t now_ns)
{
    struct entry *set = set_of(organizations, domain);
    struct entry *entry = find(organizations, domain, now_ns);
    struct entry *oldest = &set[0];

    if (entry != NULL)
        return entry;
    for (size_t i = 1; i < WAYS && oldest->is_used; i++)
        if (!set[i].is_used || set[i].used_ns < oldest->used_ns)
            oldest = &set[i];
    end_walk(organizations, oldest);
    *oldest = (struct entry){
        .domain = *domain, .is_used = true, .used_ns = now_ns, .ask_again_ns = INT64_MIN};
    return oldest;
}

static void begin_walk(struct bulk_organizations *organizations, struct entry *entry,
                       int64_t now_ns)
{
    const struct dns_lookups_options options = {.resolver = organizations->options.resolver,
                                                .clock = organizations->options.clock,
                                                .max_questions = DMARC_WALK_MAX};
    struct base_arena *arena = base_arena_create(ARENA_MAX, NULL);

    entry->walk = (struct walk){.arena = arena, .begun_ns = now_ns};
    entry->walk.lookups = dns_lookups_create(arena, &options);
    if (entry->walk.lookups == NULL) {
        base_arena_destroy(&entry->walk.arena);
        return;
    }
    organizations->walks++;
    dmarc_walk_prefetch(entry->walk.lookups, &entry->domain);
}

/* What it gave is kept in any case; a failure takes away nothing that was known. */
static void finish_walk(struct bulk_organizations *organizations, struct entry *entry,
                        int64_t now_ns)
{
    struct dns_name storage;
    struct dmarc_walk walk;

    dmarc_walk_run(&walk, entry->walk.lookups, &entry->domain);
    entry->ask_again_ns = now_ns + (walk.is_temporary ? BULK_FAILED_NS : BULK_KNOWN_NS);
    if (!walk.is_temporary) {
        entry->kind = NO_RECORD;
        for (size_t i = 0; i < walk.count; i++)
            if (walk.steps[i].has_record)
                entry->kind = LABELS;
        entry->labels = dmarc_walk_organizational(&walk, &storage)->label_count;
    }
    end_walk(organizations, entry);
}

/* Where all is answered, or will not be in time. Does not wait, unless a command is to. */
static void look(struct bulk_organizations *organizations, struct entry *entry, int64_t now_ns)
{
    struct dns_budget budget = {.left_ns = organizations->options.wait_ns};

    if (entry->walk.lookups == NULL)
        return;
    if (budget.left_ns > 0)
        dns_lookups_set_budget(entry->walk.lookups, &budget);
    if (budget.left_ns > 0 || now_ns - entry->walk.begun_ns >= BULK_WALK_NS ||
        dmarc_walk_is_answered(entry->walk.lookups, &entry->domain))
        finish_walk(organizations, entry, now_ns);
}

/* --- for everybody ------------------------------------------------------------------------------
 */

void bulk_organizations_prefetch(struct bulk_organizations *organizations,
                                 const struct dns_name *domain)
{
    int64_t now_ns = base_clock_mono_ns(organizations->options.clock);
    struct entry *entry;

    if (domain->label_count == 0)
        return;
    pthread_mutex_lock(&organizations->lock);
    entry = find_or_add(organizations, domain, now_ns);
    if (entry->walk.lookups == NULL && now_ns >= entry->ask_again_ns &&
        organizations->walks < BULK_WALKS_MAX)
        begin_walk(organizations, entry, now_ns);
    pthread_mutex_unlock(&organizations->lock);
}

void bulk_organizations_guess(const struct dmarc_psl *psl, const struct dns_name *domain,
                              struct dns_name *organizational_r)
{
    *organizational_r = *domain;
    if (psl != NULL)
        dmarc_psl_organizational(psl, domain, organizational_r);
}

bool bulk_organizations_find(struct bulk_organizations *organizations, const struct dmarc_psl *psl,
                             const struct dns_name *domain, struct dns_name *organizational_r)
{
    int64_t now_ns = base_clock_mono_ns(organizations->options.clock);
    enum entry_kind kind = UNKNOWN;
    struct entry *entry;

    pthread_mutex_lock(&organizations->lock);
    entry = find(organizations, domain, now_ns);
    if (entry != NULL) {
        look(organizations, entry, now_ns);
        kind = entry->kind;
        dns_name_suffix(organizational_r, domain, entry->labels);
    }
    pthread_mutex_unlock(&organizations->lock);
    if (kind == NO_RECORD)
        bulk_organizations_guess(psl, domain, organizational_r);
    return kind != UNKNOWN;
}

void bulk_organizations_bind(struct bulk_organizations *organizations,
                             const struct dns_name *domain, const struct dns_name *organizational)
{
    int64_t now_ns = base_clock_mono_ns(organizations->options.clock);
    struct entry *entry;

    pthread_mutex_lock(&organizations->lock);
    entry = find_or_add(organizations, domain, now_ns);
    if (entry->kind == UNKNOWN) {
        end_walk(organizations, entry);
        entry->kind = LABELS;
        entry->labels = organizational->label_count;
        entry->ask_again_ns = now_ns + BULK_KNOWN_NS;
    }
    pthread_mutex_unlock(&organizations->lock);
}
