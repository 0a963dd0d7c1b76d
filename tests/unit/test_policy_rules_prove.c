/* policy/rules_prove and rules_contradict: rules that can never match are found, with both named;
 * and, for random rules and random messages, no rule that is said to be impossible ever matches,
 * nor any value that is said to be taken. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/exceptions.h"
#include "policy/networks.h"
#include "policy/rules-private.h"
#include "policy/rules_compile.h"
#include "policy/rules_prove.h"
#include "policy/spf/spf.h"
#include "tests/unit/conf_files.h"

static const struct conf_table *const tables[] = {&policy_rule_table, &policy_exception_table};

static bool load(const char *text, struct base_error *error)
{
    struct conf_snapshot *conf = conf_read_text(text, "test.conf", tables, 2, error);
    struct policy_rules *rules =
        conf == NULL ? NULL : policy_rules_create(conf, POLICY_PROOF_STAGES, error);
    bool is_good = rules != NULL;

    policy_rules_destroy(&rules);
    conf_snapshot_unref(&conf);
    return is_good;
}

#define MAIL(name, body)    "rule \"" name "\" { stage = mail  " body " }\n"
#define EOM(name, body)     "rule \"" name "\" { stage = eom  " body " }\n"
#define CONNECT(name, body) "rule \"" name "\" { stage = connect  " body " }\n"
#define RCPT(name, body)    "rule \"" name "\" { stage = rcpt  " body " }\n"
#define UNKNOWN(name, body) "rule \"" name "\" { stage = unknown  " body " }\n"
#define NO                  "  action = reject"

static const struct {
    const char *text;
    /* Each must be in the error; all NULL: it loads. */
    const char *want[4];
} rows[] = {
    /* One takes all of the other. */
    {MAIL("a", NO) MAIL("b", "spf = { fail }" NO),
     {"test.conf:2:", "\"b\"", "\"a\" (test.conf:1)"}},
    {MAIL("a", "spf = { fail, softfail }" NO) MAIL("b", "spf = { fail }" NO), {"\"b\"", "\"a\""}},
    {MAIL("a", "spf = { fail }" NO) MAIL("b", "spf = { fail, softfail }" NO), {NULL}},
    {MAIL("a", "spf = { fail }" NO) MAIL("b", "spf = { fail }  spf-only-all = yes" NO), {"\"b\""}},
    {MAIL("a", "spf = { fail }  spf-only-all = yes" NO) MAIL("b", "spf = { fail }" NO), {NULL}},
    {MAIL("a", "spf = { fail }" NO) MAIL("b", "helo-spf = { fail }" NO), {NULL}},
    {MAIL("a", "direction = inbound" NO) MAIL("b", "direction = outbound" NO), {NULL}},
    /* Several together, over one condition and over two. */
    {MAIL("a", "spf = { fail }" NO) MAIL("b", "spf = { softfail }" NO)
         MAIL("c", "spf = { softfail, fail }" NO),
     {"\"c\"", "rules \"a\" (test.conf:1) and \"b\" (test.conf:2)"}},
    {MAIL("a", "spf = { fail }  helo-spf = { fail }" NO) MAIL("b", "spf = { fail }  helo-spf = { "
                                                                   "pass }" NO)
         MAIL("c", "spf = { fail }  helo-spf = { fail, pass }" NO),
     {"\"c\""}},
    {MAIL("a", "spf = { fail }  helo-spf = { fail }" NO) MAIL("b", "spf = { pass }  helo-spf = { "
                                                                   "pass }" NO)
         MAIL("c", "spf = { fail, pass }  helo-spf = { fail, pass }" NO),
     {NULL}},
    /* What it asks for leaves but one of the words of another fact. */
    {EOM("a", "author = { one }" NO) EOM("b", "dmarc = { fail }" NO), {"\"b\""}},
    {EOM("a", "direction = inbound" NO) EOM("b", "dkim = { fail }" NO), {"\"b\""}},
    {EOM("a", "direction = outbound" NO) EOM("b", "dkim = { fail }" NO), {NULL}},
    {EOM("a", "author = { none }" NO) EOM("b", "dmarc = { fail }" NO), {NULL}},
    /* A fact that is always one of its words. */
    {MAIL("a", "direction = inbound" NO) MAIL("b", "direction = outbound" NO)
         MAIL("c", "direction = trusted" NO) MAIL("d", "client-net = { \"192.0.2.0/24\" }" NO),
     {"\"d\"", "\"c\" (test.conf:3)"}},
    /* One that may be none of them. */
    {EOM("a", "dmarc = { none, pass, fail, temperror, permerror }" NO) EOM("b", NO), {NULL}},
    /* Lists: networks within networks, domains below domains. */
    {MAIL("a", "client-net = { \"192.0.2.0/24\" }" NO)
         MAIL("b", "client-net = { \"192.0.2.7\" }" NO),
     {"\"b\""}},
    {MAIL("a", "client-net = { \"192.0.2.0/24\" }" NO)
         MAIL("b", "client-net = { \"192.0.2.7\", \"192.0.3.1\" }" NO),
     {NULL}},
    {MAIL("a", "client-net = { \"192.0.2.7\" }" NO)
         MAIL("b", "client-net = { \"192.0.2.0/24\" }" NO),
     {NULL}},
    {MAIL("a", "client-net = { \"local\" }" NO) MAIL("b", "client-net = { \"local\" }" NO),
     {"\"b\""}},
    {MAIL("a", "client-net = { \"::ffff:192.0.2.0/120\" }" NO)
         MAIL("b", "client-net = { \"192.0.2.7\" }" NO),
     {"\"b\""}},
    {MAIL("a", "sender-domain = { \".example.org\", \"example.com\" }" NO)
         MAIL("b", "sender-domain = { \".a.example.org\", \"B.Example.ORG\", \"EXAMPLE.com\" }" NO),
     {"\"b\""}},
    {MAIL("a", "sender-domain = { \".example.org\" }" NO)
         MAIL("b", "sender-domain = { \"example.org\" }" NO),
     {NULL}},
    {MAIL("a", "sender-domain = { \"a.example\" }" NO)
         MAIL("b", "sender-domain = { \"b.example\" }" NO)
             MAIL("c", "sender-domain = { \"a.example\", \"b.example\" }" NO),
     {"\"c\"", "\"a\"", "\"b\""}},
    {"rule \"a\" { stage = rcpt  recipient = { \"example.org\" }" NO " }\n"
     "rule \"b\" { stage = rcpt  recipient = { \"x@example.org\" }" NO " }\n",
     {"\"b\""}},
    {"rule \"a\" { stage = rcpt  recipient = { \"x@example.org\" }" NO " }\n"
     "rule \"b\" { stage = rcpt  recipient = { \"y@example.org\" }" NO " }\n",
     {NULL}},
    /* The same option, another fact. */
    {MAIL("a", "helo-spf = { fail }  spf-domain = { \"a.example\" }" NO)
         MAIL("b", "helo-spf = { fail }  spf = { fail }  spf-domain = { \"a.example\" }" NO),
     {NULL}},
    /* More than, and less than. */
    {"rule \"a\" { stage = rcpt  recipients-over = 10" NO " }\n"
     "rule \"b\" { stage = rcpt  recipients-over = 20" NO " }\n",
     {"\"b\""}},
    {"rule \"a\" { stage = rcpt  recipients-over = 20" NO " }\n"
     "rule \"b\" { stage = rcpt  recipients-over = 10" NO " }\n",
     {NULL}},
    {MAIL("a", "cipher-bits-below = 128" NO) MAIL("b", "cipher-bits-below = 112" NO), {"\"b\""}},
    {MAIL("a", "cipher-bits-below = 112" NO) MAIL("b", "cipher-bits-below = 128" NO), {NULL}},
    {MAIL("a", "authenticated = yes" NO) MAIL("b", "authenticated = no" NO) MAIL("c", NO),
     {"\"c\""}},
    {MAIL("a", "tls-below = \"1.3\"" NO) MAIL("b", "tls-below = \"1.3\"  spf = { fail }" NO),
     {"\"b\""}},
    /* What takes nothing. */
    {MAIL("a", "mode = observe" NO) MAIL("b", NO), {NULL}},
    {MAIL("a", "mode = off" NO) MAIL("b", NO), {NULL}},
    {MAIL("a", "enforce-percent = 99" NO) MAIL("b", NO), {NULL}},
    {MAIL("a", "action = continue") MAIL("b", NO), {NULL}},
    {MAIL("a", "action = add-header  header = \"X-A: b\"") MAIL("b", NO), {NULL}},
    {EOM("a", "dmarc = { temperror }  action = tempfail  tempfail-for = \"4h\"")
         EOM("b", "dmarc = { temperror }  action = mark"),
     {NULL}},
    /* Earlier stages: what was refused or accepted there comes to no later one. */
    {MAIL("a", NO) EOM("b", NO),
     {"test.conf:2:", "\"b\"", "\"a\" (test.conf:1, at stage \"mail\")",
      ": narrow that one, or take it away"}},
    {EOM("b", NO) MAIL("a", NO),
     {"test.conf:1:", "\"b\"", "\"a\" (test.conf:2, at stage \"mail\")"}},
    {MAIL("a", NO) RCPT("b", "recipient = { \"a.example\" }" NO), {"\"b\"", "\"a\""}},
    {MAIL("a", "action = tempfail") EOM("b", "action = mark"), {"\"b\"", "\"a\""}},
    {MAIL("a", "action = discard") EOM("b", "action = continue"), {"\"b\"", "\"a\""}},
    {MAIL("a", "action = accept") EOM("b", NO), {"\"b\"", "\"a\""}},
    {MAIL("a", "action = mark") EOM("b", NO), {NULL}},
    {MAIL("a", "action = hold-queue") EOM("b", NO), {NULL}},
    {MAIL("a", "mode = observe" NO) EOM("b", NO), {NULL}},
    {MAIL("a", "enforce-percent = 99" NO) EOM("b", NO), {NULL}},
    {MAIL("a", NO) EOM("b", "mode = observe" NO), {NULL}},
    {CONNECT("a", "client-net = { \"192.0.2.0/24\" }" NO)
         EOM("b", "client-net = { \"192.0.2.7\" }  dmarc = { fail }" NO),
     {"\"b\"", "\"a\" (test.conf:1, at stage \"connect\")"}},
    {CONNECT("a", "client-net = { \"192.0.2.7\" }" NO)
         EOM("b", "client-net = { \"192.0.2.0/24\" }  dmarc = { fail }" NO),
     {NULL}},
    {CONNECT("a", "client-net = { \"192.0.2.7\" }  action = accept")
         UNKNOWN("b", "client-net = { \"192.0.2.7\" }" NO),
     {"\"b\"", "\"a\""}},
    {MAIL("a", NO) UNKNOWN("b", NO), {NULL}},
    {CONNECT("a", "port = 25" NO) MAIL("b", "authenticated = yes" NO)
         RCPT("c", "port = 25  authenticated = yes" NO),
     {"\"c\"", "\"a\" (test.conf:1, at stage \"connect\")"}},
    {MAIL("a", "direction = inbound" NO) EOM("b", "dkim = { fail }" NO), {"\"b\"", "\"a\""}},
    {MAIL("a", "direction = inbound" NO) EOM("b", "dkim = { fail }  authenticated = no" NO),
     {"\"b\""}},
    {MAIL("a", "direction = outbound" NO) EOM("b", "dkim = { fail }" NO), {NULL}},
    {MAIL("a", "spf = { fail }" NO) EOM("b", "spf = { fail }  dkim = { fail }" NO), {"\"b\""}},
    {MAIL("a", "authenticated = no" NO) EOM("b", "authenticated = yes" NO), {NULL}},
    {MAIL("a", "authenticated = no" NO) EOM("b", "spf = { fail }" NO), {"\"b\"", "\"a\""}},
    /* Facts that may be others by then, and clients that say no HELO. */
    {MAIL("a", "helo-spf = { fail }" NO) EOM("b", "helo-spf = { fail }" NO), {NULL}},
    {CONNECT("a", "iprev = { fail }" NO) MAIL("b", "iprev = { fail }" NO), {NULL}},
    {MAIL("a", "size-over = 10" NO) EOM("b", "size-over = 20" NO), {NULL}},
    {MAIL("a", "local-sender-unauthenticated = yes" NO)
         EOM("b", "local-sender-unauthenticated = yes" NO),
     {NULL}},
    {"rule \"a\" { stage = helo" NO " }\n" MAIL("b", NO), {NULL}},
    /* One recipient that was refused or accepted is not the message; reserved mailboxes are spared
     * from RCPT on. */
    {RCPT("a", NO) EOM("b", NO), {NULL}},
    {RCPT("a", "action = accept") EOM("b", NO), {NULL}},
    {"rule \"a\" { stage = data" NO " }\n" EOM("b", NO), {NULL}},
    {"rule \"a\" { stage = data  action = accept }\n" EOM("b", NO), {"\"b\"", "\"a\""}},
    {"rule \"a\" { stage = data  direction = inbound" NO " }\n"
     "rule \"b\" { stage = data  action = accept }\n" EOM("c", NO),
     {NULL}},
    /* What was marked first is not asked about again at that stage. */
    {MAIL("a", "client-net = { \"192.0.2.7\" }  action = mark") MAIL("b", NO) EOM("c", NO), {NULL}},
    {MAIL("a", "client-net = { \"192.0.2.7\" }  action = mark  enforce-percent = 1") MAIL("b", NO)
         EOM("c", NO),
     {NULL}},
    {MAIL("a", "client-net = { \"192.0.2.7\" }  action = mark  mode = observe") MAIL("b", NO)
         EOM("c", NO),
     {"\"c\"", "\"b\""}},
    {MAIL("b", "spf = { fail }" NO) MAIL("a", "action = mark") EOM("c", "spf = { fail }" NO),
     {"\"c\"", "\"b\""}},
    /* Rules about DMARC have exceptions; one that has none may get what those leave. */
    {EOM("a", "dmarc = { fail }" NO) EOM("b", "dmarc = { fail }  spf = { fail }" NO), {"\"b\""}},
    {EOM("a", "dmarc = { fail }" NO) EOM("b", "dmarc = { fail }  action = accept"), {NULL}},
    {EOM("a", "dmarc = { fail }  action = accept") EOM("b", "dmarc = { fail }" NO), {"\"b\""}},
    /* What is not enforced, or not for all, may be behind anything; what only notes may not. */
    {MAIL("a", NO) MAIL("b", "mode = observe" NO), {NULL}},
    {MAIL("a", NO) MAIL("b", "enforce-percent = 10" NO), {NULL}},
    {MAIL("a", NO) MAIL("b", "action = continue"), {"\"b\""}},
    {MAIL("a", "action = accept") MAIL("b", "spf = { fail }  action = mark"), {"\"b\""}},
    {MAIL("a", "action = mark") MAIL("b", "spf = { fail }" NO), {"\"b\"", "take it away"}},

    /* Conditions that exclude each other. */
    {MAIL("a", "spf = { }" NO), {"test.conf:1:", "\"a\"", "`spf` is empty"}},
    {MAIL("a", "client-net = { }" NO), {"`client-net` is empty"}},
    {MAIL("a", "client-net = { }  mode = observe" NO), {NULL}},
    {MAIL("a", "direction = outbound  spf = { fail }" NO), {"`spf` is not evaluated for outbound"}},
    {EOM("a", "direction = trusted  dmarc = { fail }" NO),
     {"`dmarc` is not evaluated for trusted"}},
    {EOM("a", "direction = outbound  mailing-list = yes" NO), {"`mailing-list`"}},
    {EOM("a", "direction = outbound  author = { none }" NO), {NULL}},
    {EOM("a", "dmarc = { pass }  dmarc-disposition = { reject }" NO), {"`dmarc-disposition`"}},
    {EOM("a", "dmarc = { pass, fail }  dmarc-disposition = { reject }" NO), {NULL}},
    {EOM("a", "dmarc = { pass }  dmarc-disposition = { reject, none }" NO), {NULL}},
    {EOM("a", "dmarc = { none }  dmarc-policy = { reject }" NO), {"`dmarc-policy`"}},
    {EOM("a", "author = { none, multiple }  dmarc = { fail }" NO), {"`author`", "`dmarc`"}},
    {EOM("a", "author = { none }  author-domain = { \"a.example\" }" NO), {"`author-domain`"}},
    {EOM("a", "author = { none, one }  author-domain = { \"a.example\" }" NO), {NULL}},
    {MAIL("a", "authenticated = no  auth-mechanism = { \"PLAIN\" }" NO),
     {"test.conf:1:", "`authenticated`", "`auth-mechanism`"}},
    {MAIL("a", "authenticated = no  auth-mechanism = { \"!SCRAM-*\" }" NO), {"`auth-mechanism`"}},
    {MAIL("a", "authenticated = yes  auth-mechanism = { \"PLAIN\" }" NO), {NULL}},
    {MAIL("a", "authenticated = no  sender-owned = yes" NO), {"`sender-owned`"}},
    {MAIL("a", "authenticated = no  sender-owned = no" NO), {NULL}},
    {EOM("a", "authenticated = no  author-owned = yes" NO), {"`author-owned`"}},
    /* A mechanism is that of a login. */
    {MAIL("a", "authenticated = yes" NO) MAIL("b", "auth-mechanism = { \"PLAIN\" }" NO),
     {"\"b\"", "\"a\" (test.conf:1)"}},
    {MAIL("a", "authenticated = no" NO) MAIL("b", "auth-mechanism = { \"PLAIN\" }" NO), {NULL}},
    /* A login's mail is outbound, a stranger's inbound. */
    {MAIL("a", "authenticated = yes  direction = inbound" NO), {"`direction`", "`authenticated`"}},
    {MAIL("a", "authenticated = no  direction = outbound" NO), {NULL}},
    {MAIL("a", "direction = trusted  auth-mechanism = { \"PLAIN\" }" NO), {"`auth-mechanism`"}},
    {MAIL("a", "direction = inbound  sender-owned = yes" NO), {"`sender-owned`"}},
    {MAIL("a", "direction = inbound  sender-owned = no" NO), {NULL}},
    {MAIL("a", "direction = trusted  sender-owned = no" NO), {"`sender-owned`"}},
    {MAIL("a", "direction = outbound  local-sender-unauthenticated = yes" NO), {"`direction`"}},
    {MAIL("a", "direction = outbound  local-sender-unauthenticated = no" NO), {NULL}},
    {MAIL("a", "authenticated = yes  local-sender-unauthenticated = yes" NO), {"`authenticated`"}},
    {MAIL("a", "spf = { fail }  auth-mechanism = { \"PLAIN\" }" NO),
     {"`spf`", "`auth-mechanism`", "different directions"}},
    {EOM("a", "bulk = yes  dkim = { fail }" NO), {"`bulk`", "different directions"}},
    {EOM("a", "author = { none }  bulk = yes" NO), {"`author`", "`bulk`"}},
    {MAIL("a", "spf = { fail }  sender-owned = yes" NO), {"\"a\" can never match", "is never so"}},
    {MAIL("a", "spf = { fail }  authenticated = yes" NO), {"\"a\" can never match"}},
    {MAIL("a", "spf = { fail }  authenticated = no" NO), {NULL}},
    {MAIL("a", "auth-mechanism = { }" NO), {"test.conf:1:", "`auth-mechanism` is empty"}},
    {MAIL("a", "auth-mechanism = { }  mode = observe" NO), {NULL}},
    /* Versions are in an order. */
    {MAIL("a", "tls-below = \"1.3\"" NO) MAIL("b", "tls-below = \"1.2\"" NO), {"\"b\"", "\"a\""}},
    {MAIL("a", "tls-below = \"1.2\"" NO) MAIL("b", "tls-below = \"1.3\"" NO), {NULL}},
    /* Actions that do nothing to what the rule matches, be it only observed. */
    {MAIL("a", "authenticated = no  action = add-sender"),
     {"test.conf:1:", "\"a\" can do nothing", "`add-sender`", "`authenticated = yes`"}},
    {MAIL("a", "authenticated = no  action = replace-sender  mode = observe"),
     {"`replace-sender`", "can do nothing"}},
    {MAIL("a", "authenticated = yes  action = add-sender"), {NULL}},
    {MAIL("a", "direction = inbound  action = add-sender"), {"can do nothing", "outbound"}},
    {MAIL("a", "direction = outbound  action = add-sender"), {NULL}},
    {MAIL("a", "spf = { fail }  action = replace-sender"), {"can do nothing"}},
    {MAIL("a", "sender-owned = no  action = add-sender"), {NULL}},
    {MAIL("a", "direction = trusted  action = no-sign"), {"can do nothing", "signed"}},
    {EOM("a", "dmarc = { fail }  action = no-sign"), {"can do nothing"}},
    {MAIL("a", "authenticated = no  action = no-sign"), {NULL}},
};

