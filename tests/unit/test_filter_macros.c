/* filter/macros: a missing macro is named once, with the lines that send it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "filter/macros.h"

/* What is written to standard error meanwhile. */
static size_t said(struct filter_macros *macros, enum filter_macro macro, char *out, size_t size)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t length;

    assert_non_null(file);
    fflush(stderr);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    filter_macros_miss(macros, macro);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    rewind(file);
    length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    fclose(file);
    return length;
}

static void test_once(void **state)
{
    static const struct {
        enum filter_macro macro;
        const char *words[3];
    } cases[] = {
        {FILTER_MACRO_MTA_NAME,
         {"macro j,", "milter_connect_macros = j", "confMILTER_MACROS_CONNECT"}},
        {FILTER_MACRO_DAEMON_NAME,
         {"{daemon_name}", "milter_connect_macros = j {daemon_name}", "confMILTER_MACROS_CONNECT"}},
        {FILTER_MACRO_DAEMON_PORT,
         {"{daemon_port}", "milter_connect_macros = j {daemon_name} {daemon_port}",
          "confMILTER_MACROS_CONNECT"}},
        {FILTER_MACRO_QUEUE_ID,
         {"macro i,", "milter_end_of_data_macros = i", "confMILTER_MACROS_EOM"}},
        {FILTER_MACRO_VERIFY, {"{verify}", "main.cf: (", "confMILTER_MACROS_HELO"}},
    };
    struct filter_macros macros = {.named = 0};
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(said(&macros, cases[i].macro, text, sizeof(text)) > 0);
        for (size_t k = 0; k < 3; k++) {
            if (strstr(text, cases[i].words[k]) == NULL) {
                fail_msg("\"%s\" is not in: %s", cases[i].words[k], text);
            }
        }
        assert_int_equal(said(&macros, cases[i].macro, text, sizeof(text)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
