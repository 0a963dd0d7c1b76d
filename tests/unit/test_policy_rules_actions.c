/* policy/rules_fields, rules_share, stage_fields, stage_rules: what rules do beside refusing, for
 * whom, and with which recipients. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/rules.h"
#include "policy/rules_explain.h"
#include "tests/unit/policy_world.h"

static int setup(void **state)
{
    static struct world world;

    world_init(&world);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    return 0;
}

static const struct policy_decision *decision(const struct world *world)
{
    return policy_session_decision(world->session);
}

static const struct policy_verdict *rcpt(struct world *world, const char *path)
{
    return policy_session_rcpt(world->session, base_text_of(path));
}

/* The edits but for Authentication-Results, as "-Name:index" and "+Name: value", '|' between. */
static void print_edits(const struct world *world, struct base_buf *out)
{
    const struct policy_edits *edits = policy_session_edits(world->session);

    for (const struct policy_edit *edit = edits->first; edit != NULL; edit = edit->next) {
        if (base_text_equals(edit->name, BASE_TEXT("Authentication-Results")))
            continue;
        if (out->length > 0)
            base_buf_append_char(out, '|');
        if (edit->op == POLICY_EDIT_DELETE)
            base_buf_appendf(out, "-%s:%u", edit->name.data, edit->index);
        else
            base_buf_appendf(out, "+%s:%s", edit->name.data, edit->value.data);
    }
}

static const struct {
    const char *rules;
    const char *want;
    enum policy_action action;
} field_rows[] = {
    {"rule \"r\" { stage = eom  action = add-header  header = \"X-A: one\" }", "+X-A: one",
     POLICY_ACTION_CONTINUE},
    /* The first rule's stands at the top: it is inserted last. */
    {"rule \"r\" { stage = eom  action = add-header  header = { \"X-A: 1\", \"X-A: 2\" } }\n"
     "rule \"s\" { stage = eom  action = add-header  header = \"X-C: 3\" }",
     "+X-C: 3|+X-A: 2|+X-A: 1", POLICY_ACTION_CONTINUE},
    /* Said at any stage, with what that stage knows. */
    {"rule \"c\" { stage = connect  action = add-header  header = \"X-C: %{client-address}\" }\n"
     "rule \"h\" { stage = helo  action = add-header  header = \"X-H: %{helo}\" }\n"
     "rule \"m\" { stage = mail  action = add-header  header = \"X-M: %{sender} %{login}\" }\n"
     "rule \"r\" { stage = rcpt  action = add-header  header = \"X-R: %{recipient}\" }\n"
     "rule \"d\" { stage = data  action = add-header  header = \"X-D: %{recipients}\" }\n"
     "rule \"e\" { stage = eoh  action = add-header  header = \"X-E: %{author-domain}\" }\n",
     "+X-E: example.com|+X-D: 2|+X-R: b@example.org|+X-M: a@example.com -|+X-H: client.example|"
     "+X-C: 192.0.2.1",
     POLICY_ACTION_CONTINUE},
    /* What is there already: another one, or none. */
    {"rule \"r\" { stage = eom  action = add-header  header = \"Subject-Note: x\" }",
     "+Subject-Note: x", POLICY_ACTION_CONTINUE},
    {"rule \"r\" { stage = eom  action = add-header  header = \"X-Old: mine\" }", "+X-Old: mine",
     POLICY_ACTION_CONTINUE},
    {"rule \"r\" { stage = eom  action = replace-header  header = \"X-OLD: mine\" }",
     "-X-Old:2|-x-old:1|+X-OLD: mine", POLICY_ACTION_CONTINUE},
    {"rule \"r\" { stage = mail  action = replace-header  header = \"X-Old: 1\" }\n"
     "rule \"s\" { stage = eom  action = replace-header  header = \"x-old: 2\" }",
     "-X-Old:2|-x-old:1|+x-old: 2", POLICY_ACTION_CONTINUE},
    {"rule \"r\" { stage = mail  action = replace-header  header = \"X-Old: 1\" }\n"
     "rule \"s\" { stage = eom  action = add-header  header = \"X-Old: 2\" }",
     "-X-Old:2|-x-old:1|+X-Old: 2|+X-Old: 1", POLICY_ACTION_CONTINUE},
    /* The rules behind it are asked, and those that refuse leave nothing behind. */
    {"rule \"r\" { stage = eom  action = add-header  header = \"X-A: one\" }\n"
     "rule \"s\" { stage = eom  action = mark }",
     "+X-Postseal-Disposition: quarantine; reason=s|+X-A: one", POLICY_ACTION_MARK},
    {"rule \"r\" { stage = mail  action = add-header  header = \"X-A: one\" }\n"
     "rule \"s\" { stage = eom  action = reject }",
     "", POLICY_ACTION_REJECT},
    /* Observed ones change nothing. */
    {"rule \"r\" { stage = eom  mode = observe  action = add-header  header = \"X-A: one\" }", "",
     POLICY_ACTION_CONTINUE},
    {"mode = observe\nrule \"r\" { stage = eom  action = replace-header  header = \"X-Old: 1\" }",
     "", POLICY_ACTION_CONTINUE},
    {"rule \"r\" { stage = eom  enforce-percent = 0  action = add-header  header = \"X-A: 1\" }",
     "", POLICY_ACTION_CONTINUE},
};

