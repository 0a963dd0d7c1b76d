/* policy/identity: who owns what. The cases of tests/data/identity are those that tests/mta asks a
 * real smtpd, too; the others are what Postfix has not. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "policy/domains.h"
#include "policy/identity.h"
#include "policy/identity_options.h"
#include "policy/options.h"
#include "policy/path.h"
#include "tests/unit/store_files.h"

struct world {
    struct conf_snapshot *conf;
    struct policy_domains *local_domains;
    struct policy_identity *identity;
    struct base_arena *arena;
};

static bool configure(struct world *world, const char *text, struct base_error *error_r)
{
    static const struct conf_table *const tables[] = {&policy_identity_table,
                                                      &policy_options_table};
    static const struct conf_item items[] = {{.text = "example.org"}};
    static const struct conf_list local = {.count = 1, .items = items};

    *world = (struct world){.arena = base_arena_create(1 << 20, NULL)};
    world->conf = conf_read_text(text, "test.conf", tables, 2, error_r);
    if (world->conf == NULL)
        return false;
    world->local_domains = policy_domains_create(&local, "local-domains", error_r);
    assert_non_null(world->local_domains);
    world->identity =
        policy_identity_create(world->conf, world->local_domains, NULL, NULL, error_r);
    return world->identity != NULL;
}

static void deinit(struct world *world)
{
    policy_identity_destroy(&world->identity);
    policy_domains_destroy(&world->local_domains);
    conf_snapshot_unref(&world->conf);
    base_arena_destroy(&world->arena);
}

static const char *judge(const struct world *world, const char *login, const char *path)
{
    static const char *const words[] = {"unknown", "yes", "no", "error"};
    struct policy_ownership out = {.owned = POLICY_OWNED_UNKNOWN};
    struct policy_address address;

    (void)policy_path_read(world->arena, base_text_of(path), &address);
    if (login == NULL)
        policy_identity_judge_stranger(world->identity, world->arena, &address, &out);
    else
        policy_identity_judge(world->identity, world->arena, base_text_of(login), &address, &out);
    return out.by != NULL ? out.by : words[out.owned];
}

/* --- what a real smtpd is asked, too ---------------------------------------------------------- */

static char *read_data(const char *name, char path[static 1024], size_t *length_r)
{
    const char *srcdir = getenv("srcdir");
    struct base_error error;
    char *data = NULL;

    snprintf(path, 1024, "%s/tests/data/identity/%s", srcdir == NULL ? "." : srcdir, name);
    if (!base_file_read(path, 1 << 20, &data, length_r, &error))
        fail_msg("%s", error.text);
    return data;
}

/* One line of the file: "login path yes|no". */
static void check_line(const struct world *world, struct base_text line)
{
    struct base_text login = base_text_split(&line, ' ');
    const char *last = memrchr(line.data, ' ', line.length);
    char path[256], name[256];
    bool want = strncmp(last + 1, "yes", 3) == 0;

    snprintf(path, sizeof(path), "%.*s", (int)(last - line.data), line.data);
    snprintf(name, sizeof(name), "%.*s", (int)login.length, login.data);
    /* The session's business: evaluation_identity.c. */
    if (strcmp(path, "<>") == 0)
        return;
    const char *got = judge(world, strcmp(name, "-") == 0 ? NULL : name, path);
    bool is_refused = strcmp(got, "no") == 0 || strcmp(got, "not-logged-in") == 0;

    if (is_refused == want || strcmp(got, "error") == 0)
        fail_msg("%s as %s: %s", name, path, got);
}

static void check_data(const char *map)
{
    struct world world;
    struct base_error error;
    struct base_text rest;
    char path[1024], text[2048];
    unsigned count = 0;

    snprintf(text, sizeof(text),
             "sender-login-maps = { \"%s\" }\nrecipient-delimiter = \"+\"\n"
             "unqualified-domains = { \"local.example\" }\n",
             map);
    if (!configure(&world, text, &error))
        fail_msg("%s", error.text);
    char *data = read_data("cases", path, &rest.length);

    for (rest.data = data; rest.data != NULL;) {
        struct base_text line = base_text_split(&rest, '\n');

        if (line.length == 0 || line.data[0] == '#')
            continue;
        check_line(&world, line);
        count++;
    }
    assert_true(count >= 80);
    base_mem_free(data);
    deinit(&world);
}

