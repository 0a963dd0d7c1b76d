/* What a test zone knows: sets of records, found by owner and type in one step. Filled by one
 * thread, then finished; from then on only read, by any number of threads. Owners are wire-format
 * names in lower case (dns/rdata.h), so that every label a master file can write has its place. */
#ifndef DNS_ZONE_TABLE_H
#define DNS_ZONE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "dns/answer.h"

/* The "type" under which a name itself is kept: it is there, with records or only above some. */
#define DNS_ZONE_NAME ((enum dns_type)0)

struct dns_zone_table;
struct dns_zone_record;

/* The records of one owner and type, or a name (DNS_ZONE_NAME). */
struct dns_zone_set {
    struct base_text owner;
    enum dns_type type;
    /* $FAULT: of this type; in a name: of every type without records. */
    bool has_fault;
    enum dns_status fault;
    /* In a name: kinds of records it has, CNAME and others. */
    bool has_cname;
    bool has_others;
    /* What is answered; NULL before dns_zone_table_finish() and where there are no records. */
    struct dns_answer *answer;
    uint32_t ttl;
    size_t count;
    struct dns_zone_record *first;
    struct dns_zone_record *last;
    struct dns_zone_set *next_in_bucket;
    struct dns_zone_set *next;
};

/* Never NULL. */
struct dns_zone_table *dns_zone_table_create(void);
/* Sets *table to NULL; NULL inside is fine. */
void dns_zone_table_destroy(struct dns_zone_table **table);

/* Borrowed until destroy; NULL if there is none. */
struct dns_zone_set *dns_zone_table_find(const struct dns_zone_table *table, struct base_text owner,
                                         enum dns_type type);
/* The same, made if need be, and with it the name and all names above it. NULL when the table holds
 * as much as it may (4,000,000 names and sets). `owner` is copied. */
struct dns_zone_set *dns_zone_table_add(struct dns_zone_table *table, struct base_text owner,
                                        enum dns_type type);

enum dns_zone_added {
    DNS_ZONE_ADDED,
    /* The set has 1,000 records. */
    DNS_ZONE_FULL,
};

/* `rdata` is copied. A record that is there already is kept twice, as some servers send it: what
 * counts records must see both. The set's TTL is the lowest of its records'. */
enum dns_zone_added dns_zone_table_add_record(struct dns_zone_table *table,
                                              struct dns_zone_set *set, struct base_text rdata,
                                              uint32_t ttl);
/* Makes the answers. Nothing may be added afterwards. */
void dns_zone_table_finish(struct dns_zone_table *table);

#endif
