/* policy/dkim/signing.c, select.c and tags.c: what our signatures look like, what they cover, and
 * that libopendkim verifies them. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "policy/dkim/canon.h"
#include "policy/dkim/select.h"
#include "tests/unit/dkim_message.h"

/* RFC 8463 appendix A.3, the message without its signatures. */
#define RFC8463_MESSAGE                                              \
    "From: Joe SixPack <joe@football.example.com>\n"                 \
    "To: Suzie Q <suzie@shopping.example.net>\n"                     \
    "Subject: Is dinner ready?\n"                                    \
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"                  \
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n" \
    "\n"                                                             \
    "Hi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n"

static void digest_write(void *context, const void *data, size_t length)
{
    EVP_DigestUpdate(context, data, length);
}

static void make_block(struct dkim_sign_block *block, struct dkim_signer *signers, size_t count,
                       const char *domain)
{
    struct dns_name name = test_name(domain);

    dkim_sign_block_init(block, &name);
    block->signers = signers;
    block->signer_count = count;
}

static const struct {
    const char *pem;
    const char *field;
    const char *b;
} rfc8463[] = {
    {RFC8463_ED25519,
     " v=1; a=ed25519-sha256; c=relaxed/relaxed;\n"
     " d=football.example.com; i=@football.example.com;\n"
     " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n"
     " subject : date : message-id : from : subject : date;\n"
     " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
     " b=",
     "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="},
    {RFC8463_RSA,
     " v=1; a=rsa-sha256; c=relaxed/relaxed;\n"
     " d=football.example.com; i=@football.example.com;\n"
     " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n"
     " date : message-id : from : subject : date;\n"
     " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
     " b=",
     "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS"
     "9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="},
};

/* Both algorithms are deterministic: the RFC's own field, hashed over the fields that we select in
 * the order that we select them, gives the RFC's own octets. */
static void test_rfc8463_byte_for_byte(void **state)
{
    static const char *const sign[] = {"from", "to", "subject", "date", "message-id", NULL};
    static const char *const always[] = {"from", "subject", "date", NULL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct keys_key *key = test_key(rfc8463[i].pem);
        struct test_message message;
        struct dkim_sign_block block;
        struct dkim_selection selection;
        struct dkim_sink sink;
        const char *fault;
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        unsigned char hash[32];
        unsigned char signature[KEYS_SIGNATURE_MAX];
        struct base_buf base64;

        test_message_parse(&message, BASE_TEXT(RFC8463_MESSAGE));
        make_block(&block, NULL, 0, "football.example.com");
        block.sign_headers = sign;
        block.oversign_always = always;
        block.oversign_present = NULL;
        assert_true(dkim_select(message.arena, &block, &message.header, NULL, &selection, &fault));
        assert_int_equal(selection.field_count, 5);
        assert_int_equal(selection.name_count, 8);

        EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
        dkim_sink_init(&sink, digest_write, digest);
        for (size_t f = 0; f < selection.field_count; f++)
            dkim_canon_field(DKIM_CANON_RELAXED, selection.fields[f]->name,
                             selection.fields[f]->value, &sink);
        dkim_canon_last_field(DKIM_CANON_RELAXED, BASE_TEXT("DKIM-Signature"),
                              base_text_of(rfc8463[i].field), &sink);
        dkim_sink_flush(&sink);
        EVP_DigestFinal_ex(digest, hash, NULL);
        base_buf_init(&base64, message.arena, 2048);
        base_buf_append_base64(&base64, signature, keys_key_sign(key, hash, signature));
        assert_string_equal(base_buf_cstr(&base64), rfc8463[i].b);
        EVP_MD_CTX_free(digest);
        keys_key_unref(&key);
        test_message_end(&message);
    }
}

static void test_body_hash_of_rfc8463(void **state)
{
    struct keys_key *key = test_key(RFC8463_ED25519);
    struct dkim_signer signer = {key, "brisbane"};
    struct dkim_sign_block block;
    struct test_message message;

    (void)state;
    make_block(&block, &signer, 1, "football.example.com");
    for (int canon = 0; canon < 4; canon++) {
        block.header_canon = (enum dkim_canon)(canon / 2);
        block.body_canon = (enum dkim_canon)(canon % 2);
        test_message_parse(&message, BASE_TEXT(RFC8463_MESSAGE));
        assert_null(test_sign(&message, &block, 1528637909)->fault);
        /* The body has two spaces in a row: the RFC's is the relaxed hash. */
        assert_int_equal(strstr(message.header.fields[0].value.data,
                                "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;") != NULL,
                         block.body_canon == DKIM_CANON_RELAXED);
        test_message_end(&message);
    }
    keys_key_unref(&key);
}

