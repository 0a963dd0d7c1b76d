/* See events.h. */
#include "policy/rate/events.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/address.h"

const char *rate_event_text(enum rate_event_kind kind)
{
    static const char *const texts[] = {"warning", "block", "release"};

    return texts[kind];
}

static const char *check_program(const char *path)
{
    struct stat status;

    if (path[0] != '/')
        return "is no absolute path: write \"exec:/usr/local/sbin/program\"";
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
        return "is no program: make the file, and make it executable";
    if ((status.st_mode & 022) != 0)
        return "can be written by others: chmod go-w";
    return NULL;
}

/* It goes into an SMTP command as it is. */
static const char *check_address(const char *text)
{
    struct policy_address address;

    for (const char *c = text; *c != '\0'; c++)
        if (!base_ascii_is_print(*c) || *c == ' ' || *c == '<' || *c == '>')
            return "is no address: write for example \"mail:postmaster@example.org\"";
    if (policy_address_parse(base_text_of(text), &address) != POLICY_ADDRESS_DOMAIN)
        return "is no address: write for example \"mail:postmaster@example.org\"";
    return NULL;
}

const char *rate_event_check_target(const char *target)
{
    if (strncmp(target, "exec:", 5) == 0)
        return check_program(target + 5);
    if (strncmp(target, "mail:", 5) == 0)
        return check_address(target + 5);
    return "tells nobody: write \"exec:/path/of/a/program\" or \"mail:postmaster@example.org\"";
}

bool rate_event_split_smtp(const char *smtp, char host[256], char port[16])
{
    const char *colon = strrchr(smtp, ':');
    size_t length;
    uint64_t number;

    if (colon == NULL || colon == smtp || strlen(colon + 1) >= 16 ||
        !base_text_to_uint(base_text_of(colon + 1), 65535, &number) || number == 0) {
        return false;
    }
    snprintf(port, 16, "%s", colon + 1);
    length = (size_t)(colon - smtp);
    if (smtp[0] == '[' && smtp[length - 1] == ']') {
        smtp++;
        length -= 2;
    }
    if (length == 0 || length >= 256) {
        return false;
    }
    memcpy(host, smtp, length);
    host[length] = '\0';
    return true;
}
