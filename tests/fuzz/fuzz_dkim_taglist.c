/* policy/dkim/taglist: what was read is in the text, named as the grammar wants it, never twice;
 * and written again it is read the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/dkim/taglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_tag(const struct dkim_taglist *list, size_t index, struct base_text text)
{
    const struct dkim_tag *tag = &list->tags[index];
    char name[64];

    must(tag->name.data >= text.data && tag->name.length > 0);
    must(base_ascii_is_alpha(tag->name.data[0]));
    must(tag->value.length == 0 ||
         (tag->value.data > tag->name.data &&
          tag->value.data + tag->value.length <= text.data + text.length));
    must(tag->value.length == 0 || memchr(tag->value.data, ';', tag->value.length) == NULL);
    must(base_text_equals(tag->value, base_text_trim(tag->value)));
    for (size_t i = 0; i < index; i++)
        must(!base_text_equals_nocase(list->tags[i].name, tag->name));
    if (tag->name.length < sizeof(name)) {
        memcpy(name, tag->name.data, tag->name.length);
        name[tag->name.length] = '\0';
        must(dkim_taglist_find(list, name) == tag);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text text = {(const char *)data, size};
    struct dkim_taglist list;
    struct dkim_taglist again;
    struct base_arena *arena = base_arena_create(16 << 20, NULL);
    struct base_buf written;
    enum dkim_taglist_fault fault = dkim_taglist_parse(text, &list);

    must(dkim_taglist_fault_text(fault) != NULL);
    base_buf_init(&written, arena, 16 << 20);
    for (size_t i = 0; i < list.count; i++) {
        struct base_text stripped = dkim_text_strip(arena, list.tags[i].value);

        check_tag(&list, i, text);
        must(stripped.length <= list.tags[i].value.length);
        (void)dkim_text_is_base64(stripped);
        base_buf_append_text(&written, list.tags[i].name);
        base_buf_append_char(&written, '=');
        base_buf_append_text(&written, list.tags[i].value);
        base_buf_append_char(&written, ';');
    }
    if (list.count > 0) {
        must(dkim_taglist_parse(base_buf_text(&written), &again) == DKIM_TAGLIST_OK);
        must(again.count == list.count);
        for (size_t i = 0; i < list.count; i++)
            must(base_text_equals(again.tags[i].value, list.tags[i].value));
    }
    base_arena_destroy(&arena);
    return 0;
}