/* --- which fields --- */

static const struct {
    const char *name;
    const char *header;
    const char *want_names;
    /* Of the fields hashed, in order: their values' first letters. */
    const char *want_fields;
} selections[] = {
    {"the least there can be", "From: a\n", "from:from:to:cc:subject:reply-to", "a"},
    {"bottom up", "Subject: a\nFrom: b\nSubject: c\n",
     "from:from:to:cc:subject:subject:subject:reply-to", "bca"},
    {"when present", "From: a\nDate: b\nReceived: c\nMIME-Version: d\n",
     "from:from:to:cc:subject:date:date:reply-to:mime-version:mime-version", "abd"},
    {"any case", "FROM: a\nmessage-id: b\n",
     "from:from:to:cc:subject:message-id:message-id:reply-to", "ab"},
    {"prefixes", "From: a\nList-Id: b\nList-Post: c\nlist-id: d\nLister: e\n",
     "from:from:to:cc:subject:reply-to:list-id:list-id:list-post", "adbc"},
    {"a prefix does not repeat what the list has", "From: a\nList-Unsubscribe-Post: b\n",
     "from:from:to:cc:subject:reply-to:list-unsubscribe-post", "ab"},
    {"content, oversigned by prefix", "From: a\nContent-Type: b\nContent-Language: c\n",
     "from:from:to:cc:subject:reply-to:content-type:content-type:content-language:content-language",
     "abc"},
    {"what MTAs take off", "From: a\nResent-Bcc: b\nContent-Length: c\nBcc: d\nResent-To: e\n",
     "from:from:to:cc:subject:reply-to:resent-to", "ae"},
};

static void test_selections(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(selections) / sizeof(selections[0]); i++) {
        struct test_message message;
        struct dkim_sign_block block;
        struct dkim_selection selection;
        const char *fault = NULL;
        struct base_buf names;
        struct base_buf fields;

        test_message_begin(&message, base_text_of(selections[i].header), BASE_TEXT(""));
        make_block(&block, NULL, 0, "example.org");
        assert_true(dkim_select(message.arena, &block, &message.header, NULL, &selection, &fault));
        base_buf_init(&names, message.arena, 65536);
        base_buf_init(&fields, message.arena, 65536);
        for (size_t n = 0; n < selection.name_count; n++) {
            if (n > 0)
                base_buf_append_char(&names, ':');
            base_buf_append_text(&names, selection.names[n]);
        }
        for (size_t f = 0; f < selection.field_count; f++)
            base_buf_append_char(&fields, selection.fields[f]->value.data[1]);
        if (strcmp(base_buf_cstr(&names), selections[i].want_names) != 0 ||
            strcmp(base_buf_cstr(&fields), selections[i].want_fields) != 0)
            fail_msg("%s: got \"%s\", \"%s\"", selections[i].name, base_buf_cstr(&names),
                     base_buf_cstr(&fields));
        test_message_end(&message);
    }
}

/* Each of them stands in h= twice: there is room for that however many they are. */
static void test_many_oversigned(void **state)
{
    struct test_message message;
    struct dkim_sign_block block;
    struct dkim_selection selection;
    const char *fault = NULL;
    struct base_buf header;
    const size_t many = 150;

    (void)state;
    base_buf_init(&header, NULL, 65536);
    base_buf_append_cstr(&header, "From: a\n");
    for (size_t i = 0; i < many; i++)
        base_buf_appendf(&header, "Content-%03zu: x\n", i);
    test_message_begin(&message, base_buf_text(&header), BASE_TEXT(""));
    make_block(&block, NULL, 0, "example.org");
    assert_true(dkim_select(message.arena, &block, &message.header, NULL, &selection, &fault));
    assert_int_equal(selection.field_count, 1 + many);
    /* from:from:to:cc:subject:reply-to and the rest. */
    assert_int_equal(selection.name_count, 6 + 2 * many);
    test_message_end(&message);
    base_buf_deinit(&header);
}

