/* Master files (RFC 1035 section 5) and $FAULT. */
#ifndef DNS_ZONE_PARSE_H
#define DNS_ZONE_PARSE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct dns_zone_table;

/* Octets of a file, and records and faults in it, at most. */
#define DNS_ZONE_FILE_MAX    ((size_t)64 << 20)
#define DNS_ZONE_RECORDS_MAX 1000000

/* Fills the table (the caller finishes it). `file` stands for the file in errors. False and
 * *error_r (file, line, text, mend) at the first fault. */
__attribute__((warn_unused_result)) bool dns_zone_parse(struct dns_zone_table *table,
                                                        struct base_text text, const char *file,
                                                        struct base_error *error_r);

#endif
