/* Networks that stand for blocked keys which found no room: a small table of its own, of fixed
 * size. Under the caller's lock. */
#ifndef POLICY_RATE_NETS_H
#define POLICY_RATE_NETS_H

#include <stddef.h>
#include <stdint.h>

/* Networks remembered; past it the one whose time ends first is forgotten, of a few. */
#define RATE_NETS 4096

struct rate_net {
    /* Of the rate's name and the network, and of the network alone; 0: free. */
    uint64_t hash;
    uint64_t net_hash;
    int64_t until_ns;
};

struct rate_nets {
    size_t count;
    struct rate_net at[RATE_NETS];
};

void rate_nets_block(struct rate_nets *nets, uint64_t hash, uint64_t net_hash, int64_t until_ns);
/* Until when it is blocked; 0: it is not. */
int64_t rate_nets_until(const struct rate_nets *nets, uint64_t hash, int64_t now_ns);
/* By either hash; the other is 0. The number released. */
size_t rate_nets_release(struct rate_nets *nets, uint64_t hash, uint64_t net_hash);
size_t rate_nets_count(const struct rate_nets *nets, int64_t now_ns);

#endif
