/* The header of a message as the MTA will deliver it: the fields as they came over milter, our own
 * edits applied to them first. What is signed and what is judged is read from here. Everything
 * lives in the message's arena. */
#ifndef POLICY_HEADER_H
#define POLICY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct base_arena;

struct policy_field {
    /* As sent, without the colon and what may stand before it. */
    struct base_text name;
    /* The octets after the colon as on the wire, the leading blank included (SMFIP_HDR_LEADSPC);
     * folds are LF + blank. Followed by a NUL. */
    struct base_text value;
    /* 1 for the first field of this name in the message as it came, 2 for the second, ...: what
     * smfi_chgheader counts, case-insensitively. 0 for fields that we insert. */
    unsigned index;
    /* Deleted by our edits: neither signed nor judged. */
    bool is_removed;
    /* Stands for a field past the caps: the value was not kept. */
    bool is_left_out;
};

struct policy_header {
    struct base_arena *arena;
    /* In the order in which the message has them; fields that we insert stand before all. */
    struct policy_field *fields;
    size_t count;
    size_t capacity;
    /* Octets of names and values so far. */
    size_t octets;
    /* Fields or octets past the caps were left out. */
    bool is_cut;
    /* Fields past the caps that nothing here stands for. */
    size_t left_out;
};

struct policy_header_caps {
    /* `header-fields` (1,000) and `header-octets` (256 KiB). */
    size_t max_fields;
    size_t max_octets;
};

void policy_header_init(struct policy_header *header, struct base_arena *arena);
/* Copies one field that came from the MTA. Past a cap or the arena: left out, is_cut is set. */
void policy_header_append(struct policy_header *header, const struct policy_header_caps *caps,
                          struct base_text name, struct base_text value);
/* Notes that there is a field of that name past the caps: it can be counted and removed, its value
 * is unknown (""). False when the arena is exhausted. */
__attribute__((warn_unused_result)) bool policy_header_append_mark(struct policy_header *header,
                                                                   struct base_text name);
/* Makes room for one more field; fields may move. False when the arena is exhausted. For edits. */
__attribute__((warn_unused_result)) bool policy_header_reserve(struct policy_header *header);
/* Number of fields of that name (case-insensitive) that are not removed. */
size_t policy_header_count(const struct policy_header *header, struct base_text name);
/* The first field of that name at or after *position that is not removed, and *position becomes the
 * place behind it; NULL when there is none. Start with *position = 0. Pointers to
 * fields hold until a field is appended or inserted. */
struct policy_field *policy_header_next(const struct policy_header *header, struct base_text name,
                                        size_t *position);

#endif
