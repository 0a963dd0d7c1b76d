/* RFC 9989 sections 4.10.1, 4.10.2 and 5.3.
 *
 * A question of DNS that failed for now is never "no record": where its answer could change ours,
 * the result is temperror (5.3.6). */
#include "policy/dmarc/dmarc.h"

#include <string.h>

#include "base/arena.h"
#include "policy/dmarc/psl.h"

struct evaluation {
    const struct dmarc_request_facts *request;
    struct dmarc_outcome *outcome;
    /* The author domain's own step, and its walk once it was run. */
    struct dmarc_walk *walk;
    bool has_walked;
    /* Whether the author domain exists could not be found out, and the policy hangs on it. */
    bool is_policy_open;
};

const char *dmarc_result_text(enum dmarc_result result)
{
    static const char *const texts[] = {
        [DMARC_RESULT_NONE] = "none",           [DMARC_RESULT_PASS] = "pass",
        [DMARC_RESULT_FAIL] = "fail",           [DMARC_RESULT_TEMPERROR] = "temperror",
        [DMARC_RESULT_PERMERROR] = "permerror",
    };

    return texts[result];
}

const char *dmarc_method_text(enum dmarc_method method)
{
    static const char *const texts[] = {
        [DMARC_METHOD_TREEWALK] = "treewalk",
        [DMARC_METHOD_PSL] = "psl",
        [DMARC_METHOD_COMPARE] = "compare",
    };

    return texts[method];
}

void dmarc_prefetch(struct dns_lookups *lookups, const struct dns_name *author_domain)
{
    struct dns_name name;
    struct dns_name parent;

    if (dns_name_prepend(&name, "_dmarc", author_domain))
        dns_lookups_prefetch(lookups, &name, DNS_TYPE_TXT);
    /* A subdomain mostly has its policy one label up; a domain of two labels mostly has its own. */
    if (author_domain->label_count < 3)
        return;
    dns_name_suffix(&parent, author_domain, author_domain->label_count - 1U);
    if (dns_name_prepend(&name, "_dmarc", &parent))
        dns_lookups_prefetch(lookups, &name, DNS_TYPE_TXT);
}

static bool is_by_list(const struct evaluation *evaluation)
{
    return evaluation->request->method == DMARC_METHOD_PSL;
}

static void walk_author(struct evaluation *evaluation)
{
    struct dmarc_outcome *outcome = evaluation->outcome;
    const struct dns_name *found;
    struct dns_name storage;

    if (evaluation->has_walked)
        return;
    evaluation->has_walked = true;
    outcome->walk = evaluation->walk;
    if (is_by_list(evaluation)) {
        dmarc_walk_pair(evaluation->walk, evaluation->request->lookups, &outcome->author_domain,
                        &outcome->organizational_domain);
        return;
    }
    dmarc_walk_run(evaluation->walk, evaluation->request->lookups, &outcome->author_domain);
    found = dmarc_walk_organizational(evaluation->walk, &storage);
    outcome->organizational_domain = *found;
    outcome->has_organizational = !evaluation->walk->is_temporary;
}

static void use_record(struct dmarc_outcome *outcome, const struct dns_name *domain,
                       const struct dmarc_record *record)
{
    outcome->has_record = true;
    outcome->policy_domain = *domain;
    outcome->record = *record;
}

/* The record at one name, if there is one. False when a failure of DNS may hide it. */
static bool ask_record(struct evaluation *evaluation, const struct dns_name *domain)
{
    const struct dns_answer *answer;
    struct dmarc_record record;
    struct dns_name name;

    if (!dns_name_prepend(&name, "_dmarc", domain))
        return true;
    answer = dns_lookups_get(evaluation->request->lookups, &name, DNS_TYPE_TXT);
    if (dns_status_is_temporary(answer->status))
        return false;
    if (dmarc_record_select(answer, &record))
        use_record(evaluation->outcome, domain, &record);
    return true;
}

/* 4.10.1: the record at the author domain, else at its organizational domain, else at the public
 * suffix domain. False when a failure of DNS may hide one. */
static bool discover(struct evaluation *evaluation)
{
    struct dmarc_outcome *outcome = evaluation->outcome;
    const struct dmarc_step *step;

    if (!ask_record(evaluation, &outcome->author_domain))
        return false;
    if (outcome->has_record)
        return true;
    walk_author(evaluation);
    if (evaluation->walk->is_temporary)
        return false;
    step = dmarc_walk_find(evaluation->walk, &outcome->organizational_domain);
    /* Right below psd=y at the seven labels that a long name was cut to: the walk leaves it out,
     * and yet no suffix's policy is for an organization that has one of its own. */
    if (step == NULL && !ask_record(evaluation, &outcome->organizational_domain))
        return false;
    if (outcome->has_record)
        return true;
    if (step == NULL || !step->has_record)
        step = &evaluation->walk->steps[evaluation->walk->count - 1];
    if (step->has_record)
        use_record(outcome, &step->domain, &step->record);
    return true;
}

