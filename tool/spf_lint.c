/* What is wrong with a published SPF record, and how to mend it. */
#include "tool/spf_lint.h"

#include "base/arena.h"
#include "base/json.h"
#include "policy/idn.h"
#include "policy/spf/lint.h"
#include "policy/spf/spf.h"
#include "tool/args.h"
#include "tool/asking.h"

/* A hundred records of 64 KiB at most are read. */
#define ARENA_OCTETS ((size_t)64 << 20)

static const struct tool_flag flags[] = {
    TOOL_FLAG_ZONE,
    TOOL_FLAG_CONF,
    TOOL_FLAG_TIME,
    TOOL_FLAG_JSON,
};

static void print_finding(FILE *out, const struct policy_finding *finding)
{
    (void)fprintf(out, "%-12s ", policy_severity_text(finding->severity));
    tool_print_text(out, finding->domain);
    if (finding->term.length > 0) {
        (void)fputs(": \"", out);
        tool_print_text(out, finding->term);
        (void)fputc('"', out);
    }
    (void)fputs(": ", out);
    tool_print_text(out, base_text_of(finding->text));
    (void)fprintf(out, "\n%-12s %s\n", "  mend", finding->mend);
}

static void print_text(const struct dns_name *domain, const struct spf_lint_report *report,
                       FILE *out)
{
    (void)fprintf(out, "%-12s %s\n", "domain", domain->text);
    if (report->record.data != NULL) {
        (void)fprintf(out, "%-12s ", "record");
        tool_print_text(out, report->record);
        (void)fputc('\n', out);
    }
    for (const struct policy_finding *it = report->found.first; it != NULL; it = it->next)
        print_finding(out, it);
    (void)fprintf(out, "%-12s %u over all branches, of %u\n", "asking terms", report->terms,
                  SPF_TERMS_MAX);
    (void)fprintf(out, "%-12s %u for an IPv4 client, %u for an IPv6 client, of 2\n", "find nothing",
                  report->voids4, report->voids6);
    (void)fprintf(out, "%-12s %u errors, %u warnings, %u notes\n", "result", report->found.errors,
                  report->found.warnings, report->found.notes);
}

static struct base_json *finding_json(const struct policy_finding *finding)
{
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "severity", policy_severity_text(finding->severity));
    base_json_set_cstr(object, "finding", finding->word);
    base_json_set_text(object, "domain", finding->domain);
    if (finding->term.length > 0)
        base_json_set_text(object, "term", finding->term);
    else
        base_json_set_null(object, "term");
    base_json_set_text(object, "text", base_text_of(finding->text));
    base_json_set_cstr(object, "mend", finding->mend);
    return object;
}

static void print_json(const struct dns_name *domain, const struct spf_lint_report *report,
                       FILE *out)
{
    struct base_json *root = base_json_object();
    struct base_json *object = base_json_object();
    struct base_json *findings = base_json_array();

    base_json_set_cstr(object, "domain", domain->text);
    if (report->record.data != NULL)
        base_json_set_text(object, "record", report->record);
    else
        base_json_set_null(object, "record");
    base_json_set_int(object, "records", report->records);
    base_json_set_int(object, "terms", report->terms);
    base_json_set_int(object, "voids_ip4", report->voids4);
    base_json_set_int(object, "voids_ip6", report->voids6);
    base_json_set_int(object, "errors", report->found.errors);
    base_json_set_int(object, "warnings", report->found.warnings);
    base_json_set_int(object, "notes", report->found.notes);
    for (const struct policy_finding *it = report->found.first; it != NULL; it = it->next)
        base_json_append(findings, finding_json(it));
    base_json_set(object, "findings", findings);
    base_json_set(root, "spf_lint", object);
    base_json_print(root, out);
    base_json_destroy(&root);
}

static enum tool_status lint(struct tool_asking *asking, const struct dns_name *domain,
                             const struct tool_args *args, const struct tool_io *io)
{
    const struct spf_lint_request request = {asking->arena, asking->lookups, domain};
    struct spf_lint_report report;

    spf_lint(&request, &report);
    if (base_arena_is_exhausted(asking->arena))
        return tool_fail(io, TOOL_INPUT, "the records take more memory than there is");
    if (tool_args_has(args, "json"))
        print_json(domain, &report, io->out);
    else
        print_text(domain, &report, io->out);
    return report.found.errors > 0 ? TOOL_FAULT : TOOL_ANSWERED;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *operand = tool_args_operand(args, 0);
    struct tool_asking asking = {NULL};
    struct dns_name domain;
    enum tool_status status;

    if (!policy_idn_to_name(base_text_of(operand), &domain))
        return tool_fail(io, TOOL_USAGE, "\"%s\" is not a domain", operand);
    status = tool_asking_open(&asking, args, io, ARENA_OCTETS);
    if (status == TOOL_ANSWERED)
        status = lint(&asking, &domain, args, io);
    tool_asking_close(&asking);
    return status;
}

const struct tool_command tool_spf_lint = {
    .name = "spf lint",
    .operands = "DOMAIN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "check a published SPF record",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
