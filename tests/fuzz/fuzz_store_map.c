/* store/table_source and store/map_text's rules: a table's source, then the same octets line by
 * line as keys that are looked up in it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/map.h"
#include "store/table_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Entries lie one behind the other, within the text, and are what they should be. */
static void read_entries(char *text, size_t size)
{
    struct store_table_source source;
    struct store_table_entry entry;
    const char *floor = text;
    unsigned line = 0;

    store_table_source_init(&source, text, size);
    while (store_table_source_next(&source, &entry)) {
        must(entry.line > line);
        line = entry.line;
        if (entry.fault != NULL)
            continue;
        must(entry.key >= floor && entry.key_length > 0 && entry.value_length > 0);
        must(entry.value > entry.key + entry.key_length - 1 &&
             entry.value + entry.value_length <= text + source.at);
        must(!is_blank(entry.key[0]) && !is_blank(entry.value[0]) &&
             !is_blank(entry.value[entry.value_length - 1]));
        must(base_text_is_utf8((struct base_text){entry.key, entry.key_length}));
        floor = entry.value + entry.value_length;
    }
    must(source.at == size);
}

static void look_up(const char *path, struct base_text keys)
{
    struct base_error error;
    struct base_buf value;
    struct store_map_run run;
    struct store_map *map = store_map_open(path, NULL, &error);

    must(map != NULL && store_map_begin(map, &run, &error));
    base_buf_init(&value, NULL, 1 << 20);
    while (keys.data != NULL) {
        struct base_text key = base_text_split(&keys, '\n');
        enum store_map_answer answer = store_map_find(&run, key, &value, &error);

        must(answer != STORE_MAP_FOUND || value.length > 0);
    }
    base_buf_deinit(&value);
    store_map_end(&run);
    store_map_destroy(&map);
}

/* In a folder of its own: nobody else can put another file there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/postseal-fuzz-XXXXXX";
    char *text = base_mem_strndup((const char *)data, size);
    char path[64];
    int fd;

    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "file:%s/map", folder);
    fd = open(path + strlen("file:"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    look_up(path, (struct base_text){text, size});
    read_entries(text, size);
    must(unlink(path + strlen("file:")) == 0 && rmdir(folder) == 0);
    base_mem_free(text);
    return 0;
}
