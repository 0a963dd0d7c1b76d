#include "tool/key_dir.h"

#include <grp.h>
#include <pwd.h>

#include "conf/conf.h"
#include "conf/daemon.h"
#include "policy/options.h"
#include "tool/args.h"
#include "tool/open.h"

enum tool_status tool_key_dir_open(const struct tool_args *args, const struct tool_io *io,
                                   struct tool_key_dir *dir_r)
{
    const char *given = tool_args_get(args, "key-dir");
    enum tool_status status;

    *dir_r = (struct tool_key_dir){.path = given};
    status = tool_open_conf_or_defaults(args, io, &dir_r->conf);
    if (status == TOOL_ANSWERED && given == NULL)
        dir_r->path = policy_options_get(dir_r->conf)->key_dir;
    return status;
}

void tool_key_dir_close(struct tool_key_dir *dir)
{
    conf_snapshot_unref(&dir->conf);
    dir->path = NULL;
}

gid_t tool_key_dir_group(const struct tool_key_dir *dir, const struct tool_io *io)
{
    const struct conf_daemon *daemon = conf_daemon_get(dir->conf);
    const char *group_name = daemon->group;
    const char *user_name = daemon->user;
    const struct group *group;
    const struct passwd *user;

    if (group_name != NULL && group_name[0] != '\0') {
        group = getgrnam(group_name);
        if (group != NULL)
            return group->gr_gid;
        tool_warn(io, "there is no group \"%s\" yet; once there is: chgrp -R %s %s", group_name,
                  group_name, dir->path);
        return 0;
    }
    user = user_name == NULL || user_name[0] == '\0' ? NULL : getpwnam(user_name);
    if (user != NULL)
        return user->pw_gid;
    tool_warn(io,
              "no configuration names the daemon's group; give it the key with: "
              "chgrp -R GROUP %s",
              dir->path);
    return 0;
}

enum tool_status tool_domain_make(const char *text, const struct tool_io *io,
                                  struct dns_name *name_r)
{
    enum dns_name_fault fault = dns_name_make(name_r, base_text_of(text));

    if (fault != DNS_NAME_OK)
        return tool_fail(io, TOOL_USAGE, "\"%s\" is not a domain: %s", text,
                         dns_name_fault_text(fault));
    for (size_t i = 0; i < name_r->length; i++) {
        if (!base_ascii_is_print(name_r->text[i]))
            return tool_fail(io, TOOL_USAGE,
                             "\"%s\" is not a domain in ASCII: write an internationalized one as "
                             "A-label, \"xn--...\"",
                             text);
    }
    return TOOL_ANSWERED;
}
