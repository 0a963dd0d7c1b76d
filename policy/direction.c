/* The order matters: who authenticated is ours wherever he comes in; then what the MTA says of its
 * own port; and networks last, so that the re-injection port of a content filter on a signing or
 * trusted address never turns a stranger's mail into ours. */
#include "policy/direction.h"

#include "policy/networks.h"
#include "policy/options.h"
#include "policy/snapshot-private.h"

static bool is_among(const struct conf_list *names, struct base_text name)
{
    for (size_t i = 0; i < names->count; i++)
        if (base_text_equals(base_text_of(names->items[i].text), name))
            return true;
    return false;
}

enum policy_direction policy_direction_decide(const struct policy_snapshot *snapshot,
                                              const struct policy_direction_facts *facts,
                                              const char **by_r)
{
    const struct policy_options *options = snapshot->options;

    *by_r = "authenticated";
    if (facts->login.length > 0)
        return POLICY_DIRECTION_OUTBOUND;
    *by_r = "daemon";
    if (is_among(&options->originating_daemons, facts->daemon_name))
        return POLICY_DIRECTION_OUTBOUND;
    if (is_among(&options->inbound_daemons, facts->daemon_name))
        return POLICY_DIRECTION_INBOUND;
    *by_r = "network";
    if (policy_networks_contain(snapshot->signing, facts->client))
        return POLICY_DIRECTION_OUTBOUND;
    if (policy_networks_contain(snapshot->trusted, facts->client))
        return POLICY_DIRECTION_TRUSTED;
    *by_r = "default";
    return POLICY_DIRECTION_INBOUND;
}
