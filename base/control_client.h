/* The other end of the control socket (base/control_line.h): one request, one answer. */
#ifndef BASE_CONTROL_CLIENT_H
#define BASE_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct base_json;

struct base_control_answer {
    bool is_ok;
    /* The daemon left something out. */
    bool is_cut;
    /* Where it is not ok: the protocol's word, and the daemon's text. */
    char code[32];
    struct base_error error;
    /* An array of the results; owned. */
    struct base_json *rows;
};

/* Connects to the UNIX socket `path`, says the words, reads the answer. Blocks, `timeout_ns` in all
 * at most. False and *error_r: nobody is there, or what came is no answer; nothing to deinit then.
 */
__attribute__((warn_unused_result)) bool base_control_ask(const char *path,
                                                          const char *const *words, size_t count,
                                                          int64_t timeout_ns,
                                                          struct base_control_answer *answer_r,
                                                          struct base_error *error_r);
void base_control_answer_deinit(struct base_control_answer *answer);

/* Reading an answer, a line at a time. */
enum base_control_line_kind {
    BASE_CONTROL_ROW,
    /* The answer is complete. */
    BASE_CONTROL_LAST,
    BASE_CONTROL_NOT_UNDERSTOOD,
};
/* Takes in one line, without its LF. `answer` begins zeroed, with an array in `rows`. */
enum base_control_line_kind base_control_answer_take(struct base_control_answer *answer,
                                                     struct base_text line);

#endif
