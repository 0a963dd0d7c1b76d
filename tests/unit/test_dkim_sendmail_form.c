/* policy/dkim/sendmail_form.c and sendmail_mailbox.c: what Sendmail 8.17 was seen to write. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "policy/dkim/sendmail_form.h"
#include "policy/dkim/sendmail_mailbox.h"

#define TEN "1234567890"

/* `want` NULL: uncertain. */
static const struct {
    const char *value;
    const char *want;
} lists[] = {
    {"", ""},
    {" ", " "},
    {"\t", " "},
    {" a@x.example", " a@x.example"},
    {"a@x.example", "a@x.example"},
    {" a@x.example,b@y.example", " a@x.example, b@y.example"},
    {" a@x.example,,b@y.example, ", " a@x.example, b@y.example"},
    {" ,a@x.example", " a@x.example"},
    {"\n a@x.example", "  a@x.example"},
    {"\tA <a@x.example>", " A <a@x.example>"},
    {" A <a@x.example>,\n\tB <b@y.example>", " A <a@x.example>, B <b@y.example>"},
    {" A\n B <a@x.example>", " A\n B <a@x.example>"},
    {" A  B   <a@x.example>  ", " A  B   <a@x.example>"},
    /* Phrases. */
    {" \"A, B\" <a@x.example>", " \"A, B\" <a@x.example>"},
    {" J. Smith <a@x.example>", " \"J. Smith\" <a@x.example>"},
    {" O'Brien <a@x.example>", " \"O'Brien\" <a@x.example>"},
    {" A@B <a@x.example>", " \"A@B\" <a@x.example>"},
    {" [A] <a@x.example>", " \"[A]\" <a@x.example>"},
    {" \"A\" B. <a@x.example>", " \"\\\"A\\\" B.\" <a@x.example>"},
    {" \"A\\\"B\" <a@x.example>", " \"A\\\"B\" <a@x.example>"},
    {" \"A\\\"B\" C. <a@x.example>", " \"\\\"A\\\\\"B\\\" C.\" <a@x.example>"},
    {" \"A\\\\\" C. <a@x.example>", " \"\\\"A\\\\\\\" C.\" <a@x.example>"},
    {" (A\\)) C. <a@x.example>", " \"(A\\)) C.\" <a@x.example>"},
    {" A\\B <a@x.example>", NULL},
    {" A(c.)B <a@x.example>", " A(c.)B <a@x.example>"},
    {" =?utf-8?q?J=C3=BC?= <a@x.example>", " =?utf-8?q?J=C3=BC?= <a@x.example>"},
    {" J\xc3\xbc <a@x.example>", " J\xc3\xbc <a@x.example>"},
    {" $j <a@x.example>", " $j <a@x.example>"},
    /* Comments. */
    {" a@x.example (Com. ment)", " a@x.example (Com. ment)"},
    {" (c) a@x.example", " (c) a@x.example"},
    {" (c)a@x.example", " (c) a@x.example"},
    {" a@x.example(c)", " a@x.example (c)"},
    {" a@x.example   (c)  (d)", " a@x.example (c) (d)"},
    {" (a, (b) c) c@x.example", " (a, (b) c) c@x.example"},
    {" A <a@x.example> (tail)  (t2)", " A <a@x.example> (tail)  (t2)"},
    {" A <a@x.example> B", NULL},
    {" <a@x.example (c)>", NULL},
    {" a(c)@x.example", NULL},
    /* Addresses. */
    {" <a@x.example>", " <a@x.example>"},
    {" < a @ x.example >", " <a@x.example>"},
    {" \"john smith\"@x.example", " \"john smith\"@x.example"},
    {" a+b=c#d@X.Example", " a+b=c#d@X.Example"},
    {" a @ x.example", NULL},
    {" a @ x.example, b@x.example", " a@x.example, b@x.example"},
    {" a@x.example b@y.example", NULL},
    {" alice", NULL},
    {" Alice <alice>", NULL},
    {" a@x", NULL},
    {" a@x.example.", NULL},
    {" a@.example", NULL},
    {" a%b@x.example", NULL},
    {" a!b@x.example", NULL},
    {" \"a%b\"@x.example", NULL},
    {" a@[192.0.2.1]", NULL},
    {" <@r.example:a@x.example>", NULL},
    {" <@r.example,@q.example:a@x.example>", NULL},
    {" <>", NULL},
    {" \xc3\xbc@x.example", NULL},
    {" a@\xc3\xbc.example", NULL},
    {" <a@x.example> <b@y.example>", NULL},
    {" A <a@x.example", NULL},
    {" a@x.example>", NULL},
    {" \"A <a@x.example>", NULL},
    {" (A a@x.example", NULL},
    {" A) <a@x.example>", NULL},
    {" a@x.example;b@y.example", NULL},
    {" A\x01 <a@x.example>", NULL},
    {" \"A\x01\" <a@x.example>", NULL},
    {" (A\x7f) <a@x.example>", NULL},
    {" @x.example", NULL},
    {" \"\"@x.example", " \"\"@x.example"},
    {" \"A\\\n B\" <a@x.example>", NULL},
    /* Groups. */
    {" undisclosed-recipients:;", " undisclosed-recipients:;"},
    {" undisclosed-recipients: ;", " undisclosed-recipients: ;"},
    {" Friends: a@x.example,B <b@y.example>;", " Friends: a@x.example, B <b@y.example>;"},
    {" Friends: a@x.example;, c@z.example", " Friends: a@x.example;, c@z.example"},
    {" Fr. X: a@x.example;", " \"Fr. X\": a@x.example;"},
    {" Friends:a@x.example", NULL},
    {" Friends:", NULL},
    {" Friends::a@x.example;", NULL},
    {" :;", NULL},
    {" A:B:C <a@x.example>", NULL},
    {" A:.B <a@x.example>;", NULL},
    {" A: B <a@x.example>", " A: B <a@x.example>"},
    /* Lines: column 78 is the last. */
    {" a@x.example,b@" TEN "." TEN "." TEN "." TEN "." TEN ".exa",
     " a@x.example, b@" TEN "." TEN "." TEN "." TEN "." TEN ".exa"},
    {" a@x.example,b@" TEN "." TEN "." TEN "." TEN "." TEN ".exam",
     " a@x.example, b@" TEN "." TEN "." TEN "." TEN "." TEN ".exam"},
    {" a@x.example,b@" TEN "." TEN "." TEN "." TEN "." TEN ".examp",
     " a@x.example,\n        b@" TEN "." TEN "." TEN "." TEN "." TEN ".examp"},
};