static void test_fields(void **state)
{
    static const struct policy_helo_facts helo = {.helo = BASE_TEXT("client.example")};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
        struct base_buf got;

        world_configure(world, field_rows[i].rules);
        world_connect(world, "192.0.2.1", NULL);
        policy_session_helo(world->session, &helo);
        /* Twice: what connect and HELO said holds for each message. */
        for (int round = 0; round < 2; round++) {
            world_mail(world, "<a@example.com>", "");
            rcpt(world, "<b@example.org>");
            rcpt(world, "<c@example.org>");
            policy_session_data(world->session);
            world_field(world, "From", " a@example.com");
            world_field(world, "x-old", " one");
            world_field(world, "X-Old", " two");
            assert_int_equal(world_finish(world)->action, field_rows[i].action);
            base_buf_init(&got, NULL, 65536);
            print_edits(world, &got);
            assert_string_equal(base_buf_cstr(&got), field_rows[i].want);
            base_buf_deinit(&got);
        }
    }
}

/* Fields are there before the message is signed, and are not given to a message by HELO before. */
static void test_fields_of_helo(void **state)
{
    static const struct policy_helo_facts one = {.helo = BASE_TEXT("one.example")};
    static const struct policy_helo_facts two = {.helo = BASE_TEXT("two.example")};
    struct world *world = *state;
    struct base_buf got;

    world_configure(world, WORLD_SIGN
                    "rule \"h\" { stage = helo  action = add-header  header = \"X-H: %{helo}\" }");
    world_connect(world, "192.0.2.1", NULL);
    policy_session_helo(world->session, &one);
    policy_session_helo(world->session, &two);
    world_mail(world, "<a@example.org>", "alice");
    world_field(world, "From", " a@example.org");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    base_buf_init(&got, NULL, 65536);
    print_edits(world, &got);
    assert_memory_equal(base_buf_cstr(&got), "+X-H: two.example|+DKIM-Signature:", 34);
    base_buf_deinit(&got);
}

/* --- accept at RCPT ------------------------------------------------------------------------------
 */

#define FRIENDS                                                                          \
    "rule \"ok\" { stage = rcpt  recipient = { \"a@example.org\", \"b@example.org\" }  " \
    "action = accept }\n"                                                                \
    "rule \"no\" { stage = rcpt  recipient = { \"x@example.org\" }  action = reject }\n" \
    "rule \"late\" { stage = eom  action = reject }\n"

