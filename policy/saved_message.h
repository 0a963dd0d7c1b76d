/* A saved message (RFC 5322), taken apart as Postfix and Sendmail hand it over milter: fields as
 * name and value, the body with CRLF line ends. Line ends of the file may be CRLF, LF or both; a
 * first line "From ..." as in a mailbox file is passed over. */
#ifndef POLICY_SAVED_MESSAGE_H
#define POLICY_SAVED_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

/* Octets of a file that is read at most. */
#define POLICY_SAVED_MESSAGE_MAX (256 * 1024 * 1024)

struct policy_saved_field {
    /* Printable octets but the colon. */
    struct base_text name;
    /* Everything behind the colon, leading blank included; folds are LF + blank; ends before the
     * first NUL, as over milter. */
    struct base_text value;
};

struct policy_saved_message {
    /* The file as it is; fields and body are somewhere else. */
    char *raw;
    size_t raw_length;
    /* Where the header begins in it. */
    size_t header_offset;
    /* The first line ends in LF alone: what is added to the file should, too. */
    bool has_lf_ends;
    struct policy_saved_field *fields;
    size_t field_count;
    /* Ends in CRLF unless it is empty, as after the final dot of SMTP. */
    struct base_text body;
    /* What the texts above point into. */
    char *storage;
};

/* `path` "-" is that descriptor, unless it is -1. False and *error_r if it cannot be read, is too
 * large, or is empty. Blocks.
 */
__attribute__((warn_unused_result)) bool policy_saved_message_read(
    struct policy_saved_message *message_r, const char *path, int standard_input,
    struct base_error *error_r);
/* The same from text, which is copied. */
void policy_saved_message_parse(struct policy_saved_message *message_r, struct base_text text);
void policy_saved_message_deinit(struct policy_saved_message *message);

#endif
