/* policy/authres_field: any octets are read or refused. What was read, and a field whose values are
 * the octets themselves, is written so that it is read again to the same and written again to the
 * same, on lines that a mail may have. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/authres_field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void check_lines(struct base_text text)
{
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '\n') {
            must(i + 1 < text.length && text.data[i + 1] == '\t', "a line is a continuation");
            length = 0;
        }
        must((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n', "no control");
        must(++length <= 998, "no line is long");
    }
    must(base_text_is_utf8(text), "UTF-8");
}

static size_t count_results(const struct authres_field *field)
{
    size_t count = 0;

    for (const struct authres_result *result = field->results; result != NULL;
         result = result->next)
        count++;
    return count;
}

/* Once it was written a field does not change any more. */
static void check_back(struct base_arena *arena, const struct authres_field *field)
{
    struct base_buf first;
    struct base_buf second;
    struct authres_field back;

    base_buf_init(&first, arena, (size_t)16 << 20);
    base_buf_init(&second, arena, (size_t)16 << 20);
    authres_field_write(field, &first);
    must(!first.is_over, "memory");
    check_lines(base_buf_text(&first));
    must(authres_field_parse(arena, base_buf_text(&first), &back), "it is read again");
    must(count_results(&back) <= count_results(field), "no result is added");
    authres_field_write(&back, &second);
    must(base_text_equals(base_buf_text(&first), base_buf_text(&second)), "it is the same");
}

/* All that can be chosen by a stranger are the values. */
static void check_values(struct base_arena *arena, struct base_text value)
{
    struct authres_property second = {BASE_TEXT("smtp"), BASE_TEXT("helo"), value, NULL};
    struct authres_property first = {BASE_TEXT("smtp"), BASE_TEXT("mailfrom"), value, &second};
    struct authres_result dkim = {.method = BASE_TEXT("dkim"), .result = BASE_TEXT("none")};
    struct authres_result spf = {.method = BASE_TEXT("spf"),
                                 .result = BASE_TEXT("fail"),
                                 .reason = value,
                                 .properties = &first,
                                 .next = &dkim};
    struct authres_field field = {.authserv_id = value, .results = &spf};
    struct authres_field back;
    struct base_buf out;
    bool is_clean = value.length <= AUTHRES_VALUE_MAX && base_text_is_utf8(value);

    check_back(arena, &field);
    base_buf_init(&out, arena, (size_t)1 << 20);
    authres_field_write(&field, &out);
    must(authres_field_parse(arena, base_buf_text(&out), &back), "it is read");
    must(count_results(&back) == 2 && back.results->properties->next->next == NULL, "nothing more");
    for (size_t i = 0; i < value.length; i++)
        is_clean &= (unsigned char)value.data[i] >= 0x20 && value.data[i] != 0x7f;
    if (is_clean)
        must(base_text_equals(back.authserv_id, value) &&
                 base_text_equals(back.results->reason, value) &&
                 base_text_equals(back.results->properties->value, value) &&
                 base_text_equals(back.results->properties->next->value, value),
             "a clean value stays what it is");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_arena *arena = base_arena_create((size_t)64 << 20, NULL);
    struct base_text text = {(const char *)data, size};
    struct authres_field field;

    if (authres_field_parse(arena, text, &field))
        check_back(arena, &field);
    check_values(arena, text);
    base_arena_destroy(&arena);
    return 0;
}
