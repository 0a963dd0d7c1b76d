/* One answer of DNS: immutable, reference-counted, length-aware. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct dns_name;

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_SPF = 99,
};

enum dns_status {
    DNS_STATUS_OK,
    /* The name exists, this type does not. */
    DNS_STATUS_NODATA,
    DNS_STATUS_NXDOMAIN,
    /* Distinct for the record and the log; all four are "temperror" to an evaluator: */
    DNS_STATUS_SERVFAIL,
    DNS_STATUS_TIMEOUT,
    /* DNSSEC validation failed. */
    DNS_STATUS_BOGUS,
    /* The message's cap of questions is used up. */
    DNS_STATUS_CAPPED,
};

/* "ok", "nodata", "nxdomain", "servfail", "timeout", "bogus", "capped". */
const char *dns_status_text(enum dns_status status);
/* SERVFAIL, TIMEOUT, BOGUS or CAPPED. */
bool dns_status_is_temporary(enum dns_status status);
/* "TXT", "MX", ..., "TYPE65280" (in a static or thread-local string of at most 12 octets). */
const char *dns_type_text(enum dns_type type);
/* 0 if it is none that this program knows. */
enum dns_type dns_type_from_text(struct base_text text);

struct dns_record {
    /* Decoded. A: 4 octets, AAAA: 16 octets. TXT, SPF: the character-strings joined, any octet
     * possible, NUL too. PTR, CNAME, NS, MX: the host name as in struct dns_name (raw octets, lower
     * case, no last dot); {"", 0} is the root (a null MX), {NULL, 0} a name that struct dns_name
     * cannot hold (a label with a '.' or NUL). Other types: as `rdata`. */
    struct base_text value;
    /* MX only. */
    uint16_t preference;
    /* As on the wire, names uncompressed. */
    struct base_text rdata;
};

/* Shared between threads, never changed after it was made. */
struct dns_answer {
    enum dns_status status;
    /* Seconds; 0 for failures. */
    uint32_t ttl;
    /* DNSSEC validated. */
    bool is_secure;
    /* 0 unless status is OK; at least 1 when it is. */
    size_t count;
    const struct dns_record *records;
};

struct dns_answer *dns_answer_ref(struct dns_answer *answer);
/* Drops one reference; sets *answer to NULL; NULL inside is fine. */
void dns_answer_unref(struct dns_answer **answer);

/* For backends: an answer without records. One reference, the caller's. Never NULL. */
struct dns_answer *dns_answer_create_empty(enum dns_status status, uint32_t ttl);
/* For backends: an answer from wire-format RDATA (`rdata[i]`, copied). RDATA that does not fit its
 * type is left out; none left is NODATA. At most 1,000 records are kept. */
struct dns_answer *dns_answer_create(enum dns_type type, const struct base_text *rdata,
                                     size_t count, uint32_t ttl, bool is_secure);

#endif
