/* RFC 8301 section 3.2 (short keys), RFC 6376 section 8.2 (l=) and section 8.15: "Attacks involving
 * extra header fields". */
#include "policy/dkim/judge.h"

#include <stddef.h>

#include "base/text.h"
#include "policy/dkim/library.h"
#include "policy/dkim/signature.h"
#include "policy/header.h"

/* RFC 8301 section 3.2: verifiers MUST NOT consider signatures using RSA keys of less than 1024. */
#define RSA_BITS_MIN 1024

static void set(struct dkim_signature *signature, enum dkim_result result, const char *reason)
{
    signature->verdict.result = result;
    signature->verdict.reason = reason;
}

/* RFC 5322 section 3.6: at most one of each. Where a signature covers one and there are more, the
 * reader may be shown the one that was added. The reason for each, NULL at the end. */
static const struct {
    struct base_text name;
    const char *reason;
} single_fields[] = {
    {{"From", 4}, "a From field was added"},     {{"Subject", 7}, "a Subject field was added"},
    {{"To", 2}, "a To field was added"},         {{"Cc", 2}, "a Cc field was added"},
    {{"Date", 4}, "a Date field was added"},     {{"Reply-To", 8}, "a Reply-To field was added"},
    {{"Sender", 6}, "a Sender field was added"},
};

static size_t count_fields(const struct policy_header *header, struct base_text name)
{
    size_t count = 0;

    for (size_t i = 0; i < header->count; i++)
        if (header->fields[i].index > 0 && base_text_equals_nocase(header->fields[i].name, name))
            count++;
    return count;
}

static const char *added_field(const struct dkim_signature *signature,
                               const struct policy_header *header)
{
    for (size_t i = 0; i < sizeof(single_fields) / sizeof(single_fields[0]); i++) {
        size_t count = count_fields(header, single_fields[i].name);
        size_t covered;

        if (count < 2)
            continue;
        covered = dkim_signature_covers(signature, single_fields[i].name);
        if (covered > 0 && covered < count)
            return single_fields[i].reason;
    }
    return NULL;
}

static void judge_good(struct dkim_signature *signature, const struct dkim_pass_signature *found,
                       const struct policy_header *header)
{
    const char *added = added_field(signature, header);

    if (signature->algorithm == KEYS_RSA_SHA256 && found->bits < RSA_BITS_MIN) {
        set(signature, DKIM_RESULT_POLICY, "the RSA key is shorter than 1024 bits");
        return;
    }
    if (added != NULL) {
        set(signature, DKIM_RESULT_POLICY, added);
        return;
    }
    set(signature, DKIM_RESULT_PASS, NULL);
    if ((signature->verdict.flags & DKIM_FLAG_PARTIAL_BODY) != 0)
        signature->verdict.reason = "the body is longer than l=";
    else if ((signature->verdict.flags & DKIM_FLAG_TEST_KEY) != 0)
        signature->verdict.reason = "the domain is testing (t=y)";
}

void dkim_judge(struct dkim_signature *signature, const struct dkim_pass_signature *found,
                const struct policy_header *header, uint64_t body_octets)
{
    signature->verdict.bits = signature->algorithm == KEYS_RSA_SHA256 ? found->bits : 256;
    if (signature->limit >= 0 && body_octets > (uint64_t)signature->limit)
        signature->verdict.flags |= DKIM_FLAG_PARTIAL_BODY;
    switch (found->verdict) {
    case DKIM_PASS_GOOD:
        judge_good(signature, found, header);
        break;
    case DKIM_PASS_BAD_SIGNATURE:
        set(signature, DKIM_RESULT_FAIL, "the signature does not fit the header");
        break;
    case DKIM_PASS_BAD_BODY:
        set(signature, DKIM_RESULT_FAIL, "the body hash does not fit the body");
        break;
    case DKIM_PASS_SHORT_BODY:
        set(signature, DKIM_RESULT_PERMERROR, "the body is shorter than l=");
        break;
    case DKIM_PASS_NO_KEY:
        set(signature, DKIM_RESULT_PERMERROR, "no key for signature");
        break;
    case DKIM_PASS_KEY_UNUSABLE:
        set(signature, DKIM_RESULT_PERMERROR, "the key cannot be read");
        break;
    case DKIM_PASS_KEY_TOO_SMALL:
        set(signature, DKIM_RESULT_POLICY, "the RSA key is shorter than 1024 bits");
        break;
    case DKIM_PASS_ERROR:
        set(signature, DKIM_RESULT_NEUTRAL, "the signature cannot be processed");
        break;
    }
}