static void test_load(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};
        bool is_good = load(rows[i].text, &error);

        if (is_good != (rows[i].want[0] == NULL))
            fail_msg("%s: %s", rows[i].text, is_good ? "is taken" : error.text);
        for (size_t j = 0; j < 4 && rows[i].want[j] != NULL; j++)
            if (strstr(error.text, rows[i].want[j]) == NULL)
                fail_msg("%s: no %s in: %s", rows[i].text, rows[i].want[j], error.text);
    }
}

/* What a file holds today proves nothing; that all of it is taken, whatever it is, does. */
static void test_files(void **state)
{
    static const struct {
        const char *text;
        /* NULL: it loads. */
        const char *want;
        /* With what the files hold now. */
        bool is_impossible;
    } cases[] = {
        {MAIL("a", "sender-domain = { \"file:none\" }" NO), NULL, true},
        {MAIL("a", "sender-domain = { }" NO), "`sender-domain` is empty", true},
        {MAIL("b", "sender-domain = { \"x.example\" }" NO)
             MAIL("a", "sender-domain = { \"file:one\" }" NO),
         NULL, true},
        {MAIL("b", "sender-domain = { \"file:one\" }" NO)
             MAIL("a", "sender-domain = { \"x.example\" }" NO),
         NULL, true},
        {MAIL("b", "sender-domain = { \"file:one\" }" NO)
             MAIL("a", "sender-domain = { \"file:one\", \"y.example\" }" NO),
         NULL, false},
        {MAIL("b", NO) MAIL("a", "sender-domain = { \"file:one\" }" NO), "\"b\"", true},
        {MAIL("b", "spf = { fail }" NO)
             MAIL("a", "sender-domain = { \"file:none\" }  spf = { fail }" NO),
         "\"b\"", true},
        {CONNECT("closed", "client-net = { \"file:all\" }  action = tempfail")
             EOM("a", "client-net = { \"192.0.2.1\" }" NO),
         NULL, true},
        {CONNECT("a", "client-net = { \"file:none\" }  action = accept  bypass = all"), NULL, true},
        {MAIL("a", "auth-mechanism = { \"file:none\" }" NO), NULL, true},
    };
    const struct conf_files *files = *state;
    char path[128];

    (void)conf_files_write(files, "none", "# nobody today\n", 15, 0600);
    (void)conf_files_write(files, "all", "0.0.0.0/0\n::/0\nlocal\n", 21, 0600);
    (void)conf_files_write(files, "one", "x.example\n", 10, 0600);
    /* File items are relative to the file that names them. */
    snprintf(path, sizeof(path), "%s/test.conf", files->folder);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct policy_rule_proof proof;
        struct conf_snapshot *conf = conf_read_text(cases[i].text, path, tables, 2, &error);
        struct policy_rules *rules =
            conf == NULL ? NULL : policy_rules_create(conf, POLICY_PROOF_STAGES, &error);

        if ((rules != NULL) != (cases[i].want == NULL) ||
            (rules == NULL && strstr(error.text, cases[i].want) == NULL))
            fail_msg("%s: %s", cases[i].text, error.text);
        policy_rules_destroy(&rules);
        rules = policy_rules_compile(conf, &error);
        assert_non_null(rules);
        policy_rule_prove(rules, rules->count - 1, POLICY_PROOF_STAGES | POLICY_PROOF_FILES,
                          &proof);
        if (proof.is_impossible != cases[i].is_impossible)
            fail_msg("%s: with its files", cases[i].text);
        policy_rules_destroy(&rules);
        conf_snapshot_unref(&conf);
    }
}

