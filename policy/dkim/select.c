/* RFC 6376 sections 5.4, 5.4.1 and 5.4.2. */
#include "policy/dkim/select.h"

#include <string.h>

#include "base/arena.h"
#include "policy/header.h"

/* What a prefix such as `resent-*` must not draw in: fields that MTAs take off on the way (RFC 6376
 * section 5.4 names Bcc; Sendmail removes Content-Length). */
static const char *const never_by_prefix[] = {"resent-bcc", "content-length", NULL};

struct selecting {
    struct base_arena *arena;
    const struct policy_header *header;
    const struct dkim_select_changes *changes;
    struct dkim_selection *selection;
    size_t capacity;
    /* A name that must be covered did not fit. */
    bool is_over;
};

static bool is_prefix(const char *pattern)
{
    size_t length = strlen(pattern);

    return length > 0 && pattern[length - 1] == '*';
}

/* `name` is in lower case. */
static bool pattern_matches(const char *pattern, struct base_text name)
{
    size_t length = strlen(pattern);

    if (is_prefix(pattern))
        return name.length >= length - 1 && memcmp(pattern, name.data, length - 1) == 0;
    return name.length == length && memcmp(pattern, name.data, length) == 0;
}

static bool list_matches(const char *const *list, struct base_text name)
{
    for (; list != NULL && *list != NULL; list++)
        if (pattern_matches(*list, name))
            return true;
    return false;
}

static bool list_names(const char *const *list, struct base_text name)
{
    for (; list != NULL && *list != NULL; list++)
        if (!is_prefix(*list) && pattern_matches(*list, name))
            return true;
    return false;
}

static bool add_name(struct selecting *selecting, struct base_text name)
{
    struct dkim_selection *selection = selecting->selection;

    if (selection->name_count == selecting->capacity ||
        selection->octets + name.length + 1 > DKIM_SELECTION_MAX)
        return false;
    selection->names[selection->name_count++] = name;
    selection->octets += name.length + 1;
    return true;
}

static bool is_selected(const struct dkim_selection *selection, struct base_text name)
{
    for (size_t i = 0; i < selection->name_count; i++)
        if (base_text_equals(selection->names[i], name))
            return true;
    return false;
}

/* Notes it, once, for the record. */
static bool is_left_out(struct selecting *selecting, struct base_text name)
{
    const struct dkim_select_changes *changes = selecting->changes;
    struct dkim_selection *selection = selecting->selection;
    size_t i = 0;

    while (changes != NULL && i < changes->left_out_count &&
           !base_text_equals_nocase(changes->left_out[i], name))
        i++;
    if (changes == NULL || i == changes->left_out_count)
        return false;
    for (i = 0; i < selection->left_out_count; i++)
        if (base_text_equals(selection->left_out[i], name))
            return true;
    if (i < DKIM_SELECTION_LEFT_OUT)
        selection->left_out[selection->left_out_count++] = name;
    return true;
}

static bool want_extra(const struct selecting *selecting, const struct dkim_sign_block *block,
                       struct base_text name, bool is_there)
{
    if (is_there && list_matches(block->oversign_present, name))
        return true;
    if (!is_there && selecting->changes != NULL && list_names(selecting->changes->added, name))
        return false;
    return list_matches(block->oversign_always, name);
}

/* Every field of that name from the bottom up, then the one that is not there. */
static void select_name(struct selecting *selecting, const struct dkim_sign_block *block,
                        struct base_text name)
{
    struct dkim_selection *selection = selecting->selection;
    const struct policy_header *header = selecting->header;
    bool is_there = false;

    if (is_selected(selection, name))
        return;
    if (is_left_out(selecting, name) && !base_text_equals(name, BASE_TEXT("from")))
        return;
    for (size_t i = header->count; i-- > 0;) {
        const struct policy_field *field = &header->fields[i];

        if (field->is_removed || !base_text_equals_nocase(field->name, name))
            continue;
        is_there = true;
        if (!add_name(selecting, name)) {
            selecting->is_over = true;
            return;
        }
        selection->fields[selection->field_count++] = field;
    }
    if (want_extra(selecting, block, name, is_there) && !add_name(selecting, name))
        selecting->is_over = true;
}

