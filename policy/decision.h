/* The decision record: everything that was found and decided about one message, for the log line,
 * for --json, and later for reports. Every decision has an id of our own; the queue id is an alias
 * where there is one (mail refused at MAIL or RCPT has none). Lives with its message. */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/verdict.h"

struct base_json;
struct base_log_line;
struct dns_lookups;
struct policy_edits;

enum policy_direction {
    POLICY_DIRECTION_INBOUND,
    POLICY_DIRECTION_OUTBOUND,
    POLICY_DIRECTION_TRUSTED,
};

/* "inbound", "outbound", "trusted". */
const char *policy_direction_text(enum policy_direction direction);

/* The author domain of the From field (RFC 9989 section 4.5 and ours). */
enum policy_author_outcome {
    POLICY_AUTHOR_UNKNOWN,
    /* Exactly one author domain (several addresses of one domain are one). */
    POLICY_AUTHOR_ONE,
    /* Several domains, or several From fields. */
    POLICY_AUTHOR_MULTIPLE,
    POLICY_AUTHOR_NONE,
    POLICY_AUTHOR_INVALID,
};

/* One signature that we made, or tried to. */
struct policy_signature {
    struct base_text domain;
    struct base_text selector;
    const char *algorithm;
    /* NULL when it was made, else why not. */
    const char *fault;
    struct policy_signature *next;
};

struct policy_decision {
    /* 16 characters of [0-9a-v], time-ordered, unique in the process. "" before MAIL. */
    char id[17];
    int64_t time_s;
    struct base_text queue_id;
    enum policy_direction direction;
    /* Why it has this direction: "authenticated", "daemon", "network", "default". */
    const char *direction_by;
    struct base_text client_address;
    struct base_text client_name;
    struct base_text helo;
    struct base_text login;
    /* As sent, without brackets; "" for the null reverse-path. */
    struct base_text mail_from;
    unsigned recipients;
    struct base_text first_recipient;
    uint64_t body_octets;
    enum policy_author_outcome author;
    /* A-label; {NULL, 0} unless `author` is ONE. */
    struct base_text author_domain;
    struct base_text message_id;

    struct policy_verdict verdict;
    /* mode = observe: what would have been answered, else NULL. */
    const struct policy_verdict *would;

    /* Outbound: why nothing was signed ("no sign block", "two From fields", ...), else NULL. */
    const char *unsigned_reason;
    struct policy_signature *signatures;
    /* Authentication-Results fields of others that claimed to be ours, and were removed. */
    unsigned authres_removed;
    /* What caps made us leave out, in words; NULL if nothing. */
    const char *left_out;
    /* The message ended before end of message. */
    bool is_aborted;
};

/* Appends the documented keys of the one log line (postseald(8), LOG). */
void policy_decision_log(const struct policy_decision *decision, struct base_log_line *line);
/* A new object with the documented members (postseal(1), eval --json). */
struct base_json *policy_decision_json(const struct policy_decision *decision,
                                       const struct policy_edits *edits,
                                       const struct dns_lookups *lookups);

#endif
