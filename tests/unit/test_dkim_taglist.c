/* policy/dkim/taglist.c, keyrecord.c, tags.c: lists read, key records weighed, lists written. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "policy/dkim/keyrecord.h"
#include "policy/dkim/taglist.h"
#include "policy/dkim/tags.h"

static const struct {
    const char *text;
    enum dkim_taglist_fault fault;
    /* "name=value|..." of what was read. */
    const char *want;
} lists[] = {
    {"v=1; a=b", DKIM_TAGLIST_OK, "v=1|a=b|"},
    {"v=1;", DKIM_TAGLIST_OK, "v=1|"},
    {" v = 1 ;\r\n\ta\n =\tx y ; ", DKIM_TAGLIST_OK, "v=1|a=x y|"},
    {"a=", DKIM_TAGLIST_OK, "a=|"},
    {"a==b=", DKIM_TAGLIST_OK, "a==b=|"},
    {"a_1=x", DKIM_TAGLIST_OK, "a_1=x|"},
    {"A=1; b=2", DKIM_TAGLIST_OK, "A=1|b=2|"},
    {"", DKIM_TAGLIST_SYNTAX, ""},
    {";", DKIM_TAGLIST_SYNTAX, ""},
    {"a=1;;b=2", DKIM_TAGLIST_SYNTAX, "a=1|"},
    {"a", DKIM_TAGLIST_SYNTAX, ""},
    {"a;b=1", DKIM_TAGLIST_SYNTAX, ""},
    {"1a=x", DKIM_TAGLIST_SYNTAX, ""},
    {"a-b=x", DKIM_TAGLIST_SYNTAX, ""},
    {"=x", DKIM_TAGLIST_SYNTAX, ""},
    {"a=1; a=1", DKIM_TAGLIST_TWICE, "a=1|"},
    {"a=1; b=2; A=3", DKIM_TAGLIST_TWICE, "a=1|b=2|"},
    {"a=1; b=\x01", DKIM_TAGLIST_SYNTAX, "a=1|"},
    {"a=\xc3\xa4", DKIM_TAGLIST_NOT_ASCII, ""},
    {"a=\x7f", DKIM_TAGLIST_NOT_ASCII, ""},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct dkim_taglist list;
        struct base_buf got;

        assert_int_equal(dkim_taglist_parse(base_text_of(lists[i].text), &list), lists[i].fault);
        base_buf_init(&got, NULL, 4096);
        for (size_t k = 0; k < list.count; k++) {
            base_buf_append_text(&got, list.tags[k].name);
            base_buf_append_char(&got, '=');
            base_buf_append_text(&got, list.tags[k].value);
            base_buf_append_char(&got, '|');
        }
        if (strcmp(base_buf_cstr(&got), lists[i].want) != 0)
            fail_msg("\"%s\": got %s", lists[i].text, base_buf_cstr(&got));
        base_buf_deinit(&got);
    }
}

static void test_nul_and_cap(void **state)
{
    struct dkim_taglist list;
    struct base_buf text;

    (void)state;
    assert_int_equal(dkim_taglist_parse(BASE_TEXT("a=1\0; b=2"), &list), DKIM_TAGLIST_SYNTAX);
    for (unsigned count = DKIM_TAGS_MAX; count <= DKIM_TAGS_MAX + 1; count++) {
        base_buf_init(&text, NULL, 65536);
        for (unsigned i = 0; i < count; i++)
            base_buf_appendf(&text, "t%u=%u;", i, i);
        assert_int_equal(dkim_taglist_parse(base_buf_text(&text), &list),
                         count > DKIM_TAGS_MAX ? DKIM_TAGLIST_TOO_MANY : DKIM_TAGLIST_OK);
        assert_int_equal(list.count, DKIM_TAGS_MAX);
        base_buf_deinit(&text);
    }
}

#define P "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB"

