/* Option negotiation of the milter protocol, version 6: no more of it than this configuration
 * needs. No reply is awaited where nothing can decide, and what nobody reads is not sent. The
 * result is pinned together with the configuration for the life of the connection: a stage that was
 * negotiated without a reply must never give one. */
#ifndef FILTER_NEGOTIATE_H
#define FILTER_NEGOTIATE_H

#include <stdbool.h>

#include "policy/snapshot.h"
#include "policy/verdict.h"

/* SMFIF_* and SMFIP_* as the MTA offers them. */
struct filter_offer {
    unsigned long actions;
    unsigned long steps;
};

struct filter_wishes {
    struct policy_needs needs;
    /* This session is refused at connect (`sessions-max`). */
    bool is_refused;
    /* TCP: see filter_negotiate(). */
    bool is_inet;
};

struct filter_protocol {
    unsigned long actions;
    unsigned long steps;
};

/* False when the MTA cannot do what every message needs (add and delete fields).
 *
 * Over TCP, DATA is always answered. Postfix writes the envelope in one piece and the content in a
 * second one, from another process; if the first gets no answer, Nagle's algorithm holds the second
 * back until it is acknowledged, which our side delays by 40 ms: every message would take that
 * long. The answer carries the acknowledgement. */
__attribute__((warn_unused_result)) bool filter_negotiate(const struct filter_offer *offer,
                                                          const struct filter_wishes *wishes,
                                                          struct filter_protocol *protocol_r);

/* The stage was negotiated without a reply. */
bool filter_protocol_is_silent(const struct filter_protocol *protocol, enum policy_stage stage);
/* Field values come and go with their leading blank (SMFIP_HDR_LEADSPC). */
bool filter_protocol_has_leading_blank(const struct filter_protocol *protocol);
bool filter_protocol_can_quarantine(const struct filter_protocol *protocol);

/* The macros that we read at a stage, as smfi_setsymlist() wants them; NULL: leave the MTA's own
 * list. A list replaces the MTA's, so it must name all that is read there. */
const char *filter_negotiate_macros(const struct filter_protocol *protocol,
                                    enum policy_stage stage);

#endif
