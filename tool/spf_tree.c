#include "tool/spf_tree.h"

#include <inttypes.h>

#include "base/clock.h"
#include "dns/lookups.h"
#include "policy/spf/record.h"
#include "policy/spf/spf.h"
#include "tool/asking.h"

struct tree {
    FILE *out;
    const struct spf_outcome *outcome;
    struct dns_lookups *lookups;
    const unsigned char *address;
    size_t address_length;
    /* Terms so far that found nothing. */
    unsigned voids;
};

static void print_record(struct tree *tree, const struct spf_record *record, unsigned depth);

static bool find_question(const struct tree *tree, const struct dns_name *name, enum dns_type type,
                          struct dns_lookups_entry *entry_r)
{
    for (size_t i = 0; dns_lookups_at(tree->lookups, i, entry_r); i++)
        if (entry_r->type == type && dns_name_equals(entry_r->name, name))
            return true;
    return false;
}

/* The answer to what was asked; NULL: it was not. */
static const struct dns_answer *print_question(const struct tree *tree, const struct dns_name *name,
                                               enum dns_type type, unsigned depth)
{
    char escaped[DNS_NAME_ESCAPED_SIZE];
    struct dns_lookups_entry entry;

    if (!find_question(tree, name, type, &entry))
        return NULL;
    (void)fprintf(tree->out, "%*sasked %s %s: %s", (int)(4 * depth + 4), "",
                  dns_name_escape(name, escaped), dns_type_text(type),
                  dns_status_text(entry.status));
    if (entry.elapsed_ns >= 0)
        (void)fprintf(tree->out, ", %" PRId64 " ms", entry.elapsed_ns / BASE_NS_PER_MS);
    (void)fputc('\n', tree->out);
    return dns_lookups_get(tree->lookups, name, type);
}

/* Names that an answer gave, and that were asked for their addresses in turn. */
static void print_hosts(const struct tree *tree, const struct dns_answer *answer,
                        enum dns_type type, unsigned depth)
{
    for (size_t i = 0; answer != NULL && i < answer->count; i++) {
        struct dns_name host;

        if (dns_name_make(&host, answer->records[i].value) == DNS_NAME_OK)
            (void)print_question(tree, &host, type, depth);
    }
}

static void print_questions(const struct tree *tree, const struct spf_term *term, unsigned depth)
{
    enum dns_type addresses = tree->address_length == 16 ? DNS_TYPE_AAAA : DNS_TYPE_A;
    struct dns_name reverse;

    if (term->target == NULL)
        return;
    switch (term->mechanism) {
    case SPF_MECHANISM_INCLUDE:
    case SPF_MECHANISM_REDIRECT:
        (void)print_question(tree, term->target, DNS_TYPE_TXT, depth);
        break;
    case SPF_MECHANISM_A:
        (void)print_question(tree, term->target, addresses, depth);
        break;
    case SPF_MECHANISM_EXISTS:
        (void)print_question(tree, term->target, DNS_TYPE_A, depth);
        break;
    case SPF_MECHANISM_MX:
        print_hosts(tree, print_question(tree, term->target, DNS_TYPE_MX, depth), addresses, depth);
        break;
    case SPF_MECHANISM_PTR:
        dns_name_reverse(&reverse, tree->address, tree->address_length);
        print_hosts(tree, print_question(tree, &reverse, DNS_TYPE_PTR, depth), addresses, depth);
        break;
    case SPF_MECHANISM_ALL:
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
    default:
        break;
    }
}

/* The outcome's term is a piece of the record's own text. */
static bool is_deciding(const struct tree *tree, const struct spf_term *term)
{
    return tree->outcome->term.length > 0 && tree->outcome->term.data == term->text.data;
}

static void print_term(struct tree *tree, const struct spf_term *term, unsigned depth)
{
    FILE *out = tree->out;

    (void)fprintf(out, "%*s", (int)(4 * depth + 2), "");
    tool_print_text(out, term->text);
    if (!term->is_reached) {
        (void)fputs("   not reached\n", out);
        return;
    }
    if (term->number > 0)
        (void)fprintf(out, "   [%u of %u]", term->number, SPF_TERMS_MAX);
    if (term->target != NULL) {
        (void)fputs("   asks ", out);
        tool_print_text(out, (struct base_text){term->target->text, term->target->length});
    }
    if (term->mechanism != SPF_MECHANISM_REDIRECT)
        (void)fputs(term->is_match ? "   matches" : "   does not match", out);
    if (term->is_void)
        (void)fprintf(out, "   found nothing [%u]", ++tree->voids);
    (void)fputs(is_deciding(tree, term) ? "   <- decides\n" : "\n", out);
    print_questions(tree, term, depth);
    if (term->child != NULL)
        print_record(tree, term->child, depth + 1);
}

/* As deep as includes and redirects nest: ten at most. */
static void print_record(struct tree *tree, const struct spf_record *record, unsigned depth)
{
    (void)fprintf(tree->out, "%*s%s: ", (int)(4 * depth), "", record->domain.text);
    tool_print_text(tree->out, record->text);
    (void)fputc('\n', tree->out);
    if (depth == 0)
        (void)print_question(tree, &record->domain, DNS_TYPE_TXT, 0);
    for (const struct spf_term *term = record->first; term != NULL; term = term->next)
        print_term(tree, term, depth);
    if (record->redirect != NULL)
        print_term(tree, record->redirect, depth);
}

void tool_spf_tree_print(FILE *out, const struct spf_outcome *outcome, struct dns_lookups *lookups,
                         const unsigned char *address, size_t length)
{
    struct tree tree = {out, outcome, lookups, address, length, 0};

    if (outcome->record != NULL)
        print_record(&tree, outcome->record, 0);
}
