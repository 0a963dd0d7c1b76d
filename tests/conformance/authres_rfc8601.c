/* shared/suites/authres: what an Authentication-Results field says, or that it is none. Where the
 * canonical form is given, what we read is written again and read back to the same. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "policy/authres_field.h"
#include "tests/conformance/suite.h"

static const struct {
    const char *id;
    const char *reason;
} otherwise[] = {
    {"go-msgauth/9",
     "RFC 8601 section 2.2: authres-header has an authserv-id and a result; an empty "
     "field is no field"},
};

static bool is_otherwise(const char *id)
{
    for (size_t i = 0; i < sizeof(otherwise) / sizeof(otherwise[0]); i++) {
        if (strcmp(otherwise[i].id, id) == 0) {
            printf("otherwise %s: %s\n", id, otherwise[i].reason);
            return true;
        }
    }
    return false;
}

static bool equals(struct base_text got, const struct base_json *want)
{
    return base_json_is_null(want) || want == NULL ? got.data == NULL
                                                   : base_text_equals(got, base_json_text(want));
}

static const char *compare_result(const struct authres_result *got, const struct base_json *want)
{
    const struct base_json *properties = base_json_get(want, "props");
    const struct authres_property *property = got->properties;

    if (!equals(got->method, base_json_get(want, "method")))
        return "method";
    if (!equals(got->result, base_json_get(want, "result")))
        return "result";
    if (!equals(got->reason, base_json_get(want, "reason")))
        return "reason";
    for (size_t i = 0; i < base_json_count(properties); i++, property = property->next) {
        const struct base_json *triple = base_json_at(properties, i);

        if (property == NULL || !equals(property->ptype, base_json_at(triple, 0)) ||
            !equals(property->property, base_json_at(triple, 1)) ||
            !equals(property->value, base_json_at(triple, 2)))
            return "property";
    }
    return property == NULL ? NULL : "more properties";
}

static const char *compare(const struct authres_field *got, const struct base_json *want)
{
    const struct base_json *results = base_json_get(want, "results");
    const struct authres_result *result = got->results;

    if (!equals(got->authserv_id, base_json_get(want, "authserv_id")))
        return "authserv-id";
    for (size_t i = 0; i < base_json_count(results); i++, result = result->next) {
        const char *fault =
            result == NULL ? "fewer results" : compare_result(result, base_json_at(results, i));

        if (fault != NULL)
            return fault;
    }
    return result == NULL ? NULL : "more results";
}

/* NULL, or what is wrong. */
static const char *run_case(struct base_arena *arena, const struct base_json *test)
{
    struct base_text value = base_json_text(base_json_get(test, "value"));
    struct authres_field field;
    struct base_buf written;
    const char *fault;
    bool is_valid = false;

    (void)base_json_bool(base_json_get(test, "valid"), &is_valid);
    if (is_otherwise(suite_text(test, "id", "")))
        is_valid = !is_valid;
    if (authres_field_parse(arena, value, &field) != is_valid)
        return is_valid ? "refused" : "taken";
    if (!is_valid)
        return NULL;
    fault = compare(&field, base_json_get(test, "parsed"));
    if (fault != NULL)
        return fault;
    base_buf_init(&written, arena, 65536);
    authres_field_write(&field, &written);
    if (!authres_field_parse(arena, base_buf_text(&written), &field))
        return "what we write is refused";
    return compare(&field, base_json_get(test, "parsed"));
}

int main(void)
{
    struct base_text text = suite_read("authres/cases.jsonl");
    struct base_text rest = text;
    struct base_json *test;
    unsigned passed = 0;
    unsigned failed = 0;

    if (text.data == NULL)
        return SUITE_SKIPPED;
    while ((test = suite_next(&rest)) != NULL) {
        struct base_arena *arena = base_arena_create((size_t)1 << 20, NULL);
        const char *fault = run_case(arena, test);

        if (fault == NULL)
            passed++;
        else
            failed++;
        if (fault != NULL)
            printf("FAIL %s: %s: %s\n", suite_text(test, "id", "?"), fault,
                   suite_text(test, "value", ""));
        base_arena_destroy(&arena);
        base_json_destroy(&test);
    }
    printf("%u passed, %u failed\n", passed, failed);
    base_mem_free((char *)(uintptr_t)text.data);
    return failed == 0 ? 0 : 1;
}
