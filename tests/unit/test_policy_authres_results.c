/* Our Authentication-Results field as a session writes it, and those of others that it reads. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/authres_trusted.h"
#include "policy/decision.h"
#include "tests/unit/enforce_world.h"

static int setup(void **state)
{
    static struct world world;

    world_init(&world);
    enforce_set_zone(&world, ENFORCE_ZONE);
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

/* --- header.b (RFC 6008) --- */

#define SIGNATURE(b)                                                         \
    "DKIM-Signature: v=1; a=ed25519-sha256; d=list.example; s=ed; h=from;\n" \
    " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=" b "\n"

static void test_b(void **state)
{
    static const struct {
        const char *fields;
        /* In the order of the fields, blanks between; "" where there is none. */
        const char *want[3];
    } rows[] = {
        {SIGNATURE("abcdefghIJKL"), {"header.b=abcdefgh"}},
        {SIGNATURE("abcd\n efgh IJKL"), {"header.b=abcdefgh"}},
        {SIGNATURE("ab/+efghIJKL"), {"header.b=\"ab/+efgh\""}},
        {SIGNATURE("abcd"), {"header.b=abcd"}},
        {SIGNATURE("AAAAAAAABBBB") SIGNATURE("AAAAAAAABCCC"),
         {"header.b=AAAAAAAABB", "header.b=AAAAAAAABC"}},
        {SIGNATURE("AAAAAAAABBBB") SIGNATURE("CCCCCCCCBBBB"),
         {"header.b=AAAAAAAA", "header.b=CCCCCCCC"}},
        /* One and the same. */
        {SIGNATURE("AAAAAAAABBBB") SIGNATURE("AAAAAAAABBBB"),
         {"header.b=AAAAAAAA", "header.b=AAAAAAAA"}},
        /* Nothing of a stranger's that is no signature. */
        {SIGNATURE("abc(efgh;dkim=pass"), {""}},
        {SIGNATURE("\"abcdefgh\""), {""}},
        {SIGNATURE(""), {""}},
    };
    struct world *world = *state;

    world_configure(world, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct enforce_message message = {.fields = rows[i].fields};
        const char *at;

        (void)enforce_send(world, &message);
        at = decision(world)->authres.data;
        if (rows[i].want[0][0] == '\0' && strstr(at, "header.b") != NULL)
            fail_msg("row %zu: %s", i, at);
        for (size_t k = 0; rows[i].want[k] != NULL && rows[i].want[k][0] != '\0'; k++) {
            size_t length = strlen(rows[i].want[k]);

            at = strstr(at, rows[i].want[k]);
            /* That, and no more of it. */
            if (at == NULL || strchr(" ;\n", at[length]) == NULL)
                fail_msg("row %zu: %s", i, decision(world)->authres.data);
            at += length;
        }
    }
}

/* --- auth (RFC 8601 section 2.7.4) --- */

static void test_auth(void **state)
{
    static const struct {
        const char *conf;
        const char *login;
        /* NULL: no field. */
        const char *want;
    } rows[] = {
        {"authres-auth = yes\n", "alice",
         " mx.example.org (test zone);\n\tauth=pass smtp.auth=alice smtp.mailfrom=a@example.org"},
        {"authres-auth = yes\n", "alice; dkim=pass",
         " mx.example.org (test zone);\n\tauth=pass smtp.auth=\"alice; dkim=pass\" "
         "smtp.mailfrom=a@example.org"},
        {"", "alice", NULL},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_configure(world, rows[i].conf);
        world_connect(world, "192.0.2.9", "");
        world_mail(world, "<a@example.org>", rows[i].login);
        world_field(world, "From", " a@example.org");
        (void)world_finish(world);
        assert_int_equal(decision(world)->direction, POLICY_DIRECTION_OUTBOUND);
        if ((decision(world)->authres.data == NULL) != (rows[i].want == NULL))
            fail_msg("row %zu", i);
        if (rows[i].want != NULL) {
            assert_string_equal(decision(world)->authres.data, rows[i].want);
            assert_int_equal(policy_session_edits(world->session)->count, 1);
        }
    }
    /* Nobody authenticated: nothing is said of it. */
    world_configure(world, "authres-auth = yes\n");
    const struct enforce_message message = {NULL};

    (void)enforce_send(world, &message);
    assert_null(strstr(decision(world)->authres.data, "auth="));
}

