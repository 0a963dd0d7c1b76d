/* One order of edits means the same to both MTAs: Postfix renumbers the fields of a name after each
 * deletion and Sendmail does not, and both count what was inserted before. Hence deletions from the
 * highest index down, then insertions, each at index 0. */
#include "policy/edits.h"

#include <string.h>

#include "base/arena.h"
#include "policy/header.h"

void policy_edits_init(struct policy_edits *edits, struct base_arena *arena)
{
    *edits = (struct policy_edits){.arena = arena};
}

bool policy_edits_delete(struct policy_edits *edits, struct policy_field *field)
{
    if (field->is_removed)
        return true;
    if (field->index == 0)
        return false;
    struct policy_edit *edit = base_arena_alloc(edits->arena, sizeof(*edit));
    char *name = base_arena_strndup(edits->arena, field->name.data, field->name.length);
    if (edit == NULL || name == NULL)
        return false;
    *edit = (struct policy_edit){.op = POLICY_EDIT_DELETE, .index = field->index};
    edit->name = (struct base_text){name, field->name.length};
    struct policy_edit **place = &edits->first;
    while (*place != NULL && (*place)->op == POLICY_EDIT_DELETE && (*place)->index > edit->index)
        place = &(*place)->next;
    edit->next = *place;
    *place = edit;
    edits->count++;
    field->is_removed = true;
    return true;
}

static bool is_foldable(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '\0' || c == '\r')
            return false;
        if (c == '\n' &&
            (i + 1 == value.length || (value.data[i + 1] != ' ' && value.data[i + 1] != '\t')))
            return false;
    }
    return true;
}

bool policy_edits_insert(struct policy_edits *edits, struct policy_header *header,
                         struct base_text name, struct base_text value)
{
    if (!is_foldable(value) || !policy_header_reserve(header))
        return false;
    struct policy_edit *edit = base_arena_alloc(edits->arena, sizeof(*edit));
    char *name_copy = base_arena_strndup(edits->arena, name.data, name.length);
    char *value_copy = base_arena_strndup(edits->arena, value.data, value.length);
    if (edit == NULL || name_copy == NULL || value_copy == NULL)
        return false;
    *edit = (struct policy_edit){
        .op = POLICY_EDIT_INSERT,
        .name = {name_copy, name.length},
        .value = {value_copy, value.length},
    };
    struct policy_edit **place = &edits->first;
    while (*place != NULL)
        place = &(*place)->next;
    *place = edit;
    edits->count++;

    if (header->count > 0)
        memmove(header->fields + 1, header->fields, header->count * sizeof(*header->fields));
    header->fields[0] = (struct policy_field){.name = edit->name, .value = edit->value};
    header->count++;
    header->octets += name.length + value.length;
    return true;
}
