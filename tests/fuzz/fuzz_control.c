/* Requests of the control socket: words stay within the bounds, and what is written reads back the
 * same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/control_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int is_true)
{
    if (!is_true)
        abort();
}

static void check_words(const struct base_control_request *request, size_t line_length)
{
    size_t octets = 0;

    must(request->count >= 1 && request->count <= BASE_CONTROL_WORDS_MAX);
    for (size_t i = 0; i < request->count; i++) {
        must(request->words[i].data >= request->storage);
        must(request->words[i].data + request->words[i].length <
             request->storage + sizeof(request->storage));
        must(request->words[i].data[request->words[i].length] == '\0');
        must(strlen(request->words[i].data) == request->words[i].length);
        must(base_control_line_is_word(request->words[i]));
        octets += request->words[i].length;
    }
    must(octets <= line_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_control_request request;
    struct base_control_request again;
    struct base_buf line;
    const char *fault;

    if (!base_control_line_parse((struct base_text){(const char *)data, size}, &request, &fault)) {
        must(fault != NULL && fault[0] != '\0');
        return 0;
    }
    must(fault == NULL && size < BASE_CONTROL_LINE_MAX);
    check_words(&request, size);
    base_buf_init(&line, NULL, (size_t)4 * BASE_CONTROL_LINE_MAX);
    for (size_t i = 0; i < request.count; i++) {
        if (i > 0)
            base_buf_append_char(&line, ' ');
        base_control_line_append_word(&line, request.words[i]);
    }
    /* Quotes may make it longer than a line can be. */
    if (line.length < BASE_CONTROL_LINE_MAX) {
        must(base_control_line_parse(base_buf_text(&line), &again, &fault));
        must(again.count == request.count);
        for (size_t i = 0; i < request.count; i++)
            must(base_text_equals(again.words[i], request.words[i]));
    }
    base_buf_deinit(&line);
    return 0;
}
