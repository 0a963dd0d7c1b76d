/* Sets of client networks from the configuration, compiled once. Immutable, thread-safe. */
#ifndef POLICY_NETWORKS_H
#define POLICY_NETWORKS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/text.h"

struct conf_list;
struct policy_networks;

/* Who connected. */
struct policy_client {
    /* AF_INET, AF_INET6 (never IPv4-mapped: that is AF_INET), AF_UNIX, or AF_UNSPEC (unknown). */
    int family;
    /* 4 or 16 octets in network order. */
    unsigned char address[16];
    /* The MTA's own local pickup: mail that came through sendmail(1), and its own notices. */
    bool is_local_pickup;
};

/* `address` may be NULL. Postfix says "localhost", 127.0.0.1, port 0 of its local pickup; a client
 * that comes over TCP always has a port. AF_UNIX is local pickup, too. */
void policy_client_init(struct policy_client *client, const struct sockaddr *address,
                        struct base_text client_name);
/* 4 or 16 octets in network order; the family becomes that of the address. */
void policy_client_set_address(struct policy_client *client, const void *octets, size_t length);
/* "192.0.2.1", "2001:db8::1", "local", "unknown"; `out` takes at least 46 octets. */
const char *policy_client_text(const struct policy_client *client, char *out, size_t size);

/* Items: "192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "[2001:db8::1]", "local" (the MTA's own
 * local pickup). `option` is for errors, which name file, line, value and the mend. NULL and
 * *error_r on the first item that is none of these, or that has bits behind its prefix. */
__attribute__((warn_unused_result)) struct policy_networks *policy_networks_create(
    const struct conf_list *list, const char *option, struct base_error *error_r);
/* Sets *networks to NULL; NULL inside is fine. */
void policy_networks_destroy(struct policy_networks **networks);
/* Every client that `item`, an item of such a list, names is in the set, by one of its networks. */
bool policy_networks_cover(const struct policy_networks *networks, const char *item);
bool policy_networks_contain(const struct policy_networks *networks,
                             const struct policy_client *client);

#endif
