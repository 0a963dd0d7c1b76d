/* `rate-store`: checked as the configuration is read, opened when the daemon starts. */
#include "policy/rate/place.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/folders.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "keys/access.h"
#include "policy/rate/shared.h"
#include "store/redis_url.h"

#define SECRET_MIN 16
#define SECRET_MAX 1024
#define MINUTE_MS  INT64_C(60000)

struct place {
    const char *store;
    const char *user;
    const char *password;
    const char *ca;
    const char *secret;
    int64_t hosts;
    int64_t timeout;
    int64_t lease;
};

#define FIELD(field) offsetof(struct place, field)

static const struct conf_option rows[] = {
    {.name = "rate-store", .type = CONF_STRING, .offset = FIELD(store)},
    {.name = "rate-user", .type = CONF_STRING, .offset = FIELD(user)},
    {.name = "rate-password", .type = CONF_STRING, .offset = FIELD(password)},
    {.name = "rate-ca", .type = CONF_STRING, .offset = FIELD(ca)},
    {.name = "rate-secret", .type = CONF_STRING, .offset = FIELD(secret)},
    {.name = "rate-hosts",
     .type = CONF_INT,
     .offset = FIELD(hosts),
     .fallback = "1",
     .min = 1,
     .max = 10000},
    {.name = "rate-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(timeout),
     .fallback = "50ms",
     .min = 5,
     .max = 5000},
    {.name = "rate-lease",
     .type = CONF_DURATION,
     .offset = FIELD(lease),
     .fallback = "10m",
     .min = MINUTE_MS,
     .max = 24 * 60 * MINUTE_MS},
};

/* The path of "file:/PATH"; NULL: it is something else. */
static const char *path_of(const char *value)
{
    return strncmp(value, "file:/", 6) == 0 ? value + 5 : NULL;
}

/* What is secret is not said again. */
static bool check_secret(const struct conf_section *section, const char *option, const char *value,
                         struct base_error *error_r)
{
    if (value == NULL || path_of(value) != NULL)
        return true;
    conf_error_at(error_r, conf_section_where(section, option),
                  "%s: a secret stands in a file of its own: write `%s = \"file:/PATH\"`", option,
                  option);
    return false;
}

static bool check_url(const struct conf_section *section, const struct place *place,
                      struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, "rate-store");
    struct store_redis_url url;

    if (!store_redis_url_parse(place->store, &url, error_r)) {
        if (error_r != NULL)
            base_error_prefix(error_r, "%s:%d: rate-store", where.file, where.line);
        return false;
    }
    if (place->ca != NULL && !url.is_tls) {
        conf_error_at(error_r, conf_section_where(section, "rate-ca"),
                      "rate-ca: there are no certificates without TLS: write `rate-store = "
                      "\"rediss://...\"`, or leave it out");
        return false;
    }
    if (place->secret == NULL) {
        conf_error_at(error_r, where,
                      "rate-store: it needs `rate-secret = \"file:/PATH\"`, the same on all hosts: "
                      "make one with `openssl rand -hex 32`");
        return false;
    }
    return true;
}

static bool check(struct conf_section *section, struct base_error *error_r)
{
    static const char *const needing[] = {"rate-user",  "rate-password", "rate-ca",   "rate-secret",
                                          "rate-hosts", "rate-timeout",  "rate-lease"};
    const struct place *place = section->values;

    if (!check_secret(section, "rate-password", place->password, error_r) ||
        !check_secret(section, "rate-secret", place->secret, error_r))
        return false;
    if (place->user != NULL && place->password == NULL) {
        conf_error_at(error_r, conf_section_where(section, "rate-user"),
                      "rate-user: a user needs `rate-password = \"file:/PATH\"`");
        return false;
    }
    if (place->store != NULL)
        return check_url(section, place, error_r);
    for (size_t i = 0; i < sizeof(needing) / sizeof(needing[0]); i++) {
        struct conf_where where = conf_section_where(section, needing[i]);

        if (where.line == 0)
            continue;
        conf_error_at(error_r, where,
                      "%s: it goes with `rate-store = \"redis://HOST\"`, which is not there",
                      needing[i]);
        return false;
    }
    return true;
}

