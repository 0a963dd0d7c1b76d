/* The control socket's name in the state folder: made, given to `control-group`, removed. */
#ifndef FILTER_CONTROL_SOCKET_H
#define FILTER_CONTROL_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "base/error.h"
#include "filter/control_peer.h"
#include "filter/state_dir.h"

struct conf_snapshot;
struct filter_identity;

struct filter_control_socket {
    /* Listens, non-blocking. */
    int fd;
    struct sockaddr_un address;
    /* What we bound, so that we remove nothing else at the end. */
    dev_t device;
    ino_t inode;
};

/* See filter_control_open(). *gate_r: who may use it. */
__attribute__((warn_unused_result)) enum filter_state_fault filter_control_socket_open(
    struct filter_control_socket *control, const struct conf_snapshot *conf,
    const struct filter_identity *identity, struct filter_control_gate *gate_r,
    struct base_error *error_r);
void filter_control_socket_close(struct filter_control_socket *control);

#endif
