/* store/table_source: entries of a table as postmap(1) reads them. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "store/table_source.h"

/* "line:key=value" of each, or "line!fault"; joined by '|'. */
static void read_all(struct base_text input, struct base_buf *out)
{
    /* No octet more than the contract says. */
    char *data = base_mem_alloc(input.length + 1);
    struct store_table_source source;
    struct store_table_entry entry;

    memcpy(data, input.data, input.length);
    data[input.length] = '\0';
    store_table_source_init(&source, data, input.length);
    while (store_table_source_next(&source, &entry)) {
        if (out->length > 0)
            base_buf_append_char(out, '|');
        if (entry.fault != NULL) {
            base_buf_appendf(out, "%u!%s", entry.line, entry.fault);
            continue;
        }
        entry.value[entry.value_length] = '\0';
        base_buf_appendf(out, "%u:%.*s=%s", entry.line, (int)entry.key_length, entry.key,
                         entry.value);
    }
    base_mem_free(data);
}

#define NO_VALUE "a key without a value"
#define NO_QUOTE "a quote without an end"
#define NO_KEY   "white space begins the first line of an entry"

static void test_entries(void **state)
{
    static const struct {
        struct base_text input;
        const char *want;
    } cases[] = {
        {BASE_TEXT(""), ""},
        {BASE_TEXT("\n\n  \n#c\n  # c\n"), ""},
        {BASE_TEXT("a b"), "1:a=b"},
        {BASE_TEXT("a b\n"), "1:a=b"},
        {BASE_TEXT("a\tb c\r\n"), "1:a=b c"},
        {BASE_TEXT("a   b , c   \nd e\n"), "1:a=b , c|2:d=e"},
        /* Logical lines. */
        {BASE_TEXT("a b,\n  c,\n\td\ne f\n"), "1:a=b,  c,\td|4:e=f"},
        {BASE_TEXT("a\n b\n"), "1:a=b"},
        {BASE_TEXT("a b\n\n  c\n"), "1:a=b  c"},
        {BASE_TEXT("a b\n# comment\n  c\nd e"), "1:a=b  c|4:d=e"},
        {BASE_TEXT("a b\n  # comment\n  c\n"), "1:a=b  c"},
        {BASE_TEXT("#x\na b\n#y\n#z\nc d\n#"), "2:a=b|5:c=d"},
        {BASE_TEXT("a b # no comment\n"), "1:a=b # no comment"},
        {BASE_TEXT("a b\\\nc d\n"), "1:a=b\\|2:c=d"},
        {BASE_TEXT("  a b\nc d\n"), "1!" NO_KEY "|2:c=d"},
        {BASE_TEXT("\n  a b\n  c d\ne f"), "2!" NO_KEY "|4:e=f"},
        /* Keys. */
        {BASE_TEXT("\"a b\"@c d\n"), "1:\"a b\"@c=d"},
        {BASE_TEXT("a\\ b c\n"), "1:a\\ b=c"},
        {BASE_TEXT("a\\\" b\n"), "1:a\\\"=b"},
        {BASE_TEXT("\"a\\\" b\" c\n"), "1:\"a\\\" b\"=c"},
        {BASE_TEXT("\"a b\n"), "1!" NO_QUOTE},
        {BASE_TEXT("\"a b\nc d\n"), "1!" NO_QUOTE "|2:c=d"},
        {BASE_TEXT("@example.org all\n"), "1:@example.org=all"},
        {BASE_TEXT("J\xc3\xb6rg j\n"), "1:J\xc3\xb6rg=j"},
        /* What is left out. */
        {BASE_TEXT("a\n"), "1!" NO_VALUE},
        {BASE_TEXT("a   \nb c\n"), "1!" NO_VALUE "|2:b=c"},
        {BASE_TEXT("a\\"), "1!" NO_VALUE},
        {BASE_TEXT("a \xff\nb c\n"), "1!not UTF-8|2:b=c"},
        {BASE_TEXT("a b\0c\nd e\n"), "1!a NUL: is this a compiled map?|2:d=e"},
        {BASE_TEXT("a b\r\r\n\v\f\nc d"), "1:a=b|3:c=d"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_buf got;

        base_buf_init(&got, NULL, 4096);
        read_all(cases[i].input, &got);
        assert_string_equal(base_buf_cstr(&got), cases[i].want);
        base_buf_deinit(&got);
    }
}

static void test_doubt(void **state)
{
    char text[] = "postmaster: root\nroot you\n";
    struct store_table_source source;
    struct store_table_entry entry;

    (void)state;
    store_table_source_init(&source, text, sizeof(text) - 1);
    assert_true(store_table_source_next(&source, &entry));
    assert_null(entry.fault);
    assert_non_null(strstr(entry.doubt, "colon"));
    assert_true(store_table_source_next(&source, &entry));
    assert_null(entry.doubt);
    assert_false(store_table_source_next(&source, &entry));
    assert_false(store_table_source_next(&source, &entry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
