/* RFC 7208 sections 4.6.4 (limits), 5 (mechanisms), 6 (modifiers), 11.1 (loads), for the client
 * that matches nothing: it meets every term up to "all", in every branch, so that what is added up
 * here is the worst case. What depends on the message (macros) is noted, not guessed. */
#include "policy/spf/lint.h"

#include <string.h>

#include "base/arena.h"
#include "policy/spf/context.h"
#include "policy/spf/lint_record.h"
#include "policy/spf/macro.h"
#include "policy/spf/record.h"

/* The walk ends here: includes that fan out would else go on for ever. */
#define WALK_MAX 100
/* From here on a record has no room to grow. */
#define TERMS_MANY 8
#define VOIDS_MAX  2

/* The records that led to the one being read. */
struct branch {
    const struct dns_name *domain;
    const struct branch *up;
};

static void walk(struct spf_lint *lint, const struct dns_name *domain, const struct branch *up,
                 const struct spf_lint_place *from, bool is_include);

static const struct dns_answer *ask(struct spf_lint *lint, const struct spf_lint_place *place,
                                    const struct dns_name *name, enum dns_type type)
{
    const struct dns_answer *answer = dns_lookups_get(lint->request->lookups, name, type);

    if (dns_status_is_temporary(answer->status))
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "dns", place,
                     base_arena_printf(lint->request->arena, "%s %s cannot be asked for: %s",
                                       name->text, dns_type_text(type),
                                       dns_status_text(answer->status)),
                     "mend its DNS: receivers answer temperror");
    return answer;
}

/* A macro that the record's own names do not settle. */
static bool has_variable_macro(struct base_text domain_spec)
{
    for (size_t i = 0; i + 2 < domain_spec.length; i++)
        if (domain_spec.data[i] == '%' && domain_spec.data[i + 1] == '{' &&
            strchr("dDoO", domain_spec.data[i + 2]) == NULL)
            return true;
    return false;
}

/* The name that a domain-spec is for every message. False: told already, or there is none. */
static bool find_target(struct spf_lint *lint, const struct spf_lint_place *place,
                        struct base_text domain_spec, struct dns_name *target_r)
{
    const struct spf_request request = {.arena = lint->request->arena};
    struct spf_context context = {.request = &request, .domain = *lint->request->domain};

    if (domain_spec.data == NULL) {
        *target_r = *place->domain;
        return true;
    }
    if (has_variable_macro(domain_spec)) {
        spf_lint_add(lint, POLICY_SEVERITY_NOTE, "macro", place,
                     "the name depends on the message: it was not checked",
                     "try some messages with `postseal spf`");
        return false;
    }
    if (spf_expand_name(&context, domain_spec, place->domain, target_r))
        return true;
    spf_lint_add(lint, POLICY_SEVERITY_ERROR, "malformed-name", place,
                 "the name has an empty label, or one over 63 octets", "correct the name");
    return false;
}

/* --- terms that ask for addresses ----------------------------------------------------------------
 */

struct addresses {
    bool has_ip4;
    bool has_ip6;
    bool is_faulty;
};

static void add_addresses(struct spf_lint *lint, const struct spf_lint_place *place,
                          const struct dns_name *name, struct addresses *found)
{
    const struct dns_answer *ip4 = ask(lint, place, name, DNS_TYPE_A);
    const struct dns_answer *ip6 = ask(lint, place, name, DNS_TYPE_AAAA);

    found->has_ip4 |= ip4->count > 0;
    found->has_ip6 |= ip6->count > 0;
    found->is_faulty |=
        dns_status_is_temporary(ip4->status) || dns_status_is_temporary(ip6->status);
}

/* 4.6.4: look-ups that find nothing, by the family of the client. */
static void count_voids(struct spf_lint *lint, const struct spf_lint_place *place, bool is_void4,
                        bool is_void6)
{
    lint->report->voids4 += is_void4;
    lint->report->voids6 += is_void6;
    if (is_void4 && is_void6)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "void-lookup", place,
                     "the look-up finds nothing", "publish an address there, or remove the term");
}

static void check_a(struct spf_lint *lint, const struct spf_lint_place *place,
                    const struct dns_name *target)
{
    struct addresses found = {false, false, false};

    add_addresses(lint, place, target, &found);
    if (!found.is_faulty)
        count_voids(lint, place, !found.has_ip4, !found.has_ip6);
}