static void test_accept_recipients(void **state)
{
    static const struct {
        const char *recipients[4];
        unsigned refused;
        enum policy_action want;
    } rows[] = {
        {{"a@example.org"}, 0, POLICY_ACTION_ACCEPT},
        {{"a@example.org", "b@example.org"}, 0, POLICY_ACTION_ACCEPT},
        {{"c@example.org"}, 0, POLICY_ACTION_REJECT},
        /* One friend does not free the others. */
        {{"a@example.org", "c@example.org"}, 0, POLICY_ACTION_REJECT},
        {{"c@example.org", "a@example.org"}, 0, POLICY_ACTION_REJECT},
        /* Nor from rules at RCPT; who was refused does not count. */
        {{"a@example.org", "x@example.org"}, 1, POLICY_ACTION_ACCEPT},
        {{"x@example.org", "b@example.org", "a@example.org"}, 1, POLICY_ACTION_ACCEPT},
        {{"x@example.org", "c@example.org", "a@example.org"}, 1, POLICY_ACTION_REJECT},
        {{"x@example.org", "x@example.org"}, 2, POLICY_ACTION_REJECT},
    };
    struct world *world = *state;

    world_configure(world, FRIENDS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_connect(world, "192.0.2.1", NULL);
        world_mail(world, "<a@example.com>", "");
        for (size_t j = 0; j < 4 && rows[i].recipients[j] != NULL; j++)
            rcpt(world, rows[i].recipients[j]);
        assert_int_equal(decision(world)->recipients_refused, rows[i].refused);
        world_field(world, "From", " a@example.com");
        assert_int_equal(world_finish(world)->action, rows[i].want);
    }
}

/* --- mail through sendmail(1) --------------------------------------------------------------------
 */

