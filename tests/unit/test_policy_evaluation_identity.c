/* policy/evaluation_identity and conditions_identity: each address of a message, what rules make of
 * it, what is signed, what the record says. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "tests/unit/policy_world.h"
#include "tests/unit/store_files.h"

static const char logins[] = "alice@example.org alice\n"
                             "bob@example.org bob\n"
                             "team@example.org alice, bob\n"
                             "\"a b\"@example.org alice\n"
                             "x@[192.0.2.7] alice\n";

struct fixture {
    struct world world;
    struct files *files;
    char maps[160];
};

static int setup(void **state)
{
    struct fixture *fixture = base_mem_alloc_zero(1, sizeof(*fixture));
    void *files = NULL;

    assert_int_equal(files_setup(&files), 0);
    fixture->files = files;
    files_write(fixture->files, "logins", base_text_of(logins), 0644);
    snprintf(fixture->maps, sizeof(fixture->maps), "sender-login-maps = { \"file:%s/logins\" }\n",
             fixture->files->folder);
    world_init(&fixture->world);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *files = fixture->files;

    world_deinit(&fixture->world);
    assert_int_equal(files_teardown(&files), 0);
    base_mem_free(fixture);
    return 0;
}

static void configure(struct fixture *fixture, const char *more)
{
    char text[4096];

    snprintf(text, sizeof(text), "%s%s%s", fixture->maps, WORLD_SIGN, more);
    world_configure(&fixture->world, text);
}

/* One message; `header` has lines "Name:value". The verdict of its end. */
static const struct policy_verdict *judge(struct fixture *fixture, const char *login,
                                          const char *path, const char *header)
{
    struct world *world = &fixture->world;
    struct policy_mail_facts facts = {
        .reverse_path = base_text_of(path),
        .auth_authen = base_text_of(login),
    };
    struct base_text rest = base_text_of(header);

    world_connect(world, "198.51.100.9", "");
    (void)policy_session_mail(world->session, &facts);
    (void)policy_session_rcpt(world->session, BASE_TEXT("<carol@example.net>"));
    while (rest.data != NULL && rest.length > 0) {
        struct base_text line = base_text_split(&rest, '\n');
        struct base_text name = base_text_split(&line, ':');

        policy_session_field(world->session, name, line);
    }
    return world_finish(world);
}

#define RULES                                                                             \
    "rule \"sender\" { stage = eom  sender-owned = no  action = reject }\n"               \
    "rule \"author\" { stage = eom  author-owned = no  action = reject }\n"               \
    "rule \"sender-header\" { stage = eom  sender-header-owned = no  action = reject }\n" \
    "rule \"reply-to\" { stage = eom  reply-to-owned = no  action = reject }\n"           \
    "rule \"resent\" { stage = eom  resent-owned = no  action = reject }\n"

#define FROM "From: alice@example.org\n"

