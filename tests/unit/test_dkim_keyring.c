/* policy/dkim/keyring.c and probe.c: which block signs for whom, and every `sign` block that must
 * be refused, with the text that mends it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "keys/store.h"
#include "policy/dkim/probe.h"
#include "tests/unit/dkim_message.h"

static const struct conf_table *const tables[] = {&dkim_sign_table};

struct place {
    char dir[64];
};

static void make_key(const struct place *place, const char *domain, const char *selector,
                     enum keys_type type)
{
    struct dns_name name = test_name(domain);
    struct keys_new_options options = {place->dir, &name, selector, type, 2048, getegid()};
    struct base_error error;
    struct keys_key *key = keys_store_new(&options, &error);

    if (key == NULL)
        fail_msg("%s", error.text);
    keys_key_unref(&key);
}

static int setup(void **state)
{
    struct place *place = base_mem_alloc_zero(1, sizeof(*place));

    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/test_dkim_keyring.XXXXXX");
    if (mkdtemp(place->dir) == NULL)
        return -1;
    make_key(place, "example.org", "rsa", KEYS_TYPE_RSA);
    make_key(place, "example.org", "ed", KEYS_TYPE_ED25519);
    make_key(place, "sub.example.org", "ed", KEYS_TYPE_ED25519);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[128];
    int status;

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", place->dir);
    status = system(command);
    base_mem_free(place);
    return status;
}

/* NULL and the error's text. */
static struct dkim_keyring *read_ring(const struct place *place, const char *text,
                                      struct base_error *error_r)
{
    struct conf_snapshot *conf = conf_read_text(text, "test.conf", tables, 1, error_r);
    struct dkim_keyring *ring;

    if (conf == NULL)
        return NULL;
    ring = dkim_keyring_create(conf, place->dir, NULL, NULL, error_r);
    conf_snapshot_unref(&conf);
    return ring;
}

static const char *title_for(const struct dkim_keyring *ring, const char *author)
{
    struct dns_name name = test_name(author);
    const struct dkim_sign_block *block = dkim_keyring_find(ring, &name);

    return block == NULL ? "none" : block->title;
}

static void test_find(void **state)
{
    struct base_error error = {""};
    struct dkim_keyring *ring =
        read_ring(*state,
                  "sign \"example.org\" { keys = { \"rsa\", \"ed\" } }\n"
                  "sign \"Sub.Example.Org\" { keys = { \"ed\" } }\n"
                  "sign \"*\" { keys = { \"ed\" } domain = \"example.org\" }\n",
                  &error);

    if (ring == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(dkim_keyring_count(ring), 3);
    assert_string_equal(title_for(ring, "example.org"), "example.org");
    assert_string_equal(title_for(ring, "a.b.example.org"), "example.org");
    assert_string_equal(title_for(ring, "sub.example.org"), "Sub.Example.Org");
    assert_string_equal(title_for(ring, "a.sub.example.org"), "Sub.Example.Org");
    assert_string_equal(title_for(ring, "example.net"), "*");
    assert_string_equal(title_for(ring, "xexample.org"), "*");
    assert_string_equal(dkim_keyring_at(ring, 2)->domain.text, "example.org");
    assert_null(dkim_keyring_at(ring, 3));
    dkim_keyring_destroy(&ring);
    dkim_keyring_destroy(&ring);
}

static void test_nobody_signs(void **state)
{
    struct base_error error = {""};
    struct dkim_keyring *ring =
        read_ring(*state, "sign \"example.org\" { keys = { \"ed\" } }\n", &error);

    assert_non_null(ring);
    assert_string_equal(title_for(ring, "example.net"), "none");
    assert_string_equal(title_for(ring, "org"), "none");
    dkim_keyring_destroy(&ring);
}

static void same_list(const char *const *a, const char *const *b)
{
    for (; *a != NULL && *b != NULL; a++, b++)
        assert_string_equal(*a, *b);
    assert_null(*a);
    assert_null(*b);
}

/* The command's block is the configuration's. */
static void test_defaults(void **state)
{
    struct base_error error = {""};
    struct dkim_keyring *ring =
        read_ring(*state, "sign \"example.org\" { keys = { \"ed\" } }\n", &error);
    struct dns_name domain = test_name("example.org");
    struct dkim_sign_block plain;
    const struct dkim_sign_block *block;

    assert_non_null(ring);
    block = dkim_keyring_at(ring, 0);
    dkim_sign_block_init(&plain, &domain);
    assert_int_equal(block->header_canon, plain.header_canon);
    assert_int_equal(block->body_canon, plain.body_canon);
    assert_int_equal(block->header_canon, DKIM_CANON_RELAXED);
    assert_int_equal(block->body_canon, DKIM_CANON_RELAXED);
    assert_int_equal(block->expire_s, 0);
    same_list(block->sign_headers, plain.sign_headers);
    same_list(block->oversign_always, plain.oversign_always);
    same_list(block->oversign_present, plain.oversign_present);
    dkim_keyring_destroy(&ring);
}

static void test_options(void **state)
{
    static const char *const sign[] = {"from", "x-mine", NULL};
    static const char *const none[] = {NULL};
    struct base_error error = {""};
    struct dkim_keyring *ring =
        read_ring(*state,
                  "sign \"news.example.net\" { keys = { \"ed\" } domain = \"sub.example.org\"\n"
                  "  canonicalization = \"simple/relaxed\" expire = \"7d\"\n"
                  "  sign-headers = { \"From\", \"X-Mine\" } oversign-headers = { }\n"
                  "  oversign-present = { } }\n",
                  &error);
    const struct dkim_sign_block *block;

    if (ring == NULL)
        fail_msg("%s", error.text);
    block = dkim_keyring_at(ring, 0);
    assert_string_equal(block->domain.text, "sub.example.org");
    assert_int_equal(block->header_canon, DKIM_CANON_SIMPLE);
    assert_int_equal(block->body_canon, DKIM_CANON_RELAXED);
    assert_int_equal(block->expire_s, 604800);
    same_list(block->sign_headers, sign);
    same_list(block->oversign_always, none);
    same_list(block->oversign_present, none);
    dkim_keyring_destroy(&ring);
}

static const struct {
    const char *name;
    const char *text;
    const char *want;
} refused[] = {
    {"no keys", "sign \"example.org\" { }", "keys is missing"},
    {"* without a domain", "sign \"*\" { keys = { \"ed\" } }", "domain is missing"},
    {"title", "sign \"a..b\" { keys = { \"ed\" } }", "not a domain name"},
    {"title, not ASCII", "sign \"\xc3\xa4.example\" { keys = { \"ed\" } }", "A-labels"},
    {"domain", "sign \"a.org\" { keys = { \"ed\" } domain = \"a b\" }", "not a domain name"},
    {"selector", "sign \"example.org\" { keys = { \"../ed\" } }", "is not a selector"},
    {"no such key", "\n\nsign \"example.org\" {\n keys = { \"other\" } }", "test.conf:4"},
    {"twins",
     "sign \"example.org\" { keys = { \"ed\" } }\nsign \"Example.ORG\" { keys = { \"ed\" } }",
     "test.conf:1"},
    {"canonicalization", "sign \"a.org\" { keys = { \"ed\" } canonicalization = \"nofws\" }",
     "canonicalization"},
    {"expire", "sign \"example.org\" { keys = { \"ed\" } expire = \"5s\" }", "less than a minute"},
    {"sign-headers without From",
     "sign \"example.org\" { keys = { \"ed\" } sign-headers = { \"to\" } }", "\"from\" is missing"},
    {"sign-headers", "sign \"example.org\" { keys = { \"ed\" } sign-headers = { \"from:\" } }",
     "without the colon"},
    {"oversign-headers",
     "sign \"example.org\" { keys = { \"ed\" } oversign-headers = { \"DKIM-Signature\" } }",
     "cannot be oversigned"},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct base_error error = {""};
        struct dkim_keyring *ring = read_ring(*state, refused[i].text, &error);

        if (ring != NULL || strstr(error.text, refused[i].want) == NULL)
            fail_msg("%s: %s", refused[i].name, error.text);
        if (strstr(error.text, "test.conf:") == NULL)
            fail_msg("%s: no line in: %s", refused[i].name, error.text);
    }
}

