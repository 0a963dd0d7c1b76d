/* See decision_rates.h. */
#include "policy/decision_rates.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "policy/decision.h"
#include "policy/rate/limits.h"

const char *policy_rate_answer_text(enum rate_answer answer)
{
    static const char *const texts[] = {
        [RATE_FREE] = "free",
        [RATE_OVER] = "over",
        [RATE_HELD] = "held",
        [RATE_NET_BLOCKED] = "net-blocked",
    };

    return texts[answer];
}

/* The one that the verdict is of, else the first that is over. */
static const struct policy_rate_hit *find_telling(const struct policy_decision *decision)
{
    const struct policy_rate_hit *telling = NULL;

    for (const struct policy_rate_hit *it = decision->rates; it != NULL; it = it->next) {
        if (it->answer == RATE_FREE)
            continue;
        if (it->name == decision->verdict.rule)
            return it;
        if (telling == NULL || it->mode == POLICY_RULE_ENFORCE)
            telling = it;
    }
    return telling;
}

void policy_decision_log_rates(const struct policy_decision *decision, struct base_log_line *line)
{
    const struct policy_rate_hit *hit = find_telling(decision);
    char text[RATE_TEXT_SIZE];

    if (hit == NULL)
        return;
    base_log_line_add_cstr(line, "rate", hit->name);
    base_log_line_add(line, "rate-key", hit->key);
    base_log_line_add_int(line, "rate-count", hit->used);
    if (hit->limit.percent > 0)
        base_log_line_add_int(line, "rate-sent", hit->whole);
    base_log_line_add_cstr(line, "rate-limit", rate_limit_text(&hit->limit, text));
    base_log_line_add_cstr(line, "rate-result", policy_rate_answer_text(hit->answer));
    base_log_line_add_cstr(line, "rate-mode", policy_rule_mode_text(hit->mode));
}

void policy_decision_json_rates(const struct policy_decision *decision, struct base_json *object)
{
    struct base_json *array = base_json_array();

    for (const struct policy_rate_hit *it = decision->rates; it != NULL; it = it->next) {
        struct base_json *rate = base_json_object();
        char text[RATE_TEXT_SIZE];

        base_json_set_cstr(rate, "name", it->name);
        base_json_set_text(rate, "key", it->key);
        base_json_set_cstr(rate, "count", it->count);
        base_json_set_cstr(rate, "limit", rate_limit_text(&it->limit, text));
        base_json_set_int(rate, "used", it->used);
        if (it->limit.percent > 0)
            base_json_set_int(rate, "sent", it->whole);
        base_json_set_cstr(rate, "result", policy_rate_answer_text(it->answer));
        base_json_set_cstr(rate, "action", it->action);
        base_json_set_cstr(rate, "mode", policy_rule_mode_text(it->mode));
        if (it->wait_ns < 0)
            base_json_set_null(rate, "wait");
        else
            base_json_set_int(rate, "wait", (it->wait_ns + BASE_NS_PER_S - 1) / BASE_NS_PER_S);
        base_json_append(array, rate);
    }
    base_json_set(object, "rates", array);
}
