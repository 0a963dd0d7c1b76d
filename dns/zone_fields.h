/* The fields of master-file entries (RFC 1035 section 5.1, RFC 2308 section 4): one token each. A
 * fault comes back as text, what is wrong and the mend; NULL is success. */
#ifndef DNS_ZONE_FIELDS_H
#define DNS_ZONE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "dns/answer.h"
#include "dns/rdata.h"
#include "dns/zone_lexer.h"

/* A name on the wire, in the case it was written in. */
struct dns_zone_name {
    unsigned char wire[DNS_WIRE_NAME_MAX];
    size_t length;
};

/* The root. */
void dns_zone_name_clear(struct dns_zone_name *name_r);
struct base_text dns_zone_name_text(const struct dns_zone_name *name);

/* <domain-name>: "@" is the origin, and a name without a dot at its end is below the origin. */
__attribute__((warn_unused_result)) const char *dns_zone_field_name(
    const struct dns_zone_token *token, const struct dns_zone_name *origin,
    struct dns_zone_name *name_r);
/* <character-string>: appends the count and the octets, in wire format. */
__attribute__((warn_unused_result)) const char *dns_zone_field_string(
    const struct dns_zone_token *token, struct base_buf *out);
/* Seconds, or "1w2d3h4m5s"; at most 2^31 - 1 (RFC 2181 section 8). */
__attribute__((warn_unused_result)) const char *dns_zone_field_ttl(
    const struct dns_zone_token *token, uint32_t *ttl_r);
__attribute__((warn_unused_result)) const char *dns_zone_field_uint(
    const struct dns_zone_token *token, uint32_t max, uint32_t *value_r);
/* A type of data by its name, or as TYPEnnn (RFC 3597 section 5). */
__attribute__((warn_unused_result)) const char *dns_zone_field_type(
    const struct dns_zone_token *token, enum dns_type *type_r);

/* The token is these letters, unquoted, in either case. */
bool dns_zone_token_is(const struct dns_zone_token *token, const char *word);

#endif
