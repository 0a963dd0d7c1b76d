/* RDATA of the types that this program reads (RFC 1035 section 3.3, RFC 3596 section 2.2), and the
 * wire form of names (RFC 1035 section 3.1, never compressed here). */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "dns/answer.h"

struct dns_name;

/* Octets of the longest name on the wire, the root's zero included. */
#define DNS_WIRE_NAME_MAX 255
/* Octets of one character-string (RFC 1035 section 3.3). */
#define DNS_CHARACTER_STRING_MAX 255

/* Length of the wire-format name at the start of `wire`, its root label included; 0 if there is no
 * whole one, or if it is longer than 255 octets. Compression is a fault. */
size_t dns_wire_name_length(struct base_text wire);
/* Writes the wire form of `name` and returns its length. */
size_t dns_wire_name_make(unsigned char out[DNS_WIRE_NAME_MAX], const struct dns_name *name);
/* A whole, well-formed wire name of `length` octets in ASCII lower case, in place. */
void dns_wire_name_lower(unsigned char *wire, size_t length);

/* Does the RDATA fit its type? Any octets fit a type that this program does not know. */
bool dns_rdata_fits(enum dns_type type, struct base_text rdata);
/* Octets of scratch that dns_rdata_decode() needs at most for this RDATA. */
size_t dns_rdata_decoded_max(struct base_text rdata);
/* Fills the record (`rdata` is borrowed, `value` lies in `scratch` or in `rdata`) and returns the
 * octets of scratch used. The RDATA must fit its type. */
size_t dns_rdata_decode(enum dns_type type, struct base_text rdata, char *scratch,
                        struct dns_record *record_r);

#endif
