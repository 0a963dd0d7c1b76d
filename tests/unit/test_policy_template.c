/* policy/template: texts with facts in them. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/template.h"

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* What each fact is in these tests. */
static struct base_text value(void *context, enum policy_expansion expansion)
{
    (void)context;
    switch (expansion) {
    case POLICY_EXPAND_CLIENT_ADDRESS:
        return BASE_TEXT("192.0.2.1");
    case POLICY_EXPAND_HELO:
        return BASE_TEXT("a%{id}\r\n250 b\x7f\xc3\xbc");
    case POLICY_EXPAND_SENDER:
        return BASE_TEXT(HUNDRED HUNDRED "x");
    case POLICY_EXPAND_LOGIN:
        return BASE_TEXT("");
    default:
        return (struct base_text){NULL, 0};
    }
}

static void test_expand(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain", "plain"},
        {"%{client-address}", "192.0.2.1"},
        {"from %{client-address}, go away", "from 192.0.2.1, go away"},
        {"%{client-address}%{client-address}", "192.0.2.1192.0.2.1"},
        {"100%", "100%"},
        {"100% of %%", "100% of %"},
        {"%%{client-address}", "%{client-address}"},
        {"%%%{client-address}", "%192.0.2.1"},
        {"% {id} {id} }", "% {id} {id} }"},
        /* What a fact says is never read again, and takes no line of its own. */
        {"<%{helo}>", "<a%{id}?"
                      "?250 b?"
                      "?"
                      "?>"},
        {"%{login} %{queue-id}", "- -"},
        {"%{sender}", HUNDRED HUNDRED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};
        struct policy_template *template = policy_template_create(rows[i].text, &error);
        struct base_buf out;

        if (template == NULL)
            fail_msg("%s: %s", rows[i].text, error.text);
        base_buf_init(&out, NULL, 65536);
        policy_template_expand(template, value, NULL, &out);
        assert_string_equal(base_buf_cstr(&out), rows[i].want);
        base_buf_deinit(&out);
        policy_template_destroy(&template);
        assert_null(template);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "at most 200"},
        {HUNDRED HUNDRED "x", "at most 200"},
        {"a\tb", "printable"},
        {"a\nb", "printable"},
        {"caf\xc3\xa9", "printable"},
        {"%{client-adress}", "do you mean \"%{client-address}\""},
        {"%{Helo}", "do you mean \"%{helo}\""},
        {"%{}", "there is no \"%{}\""},
        {"%{helo", "without \"}\""},
        {"x %{", "without \"}\""},
        {"%{xyzzyplughfoo}", "postseal.conf(5)"},
        {"%{%{helo}}", "there is no \"%{%{helo}\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        if (policy_template_create(rows[i].text, &error) != NULL)
            fail_msg("%s is taken", rows[i].text);
        if (strstr(error.text, rows[i].want) == NULL)
            fail_msg("%s: %s: no %s", rows[i].text, error.text, rows[i].want);
    }
}

static void test_longest(void **state)
{
    char text[POLICY_TEMPLATE_MAX + 1];
    struct base_error error;
    struct policy_template *template;
    struct base_buf out;

    (void)state;
    /* As many pieces as the text can have. */
    memset(text, '%', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    template = policy_template_create(text, &error);
    assert_non_null(template);
    base_buf_init(&out, NULL, 65536);
    policy_template_expand(template, value, NULL, &out);
    assert_int_equal(out.length, POLICY_TEMPLATE_MAX / 2);
    base_buf_deinit(&out);
    policy_template_destroy(&template);
}

static void test_stages(void **state)
{
    static const struct {
        const char *text;
        enum policy_stage stage;
        /* POLICY_EXPAND_COUNT: all is known. */
        enum policy_expansion want;
    } rows[] = {
        {"%{client-address}", POLICY_STAGE_CONNECT, POLICY_EXPAND_COUNT},
        {"%{helo}", POLICY_STAGE_CONNECT, POLICY_EXPAND_HELO},
        {"%{helo}", POLICY_STAGE_HELO, POLICY_EXPAND_COUNT},
        {"%{rule} %{sender}", POLICY_STAGE_HELO, POLICY_EXPAND_SENDER},
        {"%{recipient}", POLICY_STAGE_MAIL, POLICY_EXPAND_RECIPIENT},
        {"%{recipient}", POLICY_STAGE_EOM, POLICY_EXPAND_COUNT},
        {"%{author-domain}", POLICY_STAGE_DATA, POLICY_EXPAND_AUTHOR_DOMAIN},
        {"%{spf} %{dmarc}", POLICY_STAGE_EOH, POLICY_EXPAND_DMARC},
        {"%{spf} %{dmarc} %{dkim}", POLICY_STAGE_EOM, POLICY_EXPAND_COUNT},
        {"%{command}", POLICY_STAGE_EOM, POLICY_EXPAND_COMMAND},
        {"%{command} %{helo}", POLICY_STAGE_UNKNOWN, POLICY_EXPAND_COUNT},
        {"%{sender}", POLICY_STAGE_UNKNOWN, POLICY_EXPAND_SENDER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error;
        struct policy_template *template = policy_template_create(rows[i].text, &error);
        enum policy_expansion unknown = POLICY_EXPAND_COUNT;

        assert_non_null(template);
        assert_int_equal(policy_template_find_unknown(template, rows[i].stage, &unknown),
                         rows[i].want != POLICY_EXPAND_COUNT);
        assert_int_equal(unknown, rows[i].want);
        policy_template_destroy(&template);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