/* --- random rules, random messages ---------------------------------------------------------------
 */

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (unsigned)(dice->state >> 33) % sides;
}

static const char *const spf_words[] = {"none",     "neutral",   "pass",     "fail",
                                        "softfail", "temperror", "permerror"};
static const char *const dkim_words[] = {"none",    "pass",      "fail",     "policy",
                                         "neutral", "temperror", "permerror"};
static const char *const dmarc_words[] = {"none", "pass", "fail", "temperror", "permerror"};
static const char *const policy_words[] = {"none", "quarantine", "reject"};
static const char *const author_words[] = {"unknown", "one", "multiple", "none", "invalid"};
static const char *const display_words[] = {"none", "same", "other-domain"};
static const char *const direction_words[] = {"inbound", "outbound", "trusted"};
static const char *const bool_words[] = {"no", "yes"};
static const char *const nets[] = {"192.0.2.0/24", "192.0.2.1", "192.0.2.0/25", "198.51.100.9",
                                   "192.0.2.200"};
static const char *const domains[] = {"a.example", ".a.example", "b.a.example", "c.example",
                                      ".example"};
static const char *const recipients[] = {"a.example", "x@a.example", "y@a.example", "@c.example"};

enum list_kind {
    ONE,
    WORDS,
    ITEMS,
};