static void test_pickup(void **state)
{
    static const struct sockaddr_in in = {.sin_family = AF_INET,
                                          .sin_addr = {.s_addr = 0x0100007f}};
    static const struct policy_connect_facts facts = {.address = (const struct sockaddr *)&in,
                                                      .client_name = BASE_TEXT("localhost")};
    struct world *world = *state;
    const struct policy_verdict *verdict;

    world_configure(world, FRIENDS);
    policy_session_connect(world->session, &facts);
    world_mail(world, "<root@example.org>", "");
    assert_int_equal(rcpt(world, "a@example.org")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(rcpt(world, "x@example.org")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(rcpt(world, "b@example.org")->action, POLICY_ACTION_CONTINUE);
    world_field(world, "From", " root@example.org");
    verdict = world_finish(world);
    assert_int_equal(verdict->action, POLICY_ACTION_REJECT);
    assert_int_equal(verdict->stage, POLICY_STAGE_EOM);
    assert_string_equal(verdict->rule, "no");
    assert_string_equal(verdict->code, "550");
}

/* --- commands that the MTA does not know ---------------------------------------------------------
 */

static void test_commands(void **state)
{
    static const struct {
        const char *command;
        enum policy_action action;
        const char *text;
    } rows[] = {
        {"EXPN", POLICY_ACTION_REJECT, "EXPN is not for you"},
        {"expn root", POLICY_ACTION_REJECT, "expn is not for you"},
        {" EXPN  staff\r\n", POLICY_ACTION_REJECT, "EXPN is not for you"},
        {"EXPN\tstaff", POLICY_ACTION_REJECT, "EXPN is not for you"},
        {"EXPNX", POLICY_ACTION_CONTINUE, ""},
        {"", POLICY_ACTION_CONTINUE, ""},
        {"\xff\x01", POLICY_ACTION_CONTINUE, ""},
        {"XDEBUG 7", POLICY_ACTION_TEMPFAIL, "no XDEBUG 7, client.example"},
        {"HELP", POLICY_ACTION_CONTINUE, ""},
    };
    static const struct policy_helo_facts helo = {.helo = BASE_TEXT("client.example")};
    struct world *world = *state;

    world_configure(world, "rule \"help\" { stage = unknown  command = help  mode = observe  "
                           "action = reject }\n"
                           "rule \"expn\" { stage = unknown  command = { \"VRFY\", \"EXPN\" }  "
                           "action = reject }\n"
                           "rule \"debug\" { stage = unknown  command = xdebug  action = tempfail  "
                           "text = \"no %{command}, %{helo}\" }\n");
    assert_true(policy_snapshot_needs(world->snapshot).has_unknown);
    world_connect(world, "192.0.2.1", NULL);
    policy_session_helo(world->session, &helo);
    /* Before, within and behind a message, and very often. */
    for (size_t i = 0; i < 300; i++) {
        size_t at = i % (sizeof(rows) / sizeof(rows[0]));
        const struct policy_verdict *verdict =
            policy_session_command(world->session, base_text_of(rows[at].command));

        assert_int_equal(verdict->action, rows[at].action);
        assert_string_equal(verdict->text, rows[at].text);
        if (verdict->action == POLICY_ACTION_REJECT)
            assert_string_equal(verdict->code, "502");
        if (i == 100) {
            world_mail(world, "<a@example.com>", "");
            assert_string_equal(decision(world)->session_hits->name, "help");
        }
    }
    world_field(world, "From", " a@example.com");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
}

static void test_command_is_recorded(void **state)
{
    struct world *world = *state;

    world_configure(world, "rule \"all\" { stage = unknown  action = reject }\n");
    world_connect(world, "192.0.2.1", NULL);
    assert_int_equal(policy_session_command(world->session, BASE_TEXT("FOO"))->action,
                     POLICY_ACTION_REJECT);
    assert_string_equal(decision(world)->verdict.rule, "all");
    assert_true(decision(world)->id[0] != '\0');
    world_configure(world, "");
    assert_false(policy_snapshot_needs(world->snapshot).has_unknown);
}

/* --- enforce-percent -----------------------------------------------------------------------------
 */

/* Whether a message from a.N.example is refused by the rule. */
static bool is_refused(struct world *world, unsigned number)
{
    struct policy_mail_facts facts = {.reverse_path = {NULL, 0}};
    char path[64];

    snprintf(path, sizeof(path), "<x@a%u.Example>", number);
    facts.reverse_path = base_text_of(path);
    return policy_session_mail(world->session, &facts)->action == POLICY_ACTION_REJECT;
}

#define SHARE(percent, name)                                                                    \
    "rule \"" name "\" { stage = mail  percent-key = sender-domain  enforce-percent = " percent \
    "  action = reject }\n"

static unsigned count_refused(struct world *world, const char *conf, uint64_t bits[16])
{
    unsigned count = 0;

    world_configure(world, conf);
    world_connect(world, "192.0.2.1", NULL);
    for (unsigned i = 0; i < 1000; i++) {
        bool is_in = is_refused(world, i);

        count += is_in;
        if (is_in)
            bits[i / 64] |= UINT64_C(1) << i % 64;
        if (!is_in && decision(world)->hits != NULL)
            assert_int_equal(decision(world)->hits->mode, POLICY_RULE_OBSERVE);
    }
    return count;
}

static void test_share(void **state)
{
    struct world *world = *state;
    uint64_t ten[16] = {0}, again[16] = {0}, fifty[16] = {0}, other[16] = {0}, all[16] = {0};
    unsigned count = count_refused(world, SHARE("10", "r"), ten);

    assert_in_range(count, 60, 140);
    /* The same after a restart, and part of every greater share. */
    assert_int_equal(count_refused(world, SHARE("10", "r"), again), count);
    assert_memory_equal(ten, again, sizeof(ten));
    /* On every host, and in every version: who is in the share today is in it tomorrow. */
    assert_int_equal(count, 102);
    assert_int_equal(ten[0], UINT64_C(0x20010100000400));
    assert_in_range(count_refused(world, SHARE("50", "r"), fifty), 430, 570);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(ten[i] & ~fifty[i], 0);
    /* Another rule has another share. */
    count_refused(world, SHARE("10", "s"), other);
    assert_memory_not_equal(ten, other, sizeof(ten));
    assert_int_equal(count_refused(world, SHARE("100", "r"), all), 1000);
    assert_int_equal(count_refused(world, SHARE("0", "r"), (uint64_t[16]){0}), 0);
    /* A share shadows nothing. */
    world_configure(world, SHARE("99", "r") SHARE("100", "s"));
}

static void test_share_by_key(void **state)
{
    static const char *const keys[] = {"client-ip", "login", "author-domain"};
    struct world *world = *state;

    for (size_t i = 0; i < 3; i++) {
        unsigned refused = 0;

        for (unsigned j = 0; j < 64; j++) {
            char conf[256], address[32], login[32], author[64];

            if (j == 0) {
                snprintf(conf, sizeof(conf),
                         "rule \"k\" { stage = eom  percent-key = %s  enforce-percent = 50  "
                         "action = reject }",
                         keys[i]);
                world_configure(world, conf);
            }
            snprintf(address, sizeof(address), "192.0.2.%u", i == 0 ? j : 1);
            snprintf(login, sizeof(login), "user%u", i == 1 ? j : 1);
            snprintf(author, sizeof(author), " a@n%u.example", i == 2 ? j : 1);
            world_connect(world, address, NULL);
            /* Nobody is authenticated where the login is not the key. */
            world_mail(world, "<a@example.com>", i == 1 ? login : "");
            world_field(world, "From", author);
            refused += world_finish(world)->action == POLICY_ACTION_REJECT;
        }
        assert_in_range(refused, 16, 48);
    }
}

static void test_refused_at_load(void **state)
{
    static const struct {
        const char *rule;
        /* NULL: it is taken. */
        const char *fault;
    } cases[] = {
        {"stage = eom  action = add-header", "add `header ="},
        {"stage = eom  action = replace-header  header = { }", "add `header ="},
        {"stage = eom  action = mark  header = \"X-A: b\"", "goes only with"},
        {"stage = eom  action = add-header  header = \"X-A\"", "no header field"},
        {"stage = eom  action = add-header  header = \"X-A:\"", "no header field"},
        {"stage = eom  action = add-header  header = \"X-A: \"", "no header field"},
        {"stage = eom  action = add-header  header = \": b\"", "no header field"},
        {"stage = eom  action = add-header  header = \"X A: b\"", "no header field"},
        {"stage = eom  action = add-header  header = \"X-\xc3\xa9: b\"", "no header field"},
        {"stage = eom  action = add-header  header = \"X-A: caf\xc3\xa9\"", "printable ASCII"},
        {"stage = eom  action = add-header  header = \"X-A: %{nope}\"", "there is no \"%{nope}\""},
        {"stage = mail  action = add-header  header = \"X-A: %{dmarc}\"", "stage = eom"},
        {"stage = eom  action = add-header  header = \"authentication-results: b\"", "belongs to"},
        {"stage = eom  action = add-header  header = \"DKIM-Signature: b\"", "belongs to"},
        {"stage = eom  action = add-header  header = \"Received: b\"", "belongs to"},
        {"stage = eom  action = add-header  header = \"ARC-Seal: b\"", "belongs to"},
        {"stage = eom  action = replace-header  header = \"FROM: b\"", "belongs to"},
        {"stage = eom  action = replace-header  header = \"Content-Type: b\"", "belongs to"},
        {"stage = eom  action = add-header  header = \"X-Postseal-Disposition: b\"", "belongs to"},
        {"stage = eom  action = add-header  header = \"X-Postseal: b\"", NULL},
        {"stage = eom  action = add-header  header = { \"A: 1\", \"B: 2\", \"C: 3\", \"D: 4\", "
         "\"E: 5\", \"F: 6\", \"G: 7\", \"H: 8\", \"I: 9\" }",
         "more than 8"},
        {"stage = connect  action = accept  bypass = all  client-net = { \"192.0.2.0/24\" }", NULL},
        {"stage = connect  action = accept  bypass = all", "client networks only"},
        {"stage = connect  action = accept  bypass = all  client-net = { }",
         "client networks only"},
        {"stage = mail  action = accept  bypass = all  client-net = { \"192.0.2.1\" }",
         "client networks only"},
        {"stage = connect  action = reject  bypass = all  client-net = { \"192.0.2.1\" }",
         "client networks only"},
        {"stage = connect  action = accept  bypass = all  client-net = { \"192.0.2.1\" }  daemon = "
         "{ \"x\" }",
         "client networks only"},
        {"stage = unknown  action = mark", "no message to act on"},
        {"stage = unknown  action = accept", "no message to act on"},
        {"stage = unknown  action = discard", "no message to act on"},
        {"stage = unknown  action = add-header  header = \"X-A: b\"", "no message to act on"},
        {"stage = unknown  action = continue", NULL},
        {"stage = unknown  client-net = { \"192.0.2.0/24\" }  helo-spf = { fail }  action = reject",
         NULL},
        {"stage = unknown  sender-domain = { \"a.example\" }  action = reject", "stage = mail"},
        {"stage = mail  command = expn  action = reject", "use `stage = unknown`"},
        {"stage = unknown  command = \"EXPN root\"  action = reject", "test.conf:3: `command`"},
        {"stage = unknown  command = \"\"  action = reject", "first word alone"},
        {"stage = mail  action = reject  tls-below = \"1.4\"", "1.0, 1.1, 1.2, 1.3"},
        {"stage = eom  action = reject  enforce-percent = 101", "enforce-percent"},
        {"stage = eom  action = reject  enforce-percent = -1", "enforce-percent"},
        {"stage = mail  action = reject  percent-key = author-domain", "stage = eoh"},
        {"stage = helo  action = reject  percent-key = login", "stage = mail"},
        {"stage = connect  action = reject  percent-key = client-ip", NULL},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {.text = ""};
        char conf[1024];
        struct policy_snapshot *snapshot;

        snprintf(conf, sizeof(conf), "rule \"r\" { %s }\n", cases[i].rule);
        snapshot = world_snapshot(world, conf, &error);
        if ((snapshot == NULL) != (cases[i].fault != NULL) ||
            (cases[i].fault != NULL && strstr(error.text, cases[i].fault) == NULL))
            fail_msg("%s: %s", cases[i].rule, error.text);
        policy_snapshot_unref(&snapshot);
    }
}

/* --- bypass --------------------------------------------------------------------------------------
 */

static void note_warning(void *context, const char *text)
{
    if (strstr(text, "bypass = all") != NULL && strstr(text, "test.conf:1:") != NULL)
        ++*(int *)context;
}

static const struct policy_verdict *connect_from(struct world *world, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(40000)};
    struct policy_connect_facts facts = {.address = (const struct sockaddr *)&in};

    assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
    return policy_session_connect(world->session, &facts);
}

#define BYPASS                                                         \
    "rule \"pass\" { stage = connect  action = accept  bypass = all  " \
    "client-net = { \"192.0.2.0/24\" } }\n"

static void test_bypass(void **state)
{
    struct world *world = *state;
    const struct policy_verdict *verdict;
    size_t count;
    int warnings = 0;
    const struct conf_table *const *list = policy_tables(&count);
    struct policy_snapshot_options options = {.warn = note_warning, .context = &warnings};
    struct base_error error;

    world_configure(world, BYPASS);
    assert_true(policy_snapshot_needs(world->snapshot).deciding_stages &
                1u << POLICY_STAGE_CONNECT);
    verdict = connect_from(world, "192.0.2.7");
    assert_int_equal(verdict->action, POLICY_ACTION_ACCEPT);
    assert_true(verdict->is_bypass);
    assert_string_equal(decision(world)->verdict.rule, "pass");
    assert_int_equal(connect_from(world, "192.0.3.7")->action, POLICY_ACTION_CONTINUE);
    /* Watched, it is an accept like others. */
    world_configure(world, "mode = observe\n" BYPASS);
    assert_int_equal(connect_from(world, "192.0.2.7")->action, POLICY_ACTION_CONTINUE);

    struct conf_snapshot *conf = conf_read_text(BYPASS, "test.conf", list, count, &error);
    struct policy_snapshot *snapshot = policy_snapshot_create(conf, &options, &error);

    assert_non_null(snapshot);
    assert_int_equal(warnings, 1);
    policy_snapshot_unref(&snapshot);
    conf_snapshot_unref(&conf);
}

/* --- the table of rules --------------------------------------------------------------------------
 */

static const struct {
    const char *conf, *want;
} explained[] = {
    {"", "no rules: no rule refuses anything\n"},
    {"rule \"a\" { stage = eom  action = mark }", "eom\n"
                                                  "  \"a\" (test.conf:3): mark\n"
                                                  "      matches: all\n"},
    {"rule \"a\" { stage = eom  action = mark  author-domain = { \"a.example\", \"b.example\" "
     "} }\n"
     "rule \"b\" { stage = mail  action = reject  spf = { fail, softfail } }\n"
     "rule \"c\" { stage = mail  action = tempfail  spf = { softfail, temperror }  "
     "spf-only-all = no }\n"
     "rule \"d\" { stage = mail  action = reject  enforce-percent = 20  spf = { fail } }\n"
     "rule \"e\" { stage = mail  action = reject  mode = observe }\n"
     "rule \"f\" { stage = mail  action = reject  mode = off }\n",
     "mail\n"
     "  \"b\" (test.conf:4): reject\n"
     "      matches: spf = fail | softfail\n"
     "  \"c\" (test.conf:5): tempfail\n"
     "      matches: spf = softfail | temperror, spf-only-all = no\n"
     "      can still match: spf = temperror; the rest goes to \"b\"\n"
     "  \"d\" (test.conf:6): reject, for 20%\n"
     "      matches: spf = fail\n"
     "      warning: test.conf:6: rule \"d\" can never match: rule \"b\" (test.conf:4) takes "
     "all that "
     "it could: put it before that one, narrow that one, or take it away\n"
     "  \"e\" (test.conf:7): reject, observed\n"
     "      matches: all\n"
     "eom\n"
     "  \"a\" (test.conf:3): mark\n"
     "      matches: author-domain = a.example | b.example\n"
     "off\n"
     "  \"f\" (test.conf:8)\n"},
    /* What was refused at MAIL is not asked about at end of message. */
    {"rule \"a\" { stage = mail  action = reject  spf = { fail } }\n"
     "rule \"b\" { stage = eom  action = mark  spf = { fail }  mode = observe }\n"
     "rule \"c\" { stage = eom  action = mark  spf = { fail, pass } }\n",
     "mail\n"
     "  \"a\" (test.conf:3): reject\n"
     "      matches: spf = fail\n"
     "eom\n"
     "  \"b\" (test.conf:4): mark, observed\n"
     "      matches: spf = fail\n"
     "      warning: test.conf:4: rule \"b\" can never match: rule \"a\" (test.conf:3, at stage "
     "\"mail\") takes all that it could: narrow that one, or take it away\n"
     "  \"c\" (test.conf:5): mark\n"
     "      matches: spf = pass | fail\n"
     "      can still match: spf = pass; the rest goes to \"a\"\n"},
    {"mode = observe\nrule \"a\" { stage = mail  action = reject  spf = { fail } }\n"
     "rule \"b\" { stage = eom  action = mark  spf = { fail } }\n",
     "mode = observe: no rule refuses anything\n"
     "mail\n"
     "  \"a\" (test.conf:4): reject\n"
     "      matches: spf = fail\n"
     "eom\n"
     "  \"b\" (test.conf:5): mark\n"
     "      matches: spf = fail\n"},
    /* Nor what was accepted there; one recipient that was accepted takes nothing. */
    {"rule \"a\" { stage = mail  action = accept  authenticated = yes }\n"
     "rule \"b\" { stage = eom  action = reject  auth-mechanism = { \"PLAIN\" }  "
     "enforce-percent = 50 }\n"
     "rule \"c\" { stage = rcpt  action = accept  authenticated = no }\n"
     "rule \"d\" { stage = eom  action = reject  authenticated = no }\n",
     "mail\n"
     "  \"a\" (test.conf:3): accept\n"
     "      matches: authenticated = yes\n"
     "rcpt\n"
     "  \"c\" (test.conf:5): accept\n"
     "      matches: authenticated = no\n"
     "eom\n"
     "  \"b\" (test.conf:4): reject, for 50%\n"
     "      matches: auth-mechanism = PLAIN\n"
     "      warning: test.conf:4: rule \"b\" can never match: rule \"a\" (test.conf:3, at stage "
     "\"mail\") takes all that it could: narrow that one, or take it away\n"
     "  \"d\" (test.conf:6): reject\n"
     "      matches: authenticated = no\n"},
    /* What the MTA keeps to itself. */
    {"rule \"a\" { stage = unknown  action = reject  command = { \"vrfy\", \"EXPN\", \"FROB\" } }",
     "unknown\n"
     "  \"a\" (test.conf:3): reject\n"
     "      matches: command = vrfy | EXPN | FROB\n"
     "      warning: test.conf:3: rule \"a\": `command`: \"vrfy\" is handed on by neither Postfix "
     "nor "
     "Sendmail: nothing matches it; `command`: \"EXPN\" is handed on by Postfix, and not by "
     "Sendmail, which answers it itself\n"},
    /* What the rest of the configuration leaves without effect. */
    {"rule \"a\" { stage = eom  action = mark  trusted-result = { \"dmarc=fail\" } }\n"
     "rule \"b\" { stage = eom  action = mark  local-sender-unauthenticated = yes }\n"
     "rule \"c\" { stage = eom  action = mark  direction = trusted  recipient = { \"a.example\", "
     "\"root\" } }\n",
     "eom\n"
     "  \"a\" (test.conf:3): mark\n"
     "      matches: trusted-result = dmarc=fail\n"
     "      warning: test.conf:3: rule \"a\": `trusted-result` is read of nobody: say of whom with "
     "`trusted-authserv-ids` and `trusted-networks`\n"
     "  \"b\" (test.conf:4): mark\n"
     "      matches: local-sender-unauthenticated = yes\n"
     "      warning: test.conf:4: rule \"b\": no domain is ours: say which are, with "
     "`local-domains`\n"
     "  \"c\" (test.conf:5): mark\n"
     "      matches: direction = trusted, recipient = a.example | root\n"
     "      warning: test.conf:5: rule \"c\": no mail is trusted without `trusted-networks`\n"
     "      warning: test.conf:5: rule \"c\": `recipient`: \"root\" is the domain of that name: "
     "write "
     "\"root@...\" if it is a mailbox\n"},
    /* A client may say no HELO. */
    {"rule \"a\" { stage = helo  action = reject  port = 25 }\n"
     "rule \"b\" { stage = mail  action = reject  port = 25 }\n",
     "helo\n"
     "  \"a\" (test.conf:3): reject\n"
     "      matches: port = 25\n"
     "mail\n"
     "  \"b\" (test.conf:4): reject\n"
     "      matches: port = 25\n"
     "      warning: test.conf:4: rule \"b\" can never match: rule \"a\" (test.conf:3, at stage "
     "\"helo\") takes all that it could, but of a client that says no HELO: narrow that one, or "
     "take it away\n"},
    {"rule \"a\" { stage = rcpt  action = reject  recipient = { \"a.example\", \"b.example\" "
     "}\n"
     "recipients-over = 5 }\n"
     "rule \"b\" { stage = rcpt  action = reject  recipient = { \"a.example\", \"c.example\", "
     "\"d.example\", \"e.example\", \"f.example\", \"g.example\" }  recipients-over = 9 }\n",
     "rcpt\n"
     "  \"a\" (test.conf:3): reject\n"
     "      matches: recipients-over = 5, recipient = a.example | b.example\n"
     "  \"b\" (test.conf:5): reject\n"
     "      matches: recipients-over = 9, recipient = a.example | c.example | d.example | "
     "e.example | "
     "2 more\n"
     "      can still match: recipient = c.example | d.example | e.example | f.example | 1 "
     "more; "
     "the rest goes to \"a\"\n"},
};

static void test_explain(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
        struct base_buf text;

        world_configure(world, explained[i].conf);
        base_buf_init(&text, NULL, 65536);
        policy_rules_explain(world->snapshot, &text);
        assert_string_equal(base_buf_cstr(&text), explained[i].want);
        base_buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_fields_of_helo),
        cmocka_unit_test(test_accept_recipients),
        cmocka_unit_test(test_pickup),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_command_is_recorded),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_by_key),
        cmocka_unit_test(test_refused_at_load),
        cmocka_unit_test(test_bypass),
        cmocka_unit_test(test_explain),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
