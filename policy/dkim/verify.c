/* RFC 6376 section 6. The order of things: choose which signatures are looked at, read and check
 * each (signature.c), ask for the keys of those that are left, feed the library while the body
 * streams by; at the end choose each key (candidates.c), let the library verify, and judge.
 *
 * The library gets one pass for all signatures that can share it. Two cannot: one with l=, because
 * its limit would be taken over by the next, and two of the same d= and s=, because the second
 * would be given the first one's key whatever its own a= asks for. */
#include "policy/dkim/verify.h"

#include <string.h>

#include "base/arena.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "keys/record.h"
#include "policy/dkim/candidates.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/judge.h"
#include "policy/dkim/library.h"
#include "policy/dkim/signature.h"
#include "policy/header.h"

/* One signature that is looked at. */
struct item {
    /* The field's value, by whose place in memory the field is known: the list of fields may move
     * under us when something is inserted. */
    struct base_text value;
    struct dkim_signature signature;
    struct dkim_candidates candidates;
    /* Which pass it is in; only while nothing speaks against it. */
    size_t pass;
    /* The key record for the library; NULL: none. */
    const char *record;
};

struct pass {
    struct dkim_verification *verification;
    size_t index;
    struct dkim_pass *handle;
};

/* The library stops counting at l=: how long the body is in a canonical form we count ourselves,
 * for signatures with l= only. */
struct counter {
    struct dkim_body body;
    struct dkim_sink sink;
    uint64_t octets;
    bool is_wanted;
};

struct dkim_verification {
    struct base_arena *arena;
    struct dkim_verify_options options;
    const struct policy_header *header;
    struct item *items;
    size_t count;
    size_t skipped;
    struct pass *passes;
    size_t pass_count;
    struct counter counters[2];
};

static bool is_live(const struct item *item)
{
    return item->signature.verdict.result == DKIM_RESULT_NONE;
}

static void refuse(struct item *item, enum dkim_result result, const char *reason)
{
    if (is_live(item)) {
        item->signature.verdict.result = result;
        item->signature.verdict.reason = reason;
    }
}

/* The message as it came: our own insertions are not part of it, our removals are. */
static bool is_original(const struct policy_field *field)
{
    return field->index > 0;
}

static bool is_signature(const struct policy_field *field)
{
    return is_original(field) && base_text_equals_nocase(field->name, BASE_TEXT("DKIM-Signature"));
}

/* --- which signatures are looked at --- */

/* Without knowing organizational domains: how many labels, from the last on, d= and the author's
 * domain have in common. The more, the likelier it is that they are aligned. */
static size_t count_common_labels(const struct policy_field *field, const struct dns_name *author)
{
    struct dns_name domain;
    size_t count = 0;

    if (author == NULL || !dkim_signature_peek_domain(field->value, &domain))
        return 0;
    while (count < domain.label_count && count < author->label_count) {
        struct dns_name end;

        dns_name_suffix(&end, author, (unsigned)count + 1);
        if (!dns_name_is_within(&domain, &end))
            break;
        count++;
    }
    return count;
}

/* The nearest of all signatures, and how many of the last kind: what is nearer than `common` is
 * looked at whole, what is as near `last` times. */
struct nearest {
    size_t common;
    size_t last;
};

static struct nearest find_nearest(const struct policy_header *header,
                                   const struct dns_name *author, size_t wanted)
{
    size_t counts[DNS_NAME_MAX] = {0};
    struct nearest nearest = {DNS_NAME_MAX - 1, wanted};

    for (size_t i = 0; i < header->count; i++)
        if (is_signature(&header->fields[i]))
            counts[count_common_labels(&header->fields[i], author)]++;
    while (nearest.common > 0 && nearest.last >= counts[nearest.common])
        nearest.last -= counts[nearest.common--];
    return nearest;
}

static size_t count_signatures(const struct policy_header *header)
{
    size_t count = 0;

    for (size_t i = 0; i < header->count; i++)
        count += is_signature(&header->fields[i]) ? 1 : 0;
    return count;
}

