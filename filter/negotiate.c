#include "filter/negotiate.h"

#include <stddef.h>

#include <libmilter/mfapi.h>

#define NEEDED_ACTIONS (SMFIF_ADDHDRS | SMFIF_CHGHDRS)

/* Header fields and body chunks are facts only: policy/ gives no verdict there. */
static const unsigned long silent_bit[POLICY_STAGE_COUNT] = {
    [POLICY_STAGE_CONNECT] = SMFIP_NR_CONN,
    [POLICY_STAGE_HELO] = SMFIP_NR_HELO,
    [POLICY_STAGE_MAIL] = SMFIP_NR_MAIL,
    [POLICY_STAGE_RCPT] = SMFIP_NR_RCPT,
    [POLICY_STAGE_DATA] = SMFIP_NR_DATA,
    [POLICY_STAGE_HEADER] = SMFIP_NR_HDR,
    [POLICY_STAGE_EOH] = SMFIP_NR_EOH,
    [POLICY_STAGE_BODY] = SMFIP_NR_BODY,
    [POLICY_STAGE_EOM] = 0,
    [POLICY_STAGE_UNKNOWN] = SMFIP_NR_UNKN,
};

/* A verdict is possible there, or the reply is wanted for the acknowledgement that it carries. */
static bool is_answered(const struct filter_wishes *wishes, enum policy_stage stage)
{
    if (wishes->is_refused) {
        return stage == POLICY_STAGE_CONNECT;
    }
    if (stage == POLICY_STAGE_HEADER || stage == POLICY_STAGE_BODY) {
        return false;
    }
    return (wishes->needs.deciding_stages & (1u << stage)) != 0 ||
           (wishes->is_inet && stage == POLICY_STAGE_DATA);
}

bool filter_negotiate(const struct filter_offer *offer, const struct filter_wishes *wishes,
                      struct filter_protocol *protocol_r)
{
    unsigned long steps = SMFIP_HDR_LEADSPC;

    protocol_r->actions = NEEDED_ACTIONS | (offer->actions & SMFIF_QUARANTINE);
    for (int stage = 0; stage < POLICY_STAGE_COUNT; stage++) {
        if (!is_answered(wishes, (enum policy_stage)stage)) {
            steps |= silent_bit[stage];
        }
    }
    if (!is_answered(wishes, POLICY_STAGE_DATA) && !wishes->needs.has_data) {
        steps |= SMFIP_NODATA;
    }
    if (!wishes->needs.has_unknown || wishes->is_refused) {
        steps |= SMFIP_NOUNKNOWN;
    }
    if (!wishes->needs.has_body) {
        steps |= SMFIP_NOBODY;
    }
    protocol_r->steps = steps & offer->steps;
    return (offer->actions & NEEDED_ACTIONS) == NEEDED_ACTIONS;
}

bool filter_protocol_is_silent(const struct filter_protocol *protocol, enum policy_stage stage)
{
    return (protocol->steps & silent_bit[stage]) != 0;
}

bool filter_protocol_has_leading_blank(const struct filter_protocol *protocol)
{
    return (protocol->steps & SMFIP_HDR_LEADSPC) != 0;
}

bool filter_protocol_can_quarantine(const struct filter_protocol *protocol)
{
    return (protocol->actions & SMFIF_QUARANTINE) != 0;
}

/* Asked for at HELO and again at MAIL: a client need not say EHLO after STARTTLS, and is not to be
 * taken for one without TLS. {cn_subject}, {cn_issuer} and {verify} are Sendmail's alone. */
#define TLS_MACROS                                                                                \
    "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {cn_subject} {cn_issuer} " \
    "{verify}"

const char *filter_negotiate_macros(const struct filter_protocol *protocol, enum policy_stage stage)
{
    switch (stage) {
    case POLICY_STAGE_CONNECT:
        return "j {daemon_name} {daemon_port} v";
    case POLICY_STAGE_HELO:
        return TLS_MACROS;
    case POLICY_STAGE_MAIL:
        return "i {mail_addr} {auth_type} {auth_authen} {auth_ssf} {auth_author} " TLS_MACROS;
    case POLICY_STAGE_RCPT:
    case POLICY_STAGE_EOM:
        return "i";
    case POLICY_STAGE_DATA:
    case POLICY_STAGE_EOH:
        /* An empty list cannot be asked for; the MTAs' own are "i" or nothing. */
        return filter_protocol_is_silent(protocol, stage) ? NULL : "i";
    default:
        return NULL;
    }
}
