/* Where a Redis or Valkey server is: "redis://HOST[:PORT][/DB]", "rediss://..." (TLS),
 * "unix:/PATH[?db=DB]". Passwords have no place in it: they come from files. */
#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct store_redis_url {
    /* "" for a unix socket. */
    char host[256];
    uint16_t port;
    /* "" but for a unix socket. */
    char path[108];
    unsigned database;
    bool is_tls;
};

/* False and *error_r, which names the mend. */
__attribute__((warn_unused_result)) bool store_redis_url_parse(const char *text,
                                                               struct store_redis_url *url_r,
                                                               struct base_error *error_r);

#endif