/* In the order of the message. */
static void choose_nearest(struct dkim_verification *verification, size_t wanted)
{
    const struct dns_name *author = verification->options.author_domain;
    const struct policy_header *header = verification->header;
    struct nearest nearest = find_nearest(header, author, wanted);

    for (size_t i = 0; i < header->count && verification->count < wanted; i++) {
        const struct policy_field *field = &header->fields[i];
        size_t common = is_signature(field) ? count_common_labels(field, author) : 0;

        if (!is_signature(field) || common < nearest.common)
            continue;
        if (common == nearest.common) {
            if (nearest.last == 0)
                continue;
            nearest.last--;
        }
        verification->items[verification->count++].value = field->value;
    }
}

static void choose_all(struct dkim_verification *verification)
{
    const struct policy_header *header = verification->header;

    for (size_t i = 0; i < header->count; i++)
        if (is_signature(&header->fields[i]))
            verification->items[verification->count++].value = header->fields[i].value;
}

static bool choose_signatures(struct dkim_verification *verification)
{
    size_t total = count_signatures(verification->header);
    size_t max = verification->options.max_signatures;
    size_t wanted = total < max ? total : max;

    verification->items = base_arena_alloc(verification->arena, (wanted + 1) * sizeof(struct item));
    verification->passes =
        base_arena_alloc(verification->arena, (wanted + 1) * sizeof(struct pass));
    if (verification->items == NULL || verification->passes == NULL)
        return false;
    verification->skipped = total - wanted;
    if (total > max)
        choose_nearest(verification, wanted);
    else
        choose_all(verification);
    return true;
}

/* --- checks before the library --- */

static size_t count_fields(const struct policy_header *header, struct base_text name)
{
    size_t count = 0;

    for (size_t i = 0; i < header->count; i++)
        if (is_original(&header->fields[i]) &&
            base_text_equals_nocase(header->fields[i].name, name))
            count++;
    return count;
}

/* What is wrong with the header as a whole; NULL: nothing. */
static const char *header_fault(const struct policy_header *header)
{
    size_t froms = count_fields(header, BASE_TEXT("From"));

    /* What was left out may be a second From. */
    if (header->is_cut)
        return "the header is too large to be judged";
    if (froms == 0)
        return "the message has no From field";
    if (froms > 1)
        return "the message has several From fields";
    return NULL;
}

static bool read_signatures(struct dkim_verification *verification)
{
    const char *fault = header_fault(verification->header);

    for (size_t i = 0; i < verification->count; i++) {
        struct item *item = &verification->items[i];

        if (!dkim_signature_read(verification->arena, item->value, verification->options.now_s,
                                 verification->options.max_names, &item->signature))
            return false;
        if (fault != NULL)
            refuse(item, DKIM_RESULT_PERMERROR, fault);
        if (is_live(item))
            dns_lookups_prefetch(verification->options.lookups, &item->signature.key_name,
                                 DNS_TYPE_TXT);
    }
    return true;
}

/* --- passes --- */

static bool can_share(const struct dkim_verification *verification, size_t pass,
                      const struct item *newcomer)
{
    for (size_t i = 0; i < verification->count; i++) {
        const struct item *item = &verification->items[i];

        if (item == newcomer)
            break;
        if (!is_live(item) || item->pass != pass)
            continue;
        if (newcomer->signature.limit >= 0 || item->signature.limit >= 0 ||
            dns_name_equals(&item->signature.key_name, &newcomer->signature.key_name))
            return false;
    }
    return true;
}

static void assign_passes(struct dkim_verification *verification)
{
    for (size_t i = 0; i < verification->count; i++) {
        struct item *item = &verification->items[i];

        if (!is_live(item))
            continue;
        item->pass = 0;
        while (!can_share(verification, item->pass, item))
            item->pass++;
        if (item->pass >= verification->pass_count)
            verification->pass_count = item->pass + 1;
    }
}

static void count_octets(void *context, const void *data, size_t length)
{
    uint64_t *octets = context;

    (void)data;
    *octets += length;
}

static void begin_counters(struct dkim_verification *verification)
{
    for (size_t i = 0; i < verification->count; i++) {
        const struct item *item = &verification->items[i];
        struct counter *counter = &verification->counters[item->signature.body_canon];

        if (!is_live(item) || item->signature.limit < 0 || counter->is_wanted)
            continue;
        counter->is_wanted = true;
        dkim_sink_init(&counter->sink, count_octets, &counter->octets);
        dkim_body_begin(&counter->body, item->signature.body_canon, &counter->sink);
    }
}

