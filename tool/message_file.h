/* A saved message (RFC 5322), taken apart as Postfix and Sendmail hand it over milter: fields as
 * name and value, the body with CRLF line ends. Line ends of the file may be CRLF, LF or both; a
 * first line "From ..." as in a mailbox file is passed over. */
#ifndef TOOL_MESSAGE_FILE_H
#define TOOL_MESSAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "tool/command.h"

/* Octets of a file that is read at most. */
#define TOOL_MESSAGE_MAX (256 * 1024 * 1024)

struct tool_message_field {
    /* Printable octets but the colon. */
    struct base_text name;
    /* Everything behind the colon, leading blank included; folds are LF + blank; ends before the
     * first NUL, as over milter. */
    struct base_text value;
};

struct tool_message {
    /* The file as it is; fields and body are somewhere else. */
    char *raw;
    size_t raw_length;
    /* Where the header begins in it. */
    size_t header_offset;
    /* The first line ends in LF alone: what is added to the file should, too. */
    bool has_lf_ends;
    struct tool_message_field *fields;
    size_t field_count;
    /* Ends in CRLF unless it is empty, as after the final dot of SMTP. */
    struct base_text body;
    /* What the texts above point into. */
    char *storage;
};

/* `path` "-": io->in. False and *error_r if it cannot be read, is too large, or is empty. Blocks.
 */
__attribute__((warn_unused_result)) bool tool_message_read(struct tool_message *message_r,
                                                           const char *path,
                                                           const struct tool_io *io,
                                                           struct base_error *error_r);
/* The same from text, which is copied. */
void tool_message_parse(struct tool_message *message_r, struct base_text text);
void tool_message_deinit(struct tool_message *message);

#endif
