/* RFC 7208 section 6.2: exp=. Only the record of <domain> itself, or the one that redirect led to,
 * explains; never an included one. Any fault means that there is no explanation. */
#include "policy/spf/explain.h"

#include "base/arena.h"
#include "policy/spf/context.h"
#include "policy/spf/macro.h"

#define EXPLANATION_MAX 4096

void spf_explain(struct spf_context *context, const struct spf_record *record,
                 struct spf_outcome *outcome)
{
    struct base_arena *arena = context->request->arena;
    const struct dns_answer *answer;
    struct dns_name name;
    struct base_buf text;

    if (record->exp.data == NULL || !spf_expand_name(context, record->exp, &record->domain, &name))
        return;
    answer = dns_lookups_get(context->request->lookups, &name, DNS_TYPE_TXT);
    if (answer->count != 1 || !spf_macro_is_valid(answer->records[0].value, SPF_MACRO_EXPLANATION))
        return;
    base_buf_init(&text, arena, EXPLANATION_MAX);
    if (!spf_macro_expand(context, answer->records[0].value, &record->domain, &text))
        return;
    if (text.length == 0)
        return;
    /* What the client said (%{h}, %{s}) may be anything; the text is US-ASCII (6.2). */
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_print(text.data[i]))
            return;
    outcome->explanation = base_buf_text(&text);
    outcome->explanation_domain.data =
        base_arena_strndup(arena, record->domain.text, record->domain.length);
    outcome->explanation_domain.length =
        outcome->explanation_domain.data == NULL ? 0 : record->domain.length;
}
