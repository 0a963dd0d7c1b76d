/* DNS lists of addresses, to refuse by (`dnsbl`) and to trust by (`dnswl`): RFC 5782. The address
 * is asked for reversed under the list's zone; what stands for it is an address in 127.0.0.0/8
 * whose octets are codes. A list that answers with anything else, or with 127.255.255.x, is not
 * working, or does not want to be asked from here: that is never a hit. */
#ifndef POLICY_DNSLIST_H
#define POLICY_DNSLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct base_arena;
struct conf_snapshot;
struct conf_table;
struct dns_budget;
struct dns_lookups;
struct policy_dnslist;
struct policy_dnslists;

extern const struct conf_table policy_dnsbl_table;
extern const struct conf_table policy_dnswl_table;

/* Lists of either kind that one configuration may have; addresses of one answer that are looked at.
 */
#define POLICY_DNSLISTS_MAX      32
#define POLICY_DNSLIST_CODES_MAX 16

enum policy_dnslist_result {
    /* Not asked. */
    POLICY_DNSLIST_UNKNOWN,
    POLICY_DNSLIST_HIT,
    /* There is an answer, with none of the codes that are asked for. */
    POLICY_DNSLIST_OTHER,
    POLICY_DNSLIST_NONE,
    /* No answer in time, or an error. */
    POLICY_DNSLIST_TEMPERROR,
    /* The list does not work. */
    POLICY_DNSLIST_BROKEN,
};

/* "unknown", "hit", "other", "none", "temperror", "broken". */
const char *policy_dnslist_result_text(enum policy_dnslist_result result);

struct policy_dnslist_outcome {
    /* Borrowed from the configuration. */
    const char *zone;
    bool is_allowing;
    enum policy_dnslist_result result;
    /* "127.0.0.2": of a hit the one that fits, else the first; "" without an answer. */
    char code[16];
    /* What the list says of the address, where that is wanted; {NULL, 0}: nothing. */
    struct base_text text;
};

/* The `dnsbl` and `dnswl` sections; immutable but for what was said of them in the log;
 * thread-safe. NULL and *error_r on a fault. */
__attribute__((warn_unused_result)) struct policy_dnslists *policy_dnslists_create(
    const struct conf_snapshot *conf, struct base_error *error_r);
/* Sets *lists to NULL; NULL inside is fine. */
void policy_dnslists_destroy(struct policy_dnslists **lists);
size_t policy_dnslists_count(const struct policy_dnslists *lists);
/* Borrowed. */
struct policy_dnslist *policy_dnslists_at(const struct policy_dnslists *lists, size_t index);
/* Whose index; false: there is none of that zone and kind. */
bool policy_dnslists_find(const struct policy_dnslists *lists, const char *zone, bool is_allowing,
                          size_t *index_r);
/* Some rule asks for it: before the first session only. */
void policy_dnslist_use(struct policy_dnslist *list);
bool policy_dnslist_is_used(const struct policy_dnslist *list);

/* Starts the question; does not block. `address`: 4 or 16 octets. */
void policy_dnslist_prefetch(const struct policy_dnslist *list, struct dns_lookups *lookups,
                             const unsigned char *address, size_t length);
/* Waits for the list's own time-out at most, less the `waited_ns` that others have been waited for
 * since its question began, and no longer than `budget` lasts, from which it is taken; the budget
 * of `lookups` is another one afterwards, and the caller's to set. */
void policy_dnslist_evaluate(struct policy_dnslist *list, struct base_arena *arena,
                             struct dns_lookups *lookups, struct dns_budget *budget,
                             int64_t waited_ns, const unsigned char *address, size_t length,
                             struct policy_dnslist_outcome *outcome_r);

#endif