static struct base_text lower_name(struct base_arena *arena, struct base_text name)
{
    char *lower = base_arena_strndup(arena, name.data, name.length);

    if (lower == NULL)
        return (struct base_text){NULL, 0};
    for (size_t i = 0; i < name.length; i++)
        lower[i] = base_ascii_lower(lower[i]);
    return (struct base_text){lower, name.length};
}

static bool starts_like(struct base_text name, const char *pattern)
{
    struct base_text prefix = {pattern, strlen(pattern) - 1};

    return base_text_starts_with_nocase(name, prefix);
}

/* Names that are there and match `pattern`. Unlike names listed in full these are a stranger's
 * choice: one that does not fit into h= is left unsigned as a whole. */
static void select_prefix(struct selecting *selecting, const struct dkim_sign_block *block,
                          const char *pattern)
{
    const struct policy_header *header = selecting->header;

    for (size_t i = header->count; i-- > 0;) {
        const struct policy_field *field = &header->fields[i];
        struct dkim_selection before = *selecting->selection;
        bool was_over = selecting->is_over;
        struct base_text name;

        if (field->is_removed || !starts_like(field->name, pattern))
            continue;
        name = lower_name(selecting->arena, field->name);
        if (name.data == NULL || list_names(never_by_prefix, name))
            continue;
        select_name(selecting, block, name);
        if (selecting->is_over && !was_over) {
            *selecting->selection = before;
            selecting->is_over = false;
        }
    }
}

static void select_list(struct selecting *selecting, const struct dkim_sign_block *block,
                        const char *const *list, bool want_prefixes)
{
    for (; list != NULL && *list != NULL; list++) {
        if (is_prefix(*list) != want_prefixes)
            continue;
        if (want_prefixes)
            select_prefix(selecting, block, *list);
        else
            select_name(selecting, block, base_text_of(*list));
    }
}

static size_t list_length(const char *const *list)
{
    size_t length = 0;

    while (list != NULL && list[length] != NULL)
        length++;
    return length;
}

bool dkim_select(struct base_arena *arena, const struct dkim_sign_block *block,
                 const struct policy_header *header, const struct dkim_select_changes *changes,
                 struct dkim_selection *selection_r, const char **fault_r)
{
    const char *const *const lists[] = {block->sign_headers, block->oversign_always,
                                        block->oversign_present};
    struct selecting selecting = {arena, header, changes, selection_r, 0, false};

    memset(selection_r, 0, sizeof(*selection_r));
    selecting.capacity = 2 * header->count;
    for (size_t i = 0; i < 3; i++)
        selecting.capacity += list_length(lists[i]);
    if (selecting.capacity > DKIM_SELECTION_MAX)
        selecting.capacity = DKIM_SELECTION_MAX;
    selection_r->names = base_arena_alloc(arena, selecting.capacity * sizeof(*selection_r->names));
    selection_r->fields =
        base_arena_alloc(arena, selecting.capacity * sizeof(struct policy_field *));
    if (selection_r->names == NULL || selection_r->fields == NULL) {
        *fault_r = "the message's memory is used up";
        return false;
    }
    /* Names in full first: what a prefix draws in must not take their place in h=. */
    for (size_t i = 0; i < 6; i++)
        select_list(&selecting, block, lists[i % 3], i >= 3);
    if (selecting.is_over) {
        *fault_r = "more header fields to sign than h= can take";
        return false;
    }
    for (size_t i = 0; i < selection_r->field_count; i++)
        if (base_text_equals_nocase(selection_r->fields[i]->name, BASE_TEXT("From")))
            return true;
    *fault_r = "no From field to sign";
    return false;
}