static const char *pass_key(void *context, const char *domain, const char *selector)
{
    const struct pass *pass = context;
    const struct dkim_verification *verification = pass->verification;

    for (size_t i = 0; i < verification->count; i++) {
        const struct item *item = &verification->items[i];

        if (is_live(item) && item->pass == pass->index &&
            base_text_equals(item->signature.verdict.domain, base_text_of(domain)) &&
            base_text_equals(item->signature.verdict.selector, base_text_of(selector)))
            return item->record;
    }
    return NULL;
}

/* The item of a signature field that the library may see in this pass. Others are left out unless
 * some h= covers DKIM-Signature fields themselves. */
static bool is_fed(const struct dkim_verification *verification, const struct policy_field *field,
                   size_t pass, bool want_all)
{
    for (size_t i = 0; i < verification->count; i++)
        if (verification->items[i].value.data == field->value.data)
            return is_live(&verification->items[i]) &&
                   (want_all || verification->items[i].pass == pass);
    return false;
}

static bool feed_header(struct dkim_verification *verification, struct dkim_pass *handle,
                        size_t pass, bool want_all)
{
    const struct policy_header *header = verification->header;

    for (size_t i = 0; i < header->count; i++) {
        const struct policy_field *field = &header->fields[i];

        if (!is_original(field))
            continue;
        if (is_signature(field) && !is_fed(verification, field, pass, want_all))
            continue;
        (void)dkim_pass_field(handle, field->name, field->value);
    }
    return dkim_pass_end_header(handle);
}

static bool covers_signatures(const struct dkim_verification *verification)
{
    for (size_t i = 0; i < verification->count; i++)
        if (is_live(&verification->items[i]) &&
            dkim_signature_covers(&verification->items[i].signature, BASE_TEXT("dkim-signature")) >
                0)
            return true;
    return false;
}

static void begin_passes(struct dkim_verification *verification)
{
    bool want_all = covers_signatures(verification);

    for (size_t p = 0; p < verification->pass_count; p++) {
        struct pass *pass = &verification->passes[p];

        pass->verification = verification;
        pass->index = p;
        pass->handle = dkim_pass_begin(verification->options.library, pass_key, pass);
        if (pass->handle != NULL && !feed_header(verification, pass->handle, p, want_all))
            dkim_pass_end(&pass->handle);
    }
    for (size_t i = 0; i < verification->count; i++) {
        struct item *item = &verification->items[i];

        if (is_live(item) && verification->passes[item->pass].handle == NULL)
            refuse(item, DKIM_RESULT_NEUTRAL, "the header cannot be processed");
    }
}

struct dkim_verification *dkim_verification_begin(struct base_arena *arena,
                                                  const struct dkim_verify_options *options,
                                                  const struct policy_header *header)
{
    struct dkim_verification *verification = base_arena_alloc(arena, sizeof(*verification));

    if (verification == NULL)
        return NULL;
    verification->arena = arena;
    verification->options = *options;
    verification->header = header;
    if (!choose_signatures(verification) || !read_signatures(verification))
        return NULL;
    assign_passes(verification);
    begin_passes(verification);
    begin_counters(verification);
    return verification;
}

bool dkim_verification_wants_body(const struct dkim_verification *verification)
{
    for (size_t p = 0; p < verification->pass_count; p++)
        if (verification->passes[p].handle != NULL)
            return true;
    return false;
}

void dkim_verification_body(struct dkim_verification *verification, struct base_text chunk)
{
    for (size_t p = 0; p < verification->pass_count; p++)
        if (verification->passes[p].handle != NULL)
            dkim_pass_body(verification->passes[p].handle, chunk);
    for (size_t i = 0; i < 2; i++)
        if (verification->counters[i].is_wanted)
            dkim_body_write(&verification->counters[i].body, chunk);
}

/* --- the end --- */

static const char *trial_key(void *context, const char *domain, const char *selector)
{
    (void)domain;
    (void)selector;
    return context;
}

/* Does this key fit the header's hash? A pass over the header alone; without the body the body hash
 * cannot match, and that is the answer looked for. */
