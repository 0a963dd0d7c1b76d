#include "filter/control_answer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

/* The last line, behind results that fill the answer. */
#define LAST_MAX ((size_t)16 * 1024)

void filter_control_answer_init(struct filter_control_answer *answer)
{
    *answer = (struct filter_control_answer){.code = ""};
    base_buf_init(&answer->text, NULL, FILTER_CONTROL_ANSWER_MAX + LAST_MAX);
}

void filter_control_answer_deinit(struct filter_control_answer *answer)
{
    base_buf_deinit(&answer->text);
}

static void append(struct filter_control_answer *answer, const struct base_json *object)
{
    base_json_append_to(object, &answer->text);
    base_buf_append_char(&answer->text, '\n');
}

bool filter_control_answer_add(struct filter_control_answer *answer, struct base_json *object)
{
    size_t before = answer->text.length;

    if (!answer->is_cut) {
        append(answer, object);
    }
    base_json_destroy(&object);
    if (answer->text.is_over || answer->text.length > FILTER_CONTROL_ANSWER_MAX) {
        answer->is_cut = true;
        answer->text.is_over = false;
        answer->text.length = before;
    }
    return !answer->is_cut;
}

void filter_control_answer_fail(struct filter_control_answer *answer, const char *code,
                                const char *format, ...)
{
    va_list arguments;

    answer->is_failed = true;
    answer->code = code;
    va_start(arguments, format);
    (void)vsnprintf(answer->error, sizeof answer->error, format, arguments);
    va_end(arguments);
}

void filter_control_answer_end(struct filter_control_answer *answer)
{
    struct base_json *last = base_json_object();

    base_json_set_bool(last, "ok", !answer->is_failed);
    if (answer->is_failed) {
        base_json_set_cstr(last, "code", answer->code);
        base_json_set_cstr(last, "error", answer->error);
    }
    if (answer->is_cut) {
        base_json_set_bool(last, "cut", true);
    }
    append(answer, last);
    base_json_destroy(&last);
}