#define POOL(name, kind, words, stage)                                              \
    {                                                                               \
        name, kind, words, sizeof(words) / sizeof((words)[0]), POLICY_STAGE_##stage \
    }

static const struct {
    const char *option;
    enum list_kind kind;
    const char *const *words;
    unsigned count;
    enum policy_stage known_from;
} pools[] = {
    POOL("direction", ONE, direction_words, MAIL),
    POOL("spf", WORDS, spf_words, MAIL),
    POOL("helo-spf", WORDS, spf_words, MAIL),
    POOL("spf-only-all", ONE, bool_words, MAIL),
    POOL("dkim", WORDS, dkim_words, EOM),
    POOL("dmarc", WORDS, dmarc_words, EOM),
    POOL("dmarc-policy", WORDS, policy_words, EOM),
    POOL("dmarc-disposition", WORDS, policy_words, EOM),
    POOL("author", WORDS, author_words, EOM),
    POOL("display-address", WORDS, display_words, EOM),
    POOL("author-domain", ITEMS, domains, EOM),
    POOL("sender-domain", ITEMS, domains, MAIL),
    POOL("client-net", ITEMS, nets, CONNECT),
    POOL("recipient", ITEMS, recipients, EOM),
    POOL("spf-domain", ITEMS, domains, MAIL),
    POOL("authenticated", ONE, bool_words, MAIL),
};

