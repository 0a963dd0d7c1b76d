/* filter/edits: the order in which edits reach the MTA, and what happens when they do not. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "base/text.h"
#include "filter/edits.h"
#include "policy/edits.h"

struct fake_mta {
    char log[512];
    /* Edits that succeed before one fails. */
    int left;
};

static bool note(struct fake_mta *fake, const char *text)
{
    if (fake->left-- <= 0) {
        return false;
    }
    strcat(fake->log, text);
    return true;
}

static bool fake_delete(void *context, const char *name, unsigned index)
{
    char text[64];

    snprintf(text, sizeof text, "-%s#%u;", name, index);
    return note(context, text);
}

static bool fake_insert(void *context, const char *name, const char *value)
{
    char text[64];

    snprintf(text, sizeof text, "+%s:%s;", name, value);
    return note(context, text);
}

static const struct filter_mta_ops fake_ops = {.delete_field = fake_delete,
                                               .insert_field = fake_insert};

#define DELETE(field, at)                                                             \
    {                                                                                 \
        .op = POLICY_EDIT_DELETE, .index = (at), .name = { field, sizeof(field) - 1 } \
    }
#define INSERT(field, text)                                                      \
    {                                                                            \
        .op = POLICY_EDIT_INSERT, .name = {field, sizeof(field) - 1}, .value = { \
            text,                                                                \
            sizeof(text) - 1                                                     \
        }                                                                        \
    }
#define EDITS_MAX 5

static const struct {
    const char *name;
    struct policy_edit edits[EDITS_MAX];
    unsigned long steps;
    int succeed;
    bool want_good;
    const char *want;
} cases[] = {
    {"none", {{.name = {NULL, 0}}}, SMFIP_HDR_LEADSPC, 9, true, ""},
    {"deletions from the highest index down, insertions last",
     {DELETE("A", 1), INSERT("S", " 1"), DELETE("A", 3), DELETE("A", 2), INSERT("T", " 2")},
     SMFIP_HDR_LEADSPC,
     9,
     true,
     "-A#3;-A#2;-A#1;+S: 1;+T: 2;"},
    {"two names with the same index",
     {DELETE("A", 1), DELETE("B", 1), DELETE("A", 2)},
     SMFIP_HDR_LEADSPC,
     9,
     true,
     "-A#2;-A#1;-B#1;"},
    {"the MTA adds the blank",
     {INSERT("S", " v=1"), INSERT("T", "\tx"), INSERT("U", "  y")},
     0,
     9,
     true,
     "+S:v=1;+T:\tx;+U: y;"},
    {"a deletion fails",
     {DELETE("A", 2), DELETE("A", 1), INSERT("S", " 1")},
     SMFIP_HDR_LEADSPC,
     1,
     false,
     "-A#2;"},
    {"an insertion fails",
     {DELETE("A", 1), INSERT("S", " 1"), INSERT("T", " 2")},
     SMFIP_HDR_LEADSPC,
     2,
     false,
     "-A#1;+S: 1;"},
};

static void test_apply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy_edit list[EDITS_MAX];
        struct policy_edits edits = {.first = NULL};
        struct filter_protocol protocol = {.steps = cases[i].steps};
        struct fake_mta fake = {.left = cases[i].succeed};
        struct filter_mta mta = {.ops = &fake_ops, .context = &fake};
        size_t count = 0;

        memcpy(list, cases[i].edits, sizeof list);
        while (count < EDITS_MAX && list[count].name.data != NULL) {
            list[count].next = NULL;
            if (count > 0) {
                list[count - 1].next = &list[count];
            }
            count++;
        }
        edits.first = count > 0 ? list : NULL;
        edits.count = count;
        if (filter_edits_apply(&mta, &protocol, &edits) != cases[i].want_good ||
            strcmp(fake.log, cases[i].want) != 0) {
            fail_msg("%s: %s", cases[i].name, fake.log);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_apply)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
