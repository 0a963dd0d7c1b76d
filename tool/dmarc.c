/* DMARC for an author domain and what SPF and DKIM said, by the daemon's own code. */
#include "tool/dmarc.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "policy/author.h"
#include "policy/decision_inbound.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/psl.h"
#include "policy/idn.h"
#include "policy/options.h"
#include "policy/spf/spf.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/dmarc_print.h"

#define ARENA_OCTETS    ((size_t)4 << 20)
#define IDENTIFIERS_MAX 100

static const struct tool_flag flags[] = {
    {"author", 'a', "DOMAIN", "the author domain", false, false},
    {"header-from", 0, "TEXT", "the From field, to take the author domain from", false, false},
    {"spf", 0, "RESULT:DOMAIN", "SPF's result for the reverse-path", false, false},
    {"dkim", 0, "RESULT:DOMAIN[:SELECTOR]", "the result of a signature; may be repeated", false,
     true},
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

struct work {
    struct tool_asking asking;
    struct dmarc_psl *psl;
    struct dns_name author;
    struct dns_name names[IDENTIFIERS_MAX + 1];
    struct dmarc_identifier spf;
    struct dmarc_identifier dkim[IDENTIFIERS_MAX];
    struct dmarc_request_facts facts;
    struct dmarc_outcome outcome;
};

static enum tool_status take_author(struct work *work, const struct tool_args *args,
                                    const struct tool_io *io)
{
    const char *domain = tool_args_get(args, "author");
    const char *field = tool_args_get(args, "header-from");
    struct policy_author author;

    if ((domain == NULL) == (field == NULL))
        return tool_fail(io, TOOL_USAGE, "dmarc: give one of --author and --header-from");
    if (domain != NULL) {
        if (!policy_idn_to_name(base_text_of(domain), &work->author))
            return tool_fail(io, TOOL_USAGE, "--author: \"%s\" is not a domain", domain);
        return TOOL_ANSWERED;
    }
    policy_author_parse(base_text_of(field), &author);
    if (author.outcome != POLICY_AUTHOR_ONE)
        return tool_fail(io, TOOL_INPUT, "--header-from: not exactly one author domain: %s",
                         author.reason);
    work->author = author.domain;
    return TOOL_ANSWERED;
}

/* "pass:example.org:selector": the words of RFC 8601 for the method. */
static bool take_identifier(const char *text, bool is_dkim, struct dns_name *name,
                            struct dmarc_identifier *identifier)
{
    struct base_text rest = base_text_of(text);
    struct base_text result = base_text_split(&rest, ':');
    struct base_text domain = rest.data == NULL ? rest : base_text_split(&rest, ':');
    bool is_known = false;

    for (int i = 0; !is_known && i <= (int)SPF_VERDICT_PERMERROR; i++) {
        const char *word =
            is_dkim ? dkim_result_text((enum dkim_result)i) : spf_verdict_text((enum spf_verdict)i);

        is_known = base_text_equals(result, base_text_of(word));
    }
    identifier->domain = name;
    identifier->is_pass = base_text_equals(result, BASE_TEXT("pass"));
    identifier->is_temporary = base_text_equals(result, BASE_TEXT("temperror"));
    return is_known && policy_idn_to_name(domain, name);
}

static enum tool_status take_identifiers(struct work *work, const struct tool_args *args,
                                         const struct tool_io *io)
{
    const char *spf = tool_args_get(args, "spf");
    const char *dkim;

    if (spf != NULL) {
        if (!take_identifier(spf, false, &work->names[IDENTIFIERS_MAX], &work->spf))
            return tool_fail(io, TOOL_USAGE, "--spf: \"%s\" is not RESULT:DOMAIN", spf);
        work->facts.spf = &work->spf;
    }
    for (size_t i = 0; (dkim = tool_args_at(args, "dkim", i)) != NULL; i++) {
        if (i == IDENTIFIERS_MAX)
            return tool_fail(io, TOOL_USAGE, "--dkim: more than %d signatures", IDENTIFIERS_MAX);
        if (!take_identifier(dkim, true, &work->names[i], &work->dkim[i]))
            return tool_fail(io, TOOL_USAGE, "--dkim: \"%s\" is not RESULT:DOMAIN", dkim);
        work->facts.dkim_count = i + 1;
    }
    work->facts.dkim = work->dkim;
    return TOOL_ANSWERED;
}

static enum tool_status take_method(struct work *work, const struct tool_io *io)
{
    struct base_error error = {""};

    work->facts.method = (enum dmarc_method)policy_options_get(work->asking.conf)->dmarc_method;
    if (work->facts.method == DMARC_METHOD_TREEWALK)
        return TOOL_ANSWERED;
    work->psl = dmarc_psl_create(&error);
    work->facts.psl = work->psl;
    return work->psl != NULL ? TOOL_ANSWERED : tool_fail(io, TOOL_CONFIG, "%s", error.text);
}

static void print_json(const struct work *work, FILE *out)
{
    struct base_json *root = base_json_object();

    base_json_set(root, "dmarc", policy_dmarc_json(&work->outcome));
    base_json_print(root, out);
    base_json_destroy(&root);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct work work = {.facts = {.author_domain = NULL}};
    enum tool_status status = take_author(&work, args, io);

    if (status == TOOL_ANSWERED)
        status = take_identifiers(&work, args, io);
    if (status == TOOL_ANSWERED)
        status = tool_asking_open(&work.asking, args, io, ARENA_OCTETS);
    if (status == TOOL_ANSWERED) {
        work.facts.arena = work.asking.arena;
        work.facts.lookups = work.asking.lookups;
        work.facts.author_domain = &work.author;
        status = take_method(&work, io);
    }
    if (status == TOOL_ANSWERED) {
        dmarc_evaluate(&work.facts, &work.outcome);
        if (tool_args_has(args, "json"))
            print_json(&work, io->out);
        else
            tool_dmarc_print(&work.facts, &work.outcome, io->out);
    }
    dmarc_psl_destroy(&work.psl);
    tool_asking_close(&work.asking);
    return status;
}

const struct tool_command tool_dmarc = {
    .name = "dmarc",
    .operands = "",
    .summary = "evaluate DMARC for an author domain and explain it",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
