/* policy/bulk/one_click: what is offered has an https URI in angle brackets and the one word that
 * RFC 8058 has; a field given twice offers nothing. Input: List-Unsubscribe, NUL, the Post field.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/bulk/one_click.h"
#include "policy/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_header_caps caps = {.max_fields = 10, .max_octets = 1 << 20};

/* Without blanks and in lower case. */
static bool has(struct base_text text, const char *wanted)
{
    struct base_buf buf;
    bool is_there;

    base_buf_init(&buf, NULL, text.length + 1);
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] != '\0' && strchr(" \t\r\n", text.data[i]) == NULL)
            base_buf_append_char(&buf, base_ascii_lower(text.data[i]));
    is_there = strstr(base_buf_cstr(&buf), wanted) != NULL;
    base_buf_deinit(&buf);
    return is_there;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct base_text names[] = {{"List-Unsubscribe", 16},
                                             {"List-Unsubscribe-Post", 21}};
    struct base_text post = {(const char *)data, size};
    struct base_text uris = base_text_split(&post, '\0');

    for (size_t twice = 0; twice <= 2; twice++) {
        struct base_arena *arena = base_arena_create((size_t)4 << 20, NULL);
        struct policy_header header;

        policy_header_init(&header, arena);
        policy_header_append(&header, &caps, names[0], uris);
        if (post.data != NULL)
            policy_header_append(&header, &caps, names[1], post);
        if (twice > 0)
            policy_header_append(&header, &caps, names[twice - 1], twice == 1 ? uris : post);
        if (bulk_one_click_is_offered(&header) &&
            (twice == 1 || (twice == 2 && post.data != NULL && post.length > 0) ||
             !has(uris, "<https://") || !has(uris, ">") ||
             !has(post, "list-unsubscribe=one-click")))
            abort();
        base_arena_destroy(&arena);
    }
    return 0;
}
