/* The questions of one message. Time is counted only while somebody waits: what DNS does meanwhile
 * costs nothing, so questions are started as early as they are known. */
#include "dns/lookups.h"

#include "base/arena.h"

#define BUCKETS 64
/* Past the cap of questions this many more are still named in the record, as CAPPED. */
#define CAPPED_ENTRIES_MAX 16
/* Octets of records that one message may hold on to. An honest message stays below a hundredth. */
#define OCTETS_MAX (4U << 20)
/* Answers up to here are kept past it too, since the cap of questions bounds them: or else large
 * answers of one domain would hide what another has to say. */
#define OCTETS_ALWAYS 4096

struct lookup {
    struct dns_name name;
    enum dns_type type;
    int64_t asked_ns;
    int64_t elapsed_ns;
    /* One of the two. */
    struct dns_pending *pending;
    struct dns_answer *answer;
    struct lookup *next_in_bucket;
};

struct dns_lookups {
    struct dns_lookups_options options;
    struct base_arena *arena;
    struct lookup *buckets[BUCKETS];
    /* In the order of asking. */
    struct lookup **all;
    size_t count;
    size_t capacity;
    unsigned asked;
    size_t octets;
    struct dns_budget *budget;
    int64_t every_ns;
    int64_t since_progress_ns;
    void (*progress)(void *context);
    void *progress_context;
    /* Those that stand on these now; NULL: none. */
    struct dns_lookups *after;
    /* For what is past a cap; shared, so that refusing needs no memory. */
    struct dns_answer *capped;
    struct dns_answer *timeout;
};

static void add(atomic_uint_fast64_t *number)
{
    atomic_fetch_add_explicit(number, 1, memory_order_relaxed);
}

struct dns_lookups *dns_lookups_create(struct base_arena *arena,
                                       const struct dns_lookups_options *options)
{
    struct dns_lookups *lookups = base_arena_alloc(arena, sizeof(*lookups));

    if (lookups == NULL)
        return NULL;
    lookups->options = *options;
    lookups->arena = arena;
    lookups->capped = dns_answer_create_empty(DNS_STATUS_CAPPED, 0);
    lookups->timeout = dns_answer_create_empty(DNS_STATUS_TIMEOUT, 0);
    if (options->before != NULL)
        options->before->after = lookups;
    return lookups;
}

static void lookup_drop_pending(struct dns_lookups *lookups, struct lookup *lookup)
{
    if (lookup->pending != NULL)
        lookups->options.resolver->ops->drop(&lookup->pending);
}

void dns_lookups_destroy(struct dns_lookups **lookups)
{
    struct dns_lookups *old = *lookups;

    *lookups = NULL;
    if (old == NULL)
        return;
    if (old->options.before != NULL)
        old->options.before->after = NULL;
    for (size_t i = 0; i < old->count; i++) {
        lookup_drop_pending(old, old->all[i]);
        dns_answer_unref(&old->all[i]->answer);
    }
    dns_answer_unref(&old->capped);
    dns_answer_unref(&old->timeout);
}

void dns_lookups_set_budget(struct dns_lookups *lookups, struct dns_budget *budget)
{
    lookups->budget = budget;
    if (lookups->options.before != NULL)
        dns_lookups_set_budget(lookups->options.before, budget);
}

void dns_lookups_set_progress(struct dns_lookups *lookups, int64_t every_ns,
                              void (*progress)(void *context), void *context)
{
    lookups->every_ns = every_ns > 0 ? every_ns : 1;
    lookups->since_progress_ns = 0;
    lookups->progress = progress;
    lookups->progress_context = context;
    if (lookups->options.before != NULL)
        dns_lookups_set_progress(lookups->options.before, every_ns, progress, context);
}

/* FNV-1a: the table is small and each session's own, so chosen collisions gain nothing. */
static size_t bucket_of(const struct dns_name *name, enum dns_type type)
{
    uint32_t hash = 2166136261U ^ (uint32_t)type;

    for (size_t i = 0; i < name->length; i++)
        hash = (hash ^ (unsigned char)name->text[i]) * 16777619U;
    return hash % BUCKETS;
}

static struct lookup *lookup_find(const struct dns_lookups *lookups, const struct dns_name *name,
                                  enum dns_type type)
{
    struct lookup *lookup = lookups->buckets[bucket_of(name, type)];

    while (lookup != NULL && !(lookup->type == type && dns_name_equals(&lookup->name, name)))
        lookup = lookup->next_in_bucket;
    return lookup;
}