/* The author domain does not exist: NXDOMAIN for it, and so for all below it. */
static bool find_existence(struct evaluation *evaluation)
{
    const struct dns_answer *answer = dns_lookups_get(
        evaluation->request->lookups, &evaluation->outcome->author_domain, DNS_TYPE_TXT);

    if (dns_status_is_temporary(answer->status))
        return false;
    evaluation->outcome->is_nonexistent = answer->status == DNS_STATUS_NXDOMAIN;
    return true;
}

static void take_policy(struct dmarc_outcome *outcome, const struct dmarc_request *request,
                        enum dmarc_policy_tag tag)
{
    outcome->policy = request->policy;
    outcome->policy_tag = tag;
}

/* 4.10.1: which tag is the policy. Permerror is set for a record that cannot be used. */
static void choose_policy(struct evaluation *evaluation)
{
    struct dmarc_outcome *outcome = evaluation->outcome;
    const struct dmarc_record *record = &outcome->record;
    bool is_own = dns_name_equals(&outcome->policy_domain, &outcome->author_domain);

    if (!record->p.is_valid || (record->sp.is_present && !record->sp.is_valid) ||
        (record->np.is_present && !record->np.is_valid)) {
        outcome->policy = DMARC_POLICY_NONE;
        outcome->policy_tag = DMARC_TAKEN_FROM_RUA;
        if (!record->has_valid_rua) {
            outcome->result = DMARC_RESULT_PERMERROR;
            outcome->reason = "the record has no usable policy";
        }
        return;
    }
    take_policy(outcome, &record->p, DMARC_TAKEN_FROM_P);
    if (is_own)
        return;
    if (record->sp.is_present)
        take_policy(outcome, &record->sp, DMARC_TAKEN_FROM_SP);
    if (!record->np.is_present || record->np.policy == outcome->policy)
        return;
    if (!find_existence(evaluation))
        evaluation->is_policy_open = true;
    else if (outcome->is_nonexistent)
        take_policy(outcome, &record->np, DMARC_TAKEN_FROM_NP);
}

/* The last label, the least that two domains of one organization have in common. */
static bool share_top(const struct dns_name *a, const struct dns_name *b)
{
    struct dns_name top_a;
    struct dns_name top_b;

    if (a->label_count == 0 || b->label_count == 0)
        return false;
    dns_name_suffix(&top_a, a, 1);
    dns_name_suffix(&top_b, b, 1);
    return dns_name_equals(&top_a, &top_b);
}

/* 4.10.2. Equal names need no walk; strict alignment never does. An organizational domain is the
 * end of its name, or all of it: a domain outside of the author's can have another one only,
 * whatever its DNS says or fails to say. */
static void align(struct evaluation *evaluation, struct dmarc_identifier *identifier,
                  bool is_strict)
{
    struct dmarc_outcome *outcome = evaluation->outcome;
    struct dmarc_walk walk;
    struct dns_name storage;

    identifier->is_aligned = dns_name_equals(identifier->domain, &outcome->author_domain);
    if (identifier->is_aligned || is_strict ||
        !share_top(identifier->domain, &outcome->author_domain))
        return;
    if (is_by_list(evaluation)) {
        dmarc_psl_organizational(evaluation->request->psl, identifier->domain,
                                 &identifier->organizational);
        identifier->has_organizational = true;
        identifier->is_aligned =
            dns_name_equals(&identifier->organizational, &outcome->organizational_domain);
        return;
    }
    walk_author(evaluation);
    if (!dns_name_is_within(identifier->domain, dmarc_walk_shortest(evaluation->walk, &storage)))
        return;
    dmarc_walk_run(&walk, evaluation->request->lookups, identifier->domain);
    identifier->organizational = *dmarc_walk_organizational(&walk, &storage);
    identifier->has_organizational = !walk.is_temporary;
    if (walk.is_temporary || evaluation->walk->is_temporary) {
        identifier->is_aligned = dmarc_walk_meets(evaluation->walk, &walk);
        identifier->is_unknown =
            !identifier->is_aligned && dmarc_walk_may_agree(evaluation->walk, &walk);
    } else {
        identifier->is_aligned =
            dns_name_equals(&identifier->organizational, &outcome->organizational_domain);
    }
}

/* Aligned and authenticated: pass. Otherwise *is_open_r becomes true if DNS kept us from knowing.
 */
static bool credit(struct evaluation *evaluation, struct dmarc_identifier *identifier,
                   bool is_strict, bool *is_open_r)
{
    identifier->is_unknown = false;
    identifier->has_organizational = false;
    if (!identifier->is_pass && !identifier->is_temporary)
        return false;
    align(evaluation, identifier, is_strict);
    if (identifier->is_aligned && identifier->is_pass)
        return true;
    if (identifier->is_unknown || identifier->is_aligned)
        *is_open_r = true;
    return false;
}

