/* What a command of the control socket answers, line by line (base/control_line.h). Filled by one
 * thread at a time. */
#ifndef FILTER_CONTROL_ANSWER_H
#define FILTER_CONTROL_ANSWER_H

#include <stdbool.h>

#include "base/text.h"

struct base_json;

/* Octets of results; what does not fit is left out, and the last line says so. */
#define FILTER_CONTROL_ANSWER_MAX ((size_t)2 << 20)

struct filter_control_answer {
    /* On the heap; complete once filter_control_answer_end() was called. */
    struct base_buf text;
    bool is_cut;
    bool is_failed;
    const char *code;
    char error[2048];
};

void filter_control_answer_init(struct filter_control_answer *answer);
void filter_control_answer_deinit(struct filter_control_answer *answer);

/* One more line of the result. Takes ownership of `object`, which has no member "ok". False: it
 * does not fit any more, nor will what comes after it. */
bool filter_control_answer_add(struct filter_control_answer *answer, struct base_json *object);
/* The command failed: `code` (static) is one word for programs (postseald(8)), the text one line
 * for people. What was added stays. */
void filter_control_answer_fail(struct filter_control_answer *answer, const char *code,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Appends the last line. */
void filter_control_answer_end(struct filter_control_answer *answer);

#endif