static const struct {
    const char *text;
    enum keys_algorithm algorithm;
    enum dkim_key_fault want;
    bool is_testing;
    bool is_strict;
} records[] = {
    {"p=" P, KEYS_RSA_SHA256, DKIM_KEY_OK, false, false},
    {"v=DKIM1; k=RSA; t = y : s ; p=" P, KEYS_RSA_SHA256, DKIM_KEY_OK, true, true},
    {"v=DKIM1; t=x; p=" P, KEYS_RSA_SHA256, DKIM_KEY_OK, false, false},
    {"v=DKIM1; p=" P, KEYS_ED25519_SHA256, DKIM_KEY_OTHER_ALGORITHM, false, false},
    {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KEYS_ED25519_SHA256,
     DKIM_KEY_OK, false, false},
    {"v=DKIM1; k=ed25519; p=" P, KEYS_ED25519_SHA256, DKIM_KEY_UNREADABLE, false, false},
    {"v=dkim1; p=" P, KEYS_RSA_SHA256, DKIM_KEY_NOT_DKIM, false, false},
    {"p=" P "; v=DKIM1", KEYS_RSA_SHA256, DKIM_KEY_NOT_DKIM, false, false},
    {"some text", KEYS_RSA_SHA256, DKIM_KEY_NOT_DKIM, false, false},
    {"v=DKIM1", KEYS_RSA_SHA256, DKIM_KEY_MALFORMED, false, false},
    {"v=DKIM1; p=" P "; broken", KEYS_RSA_SHA256, DKIM_KEY_MALFORMED, false, false},
    {"v=DKIM1; p=", KEYS_RSA_SHA256, DKIM_KEY_REVOKED, false, false},
    {"v=DKIM1; k=ed25519; p=", KEYS_RSA_SHA256, DKIM_KEY_REVOKED, false, false},
    {"v=DKIM1; h=sha1; p=" P, KEYS_RSA_SHA256, DKIM_KEY_OTHER_HASH, false, false},
    {"v=DKIM1; s=tlsrpt; p=" P, KEYS_RSA_SHA256, DKIM_KEY_NOT_FOR_MAIL, false, false},
    {"v=DKIM1; p=a=b", KEYS_RSA_SHA256, DKIM_KEY_UNREADABLE, false, false},
    {"v=DKIM1; p= " P "\r\n " P " ", KEYS_RSA_SHA256, DKIM_KEY_OK, false, false},
};

static void test_records(void **state)
{
    struct base_arena *arena = base_arena_create(65536, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        struct dkim_key_record record;
        enum dkim_key_fault got = dkim_key_record_read(arena, base_text_of(records[i].text),
                                                       records[i].algorithm, &record);

        if (got != records[i].want)
            fail_msg("\"%s\": %s", records[i].text, dkim_key_fault_text(got));
        if (got != DKIM_KEY_OK)
            continue;
        assert_int_equal(record.is_testing, records[i].is_testing);
        assert_int_equal(record.is_strict, records[i].is_strict);
        assert_null(strpbrk(record.p.data, " \r\n"));
    }
    base_arena_destroy(&arena);
}

static void test_written_lists(void **state)
{
    static const struct base_text names[] = {{"from", 4}, {"to", 2}};
    struct base_text many[40];
    struct base_buf out;
    struct dkim_tags tags;

    (void)state;
    base_buf_init(&out, NULL, 65536);
    dkim_tags_begin(&tags, &out, 15);
    dkim_tags_add(&tags, "v", BASE_TEXT("1"));
    dkim_tags_add_uint(&tags, "t", 0);
    dkim_tags_add_uint(&tags, "x", UINT64_MAX);
    dkim_tags_add_names(&tags, "h", names, 2);
    dkim_tags_open(&tags, "b");
    dkim_tags_add_base64(&tags, BASE_TEXT("AAAA"));
    assert_string_equal(base_buf_cstr(&out),
                        " v=1; t=0; x=18446744073709551615; h=from:to; b=AAAA");

    /* A token that is too long for any line stands alone on its own. */
    base_buf_clear(&out);
    dkim_tags_begin(&tags, &out, 70);
    dkim_tags_add(&tags, "d",
                  BASE_TEXT("0123456789012345678901234567890123456789"
                            "0123456789012345678901234567890123456789"));
    dkim_tags_add(&tags, "s", BASE_TEXT("a"));
    assert_string_equal(base_buf_cstr(&out), "\n\td=0123456789012345678901234567890123456789"
                                             "0123456789012345678901234567890123456789;\n\ts=a;");

    base_buf_clear(&out);
    for (size_t i = 0; i < 40; i++)
        many[i] = BASE_TEXT("message-id");
    dkim_tags_begin(&tags, &out, 15);
    dkim_tags_add_names(&tags, "h", many, 40);
    for (const char *line = base_buf_cstr(&out); line != NULL; line = strchr(line + 1, '\n'))
        assert_true(strcspn(line + 1, "\n") < 78);
    base_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_nul_and_cap),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_written_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
