/* See nets.h. A network may stand in any of a few places from its hash on. */
#include "policy/rate/nets.h"

enum {
    PLACES = 8
};

static size_t place(uint64_t hash, unsigned i)
{
    return (hash + i) % RATE_NETS;
}

void rate_nets_block(struct rate_nets *nets, uint64_t hash, uint64_t net_hash, int64_t until_ns)
{
    struct rate_net *chosen = &nets->at[place(hash, 0)];

    for (unsigned i = 0; i < PLACES; i++) {
        struct rate_net *net = &nets->at[place(hash, i)];

        if (net->hash == hash) {
            if (net->until_ns < until_ns)
                net->until_ns = until_ns;
            return;
        }
        if (net->until_ns < chosen->until_ns)
            chosen = net;
    }
    if (chosen->hash == 0)
        nets->count++;
    *chosen = (struct rate_net){.hash = hash, .net_hash = net_hash, .until_ns = until_ns};
}

int64_t rate_nets_until(const struct rate_nets *nets, uint64_t hash, int64_t now_ns)
{
    for (unsigned i = 0; i < PLACES; i++) {
        const struct rate_net *net = &nets->at[place(hash, i)];

        if (net->hash == hash && net->until_ns > now_ns)
            return net->until_ns;
    }
    return 0;
}

size_t rate_nets_release(struct rate_nets *nets, uint64_t hash, uint64_t net_hash)
{
    size_t released = 0;

    for (size_t i = 0; i < RATE_NETS; i++) {
        struct rate_net *net = &nets->at[i];

        if (net->hash == 0 || (hash != 0 ? net->hash != hash : net->net_hash != net_hash))
            continue;
        *net = (struct rate_net){.hash = 0};
        nets->count--;
        released++;
    }
    return released;
}

size_t rate_nets_count(const struct rate_nets *nets, int64_t now_ns)
{
    size_t count = 0;

    for (size_t i = 0; i < RATE_NETS; i++)
        count += nets->at[i].hash != 0 && nets->at[i].until_ns > now_ns;
    return count;
}
