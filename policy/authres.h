/* Authentication-Results fields that others wrote (RFC 8601): those that claim to be ours are
 * removed (section 5), because whatever reads the mail behind us believes them. In doubt a field
 * claims to be ours. */
#ifndef POLICY_AUTHRES_H
#define POLICY_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

struct conf_item;
struct conf_list;
struct policy_authserv_ids;
struct policy_edits;
struct policy_header;

/* The authserv-ids that are ours: immutable, thread-safe. `id` may have a NULL text. `more` is the
 * option `authserv-ids`. NULL and *error_r (file, line, value, mend) on one that is not a host
 * name. */
__attribute__((warn_unused_result)) struct policy_authserv_ids *policy_authserv_ids_create(
    const struct conf_item *id, const struct conf_list *more, struct base_error *error_r);
/* A set of the items of one list; `option` is for errors, as above. */
__attribute__((warn_unused_result)) struct policy_authserv_ids *policy_authserv_ids_create_list(
    const struct conf_list *list, const char *option, struct base_error *error_r);
/* Compared as A-labels; what is no host name is in no set. */
bool policy_authserv_ids_contain(const struct policy_authserv_ids *ids, struct base_text id);
/* Sets *ids to NULL; NULL inside is fine. */
void policy_authserv_ids_destroy(struct policy_authserv_ids **ids);

/* Whether the value of an Authentication-Results field names one of `ids`, or `extra` (a host name;
 * may be {NULL, 0}) as its authserv-id: in any case, between comments and folds, quoted, with a
 * version, as U-label or A-label. True also when that cannot be told: the field does not begin as
 * section 2.2 says, its authserv-id is no host name, it holds NUL, bare CR or bare LF, or it
 * begins with a comment that readers may end at different places and one of `ids` stands anywhere.
 */
bool policy_authres_claims(const struct policy_authserv_ids *ids, struct base_text extra,
                           struct base_text value);

/* Removes every such field through `edits`, and, unseen, all past the first `max_fields`. Returns
 * false when the arena was exhausted before all were removed. *removed_r: how many were. */
__attribute__((warn_unused_result)) bool policy_authres_remove(
    struct policy_header *header, struct policy_edits *edits, const struct policy_authserv_ids *ids,
    struct base_text extra, size_t max_fields, unsigned *removed_r);

#endif