#define POOL_COUNT ((unsigned)(sizeof(pools) / sizeof(pools[0])))

static void write_condition(struct dice *dice, size_t pool, struct base_buf *out)
{
    unsigned count = pools[pool].count;

    if (pools[pool].kind == ONE) {
        base_buf_appendf(out, "  %s = %s", pools[pool].option,
                         pools[pool].words[roll(dice, count)]);
        return;
    }
    base_buf_appendf(out, "  %s = { ", pools[pool].option);
    unsigned first = roll(dice, count);
    /* Mostly much of it, so that rules cover each other. */
    unsigned length = 1 + roll(dice, count);

    for (unsigned i = 0; i < length; i++)
        base_buf_appendf(out, "%s\"%s\"", i == 0 ? "" : ", ",
                         pools[pool].words[(first + i) % count]);
    base_buf_append_cstr(out, " }");
}

static void write_rules(struct dice *dice, struct base_buf *out)
{
    static const char *const actions[] = {"reject", "mark",    "accept",  "reject",
                                          "reject", "discard", "continue"};
    static const char *const modes[] = {
        "", "", "", "", "  mode = observe", "  enforce-percent = 50"};
    /* Seldom early: what is taken there is taken of all that follow. */
    static const enum policy_stage stages[] = {
        POLICY_STAGE_EOM, POLICY_STAGE_EOM, POLICY_STAGE_EOM,  POLICY_STAGE_EOM,
        POLICY_STAGE_EOM, POLICY_STAGE_EOM, POLICY_STAGE_MAIL, POLICY_STAGE_CONNECT};
    /* Few options a configuration, so that its rules meet. */
    size_t few[3] = {roll(dice, POOL_COUNT), roll(dice, POOL_COUNT), roll(dice, POOL_COUNT)};

    for (unsigned i = 0; i < 6; i++) {
        enum policy_stage stage = stages[roll(dice, 8)];
        const char *action = actions[roll(dice, 7)];

        if (stage == POLICY_STAGE_CONNECT && strcmp(action, "discard") == 0)
            action = "reject";
        base_buf_appendf(out, "rule \"%u\" { stage = %s  action = %s%s", i,
                         policy_stage_text(stage), action, modes[roll(dice, 6)]);
        for (unsigned j = roll(dice, 4); j > 0; j--) {
            size_t pool = few[j - 1];

            if (pools[pool].known_from > stage || (j == 1 && (pool == few[1] || pool == few[2])) ||
                (j == 2 && pool == few[2]))
                continue;
            write_condition(dice, pool, out);
        }
        base_buf_append_cstr(out, " }\n");
    }
}

