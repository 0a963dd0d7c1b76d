/* What a domain publishes for DMARC: findings, each with its mend, and where reports go. */
#include "tool/dmarc_lint.h"

#include "base/arena.h"
#include "base/json.h"
#include "policy/dmarc/lint.h"
#include "policy/idn.h"
#include "tool/args.h"
#include "tool/asking.h"

#define ARENA_OCTETS ((size_t)1 << 20)

static const struct tool_flag flags[] = {
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

static void print_line(FILE *out, const char *label, struct base_text text)
{
    (void)fprintf(out, "%-12s ", label);
    tool_print_text(out, text);
    (void)fputc('\n', out);
}

static void print_name(FILE *out, const char *label, const struct dns_name *name,
                       const char *behind)
{
    (void)fprintf(out, "%-12s %s%s\n", label, name->text, behind);
}

static void print(const struct dmarc_lint *lint, FILE *out)
{
    tool_asking_print(lint->lookups, out);
    print_name(out, "domain", &lint->domain, "");
    print_name(out, "organization", &lint->organizational, "");
    if (lint->has_record)
        print_line(out, "record", lint->record.text);
    for (const struct dmarc_destination *it = lint->destinations; it != NULL; it = it->next)
        print_name(out, "reports to", &it->domain,
                   it->is_authorized ? (it->is_external ? ": wants them" : "") : ": not known to");
    for (const struct policy_finding *it = lint->found.first; it != NULL; it = it->next) {
        print_line(out, policy_severity_text(it->severity), base_text_of(it->text));
        print_line(out, "  mend", base_text_of(it->mend));
    }
    (void)fprintf(out, "%-12s %u errors, %u warnings\n", "result", lint->found.errors,
                  lint->found.warnings);
}

static struct base_json *findings_json(const struct dmarc_lint *lint)
{
    struct base_json *array = base_json_array();

    for (const struct policy_finding *it = lint->found.first; it != NULL; it = it->next) {
        struct base_json *object = base_json_object();

        base_json_set_cstr(object, "severity", policy_severity_text(it->severity));
        base_json_set_cstr(object, "finding", it->word);
        base_json_set_text(object, "text", base_text_of(it->text));
        base_json_set_cstr(object, "mend", it->mend);
        base_json_append(array, object);
    }
    return array;
}

static struct base_json *destinations_json(const struct dmarc_lint *lint)
{
    struct base_json *array = base_json_array();

    for (const struct dmarc_destination *it = lint->destinations; it != NULL; it = it->next) {
        struct base_json *object = base_json_object();

        base_json_set_cstr(object, "domain", it->domain.text);
        base_json_set_bool(object, "external", it->is_external);
        base_json_set_bool(object, "authorized", it->is_authorized);
        base_json_append(array, object);
    }
    return array;
}

static void print_json(const struct dmarc_lint *lint, FILE *out)
{
    struct base_json *root = base_json_object();
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "domain", lint->domain.text);
    base_json_set_cstr(object, "organizational_domain", lint->organizational.text);
    if (lint->has_record)
        base_json_set_text(object, "record", lint->record.text);
    else
        base_json_set_null(object, "record");
    base_json_set_int(object, "errors", (int64_t)lint->found.errors);
    base_json_set_int(object, "warnings", (int64_t)lint->found.warnings);
    base_json_set(object, "findings", findings_json(lint));
    base_json_set(object, "destinations", destinations_json(lint));
    base_json_set(root, "dmarc_lint", object);
    base_json_print(root, out);
    base_json_destroy(&root);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *operand = tool_args_operand(args, 0);
    struct tool_asking asking = {NULL};
    struct dmarc_lint lint = {NULL};
    enum tool_status status;

    if (!policy_idn_to_name(base_text_of(operand), &lint.domain))
        return tool_fail(io, TOOL_USAGE, "dmarc lint: \"%s\" is not a domain", operand);
    status = tool_asking_open(&asking, args, io, ARENA_OCTETS);
    if (status == TOOL_ANSWERED) {
        lint.arena = asking.arena;
        lint.lookups = asking.lookups;
        dmarc_lint_domain(&lint);
        if (tool_args_has(args, "json"))
            print_json(&lint, io->out);
        else
            print(&lint, io->out);
        if (lint.found.errors > 0)
            status = TOOL_FAULT;
    }
    tool_asking_close(&asking);
    return status;
}

const struct tool_command tool_dmarc_lint = {
    .name = "dmarc lint",
    .operands = "DOMAIN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "check what a domain publishes for DMARC",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
