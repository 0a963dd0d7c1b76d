/* What the bulk-sender meter says of a message, for its record. */
#ifndef POLICY_DECISION_BULK_H
#define POLICY_DECISION_BULK_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

struct base_json;
struct policy_decision;

/* RFC 8058: the words of `one-click-unsubscribe`. */
enum policy_one_click {
    POLICY_ONE_CLICK_NONE,
    POLICY_ONE_CLICK_PRESENT,
    /* Both fields are in h= of the signature that we make. */
    POLICY_ONE_CLICK_SIGNED,
};

/* The words of `author-aligned`: whose organizational domain is the author's, that of our
 * signature's d=, or that of the reverse-path. */
enum policy_author_aligned {
    POLICY_AUTHOR_ALIGNED_NONE,
    POLICY_AUTHOR_ALIGNED_DKIM,
    POLICY_AUTHOR_ALIGNED_SPF,
    POLICY_AUTHOR_ALIGNED_BOTH,
};

/* Static, NULL-terminated. */
extern const char *const policy_one_click_words[];
extern const char *const policy_author_aligned_words[];

/* One provider that recipients of the message belong to. */
struct policy_bulk_count {
    /* Borrowed from the configuration. */
    const char *provider;
    int64_t limit;
    /* Of this message, and of the last 24 hours without it. */
    int64_t recipients;
    int64_t used;
    struct policy_bulk_count *next;
};

/* Of an outbound message with one author domain; lives with its message. */
struct policy_bulk {
    /* The organizational domain of the author. */
    struct dns_name author;
    /* By the public suffix list, as DNS has not answered by now: the name is not known, nor is
     * whose else it is. */
    bool is_guessed;
    bool is_alignment_guessed;
    /* Mail exchangers of recipients are not known yet: there may be more of them to count. */
    bool is_mx_open;
    /* How often it was looked again. */
    unsigned looks;
    /* To be counted when the name is known. */
    bool is_late;
    enum policy_one_click one_click;
    enum policy_author_aligned aligned;
    struct policy_bulk_count *counts;
};

/* This message reaches the limit of that provider, or others have. */
bool policy_bulk_count_is_over(const struct policy_bulk_count *count);
/* Sets "bulk". */
void policy_decision_json_bulk(const struct policy_decision *decision, struct base_json *object);

#endif
