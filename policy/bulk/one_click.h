/* RFC 8058: whether a message offers one-click unsubscription. */
#ifndef POLICY_BULK_ONE_CLICK_H
#define POLICY_BULK_ONE_CLICK_H

#include <stdbool.h>

struct policy_header;

/* List-Unsubscribe with an https URI, and List-Unsubscribe-Post that says One-Click (sections 3.1
 * and 8), each field once. */
bool bulk_one_click_is_offered(const struct policy_header *header);

#endif
