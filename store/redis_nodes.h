/* Which servers a store may be found at: the addresses of its name, and the nodes of its cluster.
 * One of them is asked; when it fails, the next. Not thread-safe, the caller has a lock. */
#ifndef STORE_REDIS_NODES_H
#define STORE_REDIS_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "store/stream.h"

#define STORE_REDIS_NODES_MAX 32

/* Different addresses. */
struct store_redis_list {
    struct store_address at[STORE_REDIS_NODES_MAX];
    size_t count;
};

struct store_redis_nodes {
    struct store_redis_list named;
    struct store_redis_list learned;
    /* The one that is asked. */
    struct store_address current;
    bool has_current;
    /* Changes with it. */
    unsigned generation;
};

/* One that is there already, or for which there is no room, is left out. */
void store_redis_list_add(struct store_redis_list *list, const struct store_address *address);

/* What the name leads to now; none: what it led to stays. The one that is asked changes if it is
 * not known any more. */
void store_redis_nodes_name(struct store_redis_nodes *nodes, const struct store_redis_list *named);
/* All nodes of the cluster, as one of them says. */
void store_redis_nodes_learn(struct store_redis_nodes *nodes,
                             const struct store_redis_list *learned);
/* The one that is asked did not answer. */
void store_redis_nodes_try_next(struct store_redis_nodes *nodes);
/* The one that is asked has said who is to be asked: from now on it is. */
void store_redis_nodes_move(struct store_redis_nodes *nodes, const struct store_address *to);

/* "MOVED SLOT ADDRESS:PORT", an IPv6 address without brackets. False: it is something else, or a
 * name, which cannot be resolved on the way of a message. */
__attribute__((warn_unused_result)) bool store_redis_read_moved(struct base_text error,
                                                                struct store_address *address_r);

struct redisReply;
/* The nodes in the answer to CLUSTER SLOTS. May wait for DNS. False: it is none. */
__attribute__((warn_unused_result)) bool store_redis_read_slots(const struct redisReply *reply,
                                                                struct store_redis_list *list_r);

#endif