/* --- trusted-authserv-ids --- */

#define TRUST                                \
    "trusted-networks = { \"192.0.2.9\" }\n" \
    "trusted-authserv-ids = { \"mx2.example.org\", \"b\303\274cher.example\" }\n"
#define GOOD "Authentication-Results: mx2.example.org; spf=pass smtp.mailfrom=a; dkim=fail\n"

static void test_trusted(void **state)
{
    static const struct {
        const char *conf;
        const char *client;
        const char *fields;
        /* method=result of all, each followed by a blank. */
        const char *want;
        unsigned removed;
    } rows[] = {
        {TRUST, "192.0.2.9", GOOD, "spf=pass dkim=fail ", 0},
        {TRUST, "192.0.2.9", GOOD "Authentication-Results: MX2.Example.ORG 1; arc=none\n",
         "spf=pass dkim=fail arc=none ", 0},
        {TRUST, "192.0.2.9", "Authentication-Results: xn--bcher-kva.example; spf=pass\n",
         "spf=pass ", 0},
        {TRUST, "192.0.2.9", "Authentication-Results: mx2.example.org; none\n", "", 0},
        {TRUST, "192.0.2.9", "Authentication-Results: mx3.example.org; spf=pass\n", "", 0},
        {TRUST, "192.0.2.9", "Authentication-Results: mx2.example.org; spf\n", "", 0},
        {TRUST, "192.0.2.9", "X-Authentication-Results: mx2.example.org; spf=pass\n", "", 0},
        /* A stranger's word is nobody's, and goes no further. */
        {TRUST, "192.0.2.8", GOOD, "", 1},
        {TRUST, "192.0.2.8", "Authentication-Results: MX2 . example.org; spf=pass\n" GOOD, "", 2},
        {TRUST, "192.0.2.8", "Authentication-Results: xn--bcher-kva.example; spf=pass\n", "", 1},
        {TRUST, "192.0.2.8", "Authentication-Results: mx3.example.org; spf=pass\n", "", 0},
        {TRUST "keep-authres-from = { \"192.0.2.8\" }\n", "192.0.2.8", GOOD, "", 0},
        {"trusted-authserv-ids = { \"mx2.example.org\" }\n", "192.0.2.9", GOOD, "", 1},
        {"trusted-networks = { \"192.0.2.9\" }\n", "192.0.2.9", GOOD, "", 0},
        /* Of ten fields, and no more. */
        {TRUST, "192.0.2.9",
         GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD
         "Authentication-Results: mx3.example.org; spf=pass\n" GOOD,
         "spf=pass dkim=fail spf=pass dkim=fail spf=pass dkim=fail spf=pass dkim=fail spf=pass "
         "dkim=fail spf=pass dkim=fail spf=pass dkim=fail spf=pass dkim=fail spf=pass dkim=fail ",
         0},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct enforce_message message = {.client = rows[i].client, .fields = rows[i].fields};
        const struct policy_authres_trusted *it;
        char storage[1024];
        struct base_buf out;

        world_configure(world, rows[i].conf);
        (void)enforce_send(world, &message);
        base_buf_init_fixed(&out, storage, sizeof(storage));
        for (it = decision(world)->trusted_results; it != NULL; it = it->next)
            for (const struct authres_result *result = it->field.results; result != NULL;
                 result = result->next) {
                base_buf_append_text(&out, result->method);
                base_buf_append_char(&out, '=');
                base_buf_append_text(&out, result->result);
                base_buf_append_char(&out, ' ');
            }
        if (strcmp(base_buf_cstr(&out), rows[i].want) != 0)
            fail_msg("row %zu: %s", i, base_buf_cstr(&out));
        if (decision(world)->authres_removed != rows[i].removed)
            fail_msg("row %zu: %u removed", i, decision(world)->authres_removed);
    }
}

