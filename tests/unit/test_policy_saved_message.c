#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/saved_message.h"

#define T(literal)                   \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static void check_text(const char *name, struct base_text got, struct base_text want)
{
    if (!base_text_equals(got, want))
        fail_msg("%s: got \"%.*s\", want \"%.*s\"", name, (int)got.length, got.data,
                 (int)want.length, want.data);
}

static const struct {
    const char *name;
    struct base_text text;
    struct {
        struct base_text name;
        struct base_text value;
    } fields[3];
    struct base_text body;
    bool has_lf_ends;
    size_t header_offset;
} cases[] = {
    {"crlf",
     T("A: b\r\nC: d\r\n\r\nx\r\n"),
     {{T("A"), T(" b")}, {T("C"), T(" d")}},
     T("x\r\n"),
     false,
     0},
    {"lf", T("A: b\nC: d\n\nx\n"), {{T("A"), T(" b")}, {T("C"), T(" d")}}, T("x\r\n"), true, 0},
    {"mixed",
     T("A: b\r\nC: d\n\r\nx\ny\r\n"),
     {{T("A"), T(" b")}, {T("C"), T(" d")}},
     T("x\r\ny\r\n"),
     false,
     0},
    {"folds",
     T("A: b\r\n  c\r\n\td \r\nB:e\r\n\r\n"),
     {{T("A"), T(" b\n  c\n\td ")}, {T("B"), T("e")}},
     T(""),
     false,
     0},
    {"fold of blanks only",
     T("A: b\n \nB: c\n\n"),
     {{T("A"), T(" b\n ")}, {T("B"), T(" c")}},
     T(""),
     true,
     0},
    {"no final line end", T("A: b\n\nx"), {{T("A"), T(" b")}}, T("x\r\n"), true, 0},
    {"header only", T("A: b\r\n"), {{T("A"), T(" b")}}, T(""), false, 0},
    {"header only, no line end", T("A: b"), {{T("A"), T(" b")}}, T(""), false, 0},
    {"header only, folded, no line end", T("A: b\n c"), {{T("A"), T(" b\n c")}}, T(""), true, 0},
    {"body of empty lines", T("A: b\n\n\n\n"), {{T("A"), T(" b")}}, T("\r\n\r\n"), true, 0},
    {"no header", T("\nx\n"), {{T(""), T("")}}, T("x\r\n"), true, 0},
    {"not a field ends the header",
     T("A: b\nhello\nC: d\n\n"),
     {{T("A"), T(" b")}},
     T("hello\r\nC: d\r\n\r\n"),
     true,
     0},
    {"blanks before the colon",
     T("A: b\nC : d\nE\t :f\n g\n\nx\n"),
     {{T("A"), T(" b")}, {T("C"), T(" d")}, {T("E"), T("f\n g")}},
     T("x\r\n"),
     true,
     0},
    {"a mailbox's line that looks like a field",
     T("From : a@b\nC : d\n\nx\n"),
     {{T("C"), T(" d")}},
     T("x\r\n"),
     true,
     11},
    {"a blank in a name is no field",
     T("A: b\nC d: e\n\nx\n"),
     {{T("A"), T(" b")}},
     T("C d: e\r\n\r\nx\r\n"),
     true,
     0},
    {"blanks and no colon",
     T("A: b\nC \n\nx\n"),
     {{T("A"), T(" b")}},
     T("C \r\n\r\nx\r\n"),
     true,
     0},
    {"a fold without a field", T(" x\nA: b\n"), {{T(""), T("")}}, T(" x\r\nA: b\r\n"), true, 0},
    {"colon first", T(": b\n\n"), {{T(""), T("")}}, T(": b\r\n\r\n"), true, 0},
    {"empty value", T("A:\nB: \n\n"), {{T("A"), T("")}, {T("B"), T(" ")}}, T(""), true, 0},
    {"8-bit value", T("A: \xc3\xa4\n\n\xff\n"), {{T("A"), T(" \xc3\xa4")}}, T("\xff\r\n"), true, 0},
    {"nul in a value",
     T("A: b\0c\nB: d\n\n\0\n"),
     {{T("A"), T(" b")}, {T("B"), T(" d")}},
     T("\0\r\n"),
     true,
     0},
    {"bare cr stays", T("A: b\n\nx\ry\r\r\n"), {{T("A"), T(" b")}}, T("x\ry\r\r\n"), true, 0},
    {"dots stay", T("A: b\n\n.\n..x\n"), {{T("A"), T(" b")}}, T(".\r\n..x\r\n"), true, 0},
    {"mailbox line",
     T("From a Sun Nov 22\nA: b\n\nx\n"),
     {{T("A"), T(" b")}},
     T("x\r\n"),
     true,
     18},
    {"mailbox line only", T("From a"), {{T(""), T("")}}, T(""), false, 6},
    {"empty", T(""), {{T(""), T("")}}, T(""), false, 0},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_saved_message message;
        size_t fields = 0;

        print_message("%s\n", cases[i].name);
        policy_saved_message_parse(&message, cases[i].text);
        while (fields < 3 && cases[i].fields[fields].name.length > 0)
            fields++;
        assert_int_equal(message.field_count, fields);
        for (size_t j = 0; j < fields; j++) {
            check_text("name", message.fields[j].name, cases[i].fields[j].name);
            check_text("value", message.fields[j].value, cases[i].fields[j].value);
        }
        check_text("body", message.body, cases[i].body);
        assert_int_equal(message.has_lf_ends, cases[i].has_lf_ends);
        assert_int_equal(message.header_offset, cases[i].header_offset);
        assert_int_equal(message.raw_length, cases[i].text.length);
        policy_saved_message_deinit(&message);
    }
}