static const struct {
    const char *login;
    const char *path;
    const char *header;
    /* The rule that refuses; "": none. */
    const char *want;
} parts[] = {
    {"alice", "<alice@example.org>", FROM, ""},
    {"alice", "<bob@example.org>", FROM, "sender"},
    {"alice", "<>", FROM, ""},
    {"alice", "<not an address>", FROM, "sender"},
    {"alice", "<x@[192.0.2.7]>", FROM, ""},
    /* Every address of From. */
    {"alice", "<alice@example.org>", "From: bob@example.org\n", "author"},
    {"alice", "<alice@example.org>", "From: \"alice@example.org\" <bob@example.org>\n", "author"},
    {"alice", "<alice@example.org>", "From: alice@example.org, team@example.org\n", ""},
    {"alice", "<alice@example.org>", "From: alice@example.org, bob@example.org\n", "author"},
    {"alice", "<alice@example.org>", "From: bob@example.org, alice@example.org\n", "author"},
    {"alice", "<alice@example.org>", "From: Us: alice@example.org, team@example.org;\n", ""},
    {"alice", "<alice@example.org>", "From: Nobody:;\n", "author"},
    {"alice", "<alice@example.org>", "From: \"a b\"@example.org\n", ""},
    {"alice", "<alice@example.org>", "From: (c) alice (c) @ (c) example.org (c)\n", ""},
    {"alice", "<alice@example.org>", "From: <@relay.example:alice@example.org>\n", ""},
    {"alice", "<alice@example.org>", "From: x@[192.0.2.7]\n", ""},
    {"alice", "<alice@example.org>", "From: alice\n", "author"},
    {"alice", "<alice@example.org>", "From: alice@example.org, \"open\n", "author"},
    {"alice", "<alice@example.org>", "From:\n", "author"},
    {"alice", "<alice@example.org>", "Subject: none\n", "author"},
    {"alice", "<alice@example.org>", FROM FROM, ""},
    {"alice", "<alice@example.org>", FROM "From: bob@example.org\n", "author"},
    {"alice", "<alice@example.org>", "From: bob@example.org\n" FROM, "author"},
    /* Sender, Reply-To, Resent-*: where there are any. */
    {"alice", "<alice@example.org>", FROM "Sender: alice@example.org\n", ""},
    {"alice", "<alice@example.org>", FROM "Sender: bob@example.org\n", "sender-header"},
    {"alice", "<alice@example.org>", FROM "Sender: nonsense\n", "sender-header"},
    {"alice", "<alice@example.org>", FROM "Reply-To: team@example.org\n", ""},
    {"alice", "<alice@example.org>", FROM "Reply-To: alice@example.org, x@example.net\n",
     "reply-to"},
    {"alice", "<alice@example.org>", FROM "Resent-From: alice@example.org\n", ""},
    {"alice", "<alice@example.org>", FROM "Resent-From: bob@example.org\n", "resent"},
    {"alice", "<alice@example.org>",
     FROM "Resent-From: alice@example.org\nResent-Sender: bob@example.org\n", "resent"},
    {"alice", "<alice@example.org>",
     FROM "Resent-From: alice@example.org\nResent-From: bob@example.org\n", "resent"},
    {"alice", "<alice@example.org>", FROM "Resent-To: bob@example.org\n", ""},
    /* Strangers: only what is somebody's is not theirs. */
    {"", "<x@example.net>", "From: x@example.net\n", ""},
    {"", "<alice@example.org>", "From: x@example.net\n", "sender"},
    {"", "<x@example.net>", FROM, "author"},
    {"", "<x@example.net>", "From: x@example.net, alice@example.org\n", "author"},
    {"", "<x@example.net>", "From: alice@example.org, x@example.net\n", "author"},
    {"", "<x@example.net>", "From: nonsense\n", ""},
    {"", "<x@example.net>", "Subject: none\n", ""},
    {"", "<>", "From: x@example.net\nReply-To: bob@example.org\n", "reply-to"},
};

static void test_parts(void **state)
{
    struct fixture *fixture = *state;

    configure(fixture, RULES);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const struct policy_verdict *verdict =
            judge(fixture, parts[i].login, parts[i].path, parts[i].header);

        if (strcmp(verdict->rule, parts[i].want) != 0)
            fail_msg("%zu: %s %s: rule \"%s\"", i, parts[i].path, parts[i].header, verdict->rule);
    }
}

/* `yes` holds where it is known, and only there. */
static void test_yes(void **state)
{
    static const struct {
        const char *login;
        const char *header;
        bool want;
    } cases[] = {
        {"alice", FROM "Sender: alice@example.org\n", true},
        {"alice", FROM "Sender: bob@example.org\n", false},
        {"alice", FROM, false},
        {"", "From: x@example.net\nSender: x@example.net\n", false},
    };
    struct fixture *fixture = *state;

    configure(fixture, "rule \"r\" { stage = eom  sender-header-owned = yes  action = reject }\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            judge(fixture, cases[i].login, "<alice@example.org>", cases[i].header)->action ==
                POLICY_ACTION_REJECT,
            cases[i].want);
}

