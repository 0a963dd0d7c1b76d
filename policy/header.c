/* The list of fields (RFC 5322 section 2.2) of one message, in its arena. */
#include "policy/header.h"

#include <string.h>

#include "base/arena.h"

enum {
    FIRST_CAPACITY = 32
};

void policy_header_init(struct policy_header *header, struct base_arena *arena)
{
    *header = (struct policy_header){.arena = arena};
}

bool policy_header_reserve(struct policy_header *header)
{
    if (header->count < header->capacity)
        return true;
    size_t capacity = header->capacity == 0 ? FIRST_CAPACITY : header->capacity * 2;
    struct policy_field *fields = base_arena_alloc(header->arena, capacity * sizeof(*fields));
    if (fields == NULL)
        return false;
    if (header->count > 0)
        memcpy(fields, header->fields, header->count * sizeof(*fields));
    header->fields = fields;
    header->capacity = capacity;
    return true;
}

/* Searched from the end: a flood of one name then costs one comparison a field. */
static unsigned next_index(const struct policy_header *header, struct base_text name)
{
    for (size_t i = header->count; i > 0; i--) {
        const struct policy_field *field = &header->fields[i - 1];
        if (field->index > 0 && base_text_equals_nocase(field->name, name))
            return field->index + 1;
    }
    return 1;
}

static bool append(struct policy_header *header, struct base_text name, struct base_text value,
                   bool is_left_out)
{
    if (!policy_header_reserve(header))
        return false;
    char *name_copy = base_arena_strndup(header->arena, name.data, name.length);
    char *value_copy = base_arena_strndup(header->arena, value.data, value.length);
    if (name_copy == NULL || value_copy == NULL)
        return false;
    struct policy_field field = {
        .name = {name_copy, name.length},
        .value = {value_copy, value.length},
        .index = next_index(header, name),
        .is_left_out = is_left_out,
    };
    header->fields[header->count++] = field;
    header->octets += name.length + value.length;
    return true;
}

void policy_header_append(struct policy_header *header, const struct policy_header_caps *caps,
                          struct base_text name, struct base_text value)
{
    /* RFC 5322 section 4.5: obsolete fields may have blanks before the colon. */
    while (name.length > 0 &&
           (name.data[name.length - 1] == ' ' || name.data[name.length - 1] == '\t'))
        name.length--;
    /* Once a field was left out, all that follow are: what is kept is a prefix of the header. */
    if (!header->is_cut && header->count < caps->max_fields && header->octets <= caps->max_octets &&
        name.length + value.length <= caps->max_octets - header->octets &&
        append(header, name, value, false))
        return;
    header->is_cut = true;
    header->left_out++;
}

bool policy_header_append_mark(struct policy_header *header, struct base_text name)
{
    header->is_cut = true;
    if (!append(header, name, BASE_TEXT(""), true))
        return false;
    header->left_out -= header->left_out > 0;
    return true;
}

size_t policy_header_count(const struct policy_header *header, struct base_text name)
{
    size_t count = 0;

    for (size_t position = 0; policy_header_next(header, name, &position) != NULL;)
        count++;
    return count;
}

struct policy_field *policy_header_next(const struct policy_header *header, struct base_text name,
                                        size_t *position)
{
    while (*position < header->count) {
        struct policy_field *field = &header->fields[(*position)++];
        if (!field->is_removed && base_text_equals_nocase(field->name, name))
            return field;
    }
    return NULL;
}
