/* A hash table whose chains only grow: a reader needs no lock, and an entry that was seen is there
 * for good. */
#include "policy/counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/panic.h"
#include "policy/decision.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/spf/spf.h"

#define BUCKETS    1024
#define DIRECTIONS (POLICY_DIRECTION_TRUSTED + 1)
#define ACTIONS    (POLICY_ACTION_HOLD_QUEUE + 1)
#define SPF        (SPF_VERDICT_PERMERROR + 1)
#define DKIM       (DKIM_RESULT_PERMERROR + 1)
#define DMARC      (DMARC_RESULT_PERMERROR + 1)

struct rule {
    char *name;
    enum policy_stage stage;
    atomic_uint_fast64_t numbers[POLICY_COUNTER_COUNT];
    struct rule *next;
};

struct policy_counters {
    pthread_mutex_t mutex;
    _Atomic(struct rule *) buckets[BUCKETS];
    /* Under the mutex. */
    size_t rules;
    atomic_uint_fast64_t verdicts[DIRECTIONS][POLICY_STAGE_COUNT][ACTIONS];
    atomic_uint_fast64_t would[DIRECTIONS][POLICY_STAGE_COUNT][ACTIONS];
    atomic_uint_fast64_t aborted;
    atomic_uint_fast64_t recipients_refused;
    atomic_uint_fast64_t is_signed;
    atomic_uint_fast64_t is_unsigned;
    atomic_uint_fast64_t authres_removed;
    atomic_uint_fast64_t spf[SPF];
    atomic_uint_fast64_t helo_spf[SPF];
    /* Of the best signature. */
    atomic_uint_fast64_t dkim[DKIM];
    atomic_uint_fast64_t dmarc[DMARC];
    /* `dmarc-method = compare`: messages compared, and those of which the list says otherwise. */
    atomic_uint_fast64_t compared;
    atomic_uint_fast64_t differs;
    atomic_uint_fast64_t differs_in_result;
};

const char *policy_counter_text(enum policy_counter counter)
{
    static const char *const texts[] = {"matched", "decided", "would", "spared", "overdue"};

    return texts[counter];
}

