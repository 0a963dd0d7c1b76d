/* What one check_host() carries along; shared by the files of policy/spf and nobody else. */
#ifndef POLICY_SPF_CONTEXT_H
#define POLICY_SPF_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/spf/record.h"
#include "policy/spf/spf.h"

/* Names that a PTR look-up may give us to validate (4.6.4). */
#define SPF_PTR_MAX 10
/* Hosts of an MX look-up (4.6.4). */
#define SPF_MX_MAX 10

enum spf_alias_kind {
    SPF_ALIAS_START,
    SPF_ALIAS_TERM,
    SPF_ALIAS_MX_HOST,
};

/* A name that libspf2 sees ("7.g") and what it stands for. */
struct spf_alias {
    enum spf_alias_kind kind;
    struct spf_record *record;
    struct spf_term *term;
    /* MX_HOST: the host. */
    const struct dns_name *host;
};

/* A name of the client (ptr.c). */
struct spf_ptr_name {
    struct dns_name name;
    bool is_checked;
    bool is_validated;
    /* It has no address at all. */
    bool is_void;
};

struct spf_context {
    const struct spf_request *request;
    /* <domain> of the request, and <sender> as macros see it. */
    struct dns_name domain;
    struct base_text local_part;
    bool has_utf8_local_part;
    char client_text[48];

    struct spf_alias *aliases;
    size_t alias_count;
    size_t alias_capacity;
    unsigned terms;
    unsigned voids;
    /* The term that is being evaluated, and its record; NULL outside (the start, explanation). */
    struct spf_term *term;
    const struct spf_record *record;

    /* The client's names; asked for once. */
    bool has_ptr;
    bool is_ptr_void;
    struct spf_ptr_name *ptr_names;
    size_t ptr_count;

    /* Once set, the evaluation is over: no look-up is answered any more. */
    bool is_stopped;
    enum spf_verdict stop_verdict;
    const char *stop_reason;
    const struct dns_name *stop_domain;
    const struct spf_term *stop_term;

    /* The record of the start; NULL until it was found. */
    struct spf_record *root;
    bool is_explained;
};

/* Ends the evaluation with `verdict`; the first call wins. */
void spf_context_stop(struct spf_context *context, enum spf_verdict verdict, const char *reason,
                      const struct dns_name *domain);
/* A look-up of the term under evaluation found nothing. 4.6.4 limits the number of "terms" for
 * which that happens: a term counts once, however many look-ups it makes (an mx of IPv4-only hosts
 * asked for an IPv6 client is one). Stops the evaluation past the limit. */
void spf_context_count_void(struct spf_context *context);
/* 127.0.0.0/8 or ::1. */
bool spf_client_is_loopback(const struct spf_client *client);
/* The client's address is `octets`/`prefix` of the same family. */
bool spf_client_matches(const struct spf_client *client, const unsigned char *octets,
                        unsigned prefix);

/* The term is ip4 or ip6 and holds the client. */
bool spf_term_is_ip_match(const struct spf_context *context, const struct spf_term *term);
/* The domain-spec uses a local part that is not ASCII: such a term does not match anything (RFC
 * 8616 section 4). */
bool spf_is_never_match(const struct spf_context *context, struct base_text domain_spec);
/* Expands a domain-spec to the name to ask for. False if there is no such name: too long without a
 * dot, an empty or too long label, a NUL; or
 * the term never matches. May ask DNS (%{p}). */
__attribute__((warn_unused_result)) bool spf_expand_name(struct spf_context *context,
                                                         struct base_text domain_spec,
                                                         const struct dns_name *domain,
                                                         struct dns_name *name_r);

#endif
