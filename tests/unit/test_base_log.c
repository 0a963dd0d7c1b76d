/* base/log: levels and formats as they reach stderr, quoting, cutting, and reading back. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* What was written to stderr between begin and end. */
struct capture {
    int saved, file;
    char text[20000];
};

static void capture_begin(struct capture *capture, enum base_log_target target,
                          enum base_log_format format, enum base_log_level level)
{
    struct base_log_options options = {
        .ident = "test", .target = target, .format = format, .level = level};

    base_log_init(&options);
    capture->file = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(capture->file >= 0);
    /* A memfd's position, unlike a file's, is not locked while threads write. */
    assert_int_equal(fcntl(capture->file, F_SETFL, O_APPEND), 0);
    capture->saved = dup(STDERR_FILENO);
    assert_true(dup2(capture->file, STDERR_FILENO) >= 0);
}

static const char *capture_end(struct capture *capture)
{
    ssize_t length;

    assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
    length = pread(capture->file, capture->text, sizeof(capture->text) - 1, 0);
    assert_true(length >= 0);
    capture->text[length] = '\0';
    close(capture->file);
    close(capture->saved);
    return capture->text;
}

static void test_levels(void **state)
{
    struct capture capture;

    (void)state;
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_WARNING);
    base_log_debug("one %d", 1);
    base_log_info("two");
    base_log_warning("three %s", "3");
    base_log_error("four");
    assert_string_equal(capture_end(&capture), "test: warning: three 3\ntest: error: four\n");
    capture_begin(&capture, BASE_LOG_NONE, BASE_LOG_TEXT, BASE_LOG_DEBUG);
    base_log_error("nobody reads this");
    assert_string_equal(capture_end(&capture), "");
}

static void test_messages(void **state)
{
    static const struct {
        const char *input, *text, *json;
    } cases[] = {
        {"plain \"quoted\" \\", "plain \"quoted\" \\", "plain \\\"quoted\\\" \\\\"},
        {"a\nfoo: error: forged\r", "a\\nfoo: error: forged\\r", "a\\nfoo: error: forged\\r"},
        {"\x1b[2J\x7f\x01", "\\u001b[2J\\u007f\\u0001", "\\u001b[2J\\u007f\\u0001"},
        {"\xc3\xa4\xf0\x9f\x93\xa7", "\\u00e4\\ud83d\\udce7", "\\u00e4\\ud83d\\udce7"},
        {"\xff\xc3\xa4", "\\ufffd\\ufffd\\ufffd", "\\ufffd\\ufffd\\ufffd"},
        {"", "", ""},
    };
    struct capture capture;
    char want[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_INFO);
        base_log_info("%s", cases[i].input);
        snprintf(want, sizeof(want), "test: info: %s\n", cases[i].text);
        assert_string_equal(capture_end(&capture), want);

        capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_JSON, BASE_LOG_INFO);
        base_log_info("%s", cases[i].input);
        snprintf(want, sizeof(want), "\",\"level\":\"info\",\"message\":\"%s\"}\n", cases[i].json);
        const char *got = capture_end(&capture);

        assert_memory_equal(got, "{\"time\":\"2", 10);
        assert_string_equal(got + 9 + strlen("2026-11-22T12:00:00Z"), want);
    }
}

static void test_long_message(void **state)
{
    static const enum base_log_format formats[] = {BASE_LOG_TEXT, BASE_LOG_JSON};
    static const char *const ends[] = {"...\n", "...\"}\n"};
    struct capture capture;
    char text[9000];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        /* Once as it is, once with each octet escaped as six. */
        memset(text, i < 2 ? 'x' : '\x01', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        capture_begin(&capture, BASE_LOG_STDERR, formats[i % 2], BASE_LOG_INFO);
        base_log_info("%s", text);
        const char *got = capture_end(&capture);
        size_t length = strlen(got);

        assert_in_range(length, 8000, 8192);
        assert_string_equal(got + length - strlen(ends[i % 2]), ends[i % 2]);
    }
}

enum {
    THREADS = 4,
    LINES = 50,
};