static void test_replies(void **state)
{
    static const struct {
        const char *login;
        const char *path;
        const char *header;
        const char *want;
    } cases[] = {
        {"alice", "<bob@example.org>", FROM,
         "Sender address bob@example.org does not belong to login alice"},
        {"alice", "<alice@example.org>", "From: \"B\" <bob@example.org>\n",
         "From address bob@example.org does not belong to login alice"},
        {"alice", "<alice@example.org>", "From: nonsense\n",
         "From address does not belong to login alice"},
        {"al\n%ce", "<alice@example.org>", FROM,
         "Sender address alice@example.org does not belong to login al?%ce"},
        {"", "<bob@example.org>", FROM,
         "Sender address bob@example.org belongs to a login: log in to use it"},
    };
    struct fixture *fixture = *state;

    configure(fixture, RULES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct policy_verdict *verdict =
            judge(fixture, cases[i].login, cases[i].path, cases[i].header);

        assert_string_equal(verdict->text, cases[i].want);
        assert_string_equal(verdict->code, "553");
        assert_string_equal(verdict->enhanced, "5.7.1");
    }
}

/* The reverse-path is judged at MAIL already. */
static void test_at_mail(void **state)
{
    struct fixture *fixture = *state;
    struct policy_mail_facts facts = {
        .reverse_path = BASE_TEXT("<bob@example.org>"),
        .auth_authen = BASE_TEXT("alice"),
    };

    configure(fixture, "rule \"r\" { stage = mail  sender-owned = no  action = tempfail }\n");
    world_connect(&fixture->world, "198.51.100.9", "");
    const struct policy_verdict *verdict = policy_session_mail(fixture->world.session, &facts);

    assert_int_equal(verdict->action, POLICY_ACTION_TEMPFAIL);
    assert_string_equal(verdict->code, "451");
    assert_string_equal(verdict->enhanced, "4.7.1");
    facts.reverse_path = BASE_TEXT("<alice@example.org>");
    assert_int_equal(policy_session_mail(fixture->world.session, &facts)->action,
                     POLICY_ACTION_CONTINUE);
}

static void test_null_sender(void **state)
{
    static const struct {
        const char *conf;
        const char *header;
        bool want_refused;
    } cases[] = {
        {"", FROM, false},
        {"null-sender = owned\n", FROM, false},
        {"null-sender = unowned\n", FROM, true},
        {"null-sender = unowned\n", FROM "Content-Type: multipart/report; x\n", true},
        {"null-sender = dsn\n", FROM, true},
        {"null-sender = dsn\n", FROM "Content-Type: text/plain\n", true},
        {"null-sender = dsn\n", FROM "Content-Type: multipart/report; x\n", false},
        {"null-sender = dsn\n", FROM "Content-Type: MULTIPART/Report\n", false},
        {"null-sender = dsn\n", FROM "Auto-Submitted: auto-replied\n", false},
        {"null-sender = dsn\n", FROM "Auto-Submitted: no\n", true},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];

        snprintf(
            text, sizeof(text), "%s%s%s", cases[i].conf,
            "rule \"m\" { stage = mail  sender-owned = no  mode = observe  action = reject }\n",
            "rule \"r\" { stage = eom  sender-owned = no  action = reject }\n");
        configure(fixture, text);
        if ((judge(fixture, "alice", "<>", cases[i].header)->action == POLICY_ACTION_REJECT) !=
            cases[i].want_refused)
            fail_msg("%zu: %s%s", i, cases[i].conf, cases[i].header);
    }
}

