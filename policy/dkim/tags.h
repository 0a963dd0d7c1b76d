/* Writing a tag list (RFC 6376 section 3.2) as the value of a header field: folded with LF and a
 * tab, so that no line reaches 78 columns unless a single token does. */
#ifndef POLICY_DKIM_TAGS_H
#define POLICY_DKIM_TAGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct dkim_tags {
    struct base_buf *out;
    /* Octets on the current line. */
    size_t column;
};

/* `column`: what stands on the first line already (the field's name and its colon). */
void dkim_tags_begin(struct dkim_tags *tags, struct base_buf *out, size_t column);
/* " name=value;", on a new line where it does not fit. */
void dkim_tags_add(struct dkim_tags *tags, const char *name, struct base_text value);
void dkim_tags_add_uint(struct dkim_tags *tags, const char *name, uint64_t value);
/* " name=a:b:c;", folded behind a colon. */
void dkim_tags_add_names(struct dkim_tags *tags, const char *name, const struct base_text *items,
                         size_t count);
/* " name=" of the last tag, to be followed by dkim_tags_add_base64(). */
void dkim_tags_open(struct dkim_tags *tags, const char *name);
/* Base64 text, folded anywhere. */
void dkim_tags_add_base64(struct dkim_tags *tags, struct base_text base64);

#endif
