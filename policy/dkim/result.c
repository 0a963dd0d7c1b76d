/* RFC 8601 section 2.7.1. */
#include "policy/dkim/result.h"

const char *dkim_result_text(enum dkim_result result)
{
    static const char *const texts[] = {"none",    "pass",      "fail",     "policy",
                                        "neutral", "temperror", "permerror"};

    return texts[result];
}

const char *dkim_flag_text(unsigned index)
{
    static const char *const texts[] = {"test-key", "strict-key", "body-length", "partial-body",
                                        "several-keys"};

    return index < sizeof(texts) / sizeof(texts[0]) ? texts[index] : NULL;
}

bool dkim_verdict_is_creditable(const struct dkim_verdict *verdict)
{
    return verdict->result == DKIM_RESULT_PASS && (verdict->flags & DKIM_FLAG_PARTIAL_BODY) == 0;
}
