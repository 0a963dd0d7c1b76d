/* Report addresses: URIs (RFC 9989 section 4.8), and the consent of a domain that is not the
 * owner's (RFC 9990 section 4). */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "dns/lookups.h"
#include "policy/dmarc/lint-private.h"
#include "policy/dmarc/walk.h"
#include "policy/idn.h"

/* The domain of "mailto:local@domain?headers". */
static bool mailbox_domain(struct base_text uri, struct dns_name *domain_r)
{
    struct base_text rest = uri;
    struct base_text address = base_text_split(&rest, '?');
    size_t at = address.length;

    while (at > 0 && address.data[at - 1] != '@')
        at--;
    return at > 0 &&
           policy_idn_to_name((struct base_text){address.data + at, address.length - at}, domain_r);
}

static bool has_consent(const struct dns_answer *answer, struct dmarc_record *record_r)
{
    for (size_t i = 0; i < answer->count; i++)
        if (dmarc_record_parse(answer->records[i].value, record_r))
            return true;
    return false;
}

/* Step 9: the consent may name another mailbox, and no other host. */
static bool stays_there(const struct dmarc_destination *destination, struct base_text list)
{
    struct dns_name domain;
    struct base_text uri;

    while (dmarc_record_next_uri(&list, &uri))
        if (!mailbox_domain(uri, &domain) || !dns_name_equals(&domain, &destination->domain))
            return false;
    return true;
}

static void check_override(struct dmarc_lint *lint, struct dmarc_destination *destination,
                           const char *tag, const struct dmarc_record *consent)
{
    if (!stays_there(destination, consent->rua) || !stays_there(destination, consent->ruf)) {
        destination->is_authorized = false;
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "destination-override",
                       "let the record there name mailboxes of its own host only, or none",
                       "%s: the record at %s sends the reports on to another host: receivers send "
                       "none",
                       tag, destination->question.text);
    } else if (consent->rua.data != NULL || consent->ruf.data != NULL) {
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "destination-override",
                       "nothing, if that is meant",
                       "%s: the record at %s names the mailbox that the reports go to instead", tag,
                       destination->question.text);
    }
}

static void ask_consent(struct dmarc_lint *lint, struct dmarc_destination *destination,
                        const char *tag)
{
    char prefix[DNS_NAME_MAX + sizeof("._report._dmarc")];
    const struct dns_answer *answer;
    struct dmarc_record consent;
    const char *mend;

    (void)snprintf(prefix, sizeof(prefix), "%s._report._dmarc", lint->domain.text);
    if (!dns_name_prepend(&destination->question, prefix, &destination->domain)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "destination-name",
                       "send the reports to an address of your own domain",
                       "%s: the name at which %s could agree to reports is too long", tag,
                       destination->domain.text);
        return;
    }
    answer = dns_lookups_get(lint->lookups, &destination->question, DNS_TYPE_TXT);
    destination->is_authorized = has_consent(answer, &consent);
    if (destination->is_authorized) {
        check_override(lint, destination, tag, &consent);
        return;
    }
    if (dns_status_is_temporary(answer->status)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "destination-dns",
                       "try again, or mend the name servers",
                       "%s: DNS failed at %s, so that %s is not known to want the reports", tag,
                       destination->question.text, destination->domain.text);
        return;
    }
    mend = base_arena_printf(lint->arena,
                             "let %s publish a TXT record \"v=DMARC1\" at %s, or send the reports "
                             "elsewhere",
                             destination->domain.text, destination->question.text);
    dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "destination", mend,
                   "%s: %s does not say that it wants reports on %s: receivers send none there",
                   tag, destination->domain.text, lint->domain.text);
}

static void check_destination(struct dmarc_lint *lint, const char *tag,
                              const struct dns_name *domain)
{
    struct dmarc_destination *destination;
    struct dmarc_walk walk;
    struct dns_name storage;

    for (destination = lint->destinations; destination != NULL; destination = destination->next)
        if (dns_name_equals(&destination->domain, domain))
            return;
    destination = base_arena_alloc(lint->arena, sizeof(*destination));
    if (destination == NULL)
        return;
    destination->domain = *domain;
    destination->next = lint->destinations;
    lint->destinations = destination;
    dmarc_walk_run(&walk, lint->lookups, domain);
    if (walk.is_temporary) {
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "destination-dns",
                       "try again, or mend the name servers",
                       "%s: DNS failed while the organizational domain of %s was looked for", tag,
                       domain->text);
        return;
    }
    destination->is_external =
        !dns_name_equals(dmarc_walk_organizational(&walk, &storage), &lint->organizational);
    if (destination->is_external)
        ask_consent(lint, destination, tag);
    else
        destination->is_authorized = true;
}

static void check_uri(struct dmarc_lint *lint, const char *tag, struct base_text item)
{
    struct base_text rest = item;
    struct dns_name domain;
    struct base_text uri;

    if (item.length > 0 && memchr(item.data, '!', item.length) != NULL)
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "size-limit",
                       "take away the \"!\" and what follows it",
                       "%s: \"%.*s\" has a limit of size, which RFC 9989 has abolished", tag,
                       (int)item.length, item.data);
    if (!dmarc_record_next_uri(&rest, &uri)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "uri",
                       "write it as mailto:user@example.org; a comma or \"!\" in it as %2C or %21",
                       "%s: \"%.*s\" is not a URI", tag, (int)item.length, item.data);
    } else if (!base_text_starts_with_nocase(uri, BASE_TEXT("mailto:"))) {
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "uri-scheme", "use a mailto: address",
                       "%s: \"%.*s\" is not mailto:, and receivers need not know any other", tag,
                       (int)item.length, item.data);
    } else if (!mailbox_domain(uri, &domain)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "uri", "write it as mailto:user@example.org",
                       "%s: \"%.*s\" is not the address of a mailbox", tag, (int)item.length,
                       item.data);
    } else {
        check_destination(lint, tag, &domain);
    }
}

void dmarc_lint_reports(struct dmarc_lint *lint, const char *tag, struct base_text list)
{
    while (list.data != NULL)
        check_uri(lint, tag, base_text_trim(base_text_split(&list, ',')));
}
