/* conf/words: which word is near. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/words.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {
    "listen", "listen-mode", "listen-group", "spf", "dkim", "dmarc",
    "no",     "nameservers", "1.2",          "1.3", NULL,
};

static void test_nearest(void **state)
{
    static const struct {
        const char *written;
        const char *want;
    } cases[] = {
        {"listen", "listen"},
        {"lissten", "listen"},
        {"lsiten", "listen"},
        {"LISTEN", "listen"},
        {"listen_mode", "listen-mode"},
        {"listenmode", "listen-mode"},
        {"listen-grup", "listen-group"},
        {"nameserver", "nameservers"},
        {"name-servers", "nameservers"},
        {"sfp", "spf"},
        {"spff", "spf"},
        {"dikm", "dkim"},
        {"dmrac", "dmarc"},
        {"on", "no"},
        {"n", "no"},
        {"xx", NULL},
        /* Another number is no slip of the hand. */
        {"1.4", NULL},
        {"13", "1.3"},
        {"", NULL},
        {"completely-different", NULL},
        {"abc", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *got = conf_nearest(cases[i].written, words);
        if ((got == NULL) != (cases[i].want == NULL) ||
            (got != NULL && strcmp(got, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].written, got != NULL ? got : "none");
    }
    assert_null(conf_nearest(NULL, words));
    assert_null(conf_nearest("listen", (const char *const[]){NULL}));
}

/* As long as the longest that is compared, and one more. */
static void test_long_words(void **state)
{
    char longest[65];
    char longer[66];
    (void)state;
    memset(longest, 'a', 64);
    longest[64] = '\0';
    memset(longer, 'a', 65);
    longer[65] = '\0';
    assert_string_equal(conf_nearest(longest, (const char *const[]){longer, longest, NULL}),
                        longest);
    assert_null(conf_nearest(longest, (const char *const[]){longer, NULL}));
    assert_null(conf_nearest(longer, (const char *const[]){longest, NULL}));
}

static void test_append(void **state)
{
    char storage[200];
    struct base_buf out;
    (void)state;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    conf_words_append(&out, words + 4);
    conf_words_append_hint(&out, "dkmi", words);
    conf_words_append_hint(&out, "nothing of it", words);
    assert_string_equal(base_buf_cstr(&out),
                        "dkim, dmarc, no, nameservers, 1.2, 1.3; did you mean \"dkim\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
