/* RFC 6376 section 6.1.2, RFC 8601 section 2.7.1 for the results. */
#include "policy/dkim/candidates.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "dns/answer.h"
#include "policy/dkim/keyrecord.h"
#include "policy/dkim/library.h"
#include "policy/dkim/result.h"
#include "policy/dkim/signature.h"

static void refuse(struct dkim_signature *signature, enum dkim_result result, const char *reason)
{
    signature->verdict.result = result;
    signature->verdict.reason = reason;
}

/* Nothing of the record but the key itself; NULL when the arena is exhausted. */
static const char *write_record(struct base_arena *arena, enum keys_algorithm algorithm,
                                const struct dkim_key_record *record)
{
    return base_arena_printf(arena, "v=DKIM1; k=%s; p=%s",
                             algorithm == KEYS_RSA_SHA256 ? "rsa" : "ed25519", record->p.data);
}

/* Section 3.6.1: with t=s the domain of i= must be d= itself. */
static bool is_strictly_same(const struct dkim_signature *signature)
{
    struct base_text identity = signature->verdict.identity;
    const char *at = identity.data == NULL ? NULL : memrchr(identity.data, '@', identity.length);
    struct dns_name domain;

    if (at == NULL)
        return true;
    return dns_name_make(&domain, (struct base_text){at + 1, (size_t)(identity.data +
                                                                      identity.length - at - 1)}) ==
               DNS_NAME_OK &&
           dns_name_equals(&domain, &signature->domain);
}

static enum dkim_key_fault add_record(struct base_arena *arena, struct base_text text,
                                      struct dkim_signature *signature,
                                      struct dkim_candidates *candidates, const char **reason_r)
{
    struct dkim_key_record record;
    enum dkim_key_fault fault = dkim_key_record_read(arena, text, signature->algorithm, &record);
    const char *written;

    *reason_r = dkim_key_fault_text(fault);
    if (fault != DKIM_KEY_OK)
        return fault;
    if (record.is_strict && !is_strictly_same(signature)) {
        *reason_r = "the key allows no subdomain in i=";
        return DKIM_KEY_OTHER_ALGORITHM;
    }
    written = write_record(arena, signature->algorithm, &record);
    if (written == NULL || strlen(written) > DKIM_LIBRARY_KEY_MAX) {
        *reason_r = dkim_key_fault_text(DKIM_KEY_TOO_LONG);
        return DKIM_KEY_TOO_LONG;
    }
    candidates->items[candidates->count].record = written;
    candidates->items[candidates->count].flags =
        (record.is_testing ? (unsigned)DKIM_FLAG_TEST_KEY : 0) |
        (record.is_strict ? (unsigned)DKIM_FLAG_STRICT_KEY : 0);
    candidates->count++;
    return DKIM_KEY_OK;
}

static void find_in_answer(struct base_arena *arena, const struct dns_answer *answer,
                           struct dkim_signature *signature, struct dkim_candidates *candidates)
{
    const char *reason = NULL;

    for (size_t i = 0; i < answer->count && candidates->count < DKIM_CANDIDATES_MAX; i++) {
        const char *this_reason;
        enum dkim_key_fault fault =
            add_record(arena, answer->records[i].value, signature, candidates, &this_reason);

        /* Of several the first that has to do with DKIM tells most. */
        if (fault != DKIM_KEY_OK && fault != DKIM_KEY_NOT_DKIM && reason == NULL)
            reason = this_reason;
    }
    if (candidates->count == 0)
        refuse(signature, DKIM_RESULT_PERMERROR,
               reason != NULL ? reason : dkim_key_fault_text(DKIM_KEY_NOT_DKIM));
}

bool dkim_candidates_find(struct base_arena *arena, const struct dns_answer *answer,
                          struct dkim_signature *signature, struct dkim_candidates *candidates_r)
{
    memset(candidates_r, 0, sizeof(*candidates_r));
    if (dns_status_is_temporary(answer->status))
        refuse(signature, DKIM_RESULT_TEMPERROR, "DNS did not answer for the key");
    else
        find_in_answer(arena, answer, signature, candidates_r);
    return !base_arena_is_exhausted(arena);
}
