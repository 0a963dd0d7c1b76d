#include "conf/source.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/panic.h"

void *conf_source_alloc(struct base_arena *arena, size_t size)
{
    void *memory = base_arena_alloc(arena, size);
    if (memory == NULL)
        base_panic("configuration: out of memory");
    return memory;
}

char *conf_source_strndup(struct base_arena *arena, const char *data, size_t length)
{
    char *copy = conf_source_alloc(arena, length + 1);
    memcpy(copy, data, length);
    return copy;
}

bool conf_source_check(struct conf_budget *budget, struct base_text text, const char *name,
                       struct base_error *error_r)
{
    const char *nul = text.length > 0 ? memchr(text.data, '\0', text.length) : NULL;
    if (nul != NULL) {
        struct conf_where where = {name, 1};
        for (const char *at = text.data; at < nul; at++)
            where.line += *at == '\n' ? 1 : 0;
        conf_error_at(error_r, where, "a NUL octet: this is not a text file");
        return false;
    }
    if (text.length > CONF_SOURCE_FILE_MAX) {
        base_error_set(error_r, "%s: larger than %zu MiB", name, CONF_SOURCE_FILE_MAX >> 20);
        return false;
    }
    if (text.length > CONF_SOURCE_TOTAL_MAX - budget->used) {
        base_error_set(error_r, "%s: with this file the configuration is larger than %zu MiB", name,
                       CONF_SOURCE_TOTAL_MAX >> 20);
        return false;
    }
    if (budget->files == CONF_SOURCE_FILES_MAX) {
        base_error_set(error_r, "%s: the configuration reads more than %zu files", name,
                       CONF_SOURCE_FILES_MAX);
        return false;
    }
    budget->files++;
    budget->used += text.length;
    return true;
}

bool conf_source_read(struct conf_budget *budget, const char *path, struct conf_where from,
                      struct base_arena *arena, struct base_text *text_r,
                      struct base_error *error_r)
{
    char *data;
    size_t length;
    if (!base_file_read_trusted(path, CONF_SOURCE_FILE_MAX, &data, &length, error_r)) {
        if (from.line > 0)
            base_error_prefix(error_r, "%s:%d", from.file, from.line);
        return false;
    }
    bool is_good = conf_source_check(budget, (struct base_text){data, length}, path, error_r);
    if (is_good)
        *text_r = (struct base_text){conf_source_strndup(arena, data, length), length};
    base_mem_free(data);
    return is_good;
}

const char *conf_source_resolve(const char *path, const char *from, struct base_arena *arena)
{
    const char *slash = strrchr(from, '/');
    if (path[0] == '/' || slash == NULL)
        return conf_source_strndup(arena, path, strlen(path));
    size_t folder = (size_t)(slash - from) + 1;
    char *joined = conf_source_alloc(arena, folder + strlen(path) + 1);
    memcpy(joined, from, folder);
    memcpy(joined + folder, path, strlen(path));
    return joined;
}