/* The tree's own files may belong to whoever builds it. */
static const char *copy_map(struct files *files)
{
    char path[1024];
    struct base_text text;
    char *data = read_data("logins", path, &text.length);

    text.data = data;
    files_write(files, "logins", text, 0644);
    base_mem_free(data);
    return files_name(files, "", "logins");
}

static void test_data_text(void **state)
{
    (void)copy_map(*state);
    check_data(files_name(*state, "file:", "logins"));
}

static void test_data_lmdb(void **state)
{
    struct files *files = *state;
    char command[512];

    (void)copy_map(files);
    files_write(files, "main.cf", BASE_TEXT("compatibility_level = 3.6\n"), 0644);
    snprintf(command, sizeof(command),
             "PATH=$PATH:/usr/sbin postmap -c '%s' 'lmdb:%s/logins' 2>'%s/log'", files->folder,
             files->folder, files->folder);
    if (system(command) != 0)
        skip();
    check_data(files_name(files, "lmdb:", "logins"));
}

/* --- what Postfix has not --------------------------------------------------------------------- */

static const char logins[] = "alice@example.org alice\n"
                             "bob@example.org bob@example.org\n"
                             "sales@example.org sales, erin\n"
                             "board@example.org everybody\n"
                             "ring@example.org ring1\n"
                             "user@xn--bcher-kva.example dave\n"
                             "user@m\xc3\xbcller.example dave\n";
static const char aliases[] = "info@example.org alice@example.org\n"
                              "office@example.org info@example.org, bob@example.org\n"
                              "@catch.example carol@example.net\n"
                              "root alice\n"
                              "loop@example.org loop@example.org\n"
                              "deep1@example.org deep2@example.org\n"
                              "deep2@example.org deep3@example.org\n"
                              "deep3@example.org deep4@example.org\n"
                              "deep4@example.org deep5@example.org\n"
                              "deep5@example.org deep6@example.org\n"
                              "deep6@example.org alice@example.org\n";
static const char groups[] = "sales carol, dave@example.org\n"
                             "everybody sales, managers\n"
                             "managers Frank\n"
                             "ring1 ring2\nring2 ring1\n";
static const char delegates[] = "assistant boss@example.org, @lists.example, alice\n"
                                "dave@example.org root@example.org\n"
                                "second assistant\n";

static void write_maps(struct files *files)
{
    files_write(files, "logins", base_text_of(logins), 0644);
    files_write(files, "aliases", base_text_of(aliases), 0644);
    files_write(files, "groups", base_text_of(groups), 0644);
    files_write(files, "delegates", base_text_of(delegates), 0644);
}

#define LOGINS    "sender-login-maps = { \"file:%1$s/logins\" }\n"
#define ALIASES   "alias-maps = { \"file:%1$s/aliases\" }\n"
#define GROUPS    "login-groups = { \"file:%1$s/groups\" }\n"
#define DELEGATES "may-send-as = { \"file:%1$s/delegates\" }\n"
#define DOMAINS   "login-domain = { \"example.org\", \"mx.example.org\" }\n"
#define ADDRESS   "login-is-address = yes\n"
#define PLUS      "recipient-delimiter = \"+\"\n"
#define FORMS     "sender-forms = { verp, batv, srs }\n"

