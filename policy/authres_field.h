/* One Authentication-Results field as data (RFC 8601 section 2.2), read and written. */
#ifndef POLICY_AUTHRES_FIELD_H
#define POLICY_AUTHRES_FIELD_H

#include <stdbool.h>

#include "base/text.h"

struct base_arena;

/* propspec: ptype "." property "=" pvalue */
struct authres_property {
    /* Lower case. */
    struct base_text ptype;
    struct base_text property;
    /* Quotes taken off. */
    struct base_text value;
    struct authres_property *next;
};

/* resinfo */
struct authres_result {
    /* Lower case; without its version. */
    struct base_text method;
    struct base_text result;
    /* {NULL, 0} when absent. */
    struct base_text reason;
    struct authres_property *properties;
    struct authres_result *next;
};

struct authres_field {
    struct base_text authserv_id;
    /* {NULL, 0} when absent. */
    struct base_text version;
    /* Written behind the authserv-id, in parentheses; our own words. {NULL, 0}: none. Not read. */
    struct base_text comment;
    /* NULL: "none". */
    struct authres_result *results;
};

/* Reads a field's value (after the colon; folds and comments anywhere the grammar has them). The
 * result lives in `arena`. A trailing ";" is taken, "/" in a pvalue that is not quoted too, and a
 * "word=value" without a ptype is left out, since much of what is in the wild has them. False if it
 * is not such a field, is too deep in comments, or the arena is exhausted. */
__attribute__((warn_unused_result)) bool authres_field_parse(struct base_arena *arena,
                                                             struct base_text value,
                                                             struct authres_field *field_r);

/* Appends the value as it goes on the wire, leading blank included, a result a line (LF + blank
 * folds), no line above 998 octets. Every value that is not a plain token or address is quoted;
 * octets that a quoted-string cannot hold (controls, CR, LF, NUL, and what is not UTF-8) become
 * '?'. A value of more than `AUTHRES_VALUE_MAX` octets is cut. */
void authres_field_write(const struct authres_field *field, struct base_buf *out);

#define AUTHRES_VALUE_MAX 256

/* Of a value that would be cut: an address without its local part, else {NULL, 0}, since where it
 * is cut may be a stranger's choice, and "x@example.org.evil.example" must not end up as
 * "x@example.org". Others as they are. */
struct base_text authres_whole_value(struct base_text value);

/* The value with what a field cannot hold replaced, quoted if need be: how it would be written. */
void authres_append_value(struct base_buf *out, struct base_text value);
/* The same, quoted in any case. */
void authres_append_quoted(struct base_buf *out, struct base_text value);

#endif
