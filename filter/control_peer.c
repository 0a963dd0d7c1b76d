#include "filter/control_peer.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"

/* NGROUPS_MAX of Linux. */
#define GROUPS_MAX 65536
#define GROUPS_FEW 64

void filter_control_peer_judge(const struct filter_control_gate *gate, gid_t gid,
                               const gid_t *groups, size_t group_count,
                               struct filter_control_peer *peer)
{
    bool is_member = gate->has_group && gid == gate->group;

    for (size_t i = 0; gate->has_group && !is_member && i < group_count; i++) {
        is_member = groups[i] == gate->group;
    }
    peer->may_steer = peer->uid == 0 || is_member;
    peer->may_ask = peer->may_steer || peer->uid == gate->uid;
}

bool filter_control_peer_read(int fd, const struct filter_control_gate *gate,
                              struct filter_control_peer *peer_r)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    gid_t few[GROUPS_FEW];
    gid_t *groups = few;
    socklen_t groups_size = sizeof few;
    int result;

    *peer_r = (struct filter_control_peer){.uid = (uid_t)-1};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return false;
    }
    peer_r->uid = credentials.uid;
    peer_r->pid = credentials.pid;
    result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size);
    if (result != 0 && errno == ERANGE && groups_size <= GROUPS_MAX * sizeof *groups) {
        groups = base_mem_alloc(groups_size);
        result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size);
    }
    filter_control_peer_judge(gate, credentials.gid, groups,
                              result == 0 ? groups_size / sizeof *groups : 0, peer_r);
    if (groups != few) {
        base_mem_free(groups);
    }
    return true;
}