static void check_mx(struct spf_lint *lint, const struct spf_lint_place *place,
                     const struct dns_name *target)
{
    const struct dns_answer *hosts = ask(lint, place, target, DNS_TYPE_MX);
    bool is_void4 = hosts->count == 0;
    bool is_void6 = hosts->count == 0;

    if (dns_status_is_temporary(hosts->status))
        return;
    if (hosts->count > SPF_MX_MAX) {
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "too-many-hosts", place,
                     base_arena_printf(lint->request->arena,
                                       "%s has %zu MX hosts, more than 10: permerror", target->text,
                                       hosts->count),
                     "name the networks of the hosts with ip4 and ip6");
        return;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        struct addresses found = {false, false, false};
        struct dns_name host;

        if (dns_name_make(&host, hosts->records[i].value) == DNS_NAME_OK)
            add_addresses(lint, place, &host, &found);
        is_void4 |= !found.has_ip4 && !found.is_faulty;
        is_void6 |= !found.has_ip6 && !found.is_faulty;
    }
    count_voids(lint, place, is_void4, is_void6);
}

static void check_exists(struct spf_lint *lint, const struct spf_lint_place *place,
                         const struct dns_name *target)
{
    const struct dns_answer *answer = ask(lint, place, target, DNS_TYPE_A);
    bool is_void = answer->count == 0 && !dns_status_is_temporary(answer->status);

    count_voids(lint, place, is_void, is_void);
}

/* --- terms that lead to other records ------------------------------------------------------------
 */

static void check_child(struct spf_lint *lint, const struct spf_lint_place *place,
                        const struct branch *branch, const struct dns_name *target, bool is_include)
{
    for (const struct branch *it = branch; it != NULL; it = it->up) {
        if (!dns_name_equals(it->domain, target))
            continue;
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "loop", place,
                     base_arena_printf(lint->request->arena, "%s leads back to itself: permerror",
                                       target->text),
                     "remove the term");
        return;
    }
    walk(lint, target, branch, place, is_include);
}

static void check_ip(struct spf_lint *lint, const struct spf_lint_place *place,
                     const struct spf_term *term)
{
    bool is_ip4 = term->mechanism == SPF_MECHANISM_IP4;

    if (term->qualifier == '+' && (is_ip4 ? term->prefix4 : term->prefix6) == 0)
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "permits-all", place,
                     is_ip4 ? "every IPv4 client is permitted" : "every IPv6 client is permitted",
                     "name the networks that send the domain's mail");
}

static void check_all(struct spf_lint *lint, const struct spf_lint_place *place,
                      const struct spf_term *term, bool is_include)
{
    if (term->qualifier == '+')
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "permits-all", place, "every client is permitted",
                     "end with \"-all\" or \"~all\"");
    else if (term->qualifier == '?' && !is_include)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "neutral-all", place,
                     "nothing is said of clients that are not named",
                     "end with \"-all\" or \"~all\"");
}

static void check_term(struct spf_lint *lint, const struct spf_lint_place *place,
                       const struct branch *branch, const struct spf_term *term, bool is_include)
{
    struct dns_name target;

    if (term->mechanism == SPF_MECHANISM_ALL) {
        check_all(lint, place, term, is_include);
        return;
    }
    if (term->mechanism == SPF_MECHANISM_IP4 || term->mechanism == SPF_MECHANISM_IP6) {
        check_ip(lint, place, term);
        return;
    }
    lint->is_over |= ++lint->report->terms >= WALK_MAX;
    if (term->mechanism == SPF_MECHANISM_PTR) {
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "ptr", place,
                     "\"ptr\" is slow, fails with the client's DNS, and should not be published",
                     "name the networks with ip4 and ip6, or the hosts with a");
        return;
    }
    if (!find_target(lint, place, term->domain_spec, &target))
        return;
    switch (term->mechanism) {
    case SPF_MECHANISM_A:
        check_a(lint, place, &target);
        break;
    case SPF_MECHANISM_MX:
        check_mx(lint, place, &target);
        break;
    case SPF_MECHANISM_EXISTS:
        check_exists(lint, place, &target);
        break;
    case SPF_MECHANISM_INCLUDE:
        check_child(lint, place, branch, &target, true);
        break;
    case SPF_MECHANISM_REDIRECT:
        check_child(lint, place, branch, &target, is_include);
        break;
    case SPF_MECHANISM_ALL:
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
    case SPF_MECHANISM_PTR:
    default:
        break;
    }
}

/* --- a record ------------------------------------------------------------------------------------
 */

static void check_exp(struct spf_lint *lint, const struct spf_record *record)
{
    const struct spf_lint_place place = {&record->domain, record->exp};
    const struct dns_answer *answer;
    struct dns_name target;

    if (record->exp.data == NULL || !find_target(lint, &place, record->exp, &target))
        return;
    answer = ask(lint, &place, &target, DNS_TYPE_TXT);
    if (dns_status_is_temporary(answer->status))
        return;
    if (answer->count != 1)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "explanation", &place,
                     answer->count == 0
                         ? "there is no explanation at the name of \"exp\""
                         : "there is more than one TXT record at the name of \"exp\"",
                     "publish one TXT record there, or remove \"exp\"");
    else if (!spf_macro_is_valid(answer->records[0].value, SPF_MACRO_EXPLANATION))
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "explanation", &place,
                     "the explanation is not ASCII, or has a macro that is malformed",
                     "correct the text: a '%' is written \"%%\"");
}

