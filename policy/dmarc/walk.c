/* RFC 9989 section 4.10: up to eight questions from a domain towards the root. */
#include "policy/dmarc/walk.h"

#include <string.h>

void dmarc_walk_plan(struct dmarc_walk *walk, const struct dns_name *start)
{
    unsigned labels = start->label_count;

    walk->count = 0;
    walk->is_temporary = false;
    if (labels == 0)
        return;
    walk->steps[walk->count++].domain = *start;
    /* Steps 3 and 4: the second name is the parent, or the last seven labels of a long name. */
    labels = labels < 8 ? labels - 1 : 7;
    for (; labels > 0; labels--)
        dns_name_suffix(&walk->steps[walk->count++].domain, start, labels);
    for (size_t i = 0; i < walk->count; i++) {
        walk->steps[i].status = DNS_STATUS_NXDOMAIN;
        walk->steps[i].has_record = false;
    }
}

void dmarc_walk_prefetch(struct dns_lookups *lookups, const struct dns_name *start)
{
    struct dmarc_walk walk;

    dmarc_walk_plan(&walk, start);
    for (size_t i = 0; i < walk.count; i++) {
        struct dns_name name;

        if (dns_name_prepend(&name, "_dmarc", &walk.steps[i].domain))
            dns_lookups_prefetch(lookups, &name, DNS_TYPE_TXT);
    }
}

bool dmarc_walk_is_answered(const struct dns_lookups *lookups, const struct dns_name *start)
{
    struct dmarc_walk walk;

    dmarc_walk_plan(&walk, start);
    for (size_t i = 0; i < walk.count; i++) {
        struct dns_name name;

        if (dns_name_prepend(&name, "_dmarc", &walk.steps[i].domain) &&
            !dns_lookups_is_answered(lookups, &name, DNS_TYPE_TXT))
            return false;
    }
    return true;
}

/* False when the walk is to stop. */
static bool ask(struct dmarc_walk *walk, struct dmarc_step *step, struct dns_lookups *lookups)
{
    const struct dns_answer *answer;
    struct dns_name name;

    /* A domain so long that "_dmarc." does not fit before it cannot have a record. */
    if (!dns_name_prepend(&name, "_dmarc", &step->domain))
        return true;
    answer = dns_lookups_get(lookups, &name, DNS_TYPE_TXT);
    step->status = answer->status;
    if (dns_status_is_temporary(answer->status))
        walk->is_temporary = true;
    step->has_record = dmarc_record_select(answer, &step->record);
    return !step->has_record || step->record.psd == DMARC_PSD_UNKNOWN;
}

void dmarc_walk_run(struct dmarc_walk *walk, struct dns_lookups *lookups,
                    const struct dns_name *start)
{
    dmarc_walk_plan(walk, start);
    for (size_t i = 0; i < walk->count; i++)
        if (!ask(walk, &walk->steps[i], lookups))
            walk->count = i + 1;
}

void dmarc_walk_pair(struct dmarc_walk *walk, struct dns_lookups *lookups,
                     const struct dns_name *domain, const struct dns_name *organizational)
{
    memset(walk, 0, sizeof(*walk));
    walk->steps[walk->count++].domain = *domain;
    if (!dns_name_equals(domain, organizational))
        walk->steps[walk->count++].domain = *organizational;
    for (size_t i = 0; i < walk->count; i++) {
        walk->steps[i].status = DNS_STATUS_NXDOMAIN;
        (void)ask(walk, &walk->steps[i], lookups);
    }
}

/* Whether there is a record at that step; of what DNS did not tell: as the caller wants it. */
static bool counts(const struct dmarc_step *step, bool is_unknown_counted)
{
    return step->has_record || (is_unknown_counted && dns_status_is_temporary(step->status));
}

static const struct dns_name *select_organizational(const struct dmarc_walk *walk,
                                                    bool is_unknown_counted,
                                                    struct dns_name *storage)
{
    const struct dns_name *start = &walk->steps[0].domain;
    const struct dns_name *found = start;

    for (size_t i = 0; i < walk->count; i++) {
        const struct dmarc_step *step = &walk->steps[i];

        if (!counts(step, is_unknown_counted))
            continue;
        if (step->has_record && step->record.psd == DMARC_PSD_NO)
            return &step->domain;
        if (step->has_record && step->record.psd == DMARC_PSD_YES && i > 0) {
            dns_name_suffix(storage, start, step->domain.label_count + 1U);
            return storage;
        }
        found = &step->domain;
    }
    return found;
}

const struct dns_name *dmarc_walk_organizational(const struct dmarc_walk *walk,
                                                 struct dns_name *storage)
{
    return select_organizational(walk, false, storage);
}

const struct dns_name *dmarc_walk_shortest(const struct dmarc_walk *walk, struct dns_name *storage)
{
    return select_organizational(walk, true, storage);
}

static bool is_unknown(const struct dmarc_step *step)
{
    return dns_status_is_temporary(step->status);
}

/* Both go the same way from the first name on that both come by. What is found there, both find,
 * but for psd=y at that first name: of that each takes its own name below. */
bool dmarc_walk_meets(const struct dmarc_walk *walk, const struct dmarc_walk *other)
{
    const struct dmarc_step *first = NULL;
    size_t i = 0;

    for (; i < walk->count && first == NULL; i++) {
        if (is_unknown(&walk->steps[i]))
            return false;
        first = dmarc_walk_find(other, &walk->steps[i].domain);
    }
    if (first == NULL)
        return false;
    for (const struct dmarc_step *step = other->steps; step != first; step++)
        if (is_unknown(step))
            return false;
    for (i--; i < walk->count; i++)
        if (walk->steps[i].has_record)
            return true;
    return false;
}

/* What was not told may be no record, one, or one with psd=n or psd=y. */
static bool may_be(const struct dmarc_walk *walk, const struct dns_name *domain)
{
    struct dns_name name;

    if (dns_name_equals(dmarc_walk_organizational(walk, &name), domain))
        return true;
    for (size_t i = 0; i < walk->count; i++) {
        const struct dmarc_step *step = &walk->steps[i];

        if (!is_unknown(step))
            continue;
        dns_name_suffix(&name, &walk->steps[0].domain, step->domain.label_count + 1U);
        if (dns_name_equals(&step->domain, domain) || dns_name_equals(&name, domain))
            return true;
    }
    return false;
}

bool dmarc_walk_may_agree(const struct dmarc_walk *walk, const struct dmarc_walk *other)
{
    struct dns_name name;

    if (may_be(other, dmarc_walk_organizational(walk, &name)))
        return true;
    for (size_t i = 0; i < walk->count; i++) {
        const struct dmarc_step *step = &walk->steps[i];

        if (!is_unknown(step))
            continue;
        dns_name_suffix(&name, &walk->steps[0].domain, step->domain.label_count + 1U);
        if (may_be(other, &step->domain) || may_be(other, &name))
            return true;
    }
    return false;
}

const struct dmarc_step *dmarc_walk_find(const struct dmarc_walk *walk,
                                         const struct dns_name *domain)
{
    for (size_t i = 0; i < walk->count; i++)
        if (dns_name_equals(&walk->steps[i].domain, domain))
            return &walk->steps[i];
    return NULL;
}
