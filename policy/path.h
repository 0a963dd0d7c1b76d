/* What an MTA that is not strict takes for a path (RFC 5321 section 4.1.2): a mailbox as message
 * headers may have it (RFC 5322 sections 3.4 and 4.4), with comments, blanks, words in quotes and
 * backslashes. Clients that want to be taken for somebody else than they are use it: the MTA
 * delivers their mail from the plain address. Thread-safe. */
#ifndef POLICY_PATH_H
#define POLICY_PATH_H

#include "policy/address.h"

struct base_arena;

/* Parses as policy_address_parse() does; a path that it cannot read is read once more as above. The
 * texts of the address point into `path` or, where that had to be rewritten, into the arena. */
enum policy_address_kind policy_path_read(struct base_arena *arena, struct base_text path,
                                          struct policy_address *address_r);
/* The same of a path that the MTA has read, too: `told` is what it took it for ({mail_addr}; empty:
 * it does not say). False: the path is none, and the address is our own guess. */
bool policy_path_settle(struct base_arena *arena, struct base_text path, struct base_text told,
                        struct policy_address *address_r);

#endif
