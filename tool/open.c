#include "tool/open.h"

#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "dns/resolver.h"
#include "policy/snapshot.h"
#include "tool/args.h"

enum tool_status tool_open_clock(const struct tool_args *args, const struct tool_io *io,
                                 struct base_clock *clock_r)
{
    const char *text = tool_args_get(args, "time");
    int64_t wall_s = 0;

    *clock_r = base_clock_system();
    if (text == NULL)
        return TOOL_ANSWERED;
    if (!base_clock_parse_rfc3339(text, &wall_s))
        return tool_fail(io, TOOL_USAGE,
                         "--time: \"%s\" is not a time of RFC 3339: write it as "
                         "2026-11-22T12:00:00Z",
                         text);
    *clock_r = base_clock_fixed(wall_s);
    return TOOL_ANSWERED;
}

enum tool_status tool_open_conf(const char *path, const struct tool_io *io,
                                struct conf_snapshot **conf_r)
{
    struct base_error error = {""};
    size_t count = 0;
    const struct conf_table *const *tables = policy_tables(&count);

    *conf_r = conf_read(path, tables, count, &error);
    return *conf_r != NULL ? TOOL_ANSWERED : tool_fail(io, TOOL_CONFIG, "%s", error.text);
}

enum tool_status tool_open_conf_or_defaults(const struct tool_args *args, const struct tool_io *io,
                                            struct conf_snapshot **conf_r)
{
    struct base_error error = {""};
    const char *path = tool_args_get(args, "config");
    const struct conf_table *const *tables;
    size_t count = 0;

    if (path != NULL || access(TOOL_CONF_DEFAULT, F_OK) == 0)
        return tool_open_conf(path != NULL ? path : TOOL_CONF_DEFAULT, io, conf_r);
    tables = policy_tables(&count);
    *conf_r = conf_read_text(NULL, "defaults", tables, count, &error);
    return *conf_r != NULL ? TOOL_ANSWERED : tool_fail(io, TOOL_CONFIG, "%s", error.text);
}

static struct dns_resolver *open_unbound(const struct conf_daemon *daemon,
                                         struct base_error *error_r)
{
    struct dns_unbound_options options = {.trust_anchor = daemon->trust_anchor};
    struct base_text *servers =
        base_mem_alloc_zero(daemon->nameservers.count + 1, sizeof(*servers));
    struct dns_resolver *resolver;

    for (size_t i = 0; i < daemon->nameservers.count; i++)
        servers[i] = base_text_of(daemon->nameservers.items[i].text);
    options.nameservers = servers;
    options.nameserver_count = daemon->nameservers.count;
    resolver = dns_unbound_create(&options, error_r);
    base_mem_free(servers);
    return resolver;
}

enum tool_status tool_open_resolver(const struct tool_args *args, const struct tool_io *io,
                                    const struct conf_snapshot *conf,
                                    struct dns_resolver **resolver_r)
{
    struct base_error error = {""};
    const char *zone = tool_args_get(args, "zone");

    if (zone != NULL)
        *resolver_r = dns_zone_create_from_file(zone, &error);
    else
        *resolver_r = open_unbound(conf_daemon_get(conf), &error);
    if (*resolver_r != NULL)
        return TOOL_ANSWERED;
    return tool_fail(io, zone != NULL ? TOOL_INPUT : TOOL_CONFIG, "%s", error.text);
}