static void test_removed_fields_are_not_signed(void **state)
{
    struct test_message message;
    struct dkim_sign_block block;
    struct dkim_selection selection;
    const char *fault;

    (void)state;
    test_message_begin(&message, BASE_TEXT("From: a\nSubject: b\nSubject: c\n"), BASE_TEXT(""));
    assert_true(policy_edits_delete(&message.edits, &message.header.fields[2]));
    make_block(&block, NULL, 0, "example.org");
    assert_true(dkim_select(message.arena, &block, &message.header, NULL, &selection, &fault));
    assert_int_equal(selection.field_count, 2);
    test_message_end(&message);
}

static void fill(struct base_buf *header, const char *before, const char *behind, unsigned count)
{
    base_buf_init(header, NULL, 1 << 20);
    base_buf_append_cstr(header, before == NULL ? "To: a\n" : "From: a\n");
    for (unsigned i = 0; i < count; i++)
        base_buf_appendf(header, "%s%u%s\n", before, i, behind);
}

static const struct {
    const char *name;
    const char *before;
    const char *behind;
    unsigned count;
    const char *fault;
} floods[] = {
    {"no From", NULL, NULL, 0, "no From field to sign"},
    {"many of one name", "Subject: ", "", 1000, "more header fields to sign than h= can take"},
    {"many by prefix", "List-", ": x", 1000, NULL},
    {"many of one name by prefix", "List-Id: ", "", 1000, NULL},
};

static void test_floods(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct test_message message;
        struct dkim_sign_block block;
        struct dkim_selection selection;
        const char *fault = NULL;
        struct base_buf header;

        fill(&header, floods[i].before, floods[i].behind, floods[i].count);
        test_message_begin(&message, base_buf_text(&header), BASE_TEXT(""));
        make_block(&block, NULL, 0, "example.org");
        if (dkim_select(message.arena, &block, &message.header, NULL, &selection, &fault)) {
            assert_null(floods[i].fault);
            assert_true(selection.octets <= DKIM_SELECTION_MAX);
        } else {
            assert_string_equal(fault, floods[i].fault);
        }
        test_message_end(&message);
        base_buf_deinit(&header);
    }
}

/* --- what it looks like --- */

static void check_shape(const struct test_message *message, size_t signatures)
{
    for (size_t i = 0; i < signatures; i++) {
        struct base_text rest = message->header.fields[i].value;
        size_t column = sizeof("DKIM-Signature:") - 1;

        assert_true(base_text_equals(message->header.fields[i].name, BASE_TEXT("DKIM-Signature")));
        assert_int_equal(rest.data[0], ' ');
        assert_null(memchr(rest.data, '\r', rest.length));
        assert_null(strstr(rest.data, " l="));
        while (rest.data != NULL) {
            struct base_text line = base_text_split(&rest, '\n');

            assert_true(column + line.length < 78);
            if (rest.data != NULL)
                assert_true(rest.data[0] == '\t');
            column = 0;
        }
    }
}

static void test_shape(void **state)
{
    struct keys_key *rsa = test_key(RFC8463_RSA);
    struct keys_key *ed25519 = test_key(RFC8463_ED25519);
    struct dkim_signer signers[] = {{rsa, "one"}, {ed25519, "two"}};
    struct dkim_sign_block block;
    struct test_message message;
    const struct policy_signature *made;

    (void)state;
    make_block(&block, signers, 2, "example.org");
    block.expire_s = 604800;
    test_message_parse(&message, BASE_TEXT(RFC8463_MESSAGE));
    made = test_sign(&message, &block, TEST_NOW);
    assert_non_null(made);
    assert_string_equal(made->algorithm, "rsa-sha256");
    assert_string_equal(made->next->algorithm, "ed25519-sha256");
    assert_null(made->next->next);
    assert_int_equal(message.edits.count, 2);
    check_shape(&message, 2);
    /* The block's first key stands on top. */
    assert_non_null(strstr(message.header.fields[0].value.data, "s=one;"));
    assert_non_null(strstr(message.header.fields[1].value.data, "s=two;"));
    assert_non_null(strstr(message.header.fields[0].value.data, "t=1767225600;"));
    assert_non_null(strstr(message.header.fields[0].value.data, "x=1767830400;"));
    test_message_end(&message);
    keys_key_unref(&rsa);
    keys_key_unref(&ed25519);
}

