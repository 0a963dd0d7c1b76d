/* The layout is that of lmdb's MDB_page, MDB_node, MDB_meta and MDB_db. A page: its header, places
 * of its nodes (2 octets each) in the order of their keys, free room, the nodes. A node: its size
 * or the number of its page (4 octets, or 6 in a branch), flags, size of its key, key, value. The
 * first node of a branch has no key: it is below all others. */
#include "store/lmdb_page.h"

#include <string.h>

#define MAGIC        0xBEEFC0DEU
#define DATA_VERSION 1U
/* Everything that a tree of postmap's is not: reversed or integer keys, duplicates. */
#define TREE_FLAGS 0x7fffU

enum {
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    PAGE_DIRTY = 0x10,
};

enum {
    NODE_ELSEWHERE = 0x01,
    NODE_HEADER = 8,
};

struct header {
    size_t number;
    uint16_t unused;
    uint16_t flags;
    union {
        struct {
            uint16_t lower;
            uint16_t upper;
        };
        uint32_t pages;
    };
};

struct tree {
    uint32_t unused;
    uint16_t flags;
    uint16_t depth;
    size_t branches;
    size_t leaves;
    size_t overflows;
    size_t entries;
    size_t root;
};

struct meta {
    struct header header;
    uint32_t magic;
    uint32_t version;
    size_t address;
    size_t map_size;
    /* The first tree is that of the free pages; its `unused` is the size of a page. */
    struct tree trees[2];
    size_t last_page;
    size_t transaction;
};

struct node {
    uint32_t size;
    uint16_t flags;
    uint16_t key_length;
};

_Static_assert(sizeof(struct header) == STORE_LMDB_HEADER_OCTETS, "no padding");
_Static_assert(sizeof(struct meta) == STORE_LMDB_META_OCTETS, "no padding");
_Static_assert(offsetof(struct meta, transaction) == STORE_LMDB_META_TRANSACTION, "the last");
_Static_assert(sizeof(struct node) == NODE_HEADER, "no padding");

bool store_lmdb_meta_read(const unsigned char *octets, struct store_lmdb_meta *meta_r)
{
    struct meta meta;
    size_t size;

    memcpy(&meta, octets, sizeof(meta));
    size = meta.trees[0].unused;
    if ((meta.header.flags & PAGE_META) == 0 || meta.magic != MAGIC ||
        meta.version != DATA_VERSION || size < STORE_LMDB_PAGE_MIN || size > STORE_LMDB_PAGE_MAX ||
        (size & (size - 1)) != 0 || (meta.trees[1].flags & TREE_FLAGS) != 0)
        return false;
    *meta_r = (struct store_lmdb_meta){.page_size = size,
                                       .last_page = meta.last_page,
                                       .transaction = meta.transaction,
                                       .root = meta.trees[1].root};
    return true;
}

enum store_lmdb_kind store_lmdb_page_read(struct store_lmdb_page *page, size_t number)
{
    struct header header;
    unsigned flags;

    memcpy(&header, page->data, sizeof(header));
    flags = header.flags & ~(unsigned)PAGE_DIRTY;
    if (header.number != number || header.lower < sizeof(header) || header.lower > header.upper ||
        header.upper > page->size)
        return STORE_LMDB_DAMAGED;
    page->count = (header.lower - sizeof(header)) / sizeof(uint16_t);
    if (page->count == 0)
        return STORE_LMDB_DAMAGED;
    if (flags == PAGE_BRANCH)
        return STORE_LMDB_BRANCH;
    return flags == PAGE_LEAF ? STORE_LMDB_LEAF : STORE_LMDB_DAMAGED;
}

/* The node at the index, and its key, which lies within the page. */
static bool read_node(const struct store_lmdb_page *page, size_t index, struct node *node_r,
                      struct base_text *key_r)
{
    uint16_t place;

    memcpy(&place, page->data + sizeof(struct header) + index * sizeof(place), sizeof(place));
    if (place < sizeof(struct header) || place + sizeof(*node_r) > page->size)
        return false;
    memcpy(node_r, page->data + place, sizeof(*node_r));
    *key_r =
        (struct base_text){(const char *)page->data + place + sizeof(*node_r), node_r->key_length};
    return place + sizeof(*node_r) + node_r->key_length <= page->size;
}

static int compare(struct base_text a, struct base_text b)
{
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* The last node whose key is not above `key`, from `low` on (which is taken as such). */
static bool find_node(const struct store_lmdb_page *page, size_t low, struct base_text key,
                      size_t *index_r)
{
    size_t high = page->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        struct node node;
        struct base_text other;

        if (!read_node(page, middle, &node, &other))
            return false;
        if (compare(other, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    *index_r = low;
    return true;
}

bool store_lmdb_branch_find(const struct store_lmdb_page *page, struct base_text key,
                            size_t *child_r)
{
    struct node node;
    struct base_text other;
    size_t index;

    if (!find_node(page, 0, key, &index) || !read_node(page, index, &node, &other))
        return false;
    *child_r = node.size;
#if SIZE_MAX > UINT32_MAX
    *child_r |= (size_t)node.flags << 32;
#endif
    return true;
}

enum store_lmdb_answer store_lmdb_leaf_find(const struct store_lmdb_page *page,
                                            struct base_text key, struct store_lmdb_value *value_r)
{
    struct node node;
    struct base_text other;
    size_t index;
    size_t left;

    /* LMDB has no empty keys: one would be a page that was not written to its end. */
    if (!find_node(page, 0, key, &index) || !read_node(page, index, &node, &other) ||
        other.length == 0)
        return STORE_LMDB_BROKEN;
    if (compare(other, key) != 0)
        return STORE_LMDB_NONE;
    left = page->size - (size_t)((const unsigned char *)other.data - page->data) - other.length;
    value_r->text = (struct base_text){other.data + other.length, node.size};
    if (node.flags == 0 && node.size <= left)
        return STORE_LMDB_FOUND;
    if (node.flags != NODE_ELSEWHERE || left < sizeof(value_r->overflow))
        return STORE_LMDB_BROKEN;
    memcpy(&value_r->overflow, value_r->text.data, sizeof(value_r->overflow));
    return STORE_LMDB_ELSEWHERE;
}

bool store_lmdb_overflow_read(const unsigned char *octets, size_t page_size, size_t number,
                              size_t length, size_t *skip_r)
{
    struct header header;

    memcpy(&header, octets, sizeof(header));
    *skip_r = sizeof(header);
    return header.number == number && (header.flags & ~(unsigned)PAGE_DIRTY) == PAGE_OVERFLOW &&
           length <= header.pages * page_size - sizeof(header) && header.pages > 0;
}