const struct conf_table rate_place_table = {
    .struct_size = sizeof(struct place),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
    .check = check,
};

/* The file's text, without line ends behind it; the caller wipes and frees it. NULL: a fault. */
static char *read_secret(const struct conf_section *section, const char *option, const char *value,
                         size_t min, struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, option);
    const char *path = path_of(value);
    bool is_wide = false;
    char *data = NULL;
    size_t length = 0;
    int fd = keys_access_open_any(path, &is_wide, error_r);
    struct stat info;
    bool is_read = fd >= 0 && fstat(fd, &info) == 0 &&
                   base_folders_are_trusted(path, info.st_uid, &info, error_r) &&
                   base_file_read_fd(fd, path, SECRET_MAX, &data, &length, error_r);

    if (fd >= 0)
        (void)close(fd);
    if (!is_read) {
        base_error_prefix(error_r, "%s:%d: %s", where.file, where.line, option);
        return NULL;
    }
    while (length > 0 && (data[length - 1] == '\n' || data[length - 1] == '\r'))
        data[--length] = '\0';
    if (!is_wide && length >= min && strlen(data) == length)
        return data;
    if (is_wide)
        conf_error_at(error_r, where, "%s: others than its owner can read %s: chmod 0600 %s",
                      option, path, path);
    else
        conf_error_at(error_r, where, "%s: %s holds fewer than %zu characters of text", option,
                      path, min);
    base_mem_wipe(data, length);
    base_mem_free(data);
    return NULL;
}

static void forget(char *secret)
{
    if (secret != NULL)
        base_mem_wipe(secret, strlen(secret));
    base_mem_free(secret);
}

bool rate_place_open(const struct conf_snapshot *conf, const struct base_clock *clock,
                     size_t memory, struct rate_store **store_r, struct base_error *error_r)
{
    const struct conf_section *section = conf_snapshot_top(conf, &rate_place_table);
    const struct place *place = section->values;
    char *secret = NULL;
    char *password = NULL;

    *store_r = NULL;
    if (place->store == NULL)
        return true;
    secret = read_secret(section, "rate-secret", place->secret, SECRET_MIN, error_r);
    if (secret != NULL && place->password != NULL)
        password = read_secret(section, "rate-password", place->password, 1, error_r);
    if (secret != NULL && (password != NULL || place->password == NULL))
        *store_r = rate_shared_create(
            &(struct rate_shared_options){.url = place->store,
                                          .user = place->user,
                                          .password = password,
                                          .ca_file = place->ca,
                                          .secret = base_text_of(secret),
                                          .timeout_ns = place->timeout * BASE_NS_PER_MS,
                                          .lease_ns = place->lease * BASE_NS_PER_MS,
                                          .hosts = (unsigned)place->hosts,
                                          .memory = memory,
                                          .clock = clock},
            error_r);
    forget(password);
    forget(secret);
    return *store_r != NULL;
}

bool rate_place_reload(const struct conf_snapshot *conf, struct rate_store *store,
                       struct base_error *error_r)
{
    const struct conf_section *section = conf_snapshot_top(conf, &rate_place_table);
    const struct place *place = section->values;
    char *password = NULL;

    if (place->store != NULL && place->password != NULL) {
        password = read_secret(section, "rate-password", place->password, 1, error_r);
        if (password == NULL)
            return false;
    }
    if (place->store != NULL)
        rate_shared_set_password(store, password);
    forget(password);
    return true;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

const char *rate_place_difference(const struct conf_snapshot *a, const struct conf_snapshot *b)
{
    const struct place *old = conf_snapshot_top(a, &rate_place_table)->values;
    const struct place *new = conf_snapshot_top(b, &rate_place_table)->values;

    if (!is_same_text(old->store, new->store))
        return "rate-store";
    if (!is_same_text(old->user, new->user))
        return "rate-user";
    if (!is_same_text(old->ca, new->ca))
        return "rate-ca";
    if (!is_same_text(old->secret, new->secret))
        return "rate-secret";
    if (old->hosts != new->hosts)
        return "rate-hosts";
    if (old->timeout != new->timeout)
        return "rate-timeout";
    return old->lease != new->lease ? "rate-lease" : NULL;
}