static void *log_lines(void *context)
{
    struct base_log_line line;

    (void)context;
    for (int i = 0; i < LINES; i++) {
        base_log_info("from a thread");
        base_log_line_begin(&line);
        base_log_line_add_cstr(&line, "from", "thread");
        base_log_line_end(&line, BASE_LOG_INFO);
    }
    return NULL;
}

/* Lines of several threads stay whole, while the main thread changes the settings. */
static void test_threads(void **state)
{
    struct base_log_options options = {
        .ident = "test", .target = BASE_LOG_STDERR, .level = BASE_LOG_INFO};
    pthread_t threads[THREADS];
    struct capture capture;
    size_t count = 0;

    (void)state;
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_INFO);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, NULL), 0);
    for (int i = 0; i < 100; i++)
        base_log_init(&options);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct base_text rest = base_text_of(capture_end(&capture));

    while (rest.length != 0) {
        struct base_text got = base_text_split(&rest, '\n');

        assert_true(base_text_equals(got, BASE_TEXT("test: info: from a thread")) ||
                    base_text_equals(got, BASE_TEXT("test: info: from=thread")));
        count++;
    }
    assert_int_equal(count, THREADS * LINES * 2);
}

static void test_append_value(void **state)
{
    static const struct {
        struct base_text input;
        const char *want;
    } cases[] = {
        {BASE_TEXT("a@b.example:/+-_Z9"), "a@b.example:/+-_Z9"},
        {BASE_TEXT(""), "\"\""},
        {{NULL, 0}, "\"\""},
        {BASE_TEXT("a b"), "\"a b\""},
        {BASE_TEXT("a=b"), "\"a=b\""},
        {BASE_TEXT("x verdict=accept"), "\"x verdict=accept\""},
        {BASE_TEXT("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {BASE_TEXT("a\0b"), "\"a\\u0000b\""},
        {BASE_TEXT("\n"), "\"\\n\""},
        {BASE_TEXT("\xc3\xa4"), "\"\\u00e4\""},
        {BASE_TEXT("\xe4"), "\"\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char storage[64];
        struct base_buf out;

        base_buf_init_fixed(&out, storage, sizeof(storage));
        base_log_append_value(&out, cases[i].input);
        assert_string_equal(base_buf_cstr(&out), cases[i].want);
    }
}

static void add_some(struct base_log_line *line)
{
    base_log_line_begin(line);
    base_log_line_add_cstr(line, "id", "abc");
    base_log_line_add(line, "from", BASE_TEXT("a b\n"));
    base_log_line_add_int(line, "size", -12);
    base_log_line_add_cstr(line, "none", NULL);
    base_log_line_end(line, BASE_LOG_INFO);
}

static void test_line(void **state)
{
    struct capture capture;
    struct base_log_line line;

    (void)state;
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_INFO);
    add_some(&line);
    assert_string_equal(capture_end(&capture),
                        "test: info: id=abc from=\"a b\\n\" size=-12 none=\"\"\n");
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_WARNING);
    add_some(&line);
    assert_string_equal(capture_end(&capture), "");
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_JSON, BASE_LOG_INFO);
    add_some(&line);
    assert_string_equal(capture_end(&capture) + 9 + strlen("2026-11-22T12:00:00Z"),
                        "\",\"level\":\"info\",\"id\":\"abc\",\"from\":\"a b\\n\",\"size\":-12,"
                        "\"none\":\"\"}\n");
}