/* A message, its parts as they can be together. */
struct message {
    struct spf_outcome spf;
    struct spf_outcome helo_spf;
    struct dmarc_outcome dmarc;
    unsigned dkim;
    enum policy_author_outcome author;
    enum policy_direction direction;
    struct dns_name author_domain;
    struct dns_name spf_domain[2];
    struct policy_address sender;
    struct policy_client client;
    struct policy_recipient recipient;
    bool has_login;
    /* Names of the rules that matched, as bits. */
    unsigned matched;
};

static const struct spf_outcome *get_spf(void *context)
{
    struct message *message = context;

    return message->direction == POLICY_DIRECTION_INBOUND ? &message->spf : NULL;
}

static const struct spf_outcome *get_helo_spf(void *context)
{
    struct message *message = context;

    return message->direction == POLICY_DIRECTION_INBOUND ? &message->helo_spf : NULL;
}

static bool get_spf_domain(void *context, bool is_helo, struct dns_name *domain_r)
{
    struct message *message = context;

    *domain_r = message->spf_domain[is_helo];
    return message->direction == POLICY_DIRECTION_INBOUND;
}

static const char *get_dkim(void *context)
{
    struct message *message = context;

    return message->direction == POLICY_DIRECTION_INBOUND ? dkim_words[message->dkim] : NULL;
}

