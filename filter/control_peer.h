/* Who is at the other end of the control socket, by the kernel's word (SO_PEERCRED and
 * SO_PEERGROUPS, as of connect(2)), and what that allows. */
#ifndef FILTER_CONTROL_PEER_H
#define FILTER_CONTROL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who has which rights, besides root. */
struct filter_control_gate {
    /* The daemon's user: may ask. */
    uid_t uid;
    /* `control-group`: may ask and steer. */
    bool has_group;
    gid_t group;
};

struct filter_control_peer {
    uid_t uid;
    pid_t pid;
    bool may_ask;
    bool may_steer;
};

/* Without a system call: what a peer of that user, group and supplementary groups may do. */
void filter_control_peer_judge(const struct filter_control_gate *gate, gid_t gid,
                               const gid_t *groups, size_t group_count,
                               struct filter_control_peer *peer);

/* False: the kernel does not tell; such a peer may nothing. */
__attribute__((warn_unused_result)) bool filter_control_peer_read(
    int fd, const struct filter_control_gate *gate, struct filter_control_peer *peer_r);

#endif