static void test_line_cut(void **state)
{
    static const enum base_log_format formats[] = {BASE_LOG_TEXT, BASE_LOG_JSON};
    static const char *const ends[] = {" last=1 cut=1\n", ",\"last\":1,\"cut\":1}\n"};
    char big[9000];
    struct capture capture;
    struct base_log_line line;

    (void)state;
    memset(big, '"', sizeof(big));
    for (size_t i = 0; i < 2; i++) {
        capture_begin(&capture, BASE_LOG_STDERR, formats[i], BASE_LOG_INFO);
        base_log_line_begin(&line);
        base_log_line_add(&line, "fits", (struct base_text){big, 3900});
        base_log_line_add(&line, "toobig", (struct base_text){big, 200});
        base_log_line_add_int(&line, "last", 1);
        base_log_line_end(&line, BASE_LOG_INFO);
        const char *got = capture_end(&capture);
        size_t length = strlen(got);

        assert_true(length <= 8192);
        assert_null(strstr(got, "toobig"));
        assert_non_null(strstr(got, "fits"));
        assert_string_equal(got + length - strlen(ends[i]), ends[i]);
        if (formats[i] == BASE_LOG_JSON) {
            struct base_json *json = base_json_parse(base_text_of(got), NULL);

            assert_non_null(json);
            base_json_destroy(&json);
        }
    }
    capture_begin(&capture, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_INFO);
    base_log_line_begin(&line);
    base_log_line_add(&line, "toobig", (struct base_text){big, sizeof(big)});
    base_log_line_end(&line, BASE_LOG_INFO);
    assert_string_equal(capture_end(&capture), "test: info: cut=1\n");
}

static bool join(void *context, struct base_text key, struct base_text value)
{
    struct base_buf *out = context;

    base_buf_appendf(out, "<%.*s|", (int)key.length, key.data);
    base_buf_append_text(out, value);
    base_buf_append_char(out, '>');
    return !base_text_equals(key, BASE_TEXT("stop"));
}

static void test_parse(void **state)
{
    static const struct {
        struct base_text input;
        bool want;
        struct base_text parts;
    } cases[] = {
        {BASE_TEXT("a=1"), true, BASE_TEXT("<a|1>")},
        {BASE_TEXT("a=1 b-c_2=\"x y\" d=\"\""), true, BASE_TEXT("<a|1><b-c_2|x y><d|>")},
        {BASE_TEXT("a=\"\\u00e4\\ud83d\\udce7\\u0000\\n\\\"\\\\\""), true,
         BASE_TEXT("<a|\xc3\xa4\xf0\x9f\x93\xa7\0\n\"\\>")},
        {BASE_TEXT("a=\"\\u20ac\""), true, BASE_TEXT("<a|\xe2\x82\xac>")},
        {BASE_TEXT("stop=1 b=2"), false, BASE_TEXT("<stop|1>")},
        {BASE_TEXT(""), false, BASE_TEXT("")},
        {BASE_TEXT("a"), false, BASE_TEXT("")},
        {BASE_TEXT("a="), false, BASE_TEXT("")},
        {BASE_TEXT("=1"), false, BASE_TEXT("")},
        {BASE_TEXT("A=1"), false, BASE_TEXT("")},
        {BASE_TEXT("a=1 "), false, BASE_TEXT("<a|1>")},
        {BASE_TEXT("a=1  b=2"), false, BASE_TEXT("<a|1>")},
        {BASE_TEXT("a=x;y"), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"x"), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"x\"y"), false, BASE_TEXT("<a|x>")},
        {BASE_TEXT("a=\"\\"), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\x\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\u12\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\u00E4\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\ud83d\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\ud83d\\u0041\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\\udce7\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\n\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=\"\xc3\xa4\""), false, BASE_TEXT("")},
        {BASE_TEXT("a=x\0"), false, BASE_TEXT("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char storage[200];
        struct base_buf out;

        base_buf_init_fixed(&out, storage, sizeof(storage));
        bool got = base_log_line_parse(cases[i].input, join, &out);

        if (got != cases[i].want || !base_text_equals(base_buf_text(&out), cases[i].parts))
            fail_msg("%s: %d %s", cases[i].input.data, got, base_buf_cstr(&out));
    }
}

static bool ignore(void *context, struct base_text key, struct base_text value)
{
    (void)context, (void)key, (void)value;
    return true;
}

static void test_parse_length(void **state)
{
    char line[8193];

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "a=", 2);
    assert_true(base_log_line_parse((struct base_text){line, 8192}, ignore, NULL));
    assert_false(base_log_line_parse((struct base_text){line, 8193}, ignore, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),       cmocka_unit_test(test_messages),
        cmocka_unit_test(test_long_message), cmocka_unit_test(test_append_value),
        cmocka_unit_test(test_line),         cmocka_unit_test(test_line_cut),
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_parse_length),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