static const struct dmarc_outcome *get_dmarc(void *context)
{
    struct message *message = context;

    return message->direction == POLICY_DIRECTION_INBOUND && message->author == POLICY_AUTHOR_ONE
               ? &message->dmarc
               : NULL;
}

static enum policy_author_outcome get_author(void *context)
{
    struct message *message = context;

    return message->author;
}

static void note_match(void *context, const char *rule, enum policy_stage stage,
                       enum policy_rule_mode mode, bool is_over)
{
    struct message *message = context;

    (void)stage;
    (void)mode;
    (void)is_over;
    message->matched |= 1U << (rule[0] - '0');
}

static struct dns_name some_domain(struct dice *dice)
{
    static const char *const names[] = {"a.example",     "b.a.example", "c.example",
                                        "x.b.a.example", "d.example",   "example"};
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(names[roll(dice, 6)])), DNS_NAME_OK);
    return name;
}

static void make_message(struct dice *dice, struct message *message)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.100", "192.0.2.200",
                                            "198.51.100.9", "203.0.113.1"};
    static const char *const paths[] = {"x@a.example", "y@a.example", "z@a.example", "x@c.example",
                                        "x@d.example"};

    *message = (struct message){.dkim = roll(dice, 7)};
    message->spf.verdict = (enum spf_verdict)roll(dice, 7);
    message->spf.is_only_all = roll(dice, 2) == 0;
    message->helo_spf.verdict = (enum spf_verdict)roll(dice, 7);
    message->dmarc.result = (enum dmarc_result)roll(dice, 5);
    message->dmarc.has_record = message->dmarc.result != DMARC_RESULT_NONE;
    message->dmarc.policy = (enum dmarc_policy)roll(dice, 3);
    if (message->dmarc.result == DMARC_RESULT_FAIL)
        message->dmarc.disposition = message->dmarc.policy;
    message->author =
        roll(dice, 2) == 0 ? POLICY_AUTHOR_ONE : (enum policy_author_outcome)roll(dice, 5);
    message->direction =
        roll(dice, 2) == 0 ? POLICY_DIRECTION_INBOUND : (enum policy_direction)roll(dice, 3);
    /* direction.c */
    message->has_login = message->direction == POLICY_DIRECTION_OUTBOUND && roll(dice, 2) == 0;
    message->author_domain = some_domain(dice);
    message->spf_domain[0] = some_domain(dice);
    message->spf_domain[1] = some_domain(dice);
    message->sender = (struct policy_address){.kind = POLICY_ADDRESS_DOMAIN};
    message->sender.domain = some_domain(dice);
    message->client.family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, addresses[roll(dice, 5)], message->client.address), 1);
    message->recipient.address = base_text_of(paths[roll(dice, 5)]);
}

/* A word that a rule matched with is among those that were said to be left. */
static void check_left(const struct policy_rule *rule, const struct policy_rule_proof *proof,
                       const struct message *message, const char *text)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        const char *name = rule->conditions[i].row->option.name;
        unsigned word;

        if (strcmp(name, "spf") == 0)
            word = message->spf.verdict;
        else if (strcmp(name, "dmarc") == 0)
            word = message->dmarc.result;
        else if (strcmp(name, "author") == 0)
            word = message->author;
        else if (strcmp(name, "direction") == 0)
            word = message->direction;
        else
            continue;
        if ((proof->left[i] & UINT64_C(1) << word) == 0)
            fail_msg("rule %s matched with a %s that is said to be taken:\n%s", rule->name, name,
                     text);
    }
}

