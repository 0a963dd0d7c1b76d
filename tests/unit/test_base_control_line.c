/* base/control_line: the grammar of requests, what is refused, and that what is written reads back.
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/control_line.h"
#include "base/mem.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The words joined by '|'. */
static const char *joined(const struct base_control_request *request, struct base_buf *out)
{
    base_buf_clear(out);
    for (size_t i = 0; i < request->count; i++) {
        if (i > 0)
            base_buf_append_char(out, '|');
        base_buf_append_text(out, request->words[i]);
        /* For handlers that take C strings. */
        assert_int_equal(request->words[i].data[request->words[i].length], '\0');
    }
    return base_buf_cstr(out);
}

static void test_parse(void **state)
{
    static const struct {
        struct base_text line;
        /* NULL: refused, with `fault` in the reason. */
        const char *want;
        const char *fault;
    } cases[] = {
        {BASE_TEXT("status"), "status", NULL},
        {BASE_TEXT("status\r"), "status", NULL},
        {BASE_TEXT("  log   debug "), "log|debug", NULL},
        {BASE_TEXT("release \"a b\""), "release|a b", NULL},
        {BASE_TEXT("release \"a\\\"b\\\\c\" d"), "release|a\"b\\c|d", NULL},
        {BASE_TEXT("\"\""), "", NULL},
        {BASE_TEXT("release b\xc3\xbc"
                   "cher@example.org"),
         "release|b\xc3\xbc"
         "cher@example.org",
         NULL},
        {BASE_TEXT("a b c d e f g h i j k l m n o p"), "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p", NULL},
        {BASE_TEXT("a b c d e f g h i j k l m n o p q"), NULL, "too many words"},
        {BASE_TEXT(""), NULL, "an empty line"},
        {BASE_TEXT("   "), NULL, "an empty line"},
        {BASE_TEXT("\r"), NULL, "an empty line"},
        {BASE_TEXT("a\tb"), NULL, "printable"},
        {BASE_TEXT("a\rb"), NULL, "printable"},
        {BASE_TEXT("a\0b"), NULL, "printable"},
        {BASE_TEXT("a\x7f"), NULL, "printable"},
        {BASE_TEXT("a\xff"), NULL, "printable"},
        {BASE_TEXT("a\xc3"), NULL, "printable"},
        {BASE_TEXT("a\"b\""), NULL, "inside a word"},
        {BASE_TEXT("a\\b"), NULL, "inside a word"},
        {BASE_TEXT("\"a"), NULL, "closing quote"},
        {BASE_TEXT("\"a\\\""), NULL, "closing quote"},
        {BASE_TEXT("\"a\\"), NULL, "backslash"},
        {BASE_TEXT("\"a\\n\""), NULL, "backslash"},
        {BASE_TEXT("\"a\"b"), NULL, "blank is missing"},
    };
    struct base_control_request request;
    struct base_buf out;
    const char *fault;

    (void)state;
    base_buf_init(&out, NULL, BASE_CONTROL_LINE_MAX);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (base_control_line_parse(cases[i].line, &request, &fault)) {
            assert_null(fault);
            if (cases[i].want == NULL)
                fail_msg("%s: taken as %s", cases[i].line.data, joined(&request, &out));
            assert_string_equal(joined(&request, &out), cases[i].want);
        } else if (cases[i].want != NULL || strstr(fault, cases[i].fault) == NULL) {
            fail_msg("%s: %s", cases[i].line.data, fault);
        }
    }
    base_buf_deinit(&out);
}

/* With its LF a line has 4096 octets, not one more. */
static void test_longest(void **state)
{
    char line[BASE_CONTROL_LINE_MAX];
    struct base_control_request request;
    const char *fault;

    (void)state;
    memset(line, 'a', sizeof(line));
    assert_true(
        base_control_line_parse((struct base_text){line, sizeof(line) - 1}, &request, &fault));
    assert_int_equal(request.words[0].length, sizeof(line) - 1);
    assert_false(base_control_line_parse((struct base_text){line, sizeof(line)}, &request, &fault));
    assert_string_equal(fault, "the line is too long");
    /* As many words and as many octets as there may be. */
    for (size_t i = 1; i < 2 * BASE_CONTROL_WORDS_MAX - 1; i += 2)
        line[i] = ' ';
    assert_true(
        base_control_line_parse((struct base_text){line, sizeof(line) - 1}, &request, &fault));
    assert_int_equal(request.count, BASE_CONTROL_WORDS_MAX);
}

static void test_append(void **state)
{
    static const struct base_text words[] = {
        BASE_TEXT("plain"),
        BASE_TEXT(""),
        BASE_TEXT("a b"),
        BASE_TEXT("\""),
        BASE_TEXT("\\"),
        BASE_TEXT("b\xc3\xbc"
                  "cher, \"x\\y\""),
    };
    struct base_control_request request;
    struct base_control_request copy;
    struct base_buf line;
    const char *fault;

    (void)state;
    base_buf_init(&line, NULL, BASE_CONTROL_LINE_MAX);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        base_buf_append_char(&line, ' ');
        base_control_line_append_word(&line, words[i]);
    }
    assert_true(base_control_line_parse(base_buf_text(&line), &request, &fault));
    base_control_request_copy(&request, &copy);
    memset(&request, 0, sizeof(request));
    assert_int_equal(copy.count, COUNT_OF(words));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        assert_true(base_text_equals(copy.words[i], words[i]));
    base_buf_deinit(&line);
    assert_true(base_control_line_is_word(BASE_TEXT("a b")));
    assert_false(base_control_line_is_word(BASE_TEXT("a\nb")));
    assert_false(base_control_line_is_word(BASE_TEXT("\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
