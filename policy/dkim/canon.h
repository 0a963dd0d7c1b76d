/* Canonicalization (RFC 6376 section 3.4), relaxed and simple, header fields and body. The output
 * goes to a digest or wherever else the caller's function puts it, in large pieces: what needs no
 * change is handed on straight from the input, small pieces are gathered first. */
#ifndef POLICY_DKIM_CANON_H
#define POLICY_DKIM_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/dkim/keyring.h"

/* Gathers small pieces; on the caller's stack or in an arena. */
struct dkim_sink {
    void (*write)(void *context, const void *data, size_t length);
    void *context;
    size_t used;
    char gathered[2048];
};

void dkim_sink_init(struct dkim_sink *sink,
                    void (*write)(void *context, const void *data, size_t length), void *context);
void dkim_sink_write(struct dkim_sink *sink, const char *data, size_t length);
/* Hands on what was gathered. */
void dkim_sink_flush(struct dkim_sink *sink);

/* One header field with the CRLF that ends it. `name` may have blanks behind it (which simple
 * keeps); `value` is what follows the colon, its folds LF or CRLF and a blank. A CR or LF elsewhere
 * is an octet like any other to simple, white space to relaxed. */
void dkim_canon_field(enum dkim_canon canon, struct base_text name, struct base_text value,
                      struct dkim_sink *sink);
/* The same without the CRLF: the DKIM-Signature field itself, its b= empty (section 3.7). */
void dkim_canon_last_field(enum dkim_canon canon, struct base_text name, struct base_text value,
                           struct dkim_sink *sink);

/* A body as it streams by. A CR or LF that is not part of a CRLF is an octet like any other. */
struct dkim_body {
    enum dkim_canon canon;
    struct dkim_sink *sink;
    /* CRLFs withheld: they may be the empty lines at the end, which do not count. */
    uint64_t crlfs;
    /* A CR withheld: the chunk ended before we saw what follows. */
    bool has_cr;
    /* Relaxed: white space withheld, whether it ends a line is not known yet; and a CR behind it.
     */
    bool has_blank;
    bool has_blank_cr;
    /* Anything but empty lines was there. */
    bool has_text;
};

void dkim_body_begin(struct dkim_body *body, enum dkim_canon canon, struct dkim_sink *sink);
/* Broken anywhere. */
void dkim_body_write(struct dkim_body *body, struct base_text chunk);
/* Completes the last line and flushes the sink. */
void dkim_body_end(struct dkim_body *body);

#endif
