/* Reading `rate-store`. */
#include "store/redis_url.h"

#include <string.h>

#include "base/text.h"

#define PORT         6379
#define DATABASE_MAX 9999

/* What others write into such an address may be a password: it is not said again. */
static bool refuse(struct base_error *error_r, const char *text)
{
    bool is_told = strchr(text, '@') == NULL && strstr(text, "pass") == NULL;

    base_error_set(error_r,
                   "%s%s%s is no address of a Redis server: write \"redis://HOST:PORT/DB\", "
                   "\"rediss://HOST:PORT/DB\" (TLS) or \"unix:/PATH?db=DB\"%s",
                   is_told ? "\"" : "", is_told ? text : "this", is_told ? "\"" : "",
                   is_told ? ""
                           : "; users and passwords have options of their own: `rate-user`, "
                             "`rate-password`");
    return false;
}

static bool copy(struct base_text text, char *out, size_t size)
{
    if (text.length == 0 || text.length >= size || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return true;
}

static bool read_database(struct base_text text, struct store_redis_url *url_r)
{
    uint64_t number;

    if (!base_text_to_uint(text, DATABASE_MAX, &number))
        return false;
    url_r->database = (unsigned)number;
    return true;
}

static bool read_unix(struct base_text rest, struct store_redis_url *url_r)
{
    struct base_text path = base_text_split(&rest, '?');

    if (!copy(path, url_r->path, sizeof(url_r->path)) || url_r->path[0] != '/')
        return false;
    if (rest.data == NULL)
        return true;
    if (!base_text_starts_with(rest, BASE_TEXT("db=")))
        return false;
    return read_database((struct base_text){rest.data + 3, rest.length - 3}, url_r);
}

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT */
static bool read_authority(struct base_text text, struct store_redis_url *url_r)
{
    struct base_text port = {NULL, 0};
    struct base_text host;
    uint64_t number;

    if (text.length > 0 && text.data[0] == '[') {
        struct base_text inside = {text.data + 1, text.length - 1};

        host = base_text_split(&inside, ']');
        if (inside.data == NULL || (inside.length > 0 && inside.data[0] != ':'))
            return false;
        if (inside.length > 0)
            port = (struct base_text){inside.data + 1, inside.length - 1};
    } else {
        host = base_text_split(&text, ':');
        port = text;
    }
    if (!copy(host, url_r->host, sizeof(url_r->host)))
        return false;
    url_r->port = PORT;
    if (port.data == NULL)
        return true;
    if (!base_text_to_uint(port, UINT16_MAX, &number) || number == 0)
        return false;
    url_r->port = (uint16_t)number;
    return true;
}

bool store_redis_url_parse(const char *text, struct store_redis_url *url_r,
                           struct base_error *error_r)
{
    struct base_text rest = base_text_of(text);
    struct base_text authority;

    memset(url_r, 0, sizeof(*url_r));
    if (base_text_starts_with(rest, BASE_TEXT("unix:"))) {
        rest = (struct base_text){rest.data + 5, rest.length - 5};
        return read_unix(rest, url_r) || refuse(error_r, text);
    }
    url_r->is_tls = base_text_starts_with(rest, BASE_TEXT("rediss://"));
    if (!url_r->is_tls && !base_text_starts_with(rest, BASE_TEXT("redis://")))
        return refuse(error_r, text);
    rest.data += url_r->is_tls ? 9 : 8;
    rest.length -= url_r->is_tls ? 9 : 8;
    authority = base_text_split(&rest, '/');
    /* What stands there may be a password: it is not said again. */
    if (memchr(authority.data, '@', authority.length) != NULL) {
        base_error_set(error_r, "a user or password does not belong into the address of a server: "
                                "use `rate-user` and `rate-password = \"file:/PATH\"`");
        return false;
    }
    if (!read_authority(authority, url_r) ||
        (rest.data != NULL && rest.length > 0 && !read_database(rest, url_r)))
        return refuse(error_r, text);
    return true;
}
