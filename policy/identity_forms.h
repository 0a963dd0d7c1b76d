/* Addresses that stand for another one: what a mailing list or a forwarder makes of a reverse-path.
 * They are read, not proved: the keys of their hashes are somebody else's. Thread-safe. */
#ifndef POLICY_IDENTITY_FORMS_H
#define POLICY_IDENTITY_FORMS_H

#include <stdbool.h>

#include "policy/address.h"
#include "policy/identity_options.h"

/* What `address` stands for under that form; `room` takes at least POLICY_ADDRESS_MAX + 1 octets,
 * and the result points there. False: it has not that form.
 *   VERP   list+user=example.net@d          list@d
 *   BATV   prvs=0123abcdef=user@d           user@d      (also prvs=user/0123abcdef,
 * btv1==0123==user) SRS    SRS0=HHH=TT=example.org=user@d   user@example.org
 *          SRS1=HHH=f.example==HHH=TT=example.org=user@d    the same */
__attribute__((warn_unused_result)) bool policy_identity_form_read(
    enum policy_sender_form form, const struct policy_address *address, char *room, size_t size,
    struct policy_address *inner_r);

#endif
