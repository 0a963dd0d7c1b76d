/* base/control_client: answers line by line, and what there is to say when nobody answers. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/control_client.h"
#include "base/control_line.h"
#include "base/json.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_take(void **state)
{
    static const struct {
        const char *line;
        enum base_control_line_kind want;
        bool is_ok;
        bool is_cut;
        const char *code;
        const char *error;
    } cases[] = {
        {"{\"a\":1}", BASE_CONTROL_ROW, false, false, "", ""},
        {"{}", BASE_CONTROL_ROW, false, false, "", ""},
        {"{\"ok\":true}", BASE_CONTROL_LAST, true, false, "", ""},
        {"{\"ok\":true,\"cut\":true}", BASE_CONTROL_LAST, true, true, "", ""},
        {"{\"ok\":false,\"code\":\"denied\",\"error\":\"no\\u001b[2J\"}", BASE_CONTROL_LAST, false,
         false, "denied", "no?[2J"},
        {"{\"ok\":false}", BASE_CONTROL_LAST, false, false, "", ""},
        {"{\"ok\":false,\"code\":\"0123456789012345678901234567890123456789\",\"error\":1}",
         BASE_CONTROL_LAST, false, false, "0123456789012345678901234567890", ""},
        {"{\"ok\":1}", BASE_CONTROL_NOT_UNDERSTOOD, false, false, "", ""},
        {"", BASE_CONTROL_NOT_UNDERSTOOD, false, false, "", ""},
        {"220 mail.example.org ESMTP", BASE_CONTROL_NOT_UNDERSTOOD, false, false, "", ""},
        {"{\"ok\":true", BASE_CONTROL_NOT_UNDERSTOOD, false, false, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct base_control_answer answer = {.rows = base_json_array()};

        if (base_control_answer_take(&answer, base_text_of(cases[i].line)) != cases[i].want)
            fail_msg("%s", cases[i].line);
        assert_int_equal(answer.is_ok, cases[i].is_ok);
        assert_int_equal(answer.is_cut, cases[i].is_cut);
        assert_string_equal(answer.code, cases[i].code);
        assert_string_equal(answer.error.text, cases[i].error);
        assert_int_equal(base_json_count(answer.rows), cases[i].want == BASE_CONTROL_ROW);
        base_control_answer_deinit(&answer);
    }
}

static void want_fault(const char *path, const char *const *words, size_t count, const char *want)
{
    struct base_control_answer answer;
    struct base_error error = {""};

    if (base_control_ask(path, words, count, 30 * BASE_NS_PER_MS, &answer, &error))
        fail_msg("%s: answered", path);
    assert_null(answer.rows);
    if (strstr(error.text, want) == NULL)
        fail_msg("%s: %s", path, error.text);
}

static void test_nobody(void **state)
{
    static const char *const words[] = {"status"};
    static const char *const unprintable[] = {"log", "de\nbug"};
    static const char *many[BASE_CONTROL_WORDS_MAX + 1];
    char folder[] = "/tmp/postseal-test-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char long_path[200];
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
    want_fault(address.sun_path, words, 1, "there is no such socket: is postseald running?");
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    want_fault(long_path, words, 1, "too long");
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    want_fault(address.sun_path, words, 1, "nobody listens there");
    assert_int_equal(listen(fd, 8), 0);
    want_fault(address.sun_path, words, 1, "does not answer in time");
    want_fault(address.sun_path, unprintable, 2, "no printable UTF-8");
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = "x";
    want_fault(address.sun_path, many, COUNT_OF(many), "too long");
    close(fd);
    unlink(address.sun_path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
