#include "tool/asking.h"

#include <inttypes.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "dns/resolver.h"
#include "tool/open.h"

enum tool_status tool_asking_open(struct tool_asking *asking, const struct tool_args *args,
                                  const struct tool_io *io, size_t arena_octets)
{
    struct dns_lookups_options options = {.clock = &asking->clock};
    enum tool_status status = tool_open_clock(args, io, &asking->clock);

    if (status == TOOL_ANSWERED)
        status = tool_open_conf_or_defaults(args, io, &asking->conf);
    if (status == TOOL_ANSWERED)
        status = tool_open_resolver(args, io, asking->conf, &asking->resolver);
    if (status != TOOL_ANSWERED)
        return status;
    options.resolver = asking->resolver;
    options.max_questions = (unsigned)conf_daemon_get(asking->conf)->dns_questions;
    asking->arena = base_arena_create(arena_octets, NULL);
    asking->lookups = dns_lookups_create(asking->arena, &options);
    if (asking->lookups == NULL)
        return tool_fail(io, TOOL_INPUT, "no memory");
    asking->budget.left_ns = conf_daemon_get(asking->conf)->dns_timeout * BASE_NS_PER_MS;
    dns_lookups_set_budget(asking->lookups, &asking->budget);
    return TOOL_ANSWERED;
}

void tool_asking_close(struct tool_asking *asking)
{
    dns_lookups_destroy(&asking->lookups);
    dns_resolver_destroy(&asking->resolver);
    conf_snapshot_unref(&asking->conf);
    base_arena_destroy(&asking->arena);
}

void tool_asking_print(const struct dns_lookups *lookups, FILE *out)
{
    struct dns_lookups_entry entry;

    for (size_t i = 0; lookups != NULL && dns_lookups_at(lookups, i, &entry); i++) {
        char name[DNS_NAME_ESCAPED_SIZE];

        (void)fprintf(out, "asked        %s %s: %s", dns_name_escape(entry.name, name),
                      dns_type_text(entry.type), dns_status_text(entry.status));
        if (entry.elapsed_ns >= 0)
            (void)fprintf(out, ", %" PRId64 " ms", entry.elapsed_ns / BASE_NS_PER_MS);
        (void)fputc('\n', out);
    }
}

void tool_print_lines(FILE *out, struct base_text lines)
{
    for (size_t i = 0; i < lines.length; i++) {
        unsigned char c = (unsigned char)lines.data[i];
        unsigned char next = i + 1 < lines.length ? (unsigned char)lines.data[i + 1] : 0;

        /* U+0080 to U+009F: ESC and what follows it in one, to some terminals. */
        if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            i++;
        else if ((c >= 0x20 && c != 0x7f) || c == '\n') {
            (void)fputc(c, out);
            continue;
        }
        (void)fputc('?', out);
    }
}

void tool_print_text(FILE *out, struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        (void)fputc(base_ascii_is_print(text.data[i]) ? text.data[i] : '?', out);
}