/* As stage_rules.c does: a mark goes on, a refusal and an accept do not. */
static void go_through_stages(const struct policy_rules *rules,
                              const struct policy_rule_facts *facts, struct base_arena *arena,
                              struct policy_rule_hit **hits)
{
    static const enum policy_stage stages[] = {POLICY_STAGE_CONNECT, POLICY_STAGE_MAIL,
                                               POLICY_STAGE_EOM};

    for (size_t i = 0; i < 3; i++) {
        const struct policy_verdict *verdict =
            policy_rules_decide(rules, stages[i], facts, arena, hits);

        if (verdict != NULL && verdict->action != POLICY_ACTION_MARK)
            return;
    }
}

static unsigned try_messages(struct dice *dice, const struct policy_rules *rules,
                             const struct policy_exceptions *exceptions, const char *text)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    struct policy_rule_proof *proofs = base_arena_alloc(arena, rules->count * sizeof(*proofs));
    unsigned proven = 0;

    for (size_t i = 0; i < rules->count; i++) {
        policy_rule_prove(rules, i, POLICY_PROOF_STAGES, &proofs[i]);
        proven += proofs[i].is_impossible;
    }
    for (int i = 0; i < 300; i++) {
        struct policy_rule_hit *hits = NULL;
        struct message message;

        make_message(dice, &message);
        struct policy_rule_facts facts = {
            .direction = message.direction,
            .client = &message.client,
            .sender = &message.sender,
            .recipients = &message.recipient,
            .context = &message,
            .spf = get_spf,
            .helo_spf = get_helo_spf,
            .spf_domain = get_spf_domain,
            .dkim = get_dkim,
            .dmarc = get_dmarc,
            .author = get_author,
            .author_domain = message.author == POLICY_AUTHOR_ONE ? &message.author_domain : NULL,
            .display_address = (enum policy_display_address)roll(dice, 3),
            .exceptions = exceptions,
            .note_match = note_match,
        };

        facts.session.login = message.has_login ? BASE_TEXT("alice") : BASE_TEXT("");
        go_through_stages(rules, &facts, arena, &hits);
        for (size_t j = 0; j < rules->count; j++) {
            if ((message.matched & 1U << j) == 0)
                continue;
            if (proofs[j].is_impossible)
                fail_msg("rule %zu matched, and is said to be impossible:\n%s", j, text);
            check_left(&rules->items[j], &proofs[j], &message, text);
        }
    }
    base_arena_destroy(&arena);
    return proven;
}

static void test_random(void **state)
{
    struct dice dice = {UINT64_C(0x9e3779b97f4a7c15)};
    unsigned proven = 0, rules_seen = 0;

    (void)state;
    for (int i = 0; i < 1500; i++) {
        struct base_error error;
        struct base_buf text;

        base_buf_init(&text, NULL, 65536);
        write_rules(&dice, &text);
        struct conf_snapshot *conf =
            conf_read_text(base_buf_cstr(&text), "test.conf", tables, 2, &error);

        if (conf == NULL)
            fail_msg("%s\n%s", error.text, base_buf_cstr(&text));
        struct policy_rules *rules = policy_rules_compile(conf, &error);
        struct policy_exceptions *exceptions = policy_exceptions_create(conf, NULL, NULL, &error);

        assert_non_null(rules);
        rules_seen += (unsigned)rules->count;
        proven += try_messages(&dice, rules, exceptions, base_buf_cstr(&text));
        policy_exceptions_destroy(&exceptions);
        policy_rules_destroy(&rules);
        conf_snapshot_unref(&conf);
        base_buf_deinit(&text);
    }
    /* The proof must find something, and not everything. */
    assert_in_range(proven, rules_seen / 20, rules_seen * 2 / 3);
}

/* What would take for ever to be told apart is not told apart. */
static void test_bounds(void **state)
{
    struct base_error error;
    struct base_buf text;

    (void)state;
    base_buf_init(&text, NULL, 1 << 22);
    for (unsigned i = 0; i < 300; i++) {
        base_buf_appendf(&text,
                         "rule \"%u\" { stage = eom  action = reject  spf = { %s, %s }  dkim = { "
                         "%s, %s }  helo-spf = { %s, %s }  sender-domain = { ",
                         i, spf_words[i % 7], spf_words[i / 7 % 7], dkim_words[i % 5],
                         dkim_words[i / 5 % 7], spf_words[i % 3], spf_words[i / 3 % 7]);
        for (unsigned j = 0; j < 70; j++)
            base_buf_appendf(&text, "%s\"d%u.example\"", j == 0 ? "" : ", ", i * 3 + j);
        base_buf_append_cstr(&text, " } }\n");
    }
    if (!load(base_buf_cstr(&text), &error))
        fail_msg("%s", error.text);
    base_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test_setup_teardown(test_files, conf_files_setup, conf_files_teardown),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