/* 5.1, 6.1: what stands behind "all", and a redirect beside it, is never looked at. */
static void tell_unreached(struct spf_lint *lint, const struct spf_record *record,
                           const struct spf_term *term)
{
    for (; term != NULL && !lint->is_over; term = term->next) {
        const struct spf_lint_place place = {&record->domain, term->text};

        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "after-all", &place,
                     "the term stands behind \"all\" and is never reached",
                     "move it before \"all\", or remove it");
    }
    if (record->redirect != NULL && !lint->is_over) {
        const struct spf_lint_place place = {&record->domain, record->redirect->text};

        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "after-all", &place,
                     "a redirect is ignored where there is \"all\"", "remove one of the two");
    }
}

static void check_end(struct spf_lint *lint, const struct branch *branch,
                      const struct spf_record *record, bool is_include)
{
    const struct spf_lint_place place = {&record->domain, {NULL, 0}};

    if (record->redirect != NULL) {
        const struct spf_lint_place at = {&record->domain, record->redirect->text};

        check_term(lint, &at, branch, record->redirect, is_include);
    } else if (!is_include) {
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "no-all", &place,
                     "there is no \"all\": nothing is said of clients that are not named",
                     "end with \"-all\" or \"~all\"");
    }
}

static void walk(struct spf_lint *lint, const struct dns_name *domain, const struct branch *up,
                 const struct spf_lint_place *from, bool is_include)
{
    const struct branch branch = {domain, up};
    struct spf_record *record = spf_lint_read(lint, domain, from);

    if (record == NULL)
        return;
    if (up == NULL)
        lint->report->record = record->text;
    for (const struct spf_term *term = record->first; term != NULL; term = term->next) {
        const struct spf_lint_place place = {&record->domain, term->text};

        if (lint->is_over)
            return;
        check_term(lint, &place, &branch, term, is_include);
        if (term->mechanism == SPF_MECHANISM_ALL) {
            tell_unreached(lint, record, term->next);
            break;
        }
    }
    if (!lint->is_over && !is_include)
        check_exp(lint, record);
    if (!lint->is_over && !record->has_all)
        check_end(lint, &branch, record, is_include);
}

/* 3.1: type SPF was an experiment, and nobody asks for it. */
static void check_type_spf(struct spf_lint *lint, const struct spf_lint_place *place)
{
    const struct dns_answer *answer =
        dns_lookups_get(lint->request->lookups, place->domain, DNS_TYPE_SPF);

    if (answer->count > 0)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "type-spf", place,
                     "there is a record of type SPF (99), which is obsolete and not asked for",
                     "remove it: SPF is published as TXT alone");
}

static void check_sums(struct spf_lint *lint, const struct spf_lint_place *place)
{
    const struct spf_lint_report *report = lint->report;
    struct base_arena *arena = lint->request->arena;
    unsigned voids = report->voids4 > report->voids6 ? report->voids4 : report->voids6;

    if (report->terms > SPF_TERMS_MAX)
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "too-many-lookups", place,
                     base_arena_printf(arena, "%u%s terms ask DNS, more than 10: permerror",
                                       report->terms, report->terms >= WALK_MAX ? " or more" : ""),
                     "replace includes of your own and a, mx with the networks they stand for");
    else if (report->terms >= TERMS_MANY)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "many-lookups", place,
                     base_arena_printf(arena,
                                       "%u terms ask DNS, of 10 that may: one more of "
                                       "somebody else's and the record is invalid",
                                       report->terms),
                     "replace includes of your own and a, mx with the networks they stand for");
    if (voids > VOIDS_MAX)
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "too-many-voids", place,
                     base_arena_printf(arena,
                                       "%u terms find nothing for an IPv%d client, more than 2: "
                                       "permerror",
                                       voids, voids == report->voids4 ? 4 : 6),
                     "remove terms that find nothing; publish AAAA records, or name networks with "
                     "ip4 and ip6 instead of a and mx");
}

void spf_lint(const struct spf_lint_request *request, struct spf_lint_report *report_r)
{
    struct spf_lint lint = {.request = request, .report = report_r};
    const struct spf_lint_place place = {request->domain, {NULL, 0}};

    memset(report_r, 0, sizeof(*report_r));
    walk(&lint, request->domain, NULL, &place, false);
    /* What was counted is told although the walk ended. */
    lint.is_over = false;
    check_sums(&lint, &place);
    check_type_spf(&lint, &place);
}
