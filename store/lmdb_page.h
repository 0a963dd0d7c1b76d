/* The pages of an LMDB file, as LMDB 0.9 (data version 1) lays them out: every place that a page
 * names is checked before it is looked at, so that no content, whatever it is, is more than damage.
 * Pages are in the byte order and the word size of the machine that wrote them, as LMDB has it. */
#ifndef STORE_LMDB_PAGE_H
#define STORE_LMDB_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define STORE_LMDB_PAGE_MIN ((size_t)512)
#define STORE_LMDB_PAGE_MAX ((size_t)32768)
/* The number of no page: a tree without entries. */
#define STORE_LMDB_PAGE_NONE SIZE_MAX
/* Octets that describe a state, and where in them the number of its transaction is. */
#define STORE_LMDB_META_OCTETS      (32 + 15 * sizeof(size_t))
#define STORE_LMDB_META_TRANSACTION (STORE_LMDB_META_OCTETS - sizeof(size_t))

/* One state of the file: pages 0 and 1 hold the two last ones. */
struct store_lmdb_meta {
    size_t page_size;
    size_t last_page;
    size_t transaction;
    /* Of the tree of the entries. */
    size_t root;
};

/* From the first STORE_LMDB_META_OCTETS of page 0 or 1. False: not such a page, of another version,
 * or of another kind of tree than postmap makes. */
__attribute__((warn_unused_result)) bool store_lmdb_meta_read(const unsigned char *octets,
                                                              struct store_lmdb_meta *meta_r);

enum store_lmdb_kind {
    STORE_LMDB_DAMAGED,
    STORE_LMDB_BRANCH,
    STORE_LMDB_LEAF,
};

struct store_lmdb_page {
    const unsigned char *data;
    size_t size;
    /* Filled in by store_lmdb_page_read(): its entries. */
    size_t count;
};

/* What `page` is, if it is page `number`. */
enum store_lmdb_kind store_lmdb_page_read(struct store_lmdb_page *page, size_t number);
/* The page below a branch where the key is, if it is anywhere. False: damaged. */
__attribute__((warn_unused_result)) bool store_lmdb_branch_find(const struct store_lmdb_page *page,
                                                                struct base_text key,
                                                                size_t *child_r);

enum store_lmdb_answer {
    STORE_LMDB_FOUND,
    /* The value stands on pages of its own, from `overflow` on. */
    STORE_LMDB_ELSEWHERE,
    STORE_LMDB_NONE,
    STORE_LMDB_BROKEN,
};

struct store_lmdb_value {
    /* In the page if FOUND; else its length alone. */
    struct base_text text;
    size_t overflow;
};

enum store_lmdb_answer store_lmdb_leaf_find(const struct store_lmdb_page *page,
                                            struct base_text key, struct store_lmdb_value *value_r);
/* Whether `octets`, the first of a page of `page_size`, begin a value of that length at page
 * `number`; *skip_r: where it begins. */
__attribute__((warn_unused_result)) bool store_lmdb_overflow_read(const unsigned char *octets,
                                                                  size_t page_size, size_t number,
                                                                  size_t length, size_t *skip_r);
/* Octets of a page that store_lmdb_overflow_read() looks at. */
#define STORE_LMDB_HEADER_OCTETS (8 + sizeof(size_t))

#endif
