#include "tool/check_mta.h"

#include <inttypes.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/daemon.h"
#include "policy/options.h"

/* Debian's Postfix runs smtpd in a chroot there, from which a socket outside cannot be seen. */
#define POSTFIX_QUEUE "/var/spool/postfix/"
#define MS_PER_S      1000

/* The MTA's own defaults, seconds. */
#define POSTFIX_COMMAND  30
#define POSTFIX_CONTENT  300
#define SENDMAIL_COMMAND 10
#define SENDMAIL_CONTENT 300
/* What the MTA must wait longer than our waits for DNS: the time to decide and to answer. */
#define COMMAND_SPARE 3
#define CONTENT_SPARE 60

/* The larger of the MTA's default and what our budget needs. */
static int64_t time_out(int64_t usual_s, int64_t budget_ms, int64_t spare_s)
{
    int64_t need = (budget_ms + MS_PER_S - 1) / MS_PER_S + spare_s;

    return need > usual_s ? need : usual_s;
}

/* Where a client on this host reaches a socket that listens everywhere. */
static const char *reachable_host(const struct conf_socket *socket)
{
    if (socket->kind == CONF_SOCKET_INET6)
        return socket->host[0] == '\0' || strcmp(socket->host, "::") == 0 ? "::1" : socket->host;
    return socket->host[0] == '\0' || strcmp(socket->host, "0.0.0.0") == 0 ? "127.0.0.1"
                                                                           : socket->host;
}

static void print_postfix_socket(const struct conf_socket *socket, FILE *out)
{
    size_t length = strlen(POSTFIX_QUEUE);

    if (socket->kind == CONF_SOCKET_INET6) {
        (void)fprintf(out, "smtpd_milters = inet:[%s]:%u\n", reachable_host(socket), socket->port);
    } else if (socket->kind == CONF_SOCKET_INET) {
        (void)fprintf(out, "smtpd_milters = inet:%s:%u\n", reachable_host(socket), socket->port);
    } else if (strncmp(socket->host, POSTFIX_QUEUE, length) == 0) {
        (void)fprintf(out,
                      "# relative to queue_directory, so that a chrooted smtpd finds it\n"
                      "smtpd_milters = unix:%s\n",
                      socket->host + length);
    } else {
        (void)fprintf(out,
                      "# not below " POSTFIX_QUEUE ": the smtpd and cleanup services must not be\n"
                      "# chrooted (master.cf, column chroot: n)\n"
                      "smtpd_milters = unix:%s\n",
                      socket->host);
    }
}

/* Mail of local programs has no daemon of its own name: it is ours by its network. */
static void print_postfix_master(const struct policy_options *options, FILE *out)
{
    if (options->originating_daemons.count > 0)
        (void)fprintf(out,
                      "\n# /etc/postfix/master.cf, below submission and submissions (smtps):\n"
                      "  -o milter_macro_daemon_name=%s\n",
                      options->originating_daemons.items[0].text);
    if (options->inbound_daemons.count > 0)
        (void)fprintf(
            out,
            "\n# /etc/postfix/master.cf, below the port where a content filter hands mail "
            "back:\n  -o milter_macro_daemon_name=%s\n",
            options->inbound_daemons.items[0].text);
}

bool tool_check_print_postfix(const struct conf_snapshot *conf, FILE *out,
                              struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    struct conf_socket socket;

    if (!conf_socket_parse(daemon->listen, &socket, error_r))
        return false;
    (void)fputs("# /etc/postfix/main.cf\n", out);
    print_postfix_socket(&socket, out);
    (void)fprintf(out,
                  "# mail of local programs and, where internal_mail_filter_classes says so, "
                  "bounces\n"
                  "non_smtpd_milters = $smtpd_milters\n"
                  "# without us: try again later, never unsigned and unjudged\n"
                  "milter_default_action = tempfail\n"
                  "milter_protocol = 6\n"
                  "milter_connect_timeout = 30s\n"
                  "# longer than dns-timeout-envelope and dns-timeout\n"
                  "milter_command_timeout = %" PRId64 "s\n"
                  "milter_content_timeout = %" PRId64 "s\n",
                  time_out(POSTFIX_COMMAND, daemon->dns_timeout_envelope, COMMAND_SPARE),
                  time_out(POSTFIX_CONTENT, daemon->dns_timeout, CONTENT_SPARE));
    print_postfix_master(policy_options_get(conf), out);
    return true;
}

static void print_sendmail_socket(const struct conf_socket *socket, FILE *out)
{
    if (socket->kind == CONF_SOCKET_UNIX)
        (void)fprintf(out, "S=unix:%s", socket->host);
    else
        (void)fprintf(out, "S=%s:%u@%s", socket->kind == CONF_SOCKET_INET6 ? "inet6" : "inet",
                      socket->port, reachable_host(socket));
}

bool tool_check_print_sendmail(const struct conf_snapshot *conf, FILE *out,
                               struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    const struct policy_options *options = policy_options_get(conf);
    struct conf_socket socket;

    if (!conf_socket_parse(daemon->listen, &socket, error_r))
        return false;
    (void)fputs("dnl /etc/mail/sendmail.mc; F=T: without us, try again later\n"
                "dnl T: R (a command) longer than dns-timeout-envelope, E (the end of the\n"
                "dnl message) longer than dns-timeout\n"
                "INPUT_MAIL_FILTER(`postseal', `",
                out);
    print_sendmail_socket(&socket, out);
    (void)fprintf(out, ", F=T, T=C:30s;S:10s;R:%" PRId64 "s;E:%" PRId64 "s')dnl\n",
                  time_out(SENDMAIL_COMMAND, daemon->dns_timeout_envelope, COMMAND_SPARE),
                  time_out(SENDMAIL_CONTENT, daemon->dns_timeout, CONTENT_SPARE));
    if (options->originating_daemons.count > 0)
        (void)fprintf(out,
                      "dnl the submission port: its name makes a message ours\n"
                      "DAEMON_OPTIONS(`Family=inet, Name=%s, Port=submission, M=Ea')dnl\n",
                      options->originating_daemons.items[0].text);
    (void)fputs(
        "dnl what Sendmail changes in address fields after us breaks signatures: leave out\n"
        "dnl masquerading, and keep names as they are (postseald(8), SENDMAIL):\n"
        "FEATURE(`nocanonify')dnl\n",
        out);
    return true;
}