static bool was_asked_before(const struct dns_lookups *lookups, const struct dns_name *name,
                             enum dns_type type)
{
    return lookups->options.before != NULL &&
           lookup_find(lookups->options.before, name, type) != NULL;
}

/* Makes room for one more in `all`. An arena frees nothing before its end: doubling wastes no more
 * than is used. */
static bool lookups_reserve(struct dns_lookups *lookups)
{
    size_t capacity = lookups->capacity == 0 ? 16 : 2 * lookups->capacity;
    struct lookup **all;

    if (lookups->count < lookups->capacity)
        return true;
    all = base_arena_alloc(lookups->arena, capacity * sizeof(struct lookup *));
    if (all == NULL)
        return false;
    for (size_t i = 0; i < lookups->count; i++)
        all[i] = lookups->all[i];
    lookups->all = all;
    lookups->capacity = capacity;
    return true;
}

static void lookups_insert(struct dns_lookups *lookups, struct lookup *lookup)
{
    size_t bucket = bucket_of(&lookup->name, lookup->type);

    lookup->next_in_bucket = lookups->buckets[bucket];
    lookups->buckets[bucket] = lookup;
    lookups->all[lookups->count++] = lookup;
}

static void lookups_remove(struct dns_lookups *lookups, const struct lookup *lookup)
{
    struct lookup **place = &lookups->buckets[bucket_of(&lookup->name, lookup->type)];
    size_t index = 0;

    while (*place != lookup)
        place = &(*place)->next_in_bucket;
    *place = lookup->next_in_bucket;
    while (lookups->all[index] != lookup)
        index++;
    for (lookups->count--; index < lookups->count; index++)
        lookups->all[index] = lookups->all[index + 1];
}

/* What those that stand on these have asked already changes hands, so that it is not asked twice:
 * they find it here from now on, and their pointers at the answer stay good, since these live
 * longer. NULL: nothing to take, or no room. */
static struct lookup *lookup_take(struct dns_lookups *lookups, const struct dns_name *name,
                                  enum dns_type type)
{
    struct lookup *theirs = lookups->after == NULL ? NULL : lookup_find(lookups->after, name, type);
    struct lookup *lookup;

    if (theirs == NULL || !lookups_reserve(lookups))
        return NULL;
    lookup = base_arena_alloc(lookups->arena, sizeof(*lookup));
    if (lookup == NULL)
        return NULL;
    lookups_remove(lookups->after, theirs);
    *lookup = *theirs;
    lookups_insert(lookups, lookup);
    return lookup;
}

/* An entry with its question begun, or CAPPED. NULL when there is no room for one. */
static struct lookup *lookup_begin(struct dns_lookups *lookups, const struct dns_name *name,
                                   enum dns_type type)
{
    bool is_capped = lookups->asked >= lookups->options.max_questions;
    struct lookup *lookup = lookup_take(lookups, name, type);

    if (lookup != NULL)
        return lookup;
    if (is_capped && lookups->count >= (size_t)lookups->asked + CAPPED_ENTRIES_MAX)
        return NULL;
    if (!lookups_reserve(lookups))
        return NULL;
    lookup = base_arena_alloc(lookups->arena, sizeof(*lookup));
    if (lookup == NULL)
        return NULL;
    lookup->name = *name;
    lookup->type = type;
    lookup->elapsed_ns = -1;
    lookups_insert(lookups, lookup);
    if (is_capped) {
        add(&lookups->options.resolver->counters.capped);
        lookup->answer = dns_answer_ref(lookups->capped);
        return lookup;
    }
    lookups->asked++;
    add(&lookups->options.resolver->counters.questions);
    lookup->asked_ns = base_clock_mono_ns(lookups->options.clock);
    lookup->pending = lookups->options.resolver->ops->ask(lookups->options.resolver, name, type);
    return lookup;
}

void dns_lookups_prefetch(struct dns_lookups *lookups, const struct dns_name *name,
                          enum dns_type type)
{
    if (!was_asked_before(lookups, name, type) && lookup_find(lookups, name, type) == NULL)
        (void)lookup_begin(lookups, name, type);
}

static size_t answer_octets(const struct dns_answer *answer)
{
    size_t octets = 0;

    for (size_t i = 0; i < answer->count; i++)
        octets += answer->records[i].rdata.length;
    return octets;
}

static void progress_advance(struct dns_lookups *lookups, int64_t ns)
{
    lookups->since_progress_ns += ns;
    if (lookups->progress == NULL || lookups->since_progress_ns < lookups->every_ns)
        return;
    lookups->since_progress_ns = 0;
    lookups->progress(lookups->progress_context);
}