/* Every octet in every place: nothing is written past the storage (a sanitizer watches). */
static void test_any_octets(void **state)
{
    static const char octets[] = {'A', ':', '\n', '\r', ' ', '\0'};
    char text[6];
    size_t total = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        total *= sizeof(octets);
    for (size_t n = 0; n < total; n++) {
        struct policy_saved_message message;
        size_t rest = n;

        for (size_t i = 0; i < sizeof(text); i++, rest /= sizeof(octets))
            text[i] = octets[rest % sizeof(octets)];
        policy_saved_message_parse(&message, (struct base_text){text, sizeof(text)});
        assert_true(message.body.length <= 2 * sizeof(text) + 2);
        policy_saved_message_deinit(&message);
    }
}

static void test_read(void **state)
{
    char path[] = "/tmp/test_saved_message.XXXXXX";
    struct base_error error = {""};
    struct policy_saved_message message;
    int fd = mkstemp(path);
    FILE *in;

    (void)state;
    assert_true(fd >= 0);
    assert_false(policy_saved_message_read(&message, path, -1, &error));
    assert_non_null(strstr(error.text, "empty"));
    assert_int_equal(write(fd, "A: b\n\nx\n", 8), 8);
    assert_true(policy_saved_message_read(&message, path, -1, &error));
    assert_int_equal(message.field_count, 1);
    policy_saved_message_deinit(&message);
    in = fopen(path, "r");
    assert_true(policy_saved_message_read(&message, "-", fileno(in), &error));
    check_text("body", message.body, BASE_TEXT("x\r\n"));
    policy_saved_message_deinit(&message);
    (void)fclose(in);
    /* Sparse: one octet above the cap. */
    assert_int_equal(ftruncate(fd, POLICY_SAVED_MESSAGE_MAX + 1), 0);
    assert_false(policy_saved_message_read(&message, path, -1, &error));
    assert_non_null(strstr(error.text, path));
    assert_int_equal(unlink(path), 0);
    (void)close(fd);
    assert_false(policy_saved_message_read(&message, path, -1, &error));
    assert_false(policy_saved_message_read(&message, "/tmp", -1, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_any_octets),
        cmocka_unit_test(test_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