static bool try_record(struct dkim_verification *verification, struct item *item,
                       const char *record)
{
    struct dkim_pass *handle =
        dkim_pass_begin(verification->options.library, trial_key, (void *)record);
    struct dkim_pass_signature found;
    bool is_fitting = false;

    if (handle != NULL && feed_header(verification, handle, item->pass, false)) {
        dkim_pass_finish(handle);
        is_fitting = dkim_pass_find(handle, item->signature.verdict.domain,
                                    item->signature.verdict.selector, item->signature.b, &found) &&
                     (found.verdict == DKIM_PASS_BAD_BODY || found.verdict == DKIM_PASS_GOOD);
    }
    dkim_pass_end(&handle);
    return is_fitting;
}

/* Several keys at one name: section 6.1.2 lets the verifier go through them. */
static void choose_record(struct dkim_verification *verification, struct item *item)
{
    struct dkim_candidates *candidates = &item->candidates;

    item->record = candidates->items[0].record;
    item->signature.verdict.flags |= candidates->items[0].flags;
    if (candidates->count < 2)
        return;
    item->signature.verdict.flags |= DKIM_FLAG_SEVERAL_KEYS;
    for (size_t i = 0; i < candidates->count; i++) {
        if (!try_record(verification, item, candidates->items[i].record))
            continue;
        item->signature.verdict.flags &= ~candidates->items[0].flags;
        item->signature.verdict.flags |= candidates->items[i].flags;
        item->record = candidates->items[i].record;
        return;
    }
}

/* False: the arena is exhausted. */
static bool find_keys(struct dkim_verification *verification)
{
    for (size_t i = 0; i < verification->count; i++) {
        struct item *item = &verification->items[i];
        const struct dns_answer *answer;

        if (!is_live(item))
            continue;
        answer =
            dns_lookups_get(verification->options.lookups, &item->signature.key_name, DNS_TYPE_TXT);
        if (!dkim_candidates_find(verification->arena, answer, &item->signature, &item->candidates))
            return false;
        if (is_live(item))
            choose_record(verification, item);
    }
    return true;
}

/* The library counts whole octets of the modulus: up to seven bits too many, and 1,024 is the
 * number that matters. */
static unsigned count_bits(const struct item *item, unsigned bits)
{
    const char *p = item->record == NULL ? NULL : strstr(item->record, "; p=");
    unsigned exact = bits != 1024 || p == NULL ? 0 : keys_record_rsa_bits(base_text_of(p + 4));

    return exact != 0 ? exact : bits;
}

static void judge(struct dkim_verification *verification, struct item *item)
{
    struct dkim_pass_signature found;

    if (!is_live(item))
        return;
    if (!dkim_pass_find(verification->passes[item->pass].handle, item->signature.verdict.domain,
                        item->signature.verdict.selector, item->signature.b, &found)) {
        refuse(item, DKIM_RESULT_NEUTRAL, "the signature cannot be processed");
        return;
    }
    if (item->signature.algorithm == KEYS_RSA_SHA256)
        found.bits = count_bits(item, found.bits);
    dkim_judge(&item->signature, &found, verification->header,
               verification->counters[item->signature.body_canon].octets);
}

const struct dkim_verdicts *dkim_verification_finish(struct dkim_verification *verification)
{
    struct dkim_verdicts *verdicts = base_arena_alloc(verification->arena, sizeof(*verdicts));
    struct dkim_verdict *items = base_arena_alloc(
        verification->arena, (verification->count + 1) * sizeof(struct dkim_verdict));

    if (verdicts == NULL || items == NULL || !find_keys(verification))
        return NULL;
    for (size_t p = 0; p < verification->pass_count; p++)
        if (verification->passes[p].handle != NULL)
            dkim_pass_finish(verification->passes[p].handle);
    for (size_t i = 0; i < 2; i++)
        if (verification->counters[i].is_wanted)
            dkim_body_end(&verification->counters[i].body);
    for (size_t i = 0; i < verification->count; i++) {
        judge(verification, &verification->items[i]);
        items[i] = verification->items[i].signature.verdict;
    }
    verdicts->items = items;
    verdicts->count = verification->count;
    verdicts->skipped = verification->skipped;
    return verdicts;
}

void dkim_verification_end(struct dkim_verification **verification)
{
    if (*verification == NULL)
        return;
    for (size_t p = 0; p < (*verification)->pass_count; p++)
        dkim_pass_end(&(*verification)->passes[p].handle);
    *verification = NULL;
}