/* As long as one wait may last before the budget or the next progress call is due. */
static int64_t next_slice(const struct dns_lookups *lookups)
{
    int64_t slice = lookups->budget->left_ns;

    if (lookups->progress != NULL && slice > lookups->every_ns - lookups->since_progress_ns)
        slice = lookups->every_ns - lookups->since_progress_ns;
    return slice > 0 ? slice : 1;
}

static struct dns_answer *lookup_wait(struct dns_lookups *lookups, struct dns_pending *pending)
{
    const struct dns_resolver_ops *ops = lookups->options.resolver->ops;
    struct dns_answer *answer = ops->wait(pending, 0);

    while (answer == NULL && lookups->budget != NULL && lookups->budget->left_ns > 0) {
        int64_t slice = next_slice(lookups);
        int64_t start_ns = base_clock_mono_ns(lookups->options.clock);
        int64_t waited_ns;

        answer = ops->wait(pending, slice);
        waited_ns = base_clock_mono_ns(lookups->options.clock) - start_ns;
        /* Nothing came: the slice is gone, even where a clock stands still. */
        if (answer == NULL && waited_ns < slice)
            waited_ns = slice;
        lookups->budget->left_ns -= waited_ns;
        if (lookups->budget->left_ns < 0)
            lookups->budget->left_ns = 0;
        progress_advance(lookups, waited_ns);
    }
    return answer;
}

/* A test zone's answers among them may be time-outs. */
static void count_failure(struct dns_counters *counters, enum dns_status status)
{
    if (status == DNS_STATUS_TIMEOUT)
        add(&counters->timeouts);
    else if (status == DNS_STATUS_SERVFAIL || status == DNS_STATUS_BOGUS)
        add(&counters->failures);
}

static void lookup_resolve(struct dns_lookups *lookups, struct lookup *lookup)
{
    struct dns_answer *answer = lookup_wait(lookups, lookup->pending);

    if (answer == NULL)
        answer = dns_answer_ref(lookups->timeout);
    count_failure(&lookups->options.resolver->counters, answer->status);
    size_t octets = answer_octets(answer);
    if (octets > OCTETS_ALWAYS && lookups->octets + octets > OCTETS_MAX) {
        dns_answer_unref(&answer);
        answer = dns_answer_ref(lookups->capped);
    } else {
        lookups->octets += octets;
    }
    lookup->answer = answer;
    lookup->elapsed_ns = base_clock_mono_ns(lookups->options.clock) - lookup->asked_ns;
    lookup_drop_pending(lookups, lookup);
}

bool dns_lookups_is_answered(const struct dns_lookups *lookups, const struct dns_name *name,
                             enum dns_type type)
{
    const struct lookup *lookup = lookup_find(lookups, name, type);
    struct dns_answer *answer;

    if (was_asked_before(lookups, name, type))
        return dns_lookups_is_answered(lookups->options.before, name, type);
    if (lookup == NULL || lookup->answer != NULL)
        return lookup != NULL;
    answer = lookups->options.resolver->ops->wait(lookup->pending, 0);
    if (answer == NULL)
        return false;
    dns_answer_unref(&answer);
    return true;
}

const struct dns_answer *dns_lookups_get(struct dns_lookups *lookups, const struct dns_name *name,
                                         enum dns_type type)
{
    struct lookup *lookup;

    if (was_asked_before(lookups, name, type))
        return dns_lookups_get(lookups->options.before, name, type);
    lookup = lookup_find(lookups, name, type);
    if (lookup == NULL)
        lookup = lookup_begin(lookups, name, type);
    if (lookup == NULL)
        return lookups->capped;
    if (lookup->answer == NULL)
        lookup_resolve(lookups, lookup);
    return lookup->answer;
}

size_t dns_lookups_count(const struct dns_lookups *lookups)
{
    size_t before =
        lookups->options.before == NULL ? 0 : dns_lookups_count(lookups->options.before);

    return before + lookups->count;
}

bool dns_lookups_at(const struct dns_lookups *lookups, size_t index,
                    struct dns_lookups_entry *entry_r)
{
    const struct dns_lookups *before = lookups->options.before;
    const struct lookup *lookup;

    if (before != NULL && dns_lookups_at(before, index, entry_r))
        return true;
    index -= before == NULL ? 0 : dns_lookups_count(before);
    if (index >= lookups->count)
        return false;
    lookup = lookups->all[index];
    *entry_r = (struct dns_lookups_entry){
        .name = &lookup->name,
        .type = lookup->type,
        .status = lookup->answer != NULL ? lookup->answer->status : DNS_STATUS_TIMEOUT,
        .elapsed_ns = lookup->elapsed_ns,
    };
    return true;
}
