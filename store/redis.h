/* A Redis or Valkey server, asked to run one script: a pool of connections, one round trip a call,
 * nothing that waits past the caller's deadline. In a cluster the node that has the script's slot
 * is found by what another says (MOVED); while a slot is on its way from one node to another (ASK),
 * its keys are on both, and the answer counts as a failure. From a unix socket nobody is sent to
 * another server. The protocol (RESP2) is hiredis's; the sockets are
 * ours, since hiredis's own time-outs are those of single reads. Thread-safe. */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* Numbers of an answer. */
#define STORE_REDIS_NUMBERS_MAX 65536
/* Octets of an answer. */
#define STORE_REDIS_ANSWER_MAX (2U << 20)

struct store_redis;

struct store_redis_options {
    /* redis_url.h */
    const char *url;
    /* NULL: none. `user` NULL with a password: the server's default user. */
    const char *user;
    const char *password;
    /* NULL: the system's certificates. */
    const char *ca_file;
};

/* May wait for DNS, once; connects to nobody. NULL and *error_r: the options are wrong. A name that
 * cannot be resolved now is as a server that is down. */
__attribute__((warn_unused_result)) struct store_redis *store_redis_create(
    const struct store_redis_options *options, struct base_error *error_r);
/* Sets *redis to NULL; NULL inside is fine. Nobody may be in a call. */
void store_redis_destroy(struct store_redis **redis);
/* Resolves the server's name again, and turns to another of its addresses, or another node of its
 * cluster, if this one has not answered since the last time. May wait for DNS: never on the way of
 * a message. */
void store_redis_refresh(struct store_redis *redis);
/* Asks a server that answers for the nodes of its cluster, if it is of one. May wait for DNS, and
 * for the server until the time-out: never on the way of a message. */
void store_redis_learn(struct store_redis *redis, int64_t timeout_ns);
/* What AUTH says from the next connection on; NULL: none. */
void store_redis_set_password(struct store_redis *redis, const char *password);

enum store_redis_status {
    STORE_REDIS_OK,
    /* It has not run. */
    STORE_REDIS_DOWN,
    /* It was sent, and no answer came: it may have run, or may run yet. */
    STORE_REDIS_UNKNOWN,
    /* The server answered something else than an array of whole numbers. */
    STORE_REDIS_REFUSED,
};

struct store_redis_call {
    /* NUL-terminated; the same pointer at each call of a store. */
    const char *script;
    /* KEYS[1], and ARGV. */
    struct base_text key;
    const struct base_text *arguments;
    size_t argument_count;
};

struct store_redis_reply {
    int64_t numbers[STORE_REDIS_NUMBERS_MAX];
    size_t count;
    /* Why it is not OK, in words; "" if it is. */
    char fault[200];
};

enum store_redis_status store_redis_run(struct store_redis *redis,
                                        const struct store_redis_call *call, int64_t timeout_ns,
                                        struct store_redis_reply *reply_r);

#endif
