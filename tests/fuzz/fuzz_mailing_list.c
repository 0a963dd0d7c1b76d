/* policy/mailing_list: the octets are a header, a field a line; the first octet says how the
 * signatures came out whose domains the fields "D" give. What is taken for a list-id stands in the
 * only List-Id field, between its last brackets or alone, and has nothing in it that could end a
 * word or a line where it is written down. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/dkim/result.h"
#include "policy/header.h"
#include "policy/idn.h"
#include "policy/mailing_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VERDICTS_MAX 4

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* As the MTA does: lines that begin with a blank belong to the one before. */
static void read_fields(struct policy_header *header, struct base_text text)
{
    static const struct policy_header_caps caps = {64, 1 << 16};

    while (text.length > 0) {
        size_t end = 0;

        while (end < text.length &&
               (text.data[end] != '\n' || (end + 1 < text.length && (text.data[end + 1] == ' ' ||
                                                                     text.data[end + 1] == '\t'))))
            end++;
        struct base_text value = {text.data, end};
        struct base_text name = base_text_split(&value, ':');

        if (value.data != NULL)
            policy_header_append(header, &caps, name, value);
        end += end < text.length;
        text = (struct base_text){text.data + end, text.length - end};
    }
}

static size_t read_verdicts(const struct policy_header *header, uint8_t results,
                            struct dkim_verdict *items)
{
    static const enum dkim_result words[] = {DKIM_RESULT_PASS, DKIM_RESULT_FAIL,
                                             DKIM_RESULT_TEMPERROR, DKIM_RESULT_NEUTRAL};
    const struct policy_field *field;
    size_t position = 0, count = 0;

    while (count < VERDICTS_MAX &&
           (field = policy_header_next(header, BASE_TEXT("D"), &position)) != NULL) {
        memset(&items[count], 0, sizeof(items[count]));
        items[count].result = words[results >> 2 * count & 3];
        items[count++].domain = base_text_trim(field->value);
    }
    return count;
}

static const struct policy_field *only(const struct policy_header *header, struct base_text name)
{
    size_t position = 0;

    must(policy_header_count(header, name) == 1, "one field, or none is believed");
    return policy_header_next(header, name, &position);
}

/* The whole value, or "<" list-id ">" at its end; blanks do not count. */
static void check_place(struct base_text value, struct base_text id)
{
    must(id.data >= value.data && id.data + id.length <= value.data + value.length,
         "the list-id stands in the field");
    struct base_text before = {value.data, (size_t)(id.data - value.data)};
    struct base_text after = {id.data + id.length, value.length - before.length - id.length};

    before = base_text_trim(before);
    after = base_text_trim(after);
    if (after.length == 0)
        must(before.length == 0, "without brackets there is nothing else");
    else
        must(after.length == 1 && after.data[0] == '>' && before.length > 0 &&
                 before.data[before.length - 1] == '<',
             "brackets, and nothing behind them");
}

static void check(const struct policy_header *header, const struct policy_mailing_list *list)
{
    if (list->list_id.data != NULL) {
        must(list->list_id.length > 0 && list->list_id.length <= 255, "a list-id's length");
        for (size_t i = 0; i < list->list_id.length; i++)
            must(list->list_id.data[i] > ' ' && list->list_id.data[i] < 0x7f &&
                     strchr("<>()\"@,;\\", list->list_id.data[i]) == NULL,
                 "a list-id's octets");
        check_place(only(header, BASE_TEXT("list-id"))->value, list->list_id);
    }
    if (list->precedence != NULL) {
        struct base_text value = only(header, BASE_TEXT("precedence"))->value;

        must(base_text_equals_nocase(base_text_trim(value), base_text_of(list->precedence)),
             "Precedence says so");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_arena *arena = base_arena_create((size_t)1 << 20, NULL);
    uint8_t results = size > 0 ? data[0] : 0;
    struct policy_header header;
    struct dkim_verdict items[VERDICTS_MAX];
    struct dkim_verdicts verdicts = {.items = items};
    struct policy_mailing_list list;
    struct dns_name author;

    policy_header_init(&header, arena);
    if (size > 0)
        read_fields(&header, (struct base_text){(const char *)data + 1, size - 1});
    verdicts.count = read_verdicts(&header, results, items);
    must(policy_idn_to_name(BASE_TEXT("mail.example.org"), &author), "the author domain");
    policy_mailing_list_read(&header, &verdicts, &author, &list);
    check(&header, &list);
    must(!list.is_resigned || verdicts.count >= 2, "a broken signature and one that passes");
    policy_mailing_list_read(&header, NULL, NULL, &list);
    check(&header, &list);
    must(!list.is_resigned, "without signatures nothing is known of them");
    base_arena_destroy(&arena);
    return 0;
}
