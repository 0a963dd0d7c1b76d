/* RDATA as a master file writes it (RFC 1035 section 3.3, RFC 3596 section 2.4), or, for any type,
 * "\# LENGTH HEX" (RFC 3597 section 5). */
#ifndef DNS_ZONE_RDATA_H
#define DNS_ZONE_RDATA_H

#include <stddef.h>

#include "base/text.h"
#include "dns/answer.h"
#include "dns/zone_fields.h"
#include "dns/zone_lexer.h"

struct dns_zone_rdata {
    enum dns_type type;
    const struct dns_zone_name *origin;
    const struct dns_zone_token *tokens;
    size_t count;
    /* On a fault: the token that is wrong, NULL if it is all of them. */
    const struct dns_zone_token *culprit;
};

/* Appends the wire form to `out` (which takes 65,535 octets). NULL is success; else what is wrong
 * and the mend, and rdata->culprit is set. */
__attribute__((warn_unused_result)) const char *dns_zone_rdata_read(struct dns_zone_rdata *rdata,
                                                                    struct base_buf *out);

#endif