static const struct {
    const char *conf;
    const char *login;
    const char *path;
    /* Why, "no", "unknown" or "error". */
    const char *want;
} more[] = {
    {LOGINS, "alice", "<alice@example.org>", "map"},
    /* A login's domain may be there or not. */
    {LOGINS, "alice@example.org", "<alice@example.org>", "no"},
    {LOGINS DOMAINS, "alice@example.org", "<alice@example.org>", "map"},
    {LOGINS DOMAINS, "Alice@MX.Example.ORG", "<alice@example.org>", "map"},
    {LOGINS DOMAINS, "alice@other.example", "<alice@example.org>", "no"},
    {LOGINS DOMAINS, "bob", "<bob@example.org>", "map"},
    {LOGINS DOMAINS, "@example.org", "<alice@example.org>", "no"},
    {LOGINS DOMAINS, "", "<alice@example.org>", "no"},
    /* The login is the mailbox. */
    {ADDRESS, "alice@example.org", "<alice@example.org>", "login"},
    {ADDRESS, "Alice@Example.org", "<aLICE@example.ORG>", "login"},
    {ADDRESS, "alice@example.org", "<\"alice\"@example.org>", "login"},
    {ADDRESS, "alice@example.org", "<alice@example.net>", "no"},
    {ADDRESS, "alice@example.org", "<alicex@example.org>", "no"},
    {ADDRESS, "alice", "<alice@example.org>", "no"},
    {ADDRESS, "alice", "<alice>", "no"},
    {ADDRESS DOMAINS, "alice", "<alice@example.org>", "login"},
    {ADDRESS DOMAINS, "alice", "<alice@mx.example.org>", "login"},
    {ADDRESS DOMAINS, "alice@mx.example.org", "<alice@example.org>", "login"},
    {ADDRESS DOMAINS, "alice", "<alice@other.example>", "no"},
    {ADDRESS DOMAINS, "alice", "<alice+x@example.org>", "no"},
    {ADDRESS DOMAINS PLUS, "alice", "<alice+x@example.org>", "login"},
    {ADDRESS PLUS, "alice+x@example.org", "<alice+x@example.org>", "login"},
    {ADDRESS PLUS, "alice+x@example.org", "<alice@example.org>", "no"},
    {ADDRESS,
     "user@b\xc3\xbc"
     "cher.example",
     "<user@xn--bcher-kva.example>", "login"},
    /* Groups. */
    {LOGINS, "sales", "<sales@example.org>", "map"},
    {LOGINS, "carol", "<sales@example.org>", "no"},
    {LOGINS GROUPS, "carol", "<sales@example.org>", "group"},
    {LOGINS GROUPS, "CAROL", "<sales@example.org>", "group"},
    {LOGINS GROUPS, "erin", "<sales@example.org>", "map"},
    {LOGINS GROUPS, "frank", "<sales@example.org>", "no"},
    {LOGINS GROUPS, "frank", "<board@example.org>", "group"},
    {LOGINS GROUPS, "carol", "<board@example.org>", "group"},
    {LOGINS GROUPS, "dave", "<board@example.org>", "no"},
    {LOGINS GROUPS DOMAINS, "dave", "<board@example.org>", "group"},
    {LOGINS GROUPS, "alice", "<ring@example.org>", "no"},
    /* Aliases. */
    {LOGINS, "alice", "<info@example.org>", "no"},
    {LOGINS ALIASES, "alice", "<info@example.org>", "alias"},
    {LOGINS ALIASES, "alice", "<INFO@example.org>", "alias"},
    {LOGINS ALIASES PLUS, "alice", "<info+x@example.org>", "alias"},
    {LOGINS ALIASES, "alice", "<office@example.org>", "alias"},
    {LOGINS ALIASES, "bob@example.org", "<office@example.org>", "alias"},
    {LOGINS ALIASES, "carol", "<office@example.org>", "no"},
    {LOGINS ALIASES ADDRESS, "carol@example.net", "<any@catch.example>", "alias"},
    {LOGINS ALIASES, "alice", "<loop@example.org>", "no"},
    {LOGINS ALIASES, "alice", "<deep2@example.org>", "alias"},
    {LOGINS ALIASES, "alice", "<deep1@example.org>", "no"},
    {LOGINS ALIASES "unqualified-domains = { \"example.org\" }\n", "alice", "<root@example.org>",
     "alias"},
    {LOGINS ALIASES, "alice", "<root@example.org>", "no"},
    /* Delegates. */
    /* The default counts only where it is written. */
    {LOGINS, "alice", "<alice+x@example.org>", "no"},
    {LOGINS PLUS, "alice", "<alice+x@example.org>", "map"},
    {LOGINS, "assistant", "<boss@example.org>", "no"},
    {LOGINS DELEGATES, "assistant", "<boss@example.org>", "delegate"},
    {LOGINS DELEGATES, "Assistant", "<Boss@Example.org>", "delegate"},
    {LOGINS DELEGATES, "assistant", "<boss+x@example.org>", "no"},
    {LOGINS DELEGATES PLUS, "assistant", "<boss+x@example.org>", "delegate"},
    {LOGINS DELEGATES, "assistant", "<x@lists.example>", "delegate"},
    {LOGINS DELEGATES, "assistant", "<x@sub.lists.example>", "no"},
    {LOGINS DELEGATES, "assistant", "<alice@example.org>", "delegate"},
    {LOGINS DELEGATES ALIASES, "assistant", "<info@example.org>", "delegate"},
    {LOGINS DELEGATES, "assistant", "<bob@example.org>", "no"},
    {LOGINS DELEGATES, "alice", "<boss@example.org>", "no"},
    /* Not at third hand. */
    {LOGINS DELEGATES, "second", "<boss@example.org>", "no"},
    {LOGINS DELEGATES, "dave", "<root@example.org>", "no"},
    {LOGINS DELEGATES DOMAINS, "dave", "<root@example.org>", "delegate"},
    {LOGINS DELEGATES DOMAINS, "dave@mx.example.org", "<root@example.org>", "delegate"},
    {LOGINS DELEGATES DOMAINS, "assistant@example.org", "<boss@example.org>", "delegate"},
    /* Forms of one's own address. */
    {LOGINS, "alice", "<alice+bob=other.example@example.org>", "no"},
    {LOGINS FORMS, "alice", "<alice+bob=other.example@example.org>", "verp"},
    {LOGINS FORMS, "alice", "<alice+bob@example.org>", "no"},
    {LOGINS FORMS, "carol", "<alice+bob=other.example@example.org>", "no"},
    {LOGINS FORMS, "alice", "<prvs=0123abcdef=alice@example.org>", "batv"},
    {LOGINS FORMS, "alice", "<PRVS=alice/0123abcdef@example.org>", "batv"},
    {LOGINS FORMS, "alice", "<btv1==012abc==alice@example.org>", "batv"},
    {LOGINS FORMS, "alice", "<prvs==alice@example.org>", "no"},
    {LOGINS FORMS, "alice", "<prvs=0123abcdef=bob@example.org>", "no"},
    {LOGINS FORMS, "alice", "<SRS0=HHH=TT=example.org=alice@example.org>", "srs"},
    {LOGINS FORMS, "alice", "<srs0+HHH=TT=example.org=alice@example.org>", "srs"},
    {LOGINS FORMS, "alice", "<SRS1=GGG=f.example==HHH=TT=example.org=alice@example.org>", "srs"},
    /* Of a forwarder that is not ours. */
    {LOGINS FORMS, "alice", "<SRS0=HHH=TT=example.org=alice@forwarder.example>", "no"},
    {LOGINS FORMS, "alice", "<SRS0=HHH=TT=example.net=alice@example.org>", "no"},
    {LOGINS FORMS, "alice", "<SRS0=HHH=TT=alice@example.org>", "no"},
    {LOGINS FORMS, "alice", "<SRS0=@example.org>", "no"},
    {LOGINS FORMS DELEGATES, "assistant", "<prvs=0123abcdef=boss@example.org>", "batv"},
    /* U-labels and A-labels are one domain. */
    {LOGINS, "dave",
     "<user@b\xc3\xbc"
     "cher.example>",
     "map"},
    {LOGINS, "dave", "<user@xn--bcher-kva.example>", "map"},
    {LOGINS, "dave", "<user@m\xc3\xbcller.example>", "map"},
    {LOGINS, "dave", "<user@M\xc3\x9cLLER.example>", "map"},
    {LOGINS, "dave", "<user@xn--mller-kva.example>", "map"},
    /* What is no address is nobody's. */
    {LOGINS, "alice", "<alice@example.org", "no"},
    {LOGINS, "alice", "<ali ce@example.org>", "no"},
    {ADDRESS, "a@b@example.org", "<a@b@example.org>", "login"},
    {ADDRESS, "a@b@example.org", "<b@example.org>", "no"},
    {ADDRESS, "b@example.org", "<a@b@example.org>", "no"},
    /* Nobody has logged in. */
    {LOGINS, NULL, "<alice@example.org>", "not-logged-in"},
    {LOGINS, NULL, "<nobody@example.org>", "unknown"},
    {ADDRESS, NULL, "<alice@example.org>", "unknown"},
};