static void test_address_lists(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        struct base_text value = base_text_of(lists[i].value);
        struct base_text written;
        enum dkim_sendmail_form form = dkim_sendmail_form(arena, BASE_TEXT("To"), value, &written);

        if (lists[i].want == NULL) {
            if (form != DKIM_SENDMAIL_UNCERTAIN)
                fail_msg("\"%s\" is certain", lists[i].value);
            continue;
        }
        if (form == DKIM_SENDMAIL_UNCERTAIN)
            fail_msg("\"%s\" is uncertain", lists[i].value);
        if (!base_text_equals(written, base_text_of(lists[i].want)))
            fail_msg("\"%s\": \"%.*s\"", lists[i].value, (int)written.length, written.data);
        assert_int_equal(form == DKIM_SENDMAIL_SAME, strcmp(lists[i].value, lists[i].want) == 0);
    }
    base_arena_destroy(&arena);
}

/* The column counts octets that Sendmail marks twice, and so does the room for a name. */
static void test_octets_that_count_twice(void **state)
{
    (void)state;
    assert_int_equal(dkim_sendmail_length(BASE_TEXT("abc")), 3);
    assert_int_equal(dkim_sendmail_length(BASE_TEXT("\xc3\xbc")), 2);
    assert_int_equal(dkim_sendmail_length(BASE_TEXT("\xc3\x9c")), 3);
    assert_int_equal(dkim_sendmail_length(BASE_TEXT("\xff")), 2);
}

static enum dkim_sendmail_form form_of(struct base_arena *arena, const char *name,
                                       const char *value, const char **written_r)
{
    struct base_text written;
    enum dkim_sendmail_form form =
        dkim_sendmail_form(arena, base_text_of(name), base_text_of(value), &written);

    *written_r = base_arena_strndup(arena, written.data, written.length);
    return form;
}

/* Names that Sendmail has no room for are dropped; where its room ends exactly is not ours to say.
 */
static void test_long_names(void **state)
{
    static const struct {
        int words;
        enum dkim_sendmail_form form;
        const char *want;
    } rows[] = {
        {1, DKIM_SENDMAIL_SAME, NULL},
        {21, DKIM_SENDMAIL_SAME, NULL},
        {23, DKIM_SENDMAIL_UNCERTAIN, NULL},
        {30, DKIM_SENDMAIL_REWRITTEN, " <a@x.example>"},
        {80, DKIM_SENDMAIL_REWRITTEN, " <a@x.example>"},
        {95, DKIM_SENDMAIL_UNCERTAIN, NULL},
    };
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct base_buf value;
        const char *written;

        base_buf_init(&value, arena, 4096);
        for (int word = 0; word < rows[i].words; word++)
            base_buf_append_cstr(&value, " " TEN);
        base_buf_append_cstr(&value, " <a@x.example>");
        assert_int_equal(form_of(arena, "From", base_buf_cstr(&value), &written), rows[i].form);
        if (rows[i].want != NULL)
            assert_string_equal(written, rows[i].want);
    }
    base_arena_destroy(&arena);
}

/* `count` times `c` between the two. */
static enum dkim_sendmail_form form_around(struct base_arena *arena, const char *before, char c,
                                           size_t count, const char *after)
{
    struct base_buf value;
    const char *written;

    base_buf_init(&value, arena, 4096);
    base_buf_append_cstr(&value, before);
    for (size_t i = 0; i < count; i++)
        base_buf_append_char(&value, c);
    base_buf_append_cstr(&value, after);
    return form_of(arena, "From", base_buf_cstr(&value), &written);
}

