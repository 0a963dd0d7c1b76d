/* What speaks for a mailing list. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/mailing_list.h"
#include "tests/unit/enforce_world.h"

#define LONG_LABEL "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *fields;
    const char *list_id;
    const char *precedence;
} rows[] = {
    {"", NULL, NULL},
    {"List-Id: <dev.lists.example>\n", "dev.lists.example", NULL},
    {"LIST-ID: The list <dev.lists.example>\n", "dev.lists.example", NULL},
    {"List-Id: \"a <b> c\"\n <dev.lists.example>\n", "dev.lists.example", NULL},
    {"List-Id: < dev.lists.example >  \n", "dev.lists.example", NULL},
    {"List-Id: dev.lists.example\n", "dev.lists.example", NULL},
    {"List-Id: <dev+x.lists.example>\n", "dev+x.lists.example", NULL},
    {"List-Id:\n", NULL, NULL},
    {"List-Id: <>\n", NULL, NULL},
    {"List-Id: The list\n", NULL, NULL},
    {"List-Id: The list dev>\n", NULL, NULL},
    {"List-Id: <dev.lists.example> (comment)\n", NULL, NULL},
    {"List-Id: <dev lists.example>\n", NULL, NULL},
    {"List-Id: <dev.\n lists.example>\n", NULL, NULL},
    {"List-Id: <dev@lists.example>\n", NULL, NULL},
    {"List-Id: <a.example>\nList-Id: <b.example>\n", NULL, NULL},
    {"List-Id: <" LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL ">\n", NULL, NULL},
    {"Precedence: list\n", NULL, "list"},
    {"Precedence: Bulk\n", NULL, "bulk"},
    {"Precedence: junk\n", NULL, NULL},
    {"Precedence: first-class\n", NULL, NULL},
    {"Precedence: list, bulk\n", NULL, NULL},
    {"Precedence: list\nPrecedence: list\n", NULL, NULL},
    {"List-Id: <a.example>\nPrecedence: bulk\n", "a.example", "bulk"},
    {"X-List-Id: <a.example>\n", NULL, NULL},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_mailing_list list;
        struct test_message message;

        test_message_begin(&message, base_text_of(rows[i].fields), BASE_TEXT(""));
        policy_mailing_list_read(&message.header, NULL, NULL, &list);
        if (!base_text_equals(list.list_id, base_text_of(rows[i].list_id)) ||
            (list.list_id.data == NULL) != (rows[i].list_id == NULL) ||
            (list.precedence == NULL) != (rows[i].precedence == NULL) ||
            (list.precedence != NULL && strcmp(list.precedence, rows[i].precedence) != 0) ||
            policy_mailing_list_is(&list) !=
                (rows[i].list_id != NULL || rows[i].precedence != NULL))
            fail_msg("row %zu: \"%.*s\", %s", i, (int)list.list_id.length, list.list_id.data,
                     list.precedence);
        test_message_end(&message);
    }
}

static const struct {
    const char *author;
    const char *signers;
    bool want;
} signature_rows[] = {
    {NULL, "!reject.example list.example", true},
    {NULL, "list.example !reject.example", true},
    {"<a@sub.reject.example>", "!reject.example list.example", true},
    {NULL, NULL, false},
    {NULL, "list.example", false},
    {NULL, "!reject.example", false},
    {NULL, "!reject.example !list.example", false},
    {NULL, "!reject.example +list.example", false},
    {NULL, "?reject.example list.example", false},
    {NULL, "reject.example list.example", false},
    {NULL, "reject.example !reject.example list.example", false},
    {"<a@none.example>", "!reject.example list.example", false},
    {"<a@none.example>, <b@reject.example>", "!reject.example list.example", false},
};

/* Through a session, and through the condition. */
static void test_signatures(void **state)
{
    static struct world world;

    (void)state;
    world_init(&world);
    enforce_set_zone(&world, ENFORCE_ZONE);
    world_configure(&world, "rule \"yes\" { stage = eom  mailing-list = yes  action = reject }\n"
                            "rule \"no\" { stage = eom  mailing-list = no  action = discard }\n");
    for (size_t i = 0; i < sizeof(signature_rows) / sizeof(signature_rows[0]); i++) {
        const struct enforce_message message = {.author = signature_rows[i].author,
                                                .signers = signature_rows[i].signers};
        const struct policy_verdict *verdict = enforce_send(&world, &message);
        const struct policy_mailing_list *list =
            policy_session_decision(world.session)->mailing_list;

        if (list->is_resigned != signature_rows[i].want ||
            strcmp(verdict->rule, signature_rows[i].want ? "yes" : "no") != 0)
            fail_msg("row %zu", i);
    }
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
