/* What a message's evaluation wants changed in it. Each edit is applied to our own list of fields
 * when it is made, so that signatures cover what the MTA will deliver; the filter hands them to the
 * MTA at end of message in the one order that Postfix and Sendmail agree on: deletions from the
 * highest index down, insertions last. */
#ifndef POLICY_EDITS_H
#define POLICY_EDITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct base_arena;
struct policy_field;
struct policy_header;

enum policy_edit_op {
    /* The `index`th field of that name. */
    POLICY_EDIT_DELETE,
    /* At the very top, above the MTA's own Received (index 0). */
    POLICY_EDIT_INSERT,
};

struct policy_edit {
    enum policy_edit_op op;
    unsigned index;
    /* NUL-terminated both. */
    struct base_text name;
    /* INSERT: with the leading blank; folds are LF + blank, no CR, no NUL. */
    struct base_text value;
    struct policy_edit *next;
};

/* In the order in which they must be handed to the MTA. */
struct policy_edits {
    struct base_arena *arena;
    struct policy_edit *first;
    size_t count;
};

void policy_edits_init(struct policy_edits *edits, struct base_arena *arena);
/* Marks the field removed and records the deletion. False when the arena is exhausted. */
__attribute__((warn_unused_result)) bool policy_edits_delete(struct policy_edits *edits,
                                                             struct policy_field *field);
/* Records an insertion at the top and puts the field before all in `header`. A later insertion
 * stands above an earlier one. Copies name and value. False when the arena is exhausted, or when
 * the value has a NUL, a CR, or an LF that no blank follows. */
__attribute__((warn_unused_result)) bool policy_edits_insert(struct policy_edits *edits,
                                                             struct policy_header *header,
                                                             struct base_text name,
                                                             struct base_text value);

#endif
