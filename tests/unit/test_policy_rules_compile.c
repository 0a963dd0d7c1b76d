/* policy/rules_compile: what is wrong with a rule is said with file, line, value and mend. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "conf/conf.h"
#include "policy/rules.h"
#include "policy/rules_compile.h"

static bool load(const char *text, struct base_error *error)
{
    static const struct conf_table *const tables[] = {&policy_rule_table};
    struct conf_snapshot *conf = conf_read_text(text, "test.conf", tables, 1, error);
    struct policy_rules *rules =
        conf == NULL ? NULL : policy_rules_create(conf, POLICY_PROOF_STAGES, error);
    bool is_good = rules != NULL;

    policy_rules_destroy(&rules);
    conf_snapshot_unref(&conf);
    return is_good;
}

struct row {
    const char *text;
    /* Each must be in the error; all NULL: it loads. */
    const char *want[3];
};

#define RULE(body) "\nrule \"r\" {\n  " body "\n}\n"
#define AT3        "test.conf:3:"

static const struct row rows[] = {
    {"", {NULL}},
    {RULE("stage = eom\n  action = reject"), {NULL}},
    {RULE("stage = eom  action = reject  code = \"554\"  enhanced-code = \"5.7.999\""), {NULL}},
    {RULE("stage = eom  action = tempfail  code = \"421\"  enhanced-code = \"4.0.0\""), {NULL}},
    {RULE("stage = connect  client-net = { \"192.0.2.0/24\" }  action = reject"), {NULL}},
    {RULE("stage = helo  helo-spf = { fail }  action = reject"), {NULL}},
    {RULE("stage = rcpt  recipient = { \"a@example.org\", \"@example.org\", \"example.org\" }  "
          "action = reject"),
     {NULL}},

    {RULE("action = reject"), {"test.conf:2:", "no `stage`", "stage = eom"}},
    {RULE("stage = eom"), {"test.conf:2:", "no `action`", "action = reject"}},
    {RULE("stage = never  action = reject"), {AT3, "stage", "never"}},
    {RULE("stage = eom  action = explode"), {AT3, "action", "explode"}},
    {RULE("stage = eom  action = reject  mode = maybe"), {AT3, "mode", "maybe"}},
    {RULE("stage = eom  action = reject  spf = { broken }"), {AT3, "spf", "broken"}},
    {RULE("stage = eom  action = reject  colour = red"), {AT3, "colour"}},

    /* A fact that the stage does not know. */
    {RULE("stage = helo  spf = { fail }  action = reject"), {AT3, "`spf`", "stage = mail"}},
    {RULE("stage = connect  helo-spf = { fail }  action = reject"),
     {AT3, "`helo-spf`", "stage = helo"}},
    {RULE("stage = helo  spf-only-all = true  action = reject"),
     {AT3, "`spf-only-all`", "stage = mail"}},
    {RULE("stage = eoh  dkim = { fail }  action = reject"), {AT3, "`dkim`", "stage = eom"}},
    {RULE("stage = eoh  dmarc = { fail }  action = reject"), {AT3, "`dmarc`", "stage = eom"}},
    {RULE("stage = data  dmarc-disposition = { reject }  action = reject"),
     {AT3, "`dmarc-disposition`", "stage = eom"}},
    {RULE("stage = data  author = { none }  action = reject"), {AT3, "`author`", "stage = eoh"}},
    {RULE("stage = helo  sender-domain = { \"a.example\" }  action = reject"),
     {AT3, "`sender-domain`", "stage = mail"}},
    {RULE("stage = mail  recipient = { \"a.example\" }  action = reject"),
     {AT3, "`recipient`", "stage = rcpt"}},
    {RULE("stage = helo  direction = inbound  action = reject"),
     {AT3, "`direction`", "stage = mail"}},

    /* What the stage or the action cannot do. */
    {RULE("stage = connect  action = discard"), {AT3, "discard", "stage = mail"}},
    {RULE("stage = helo  action = discard"), {AT3, "discard", "stage = mail"}},
    {RULE("stage = rcpt  action = discard"), {AT3, "discard", "stage = data"}},
    {RULE("stage = eom  action = mark  code = \"550\""), {AT3, "`code`", "reject"}},
    {RULE("stage = eom  action = accept  enhanced-code = \"5.7.1\""),
     {AT3, "`enhanced-code`", "reject"}},
    {RULE("stage = eom  action = discard  text = \"x\""), {AT3, "`text`", "reject"}},

    /* Codes. */
    {RULE("stage = eom  action = reject  code = \"451\""), {AT3, "451", "5yz"}},
    {RULE("stage = eom  action = tempfail  code = \"550\""), {AT3, "550", "4yz"}},
    {RULE("stage = eom  action = reject  code = \"55\""), {AT3, "5yz"}},
    {RULE("stage = eom  action = reject  code = \"5500\""), {AT3, "5yz"}},
    {RULE("stage = eom  action = reject  code = \"5x0\""), {AT3, "5yz"}},
    {RULE("stage = eom  action = reject  code = \"560\""), {AT3, "5yz"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"4.7.1\""), {AT3, "4.7.1", "5.y.z"}},
    {RULE("stage = eom  action = tempfail  enhanced-code = \"5.7.1\""), {AT3, "5.7.1", "4.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.7\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.7.\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5..1\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.7.1.2\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.7.1000\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5. 7. 1\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.+7.-1\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.07.1\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"55.7.1\""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  enhanced-code = \"5.7.1 \""), {AT3, "5.y.z"}},
    {RULE("stage = eom  action = reject  text = \"\""), {AT3, "`text = \"\"`", "printable"}},
    {RULE("stage = eom  action = reject  text = \"caf\xc3\xa9\""), {AT3, "`text", "printable"}},
    {RULE("stage = eom  action = reject  text = { \"a %{queue-id}\", \"%{Id} b\" }"),
     {AT3, "`text", "do you mean \"%{id}\""}},
    {RULE("stage = helo  action = reject  text = \"%{helo} %{sender}\""),
     {AT3, "\"%{sender}\" is not known yet", "stage = mail"}},
    {RULE("stage = eom  action = reject  text = \"%{helo\""), {AT3, "`text", "without \"}\""}},
    {RULE("stage = eom  action = reject\n  text = { \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", "
          "\"7\", \"8\", \"9\" }"),
     {"test.conf:4:", "9 lines", "at most 8"}},
    {RULE("stage = eom  action = reject  text = { \"1\", \"2 %{dmarc}\" }"), {NULL}},

    /* Values. */
    {RULE("stage = eom  action = reject  client-net = { \"192.0.2.1/24\" }"),
     {AT3, "client-net", "192.0.2.1/24"}},
    {RULE("stage = eom  action = reject  client-net = { \"example.org\" }"),
     {AT3, "client-net", "example.org"}},
    {RULE("stage = eom  action = reject  sender-domain = { \"a..b\" }"),
     {AT3, "sender-domain", "a..b"}},
    {RULE("stage = eom  action = reject  recipient = { \"a b\" }"), {AT3, "recipient", "a b"}},
    {RULE("stage = eom  action = reject  recipient = { \"a@\" }"), {AT3, "recipient", "a@"}},
    /* A rule that is off is checked like others: it is there to be switched on. */
    {RULE("stage = eom  mode = off  action = reject  client-net = { \"x\" }"),
     {AT3, "client-net", "x"}},

    /* What can never happen. */
    {"rule \"a\" { stage = eom  action = reject }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n",
     {"test.conf:2:", "\"b\"", "\"a\""}},
    {"rule \"a\" { stage = mail  action = accept }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n",
     {"test.conf:2:", "\"b\"", "\"a\" (test.conf:1, at stage \"mail\")"}},
    {"rule \"a\" { stage = eom  mode = observe  action = reject }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n",
     {NULL}},
    {"rule \"a\" { stage = eom  action = continue }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n",
     {NULL}},
    {"rule \"a\" { stage = eom  action = reject }\n"
     "rule \"b\" { stage = eom  mode = observe  spf = { fail }  action = reject }\n",
     {NULL}},
};

static void test_load(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        if (load(rows[i].text, &error) != (rows[i].want[0] == NULL))
            fail_msg("row %zu: %s%s", i, rows[i].text, error.text);
        for (size_t k = 0; k < 3 && rows[i].want[k] != NULL; k++)
            if (strstr(error.text, rows[i].want[k]) == NULL)
                fail_msg("row %zu: no \"%s\" in: %s", i, rows[i].want[k], error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_load)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