static void count_warning(void *context, const char *text)
{
    (void)text;
    ++*(unsigned *)context;
}

static void test_weak_key_warns(void **state)
{
    const struct place *place = *state;
    struct base_error error = {""};
    struct conf_snapshot *conf;
    struct dkim_keyring *ring;
    char path[128];
    unsigned warnings = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/example.org/weak.pem", place->dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(RFC8463_RSA, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    conf = conf_read_text("sign \"example.org\" { keys = { \"weak\", \"ed\" } }", "test.conf",
                          tables, 1, &error);
    assert_non_null(conf);
    ring = dkim_keyring_create(conf, place->dir, count_warning, &warnings, &error);
    conf_snapshot_unref(&conf);
    if (ring == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(warnings, 1);
    dkim_keyring_destroy(&ring);
}

/* Every canonicalization, every list: what a block can say, the judge must be able to read. */
static void test_probe(void **state)
{
    static const char *const all[] = {"from", "to", "subject", "x-*", NULL};
    struct keys_key *keys[] = {test_key(RFC8463_RSA), test_key(RFC8463_ED25519)};
    struct dns_name domain = test_name("example.org");
    struct base_error error = {""};

    (void)state;
    for (int i = 0; i < 16; i++) {
        struct dkim_signer signer = {keys[i % 2], "probe"};
        struct dkim_sign_block block;

        dkim_sign_block_init(&block, &domain);
        block.header_canon = (enum dkim_canon)(i / 2 % 2);
        block.body_canon = (enum dkim_canon)(i / 4 % 2);
        if (i >= 8)
            block.sign_headers = all;
        if (!dkim_probe_signer(&block, &signer, &error))
            fail_msg("%d: %s", i, error.text);
    }
    keys_key_unref(&keys[0]);
    keys_key_unref(&keys[1]);
}

/* A block whose signatures cannot verify: From is not covered. */
static void test_probe_refuses(void **state)
{
    static const char *const no_from[] = {"to", NULL};
    static const char *const none[] = {NULL};
    struct keys_key *key = test_key(RFC8463_ED25519);
    struct dkim_signer signer = {key, "probe"};
    struct dns_name domain = test_name("example.org");
    struct dkim_sign_block block;
    struct base_error error = {""};

    (void)state;
    dkim_sign_block_init(&block, &domain);
    block.sign_headers = no_from;
    block.oversign_always = none;
    block.oversign_present = none;
    assert_false(dkim_probe_signer(&block, &signer, &error));
    assert_non_null(strstr(error.text, "probe message"));
    keys_key_unref(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),     cmocka_unit_test(test_nobody_signs),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_weak_key_warns),
        cmocka_unit_test(test_probe),    cmocka_unit_test(test_probe_refuses),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