/* The last that is certain, and the first that is not. */
static void test_bounds(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    assert_int_equal(form_around(arena, " ", 'x', 236, " <a@x.example>"), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_around(arena, " ", 'x', 237, " <a@x.example>"), DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, " a@x.example (", 'x', 236, ")"), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_around(arena, " a@x.example (", 'x', 237, ")"), DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, " ", 'x', 236, ": a@x.example;"), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_around(arena, " ", 'x', 237, ": a@x.example;"), DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, " x: ", 'x', 233, " <a@x.example>"), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_around(arena, " x: ", 'x', 238, " <a@x.example>;"),
                     DKIM_SENDMAIL_UNCERTAIN);
    /* Dropped, but for words that Sendmail may not read, groups and their ends. */
    assert_int_equal(form_around(arena, " " TEN " " TEN " ", 'x', 240, " <a@x.example>"),
                     DKIM_SENDMAIL_REWRITTEN);
    assert_int_equal(form_around(arena, " " TEN " " TEN " ", 'x', 241, " <a@x.example>"),
                     DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, " x: " TEN " " TEN " ", 'x', 240, " <a@x.example>"),
                     DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, " " TEN " " TEN " ", 'x', 240, " <a@x.example>;"),
                     DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_around(arena, "", ' ', 900, "a@x.example"), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_around(arena, "", ' ', 970, "a@x.example"), DKIM_SENDMAIL_UNCERTAIN);
    base_arena_destroy(&arena);
}

static void test_other_fields(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    char line[1100];
    const char *written;

    (void)state;
    assert_int_equal(form_of(arena, "Subject", " a,b", &written), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_of(arena, "X-To", " a,b", &written), DKIM_SENDMAIL_SAME);
    assert_int_equal(form_of(arena, "reply-TO ", " a@x.example,b@x.example", &written),
                     DKIM_SENDMAIL_REWRITTEN);
    assert_int_equal(form_of(arena, "Bcc", " a@x.example", &written), DKIM_SENDMAIL_UNCERTAIN);
    assert_int_equal(form_of(arena, "Return-Path", " <a@x.example>", &written),
                     DKIM_SENDMAIL_UNCERTAIN);
    memset(line, 'x', sizeof(line));
    line[972] = '\0';
    assert_int_equal(form_of(arena, "Subject", line, &written), DKIM_SENDMAIL_SAME);
    line[972] = 'x';
    line[973] = '\0';
    assert_int_equal(form_of(arena, "Subject", line, &written), DKIM_SENDMAIL_UNCERTAIN);
    line[500] = '\n';
    assert_int_equal(form_of(arena, "Subject", line, &written), DKIM_SENDMAIL_SAME);
    base_arena_destroy(&arena);
}

static void add(struct policy_header *header, const char *name, const char *value)
{
    const struct policy_header_caps caps = {100, 100000};

    policy_header_append(header, &caps, base_text_of(name), base_text_of(value));
}

/* What a signature covers: the forms to come; nothing of what is uncertain, but From; no empty
 * entry for what Sendmail adds. */
static void test_what_is_selected(void **state)
{
    static const char *const sign[] = {"from", "to", "cc", "subject", "date", "resent-*", NULL};
    static const char *const always[] = {"from", "to", "cc", "subject", "date", "message-id", NULL};
    static const char want[] = "from:from:to:to:subject:subject:date:date:";
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    struct dkim_sign_block block = {.sign_headers = sign, .oversign_always = always};
    struct dkim_select_changes changes;
    struct dkim_selection selection;
    struct policy_header header;
    struct policy_header written;
    struct base_buf names;
    const char *fault = NULL;

    (void)state;
    policy_header_init(&header, arena);
    add(&header, "From", " a%b@example.org");
    add(&header, "To", " a@x.example,b@x.example");
    add(&header, "Cc", " a@x.example");
    add(&header, "CC", " alice");
    add(&header, "Subject", " x");
    add(&header, "Date", " y");
    add(&header, "Resent-To", " bob");
    assert_true(dkim_sendmail_header(arena, &header, &written, &changes));
    assert_true(dkim_select(arena, &block, &written, &changes, &selection, &fault));
    base_buf_init(&names, arena, 1000);
    for (size_t i = 0; i < selection.name_count; i++)
        base_buf_appendf(&names, "%.*s:", (int)selection.names[i].length, selection.names[i].data);
    assert_string_equal(base_buf_cstr(&names), want);
    assert_int_equal(selection.left_out_count, 3);
    assert_true(
        base_text_equals(selection.fields[1]->value, BASE_TEXT(" a@x.example, b@x.example")));
    /* The filter's own list is as it was. */
    assert_true(base_text_equals(header.fields[1].value, BASE_TEXT(" a@x.example,b@x.example")));
    base_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_lists), cmocka_unit_test(test_octets_that_count_twice),
        cmocka_unit_test(test_long_names),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_other_fields),  cmocka_unit_test(test_what_is_selected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