static void judge(struct evaluation *evaluation)
{
    const struct dmarc_request_facts *request = evaluation->request;
    struct dmarc_outcome *outcome = evaluation->outcome;
    bool is_open = false;

    for (size_t i = 0; i < request->dkim_count; i++)
        outcome->is_dkim_aligned |=
            credit(evaluation, &request->dkim[i], outcome->record.is_dkim_strict, &is_open);
    if (request->spf != NULL)
        outcome->is_spf_aligned =
            credit(evaluation, request->spf, outcome->record.is_spf_strict, &is_open);
    if (outcome->is_dkim_aligned || outcome->is_spf_aligned) {
        outcome->result = DMARC_RESULT_PASS;
    } else if (is_open) {
        outcome->result = DMARC_RESULT_TEMPERROR;
        outcome->reason = "an identifier could not be evaluated for now";
    } else if (evaluation->is_policy_open) {
        outcome->result = DMARC_RESULT_TEMPERROR;
        outcome->reason = "DNS failed while it was asked whether the author domain exists";
    } else {
        outcome->result = DMARC_RESULT_FAIL;
        outcome->disposition = outcome->policy;
        if (outcome->record.is_test && outcome->disposition > DMARC_POLICY_NONE)
            outcome->disposition--;
    }
}

/* Where only equal names were compared, the author domain with a record of its own stands for the
 * organizational domain (4.10.2, first note): no walk for its name alone. */
static void settle_organizational(struct dmarc_outcome *outcome)
{
    if (outcome->has_organizational || !outcome->has_record || outcome->walk != NULL)
        return;
    outcome->has_organizational = true;
    outcome->organizational_domain = outcome->author_domain;
}

static void evaluate(const struct dmarc_request_facts *request, struct dmarc_outcome *outcome)
{
    struct evaluation evaluation = {.request = request, .outcome = outcome};

    memset(outcome, 0, sizeof(*outcome));
    outcome->author_domain = *request->author_domain;
    outcome->method = request->method;
    if (is_by_list(&evaluation)) {
        dmarc_psl_organizational(request->psl, request->author_domain,
                                 &outcome->organizational_domain);
        outcome->has_organizational = true;
    }
    evaluation.walk = base_arena_alloc(request->arena, sizeof(*evaluation.walk));
    if (evaluation.walk == NULL) {
        outcome->result = DMARC_RESULT_TEMPERROR;
        outcome->reason = "no memory left";
        return;
    }
    if (!discover(&evaluation)) {
        outcome->result = DMARC_RESULT_TEMPERROR;
        outcome->reason = "DNS failed while the policy record was looked for";
        return;
    }
    if (!outcome->has_record)
        return;
    choose_policy(&evaluation);
    if (outcome->result == DMARC_RESULT_PERMERROR)
        return;
    judge(&evaluation);
    settle_organizational(outcome);
}

/* Both evaluated to the end, and not the same. Where no walk was needed, the organizational domain
 * of the walk is not known, and nothing hung on it. */
static bool differ(const struct dmarc_outcome *walk, const struct dmarc_outcome *list)
{
    if (walk->result != list->result || walk->disposition != list->disposition ||
        walk->has_record != list->has_record)
        return true;
    if (walk->has_record && (walk->policy != list->policy ||
                             !dns_name_equals(&walk->policy_domain, &list->policy_domain)))
        return true;
    return walk->walk != NULL && !walk->walk->is_temporary &&
           !dns_name_equals(&walk->organizational_domain, &list->organizational_domain);
}

/* Once more by the list, over copies of the identifiers; without room there is no comparison. */
static void compare(const struct dmarc_request_facts *request, struct dmarc_outcome *outcome)
{
    struct dmarc_request_facts facts = *request;
    struct dmarc_outcome *by_list = base_arena_alloc(request->arena, sizeof(*by_list));

    facts.method = DMARC_METHOD_PSL;
    facts.dkim = base_arena_alloc(request->arena, (request->dkim_count + 1) * sizeof(*facts.dkim));
    if (by_list == NULL || facts.dkim == NULL)
        return;
    for (size_t i = 0; i < request->dkim_count; i++)
        facts.dkim[i] = request->dkim[i];
    if (request->spf != NULL) {
        facts.spf = &facts.dkim[request->dkim_count];
        *facts.spf = *request->spf;
    }
    evaluate(&facts, by_list);
    if (differ(outcome, by_list))
        outcome->by_list = by_list;
}

bool dmarc_wants_walk(const struct dns_name *author_domain, const struct dns_name *identifier)
{
    return !dns_name_equals(identifier, author_domain) && share_top(identifier, author_domain);
}

void dmarc_ask_author(const struct dmarc_request_facts *request, bool wants_walk)
{
    struct dmarc_outcome outcome = {.author_domain = *request->author_domain};
    struct dmarc_walk walk;
    struct evaluation evaluation = {.request = request, .outcome = &outcome, .walk = &walk};

    if (is_by_list(&evaluation))
        dmarc_psl_organizational(request->psl, request->author_domain,
                                 &outcome.organizational_domain);
    if (!discover(&evaluation) || !outcome.has_record)
        return;
    choose_policy(&evaluation);
    if (wants_walk && !(outcome.record.is_dkim_strict && outcome.record.is_spf_strict))
        walk_author(&evaluation);
}

void dmarc_evaluate(const struct dmarc_request_facts *request, struct dmarc_outcome *outcome)
{
    evaluate(request, outcome);
    if (request->method == DMARC_METHOD_COMPARE)
        compare(request, outcome);
}
