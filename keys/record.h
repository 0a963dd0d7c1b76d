/* What to publish for a key: the TXT record of RFC 6376 section 3.6.1 as a line of a master file.
 */
#ifndef KEYS_RECORD_H
#define KEYS_RECORD_H

#include "base/text.h"
#include "dns/name.h"
#include "keys/key.h"

/* Appends the record's data: "v=DKIM1; k=rsa; p=...". */
void keys_record_append_data(const struct keys_key *key, struct base_buf *out);
/* Appends "selector._domainkey.domain. IN TXT ( "..." "..." )" with strings of at most 255 octets
 * on lines of their own; dns_zone_create() reads it back. Ends with a newline. False if the name
 * would be too long. */
__attribute__((warn_unused_result)) bool keys_record_append_line(const struct keys_key *key,
                                                                 const struct dns_name *domain,
                                                                 const char *selector,
                                                                 struct base_buf *out);

/* How many bits the modulus of a published RSA key has: `p` is what stands in p=, base64 without
 * white space. 0 if it is no RSA key. */
unsigned keys_record_rsa_bits(struct base_text p);

#endif
