/* libopendkim, which verifies signatures here and nothing else, behind the guards that it needs.
 * Nothing from the network comes here that was not bounded and checked before (policy/dkim/verify.h
 * does that): the fields given are well-formed and within the caps, and the key records are written
 * by ourselves.
 *
 * One pass is one message through one handle. Of every library call that takes a clock, a resolver
 * or a decision, the library's own is switched off: times, DNS and judgement are the caller's. */
#ifndef POLICY_DKIM_LIBRARY_H
#define POLICY_DKIM_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct dkim_library;
struct dkim_pass;

/* Octets of the longest key record that it can take, and of the longest h= without white space. */
#define DKIM_LIBRARY_KEY_MAX     1023
#define DKIM_LIBRARY_HEADERS_MAX 4000
/* A t= before it (2001-09-09) is the future to the library. */
#define DKIM_LIBRARY_TIME_MIN 1000000000

/* One a process (or snapshot), shared by threads, to be destroyed after all passes. Never NULL. */
struct dkim_library *dkim_library_create(void);
/* Sets *library to NULL; NULL inside is fine. */
void dkim_library_destroy(struct dkim_library **library);

/* Begins a message; NULL when the library has no memory. `key(context, d, s)` gives the key record
 * for a signature, NUL-terminated, at most DKIM_LIBRARY_KEY_MAX octets; NULL: there is none, do not
 * verify. It is called from dkim_pass_finish() only. */
struct dkim_pass *dkim_pass_begin(struct dkim_library *library,
                                  const char *(*key)(void *context, const char *domain,
                                                     const char *selector),
                                  void *context);
/* One field; folds LF or CRLF and a blank. False: the library does not take it (NUL, an octet that
 * no field name has), and it is left out. */
bool dkim_pass_field(struct dkim_pass *pass, struct base_text name, struct base_text value);
/* False: it can judge nothing of this message. */
__attribute__((warn_unused_result)) bool dkim_pass_end_header(struct dkim_pass *pass);
void dkim_pass_body(struct dkim_pass *pass, struct base_text chunk);
void dkim_pass_finish(struct dkim_pass *pass);
/* Frees it; sets *pass to NULL; NULL inside is fine. */
void dkim_pass_end(struct dkim_pass **pass);

enum dkim_pass_verdict {
    DKIM_PASS_GOOD,
    /* The signature over the header is not this key's. */
    DKIM_PASS_BAD_SIGNATURE,
    /* It is, but the body is not the one that was signed. */
    DKIM_PASS_BAD_BODY,
    /* The body is shorter than l=. */
    DKIM_PASS_SHORT_BODY,
    /* key() gave none. */
    DKIM_PASS_NO_KEY,
    DKIM_PASS_KEY_UNUSABLE,
    DKIM_PASS_KEY_TOO_SMALL,
    /* The library could not process it: see `error`. */
    DKIM_PASS_ERROR,
};

struct dkim_pass_signature {
    enum dkim_pass_verdict verdict;
    /* Of an RSA key; 0 where the library does not say. */
    unsigned bits;
    /* The library's number. */
    int error;
};

/* The signature of that d=, s= and b= (without white space), as the library found it: it leaves out
 * fields that it thinks malformed. False if it has none such. After dkim_pass_finish(). */
bool dkim_pass_find(const struct dkim_pass *pass, struct base_text domain,
                    struct base_text selector, struct base_text b,
                    struct dkim_pass_signature *signature_r);

#endif
