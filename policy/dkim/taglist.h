/* Tag lists (RFC 6376 section 3.2) of DKIM-Signature fields and key records, as strangers wrote
 * them. */
#ifndef POLICY_DKIM_TAGLIST_H
#define POLICY_DKIM_TAGLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct base_arena;

/* Tags of one list at most; there are fourteen that mean something. */
#define DKIM_TAGS_MAX 48

enum dkim_taglist_fault {
    DKIM_TAGLIST_OK,
    DKIM_TAGLIST_SYNTAX,
    /* The same tag twice, upper and lower case taken for the same. */
    DKIM_TAGLIST_TWICE,
    DKIM_TAGLIST_TOO_MANY,
    /* An octet above 0x7e (RFC 8616 allows it in d=, s= and i=) */
    DKIM_TAGLIST_NOT_ASCII,
};

struct dkim_tag {
    /* In the list's text. The value has no white space at its ends. */
    struct base_text name;
    struct base_text value;
    /* White space stood before the "=". */
    bool is_spaced;
};

struct dkim_taglist {
    struct dkim_tag tags[DKIM_TAGS_MAX];
    size_t count;
};

/* CR and LF count as white space: where they may stand was settled before the list came here. What
 * was read before a fault stays in *list_r. */
enum dkim_taglist_fault dkim_taglist_parse(struct base_text text, struct dkim_taglist *list_r);
/* In words: "a tag is given twice", ... */
const char *dkim_taglist_fault_text(enum dkim_taglist_fault fault);

/* The tag of exactly that name, or NULL. */
const struct dkim_tag *dkim_taglist_find(const struct dkim_taglist *list, const char *name);
/* Its value; {NULL, 0} if it is not there. */
struct base_text dkim_taglist_value(const struct dkim_taglist *list, const char *name);

/* A copy without any white space, in the arena, NUL behind it; {NULL, 0} when it is exhausted. */
struct base_text dkim_text_strip(struct base_arena *arena, struct base_text text);
/* Not empty, only base64's octets, padded or not, "=" only at the end. No white space. */
bool dkim_text_is_base64(struct base_text text);

#endif