/* --- libopendkim agrees --- */

static void test_both_algorithms_verify(void **state)
{
    struct keys_key *rsa = test_key(RFC8463_RSA);
    struct keys_key *ed25519 = test_key(RFC8463_ED25519);
    struct dkim_signer signers[] = {{rsa, "one"}, {ed25519, "two"}};
    struct dkim_library *library = dkim_library_create();
    struct base_buf zone;

    (void)state;
    base_buf_init(&zone, NULL, 65536);
    test_zone_key(&zone, rsa, "example.org", "one");
    test_zone_key(&zone, ed25519, "example.org", "two");
    for (int canon = 0; canon < 4; canon++) {
        struct dkim_sign_block block;
        struct test_message message;
        struct test_dns dns;
        const struct dkim_verdicts *verdicts;

        make_block(&block, signers, 2, "example.org");
        block.header_canon = (enum dkim_canon)(canon / 2);
        block.body_canon = (enum dkim_canon)(canon % 2);
        test_message_parse(&message, BASE_TEXT(RFC8463_MESSAGE));
        test_dns_begin(&dns, base_buf_text(&zone));
        test_sign(&message, &block, TEST_NOW);
        verdicts = test_verify(&message, &dns, library, TEST_NOW);
        assert_int_equal(verdicts->count, 2);
        for (size_t i = 0; i < 2; i++)
            if (verdicts->items[i].result != DKIM_RESULT_PASS)
                fail_msg("canon %d, signature %zu: %s", canon, i, verdicts->items[i].reason);
        assert_int_equal(verdicts->items[0].bits, 1024);
        assert_int_equal(verdicts->items[1].bits, 256);
        test_dns_end(&dns);
        test_message_end(&message);
    }
    base_buf_deinit(&zone);
    dkim_library_destroy(&library);
    keys_key_unref(&rsa);
    keys_key_unref(&ed25519);
}

static void test_a_cut_header_is_not_signed(void **state)
{
    struct keys_key *key = test_key(RFC8463_ED25519);
    struct dkim_signer signer = {key, "one"};
    struct dkim_sign_block block;
    struct test_message message;

    (void)state;
    make_block(&block, &signer, 1, "example.org");
    test_message_parse(&message, BASE_TEXT(RFC8463_MESSAGE));
    message.header.is_cut = true;
    assert_non_null(test_sign(&message, &block, TEST_NOW)->fault);
    assert_int_equal(message.edits.count, 0);
    test_message_end(&message);
    keys_key_unref(&key);
}

static void test_a_small_arena_is_no_crash(void **state)
{
    struct keys_key *key = test_key(RFC8463_ED25519);
    struct dkim_signer signer = {key, "one"};
    struct dkim_sign_block block;

    (void)state;
    make_block(&block, &signer, 1, "example.org");
    for (size_t cap = 256; cap < 16384; cap += 256) {
        static const struct policy_header_caps caps = {100, 65536};
        struct base_arena *arena = base_arena_create(cap, NULL);
        struct policy_header header;
        struct policy_edits edits;
        struct dkim_signing *signing;

        policy_header_init(&header, arena);
        policy_edits_init(&edits, arena);
        policy_header_append(&header, &caps, BASE_TEXT("From"), BASE_TEXT(" a@example.org"));
        signing = dkim_signing_begin(arena, &block);
        if (signing != NULL) {
            const struct policy_signature *made =
                dkim_signing_finish(signing, &header, &edits, TEST_NOW);

            if (made == NULL || made->fault != NULL || edits.count == 0)
                assert_true(base_arena_is_exhausted(arena));
        }
        dkim_signing_end(&signing);
        dkim_signing_end(&signing);
        base_arena_destroy(&arena);
    }
    keys_key_unref(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc8463_byte_for_byte),
        cmocka_unit_test(test_body_hash_of_rfc8463),
        cmocka_unit_test(test_selections),
        cmocka_unit_test(test_many_oversigned),
        cmocka_unit_test(test_removed_fields_are_not_signed),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_both_algorithms_verify),
        cmocka_unit_test(test_a_cut_header_is_not_signed),
        cmocka_unit_test(test_a_small_arena_is_no_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
