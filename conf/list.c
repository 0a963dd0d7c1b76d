#include "conf/list.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/guard.h"

static const char file_prefix[] = "file:";

void conf_list_init(struct conf_list_builder *builder, struct base_arena *arena,
                    struct conf_budget *budget)
{
    *builder = (struct conf_list_builder){.arena = arena, .budget = budget};
}

void conf_list_deinit(struct conf_list_builder *builder)
{
    base_mem_free(builder->items);
    builder->items = NULL;
}

static bool add_item(struct conf_list_builder *builder, struct conf_item item,
                     struct base_error *error_r)
{
    if (builder->count == CONF_LIST_ITEMS_MAX) {
        conf_error_at(error_r, item.where, "more than %zu items in one list", CONF_LIST_ITEMS_MAX);
        return false;
    }
    if (builder->count == builder->capacity) {
        builder->capacity = builder->capacity == 0 ? 16 : builder->capacity * 2;
        builder->items =
            base_mem_realloc(builder->items, builder->capacity * sizeof(builder->items[0]));
    }
    builder->items[builder->count++] = item;
    return true;
}

static struct base_text strip_comment(struct base_text line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] == '#' && (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
            line.length = i;
    }
    return base_text_trim(line);
}

/* `line` lies within the arena's text, whose octet behind it may be overwritten. */
static bool add_line(struct conf_list_builder *builder, struct base_text line,
                     struct conf_where where, struct base_error *error_r)
{
    struct base_error fault;
    line = strip_comment(line);
    if (line.length == 0)
        return true;
    if (line.length > CONF_LIST_LINE_MAX) {
        conf_error_at(error_r, where, "an item of %zu octets: at most %zu, one a line", line.length,
                      CONF_LIST_LINE_MAX);
        return false;
    }
    if (!conf_guard_text(line, &fault)) {
        conf_error_at(error_r, where, "%s", fault.text);
        return false;
    }
    char *text = (char *)line.data;
    text[line.length] = '\0';
    if (strncmp(text, file_prefix, strlen(file_prefix)) == 0) {
        conf_error_at(error_r, where,
                      "%.200s: a file of items cannot name another one; name it in "
                      "the list itself",
                      text);
        return false;
    }
    return add_item(builder, (struct conf_item){text, where}, error_r);
}

static bool add_file(struct conf_list_builder *builder, struct conf_item item,
                     struct base_error *error_r)
{
    const char *path = item.text + strlen(file_prefix);

    builder->has_file = true;
    if (path[0] == '\0') {
        conf_error_at(error_r, item.where, "\"file:\" without a path: write \"file:/path\"");
        return false;
    }
    struct conf_where where = {conf_source_resolve(path, item.where.file, builder->arena), 0};
    struct base_text rest;
    if (!conf_source_read(builder->budget, where.file, item.where, builder->arena, &rest, error_r))
        return false;
    if (base_text_starts_with(rest, BASE_TEXT("\xef\xbb\xbf"))) {
        rest.data += 3;
        rest.length -= 3;
    }
    while (rest.data != NULL) {
        struct base_text line = base_text_split(&rest, '\n');
        where.line++;
        if (!add_line(builder, line, where, error_r))
            return false;
    }
    return true;
}

bool conf_list_add(struct conf_list_builder *builder, struct conf_item item,
                   struct base_error *error_r)
{
    if (strncmp(item.text, file_prefix, strlen(file_prefix)) == 0)
        return add_file(builder, item, error_r);
    return add_item(builder, item, error_r);
}

bool conf_list_add_map(struct conf_list_builder *builder, struct conf_item item,
                       struct base_error *error_r)
{
    const char *colon = strchr(item.text, ':');

    if (colon != NULL && colon[1] != '\0') {
        const char *path = conf_source_resolve(colon + 1, item.where.file, builder->arena);
        size_t kind = (size_t)(colon + 1 - item.text);
        char *whole = conf_source_alloc(builder->arena, kind + strlen(path) + 1);

        memcpy(whole, item.text, kind);
        memcpy(whole + kind, path, strlen(path) + 1);
        item.text = whole;
    }
    return add_item(builder, item, error_r);
}

struct conf_list conf_list_finish(const struct conf_list_builder *builder)
{
    struct conf_list list = {.has_file = builder->has_file};

    if (builder->count > 0) {
        size_t size = builder->count * sizeof(builder->items[0]);
        struct conf_item *items = conf_source_alloc(builder->arena, size);
        memcpy(items, builder->items, size);
        list.items = items;
        list.count = builder->count;
    }
    return list;
}