/* What is signed: with a rule about the author that is enforced, only what is the login's own. */
static void test_signing(void **state)
{
    static const struct {
        const char *conf;
        const char *login;
        const char *header;
        const char *want_unsigned;
    } cases[] = {
        {"", "alice", "From: bob@example.org\n", NULL},
        {"rule \"r\" { stage = eom  sender-owned = no  action = mark }\n", "alice",
         "From: bob@example.org\n", NULL},
        {"rule \"r\" { stage = eom  author-owned = no  action = mark }\n", "alice",
         "From: bob@example.org\n", "the login does not own the author"},
        {"rule \"r\" { stage = eom  author-owned = no  action = mark }\n", "alice", FROM, NULL},
        {"rule \"r\" { stage = eom  author-owned = no  action = mark }\n", "alice",
         "From: alice@example.org, bob@example.org\n", "the login does not own the author"},
        {"rule \"r\" { stage = eom  author-owned = no  mode = observe  action = mark }\n", "alice",
         "From: bob@example.org\n", NULL},
        {"mode = observe\nrule \"r\" { stage = eom  author-owned = no  action = reject }\n",
         "alice", "From: bob@example.org\n", NULL},
        {"rule \"r\" { stage = eom  author-owned = no  enforce-percent = 99  action = mark }\n",
         "alice", "From: bob@example.org\n", NULL},
        /* Ours by its network: there is no login that could own anything. */
        {"signing-networks = { \"198.51.100.9\" }\n"
         "rule \"r\" { stage = eom  author-owned = no  action = reject }\n",
         "", "From: bob@example.org\n", NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        configure(fixture, cases[i].conf);
        (void)judge(fixture, cases[i].login, "<alice@example.org>", cases[i].header);
        const struct policy_decision *decision = policy_session_decision(fixture->world.session);

        if (cases[i].want_unsigned == NULL) {
            assert_null(decision->unsigned_reason);
            assert_non_null(decision->signatures);
        } else {
            assert_string_equal(decision->unsigned_reason, cases[i].want_unsigned);
            assert_null(decision->signatures);
        }
    }
}

/* What the message has afterwards: its edits, "-Sender/1" and "+Sender: x"; then what was signed.
 */
static void show(const struct fixture *fixture, char *out, size_t size)
{
    const struct policy_decision *decision = policy_session_decision(fixture->world.session);
    const struct policy_edit *edit = policy_session_edits(fixture->world.session)->first;
    struct base_buf text;

    base_buf_init_fixed(&text, out, size);
    for (; edit != NULL; edit = edit->next) {
        if (!base_text_equals_nocase(edit->name, BASE_TEXT("Sender")))
            continue;
        if (edit->op == POLICY_EDIT_DELETE)
            base_buf_appendf(&text, "-%u ", edit->index);
        else
            base_buf_appendf(&text, "+%s ", edit->value.data + 1);
    }
    base_buf_append_cstr(&text, decision->signatures != NULL        ? "signed"
                                : decision->unsigned_reason != NULL ? decision->unsigned_reason
                                                                    : "nothing");
    if (decision->left_out != NULL)
        base_buf_appendf(&text, "; %s", decision->left_out);
}

#define RULE(action)                       \
    "login-domain = { \"example.org\" }\n" \
    "rule \"r\" { stage = eom  reply-to-owned = no  action = " action " }\n"
#define FOREIGN FROM "Reply-To: x@example.net\n"

static void test_actions(void **state)
{
    static const struct {
        const char *conf;
        const char *login;
        const char *path;
        const char *header;
        const char *want;
    } cases[] = {
        {RULE("continue"), "alice", "<alice@example.org>", FOREIGN, "signed"},
        {RULE("no-sign"), "alice", "<alice@example.org>", FOREIGN, "rule \"r\""},
        {RULE("no-sign"), "alice", "<alice@example.org>", FROM, "signed"},
        {RULE("add-sender"), "alice", "<alice@example.org>", FROM, "signed"},
        {RULE("add-sender"), "alice", "<x@example.org>", FOREIGN, "+alice@example.org signed"},
        {RULE("add-sender"), "alice", "<x@example.org>", FOREIGN "Sender: y@example.org\n",
         "signed"},
        {RULE("replace-sender"), "Alice", "<x@example.org>", FOREIGN, "+Alice@example.org signed"},
        {RULE("replace-sender"), "alice", "<x@example.org>",
         FOREIGN "Sender: y@example.org\nSENDER: z@example.org\n",
         "-2 -1 +alice@example.org signed"},
        {RULE("replace-sender"), "alice@example.net", "<x@example.org>", FOREIGN,
         "+alice@example.net signed"},
        /* The reverse-path, if it is the login's own. */
        {RULE("add-sender"), "al ice", "<x@example.org>", FOREIGN,
         "signed; Sender field: the login has no known mailbox"},
        {"rule \"r\" { stage = eom  reply-to-owned = no  action = add-sender }\n", "alice",
         "<alice@example.org>", FOREIGN, "+alice@example.org signed"},
        {"rule \"r\" { stage = eom  reply-to-owned = no  action = add-sender }\n", "alice",
         "<bob@example.org>", FOREIGN, "signed; Sender field: the login has no known mailbox"},
        {"rule \"r\" { stage = eom  reply-to-owned = no  action = add-sender }\n", "alice", "<>",
         FOREIGN, "signed; Sender field: the login has no known mailbox"},
        {RULE("add-sender"), "j\xc3\xb6rg", "<x@example.org>", FOREIGN,
         "signed; Sender field: the login has no known mailbox"},
        /* Several rules: each is tried, the stronger word counts. */
        {RULE("add-sender") "rule \"s\" { stage = eom  action = replace-sender }\n"
                            "rule \"t\" { stage = mail  action = no-sign }\n",
         "alice", "<x@example.org>", FOREIGN "Sender: y@example.org\n",
         "-1 +alice@example.org rule \"t\""},
        {"rule \"s\" { stage = eom  action = replace-sender }\n" RULE("add-sender"), "alice",
         "<x@example.org>", FOREIGN "Sender: y@example.org\n", "-1 +alice@example.org signed"},
        /* Watched only. */
        {"mode = observe\n" RULE("replace-sender"), "alice", "<x@example.org>", FOREIGN, "signed"},
        {"mode = observe\n" RULE("no-sign"), "alice", "<x@example.org>", FOREIGN, "signed"},
        {RULE("replace-sender  mode = observe"), "alice", "<x@example.org>", FOREIGN, "signed"},
        {RULE("no-sign  mode = observe"), "alice", "<x@example.org>", FOREIGN, "signed"},
        /* Nobody's login: no Sender, and nothing that could be signed. */
        {"rule \"r\" { stage = eom  action = replace-sender }\n", "", "<x@example.net>",
         "From: x@example.net\nSender: y@example.net\n", "nothing"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[512];

        configure(fixture, cases[i].conf);
        assert_int_equal(judge(fixture, cases[i].login, cases[i].path, cases[i].header)->action,
                         POLICY_ACTION_CONTINUE);
        show(fixture, got, sizeof(got));
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%zu: %s: %s", i, cases[i].want, got);
    }
}

static void test_actions_refused(void **state)
{
    static const char *const actions[] = {"add-sender", "replace-sender", "no-sign"};
    static const char *const stages[] = {"connect", "helo", "unknown"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 9; i++) {
        struct base_error error = {""};
        char conf[256];

        snprintf(conf, sizeof(conf), "rule \"r\" { stage = %s  action = %s }\n", stages[i / 3],
                 actions[i % 3]);
        assert_null(world_snapshot(&fixture->world, conf, &error));
        assert_non_null(strstr(error.text, actions[i % 3]));
    }
}

static void test_record(void **state)
{
    static const struct {
        const char *part;
        const char *owned;
        /* NULL: null. */
        const char *by;
        const char *address;
    } cases[] = {
        {"sender", "no", NULL, "bob@example.org"}, {"author", "yes", "map", "alice@example.org"},
        {"sender_header", "unknown", NULL, NULL},  {"reply_to", "no", NULL, "x@example.net"},
        {"resent", "unknown", NULL, NULL},
    };
    struct fixture *fixture = *state;
    struct base_log_line line;

    configure(fixture, "");
    (void)judge(fixture, "alice", "<bob@example.org>", FROM "Reply-To: x@example.net\n");
    const struct policy_decision *decision = policy_session_decision(fixture->world.session);
    struct base_json *json = policy_decision_json(decision, NULL, NULL);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct base_json *part =
            base_json_get(base_json_get(json, "identity"), cases[i].part);
        const char *const keys[] = {"owned", "by", "address", "fault"};
        const char *const wants[] = {cases[i].owned, cases[i].by, cases[i].address, NULL};

        for (size_t k = 0; k < 4; k++) {
            const struct base_json *value = base_json_get(part, keys[k]);

            assert_non_null(value);
            assert_int_equal(base_json_is_null(value), wants[k] == NULL);
            assert_true(base_text_equals(base_json_text(value), base_text_of(wants[k])));
        }
    }
    base_json_destroy(&json);
    base_log_line_begin(&line);
    policy_decision_log(decision, &line);
    assert_non_null(strstr(base_buf_cstr(&line.text), " unowned=\"sender,reply-to\" "));
    base_log_line_end(&line, BASE_LOG_DEBUG);

    (void)judge(fixture, "", "<bob@example.org>", FROM);
    assert_null(policy_session_decision(fixture->world.session)->identity);
}

/* Maps that give no answer: neither owned nor refused for good. */
static void test_fault(void **state)
{
    static const struct {
        const char *rule;
        bool want_tempfail;
    } cases[] = {
        {"rule \"r\" { stage = mail  sender-owned = no  action = reject }\n", true},
        {"rule \"r\" { stage = eom  sender-owned = no  action = reject }\n", true},
        {"rule \"r\" { stage = eom  author-owned = no  action = reject }\n", true},
        {"rule \"r\" { stage = eom  sender-owned = no  mode = observe  action = reject }\n", false},
        {"mode = observe\nrule \"r\" { stage = eom  sender-owned = no  action = reject }\n", false},
        {"", false},
    };
    struct fixture *fixture = *state;

    /* A group of so many names that nobody reads them all. */
    struct base_buf text;

    base_buf_init(&text, NULL, (size_t)4 << 20);
    base_buf_append_cstr(&text, "alice@example.org");
    for (unsigned i = 0; i < 100001; i++)
        base_buf_append_cstr(&text, " x");
    files_write(fixture->files, "logins", base_buf_text(&text), 0644);
    base_buf_deinit(&text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        configure(fixture, cases[i].rule);
        const struct policy_verdict *verdict = judge(fixture, "alice", "<alice@example.org>", FROM);
        const struct policy_decision *decision = policy_session_decision(fixture->world.session);

        if (!cases[i].want_tempfail) {
            assert_int_equal(verdict->action, POLICY_ACTION_CONTINUE);
            assert_non_null(decision->signatures);
            continue;
        }
        assert_int_equal(verdict->action, POLICY_ACTION_TEMPFAIL);
        assert_string_equal(verdict->code, "451");
        assert_string_equal(verdict->enhanced, "4.3.0");
    }
}

static void test_unconfigured(void **state)
{
    static const struct {
        const char *conf;
        bool want;
    } cases[] = {
        {"rule \"r\" { stage = mail  sender-owned = no  action = reject }\n", false},
        {"rule \"r\" { stage = mail  sender-owned = no  action = reject  mode = observe }\n",
         false},
        {"rule \"r\" { stage = mail  sender-owned = no  action = reject  mode = off }\n", true},
        {"login-is-address = yes\n"
         "rule \"r\" { stage = mail  sender-owned = no  action = reject }\n",
         true},
        {"rule \"r\" { stage = mail  author-owned = no  action = reject }\n", false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct policy_snapshot *snapshot = world_snapshot(&fixture->world, cases[i].conf, &error);

        assert_int_equal(snapshot != NULL, cases[i].want);
        if (!cases[i].want)
            assert_non_null(strstr(error.text, i == 4 ? "is not known yet" : "sender-login-maps"));
        policy_snapshot_unref(&snapshot);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parts),        TEST(test_yes),     TEST(test_replies),         TEST(test_at_mail),
        TEST(test_null_sender),  TEST(test_signing), TEST(test_record),          TEST(test_fault),
        TEST(test_unconfigured), TEST(test_actions), TEST(test_actions_refused),
    };
    const struct base_log_options quiet = {.ident = "test", .target = BASE_LOG_NONE};

    base_log_init(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