/* A field of more than 8 KiB is not read. */
static void test_trusted_is_capped(void **state)
{
    static const char head[] = "Authentication-Results: mx2.example.org; spf=pass reason=\"";
    struct world *world = *state;
    char fields[2 * POLICY_AUTHRES_TRUSTED_OCTETS];

    world_configure(world, TRUST);
    for (int over = 0; over < 2; over++) {
        const struct enforce_message message = {.fields = fields};
        /* The value begins behind the colon; a quote ends it. */
        size_t value = sizeof(head) - 1 - strlen("Authentication-Results:");
        size_t filler = POLICY_AUTHRES_TRUSTED_OCTETS - value - 1 + (size_t)over;

        memcpy(fields, head, sizeof(head) - 1);
        memset(fields + sizeof(head) - 1, 'x', filler);
        memcpy(fields + sizeof(head) - 1 + filler, "\"\n", 3);
        (void)enforce_send(world, &message);
        if ((decision(world)->trusted_results == NULL) != (over == 1))
            fail_msg("%d octets more", over);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } rows[] = {
        {"trusted-authserv-ids = { \"mx2.example.org\", \"MX.Example.org\" }",
         "test.conf:3: trusted-authserv-ids: \"MX.Example.org\" is ours"},
        {"authserv-ids = { \"old.example.org\" }\ntrusted-authserv-ids = { \"old.example.org\" }",
         "test.conf:4: trusted-authserv-ids: \"old.example.org\" is ours"},
        {"trusted-authserv-ids = { \"a b\" }",
         "test.conf:3: trusted-authserv-ids: \"a b\" is not a host name"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        assert_null(world_snapshot(world, rows[i].conf, &error));
        if (strstr(error.text, rows[i].want) == NULL)
            fail_msg("row %zu: %s", i, error.text);
    }
}

/* Values as long as strangers can make them: no line reaches 998 octets (RFC 5322 section 2.1.1).
 */
static void test_lines(void **state)
{
    struct world *world = *state;
    char path[400];
    size_t column = 0;

    memset(path, '"', sizeof(path));
    memcpy(path, "<\"", 2);
    for (size_t i = 2; i < 250; i += 2)
        memcpy(path + i, "\\\"", 2);
    memcpy(path + 250, "\"@list.example>", sizeof("\"@list.example>"));
    const struct enforce_message message = {.client = "192.0.2.11",
                                            .from = path,
                                            .signers = "list.example !reject.example none.example"};

    world_configure(world, "iprev = yes\n");
    (void)enforce_send(world, &message);
    assert_true(decision(world)->authres.length > 500);
    for (size_t i = 0; i < decision(world)->authres.length; i++) {
        column = decision(world)->authres.data[i] == '\n' ? 0 : column + 1;
        assert_true(column < 998 - sizeof("Authentication-Results:"));
    }
}

/* 256 octets of a value are shown: where it would be cut, a stranger's domain may look like
 * another's. */
static void test_nothing_is_cut(void **state)
{
    static const struct {
        size_t local;
        const char *domain;
        const char *want;
    } rows[] = {
        {243, "list.example", "smtp.mailfrom=xxx"},
        {244, "list.example", "smtp.mailfrom=@list.example;"},
        {243, "list.example.reject.example", "smtp.mailfrom=@list.example.reject.example;"},
        {600, "list.example.reject.example", "smtp.mailfrom=@list.example.reject.example;"},
        {2000, "list.example", "smtp.helo="},
    };
    struct world *world = *state;

    world_configure(world, "received-spf = yes\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[4096];
        char local[2048];
        char whole[4096];
        const struct enforce_message message = {.client = "192.0.2.11", .from = path};

        memset(local, 'x', rows[i].local);
        local[rows[i].local] = '\0';
        snprintf(path, sizeof(path), "<%s@%s>", local, rows[i].domain);
        snprintf(whole, sizeof(whole), "%s@%s", local, rows[i].domain);
        (void)enforce_send(world, &message);
        const char *got = decision(world)->authres.data;

        if (strstr(got, rows[i].want) == NULL)
            fail_msg("row %zu: %s", i, got);
        for (const struct policy_edit *edit = policy_session_edits(world->session)->first;
             edit != NULL; edit = edit->next)
            if (strstr(edit->value.data, "xxx") != NULL && strstr(edit->value.data, whole) == NULL)
                fail_msg("row %zu: %s", i, edit->value.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_b, setup, teardown),
        cmocka_unit_test_setup_teardown(test_auth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted_is_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_cut, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
