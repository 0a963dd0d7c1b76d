/* Where the `postseal key` commands find keys, and whom they name in them. */
#ifndef TOOL_KEY_DIR_H
#define TOOL_KEY_DIR_H

#include <sys/types.h>

#include "dns/name.h"
#include "tool/command.h"

struct conf_snapshot;
struct tool_args;

#define TOOL_FLAG_KEY_DIR                                                                     \
    {                                                                                         \
        "key-dir", 0, "DIR", "where keys lie, instead of the configuration's key-dir", false, \
            false                                                                             \
    }

struct tool_key_dir {
    /* Lives in `conf` or in the arguments. */
    const char *path;
    /* All defaults where there is no configuration file. */
    struct conf_snapshot *conf;
};

/* From --key-dir and --config. Returns TOOL_ANSWERED, or the status to end with after it printed
 * why. tool_key_dir_close() in either case. */
__attribute__((warn_unused_result)) enum tool_status tool_key_dir_open(const struct tool_args *args,
                                                                       const struct tool_io *io,
                                                                       struct tool_key_dir *dir_r);
void tool_key_dir_close(struct tool_key_dir *dir);

/* The group that the daemon reads keys by: the configured one, else its user's own. Falls back to
 * root's (which the daemon cannot read by) with a warning on io->err. */
gid_t tool_key_dir_group(const struct tool_key_dir *dir, const struct tool_io *io);

/* The domain of -d in canonical form; a U-label is refused with the mend. */
__attribute__((warn_unused_result)) enum tool_status tool_domain_make(const char *text,
                                                                      const struct tool_io *io,
                                                                      struct dns_name *name_r);

#endif
