/* An address shown in the display names and comments of a From field: everyday mail of lists
 * ("alice@a.example via List" <list@b.example>), and a way to show people another author than the
 * one that DMARC judges. A fact for rules; it decides nothing by itself. Thread-safe, takes no
 * memory. */
#ifndef POLICY_AUTHOR_DISPLAY_H
#define POLICY_AUTHOR_DISPLAY_H

#include "base/text.h"
#include "policy/decision.h"

struct dns_name;

/* `value`: the field, of which `author` is the one author domain. Encoded words (RFC 2047) are
 * looked into, also in quoted strings, as mail readers do; an address is what has a local part and
 * a domain of two labels or more. */
enum policy_display_address policy_author_display(struct base_text value,
                                                  const struct dns_name *author);

#endif
