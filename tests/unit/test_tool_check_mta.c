#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "policy/snapshot.h"
#include "tool/check_mta.h"

static char *print(bool is_sendmail, const char *conf_text)
{
    struct base_error error = {""};
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);
    struct conf_snapshot *conf = conf_read_text(conf_text, "test", tables, count, &error);
    size_t length;
    char *text = NULL;
    FILE *out = open_memstream(&text, &length);

    if (conf == NULL)
        fail_msg("%s", error.text);
    assert_true(is_sendmail ? tool_check_print_sendmail(conf, out, &error)
                            : tool_check_print_postfix(conf, out, &error));
    (void)fclose(out);
    conf_snapshot_unref(&conf);
    return text;
}

static void test_lines(void **state)
{
    static const struct {
        const char *conf;
        bool is_sendmail;
        /* Each a whole line. */
        const char *want[8];
        const char *unwanted;
    } cases[] = {
        {"",
         false,
         {"smtpd_milters = unix:postseal/postseal.sock", "non_smtpd_milters = $smtpd_milters",
          "milter_default_action = tempfail", "milter_protocol = 6", "milter_command_timeout = 30s",
          "milter_content_timeout = 300s", "  -o milter_macro_daemon_name=ORIGINATING"},
         "chroot: n"},
        {"listen = \"unix:/run/postseal/sock\"\noriginating-daemons = { }\n",
         false,
         {"smtpd_milters = unix:/run/postseal/sock"},
         "master.cf, below"},
        {"listen = \"inet:8891@127.0.0.1\"\n",
         false,
         {"smtpd_milters = inet:127.0.0.1:8891"},
         "unix:"},
        {"listen = \"inet6:8891@::1\"\n", false, {"smtpd_milters = inet:[::1]:8891"}, "unix:"},
        {"listen = \"inet:8891@0.0.0.0\"\nlisten-exposed = yes\n",
         false,
         {"smtpd_milters = inet:127.0.0.1:8891"},
         "0.0.0.0"},
        {"originating-daemons = { \"OUR\", \"SECOND\" }\ninbound-daemons = { \"BACK\" }\n",
         false,
         {"  -o milter_macro_daemon_name=OUR", "  -o milter_macro_daemon_name=BACK"},
         "SECOND"},
        {"dns-timeout = \"4m\"\ndns-timeout-envelope = \"25s\"\n",
         false,
         {"milter_command_timeout = 30s", "milter_content_timeout = 300s"},
         "unix:/"},
        {"",
         true,
         {"INPUT_MAIL_FILTER(`postseal', `S=unix:/var/spool/postfix/postseal/postseal.sock, F=T, "
          "T=C:30s;S:10s;R:10s;E:300s')dnl",
          "DAEMON_OPTIONS(`Family=inet, Name=ORIGINATING, Port=submission, M=Ea')dnl",
          "FEATURE(`nocanonify')dnl"},
         "smtpd"},
        {"listen = \"inet6:8891@::1\"\ndns-timeout-envelope = \"8s\"\n",
         true,
         {"INPUT_MAIL_FILTER(`postseal', `S=inet6:8891@::1, F=T, T=C:30s;S:10s;R:11s;E:300s')dnl"},
         "smtpd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = print(cases[i].is_sendmail, cases[i].conf);

        for (size_t j = 0; cases[i].want[j] != NULL; j++) {
            char line[300];

            (void)snprintf(line, sizeof(line), "\n%s\n", cases[i].want[j]);
            if (strstr(text, line) == NULL)
                fail_msg("no line \"%s\" in:\n%s", cases[i].want[j], text);
        }
        if (strstr(text, cases[i].unwanted) != NULL)
            fail_msg("\"%s\" is in:\n%s", cases[i].unwanted, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
