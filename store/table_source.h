/* The source of a Postfix table (postmap(1), TABLE FORMAT), read in place: comments, blank lines,
 * logical lines that go on where white space begins the next, quotes and backslashes in keys. Keeps
 * what Postfix keeps and leaves out what it leaves out. */
#ifndef STORE_TABLE_SOURCE_H
#define STORE_TABLE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct store_table_source {
    /* The whole text; what was read is overwritten. */
    char *data;
    size_t length;
    size_t at;
    /* Lines read so far. */
    unsigned line;
};

struct store_table_entry {
    /* Within the text at or before what was read of it; an octet behind each is free. */
    char *key;
    size_t key_length;
    char *value;
    size_t value_length;
    /* Where the logical line begins. */
    unsigned line;
    /* NULL: a good entry. Else static words for what Postfix would leave out, too. */
    const char *fault;
    /* Good, but odd; static words or NULL. */
    const char *doubt;
};

void store_table_source_init(struct store_table_source *source, char *data, size_t length);
/* False at the end. The entry holds until the next call. */
bool store_table_source_next(struct store_table_source *source, struct store_table_entry *entry_r);

#endif