static void test_more(void **state)
{
    struct files *files = *state;

    write_maps(files);
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct world world;
        struct base_error error;
        struct base_buf text;

        base_buf_init(&text, NULL, 4096);
        for (const char *c = more[i].conf; *c != '\0'; c++) {
            if (strncmp(c, "%1$s", 4) != 0) {
                base_buf_append_char(&text, *c);
                continue;
            }
            base_buf_append_cstr(&text, files->folder);
            c += 3;
        }
        if (!configure(&world, base_buf_cstr(&text), &error))
            fail_msg("%s", error.text);
        assert_true(policy_identity_is_configured(world.identity));
        const char *got = judge(&world, more[i].login, more[i].path);

        if (strcmp(got, more[i].want) != 0)
            fail_msg("%zu: %s as %s: %s, not %s", i, more[i].login, more[i].path, got,
                     more[i].want);
        base_buf_deinit(&text);
        deinit(&world);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"sender-login-maps = { \"hash:/etc/logins\" }",
         "test.conf:1: sender-login-maps: \"hash:/etc/logins\" is no map"},
        {"\nalias-maps = { \"file:/nowhere/a\" }",
         "test.conf:2: alias-maps: /nowhere/a: cannot open"},
        {"recipient-delimiter = \"a\"", "recipient-delimiter: 'a' does not separate"},
        {"login-domain = { \"@example.org\" }", "login-domain: \"@example.org\": write"},
        {"unqualified-domains = { \"exa mple\" }", "unqualified-domains"},
        {"sender-forms = { prvs }", "\"prvs\" is not one of"},
        {"null-sender = no", "\"no\" is not one of"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        struct base_error error = {""};

        assert_false(configure(&world, cases[i].text, &error));
        if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].text, error.text);
        deinit(&world);
    }
}

static void test_mailbox(void **state)
{
    static const struct {
        const char *conf;
        const char *login;
        const char *want;
    } cases[] = {
        {"", "alice@example.net", "alice@example.net"},
        {"", "alice", ""},
        {"", "", ""},
        {DOMAINS, "alice", "alice@example.org"},
        {DOMAINS, "Alice@MX.example.org", "Alice@example.org"},
        {DOMAINS, "alice@example.net", "alice@example.net"},
        {DOMAINS, "al ice", ""},
        {DOMAINS, "alice\n", ""},
        {DOMAINS, "@", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        struct base_error error;

        assert_true(configure(&world, cases[i].conf, &error));
        assert_false(policy_identity_is_configured(world.identity));
        struct base_text got =
            policy_identity_mailbox(world.identity, world.arena, base_text_of(cases[i].login));

        if (!base_text_equals(got, base_text_of(cases[i].want)))
            fail_msg("%s: %.*s", cases[i].login, (int)got.length, got.data);
        deinit(&world);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_data_text),           TEST(test_data_lmdb),           TEST(test_more),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_mailbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