static void add(atomic_uint_fast64_t *number, uint64_t more)
{
    atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

static int64_t value(const atomic_uint_fast64_t *number)
{
    return (int64_t)atomic_load_explicit(number, memory_order_relaxed);
}

struct policy_counters *policy_counters_create(void)
{
    struct policy_counters *counters = base_mem_alloc_zero(1, sizeof(*counters));

    if (pthread_mutex_init(&counters->mutex, NULL) != 0)
        base_panic("no mutex for the counters");
    return counters;
}

void policy_counters_destroy(struct policy_counters **counters)
{
    struct policy_counters *old = *counters;

    *counters = NULL;
    if (old == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct rule *rule = atomic_load(&old->buckets[i]);

        while (rule != NULL) {
            struct rule *next = rule->next;

            base_mem_free(rule->name);
            base_mem_free(rule);
            rule = next;
        }
    }
    pthread_mutex_destroy(&old->mutex);
    base_mem_free(old);
}

/* --- rules ------------------------------------------------------------------------------------ */

/* FNV-1a: the names are the administrator's. */
static size_t bucket_of(const char *name, enum policy_stage stage)
{
    uint32_t hash = 2166136261U ^ (uint32_t)stage;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash % BUCKETS;
}

static struct rule *find(const struct policy_counters *counters, size_t bucket, const char *name,
                         enum policy_stage stage)
{
    struct rule *rule = atomic_load_explicit(&counters->buckets[bucket], memory_order_acquire);

    while (rule != NULL && (rule->stage != stage || strcmp(rule->name, name) != 0))
        rule = rule->next;
    return rule;
}

/* NULL: too many. */
static struct rule *find_or_make(struct policy_counters *counters, const char *name,
                                 enum policy_stage stage)
{
    size_t bucket = bucket_of(name, stage);
    struct rule *rule = find(counters, bucket, name, stage);

    if (rule != NULL)
        return rule;
    pthread_mutex_lock(&counters->mutex);
    rule = find(counters, bucket, name, stage);
    if (rule == NULL && counters->rules < POLICY_COUNTERS_RULES_MAX) {
        rule = base_mem_alloc_zero(1, sizeof(*rule));
        rule->name = base_mem_strdup(name);
        rule->stage = stage;
        rule->next = atomic_load_explicit(&counters->buckets[bucket], memory_order_relaxed);
        atomic_store_explicit(&counters->buckets[bucket], rule, memory_order_release);
        counters->rules++;
    }
    pthread_mutex_unlock(&counters->mutex);
    return rule;
}

void policy_counters_add(struct policy_counters *counters, const char *rule,
                         enum policy_stage stage, enum policy_counter counter)
{
    struct rule *entry = counters == NULL ? NULL : find_or_make(counters, rule, stage);

    if (entry != NULL)
        add(&entry->numbers[counter], 1);
}

uint64_t policy_counters_read(const struct policy_counters *counters, const char *rule,
                              enum policy_stage stage, enum policy_counter counter)
{
    const struct rule *entry =
        counters == NULL ? NULL : find(counters, bucket_of(rule, stage), rule, stage);

    return entry == NULL ? 0 : (uint64_t)value(&entry->numbers[counter]);
}

/* --- messages --------------------------------------------------------------------------------- */

static void note_inbound(struct policy_counters *counters, const struct policy_decision *decision)
{
    const struct dmarc_outcome *dmarc = decision->dmarc;

    if (decision->spf != NULL)
        add(&counters->spf[decision->spf->verdict], 1);
    if (decision->helo_spf != NULL)
        add(&counters->helo_spf[decision->helo_spf->verdict], 1);
    for (int i = 0; decision->dkim_word != NULL && i < DKIM; i++)
        if (strcmp(dkim_result_text((enum dkim_result)i), decision->dkim_word) == 0)
            add(&counters->dkim[i], 1);
    if (dmarc == NULL)
        return;
    add(&counters->dmarc[dmarc->result], 1);
    if (dmarc->method != DMARC_METHOD_COMPARE)
        return;
    add(&counters->compared, 1);
    add(&counters->differs, dmarc->by_list != NULL);
    add(&counters->differs_in_result,
        dmarc->by_list != NULL && (dmarc->by_list->result != dmarc->result ||
                                   dmarc->by_list->disposition != dmarc->disposition));
}

static bool is_made(const struct policy_signature *signature)
{
    while (signature != NULL && signature->fault != NULL)
        signature = signature->next;
    return signature != NULL;
}

void policy_counters_note(struct policy_counters *counters, const struct policy_decision *decision)
{
    const struct policy_verdict *verdict = &decision->verdict;
    const struct policy_verdict *would = decision->would;

    if (counters == NULL)
        return;
    add(&counters->recipients_refused, decision->recipients_refused);
    add(&counters->authres_removed, decision->authres_removed);
    note_inbound(counters, decision);
    if (decision->is_aborted) {
        add(&counters->aborted, 1);
        return;
    }
    add(&counters->verdicts[decision->direction][verdict->stage][verdict->action], 1);
    if (would != NULL)
        add(&counters->would[decision->direction][would->stage][would->action], 1);
    add(&counters->is_signed, is_made(decision->signatures));
    add(&counters->is_unsigned, decision->unsigned_reason != NULL);
}

/* --- what is shown ---------------------------------------------------------------------------- */

/* Those that are not zero: direction, stage, action, count. */
static struct base_json *list_verdicts(const atomic_uint_fast64_t *numbers)
{
    struct base_json *list = base_json_array();

    for (int i = 0; i < DIRECTIONS * POLICY_STAGE_COUNT * ACTIONS; i++) {
        struct base_json *row;

        if (value(&numbers[i]) == 0)
            continue;
        row = base_json_object();
        base_json_set_cstr(
            row, "direction",
            policy_direction_text((enum policy_direction)(i / ACTIONS / POLICY_STAGE_COUNT)));
        base_json_set_cstr(
            row, "stage", policy_stage_text((enum policy_stage)(i / ACTIONS % POLICY_STAGE_COUNT)));
        base_json_set_cstr(row, "action", policy_action_text((enum policy_action)(i % ACTIONS)));
        base_json_set_int(row, "count", value(&numbers[i]));
        base_json_append(list, row);
    }
    return list;
}

static const char *spf_text(int i)
{
    return spf_verdict_text((enum spf_verdict)i);
}

static const char *dkim_text(int i)
{
    return dkim_result_text((enum dkim_result)i);
}

static const char *dmarc_text(int i)
{
    return dmarc_result_text((enum dmarc_result)i);
}

static void set_results(struct base_json *object, const char *key,
                        const atomic_uint_fast64_t *numbers, int count, const char *(*text)(int))
{
    struct base_json *results = base_json_object();

    for (int i = 0; i < count; i++)
        base_json_set_int(results, text(i), value(&numbers[i]));
    base_json_set(object, key, results);
}

void policy_counters_json(const struct policy_counters *counters, struct base_json *object)
{
    struct base_json *compare = base_json_object();

    base_json_set(object, "verdicts", list_verdicts(&counters->verdicts[0][0][0]));
    base_json_set(object, "would", list_verdicts(&counters->would[0][0][0]));
    base_json_set_int(object, "aborted", value(&counters->aborted));
    base_json_set_int(object, "recipients_refused", value(&counters->recipients_refused));
    base_json_set_int(object, "signed", value(&counters->is_signed));
    base_json_set_int(object, "unsigned", value(&counters->is_unsigned));
    base_json_set_int(object, "authres_removed", value(&counters->authres_removed));
    set_results(object, "spf", counters->spf, SPF, spf_text);
    set_results(object, "helo_spf", counters->helo_spf, SPF, spf_text);
    set_results(object, "dkim", counters->dkim, DKIM, dkim_text);
    set_results(object, "dmarc", counters->dmarc, DMARC, dmarc_text);
    base_json_set_int(compare, "messages", value(&counters->compared));
    base_json_set_int(compare, "differ", value(&counters->differs));
    base_json_set_int(compare, "differ_in_result", value(&counters->differs_in_result));
    base_json_set(object, "dmarc_compare", compare);
}
