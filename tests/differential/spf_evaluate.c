/* Reads cases as the suites have them, a JSON object a line (`ip`, `helo`, `mailfrom`, `zone`), and
 * writes for each what our check_host() says, a JSON object a line. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/conformance/spf_case.h"
#include "tests/conformance/suite.h"

#define LINE_MAX_OCTETS ((size_t)16 << 20)

static void append_names(const struct spf_case *evaluated, struct base_json *names)
{
    struct dns_lookups_entry entry;

    for (size_t i = 0; dns_lookups_at(evaluated->request.lookups, i, &entry); i++) {
        char text[DNS_NAME_ESCAPED_SIZE + 16];

        (void)snprintf(text, sizeof(text), "%s %s", dns_type_text(entry.type), entry.name->text);
        base_json_append_text(names, base_text_of(text));
    }
}

static void write_outcome(const struct spf_case *evaluated)
{
    const struct spf_outcome *outcome = &evaluated->outcome;
    struct base_json *json = base_json_object();
    struct base_json *names = base_json_array();
    struct base_buf line;

    base_json_set_cstr(json, "result", spf_verdict_text(outcome->verdict));
    base_json_set_cstr(json, "reason", outcome->reason);
    base_json_set_text(json, "term", outcome->term);
    if (outcome->explanation.data == NULL)
        base_json_set_null(json, "explanation");
    else
        base_json_set_text(json, "explanation", outcome->explanation);
    base_json_set_bool(json, "agrees", spf_case_is_term_of(outcome));
    append_names(evaluated, names);
    base_json_set(json, "asked", names);
    base_buf_init(&line, NULL, LINE_MAX_OCTETS);
    base_json_append_to(json, &line);
    (void)puts(base_buf_cstr(&line));
    base_buf_deinit(&line);
    base_json_destroy(&json);
}

static void evaluate(const struct base_json *test)
{
    struct dns_resolver *resolver = suite_zone(base_json_get(test, "zone"));
    struct spf_case evaluated;

    spf_case_run(&evaluated, test, resolver);
    write_outcome(&evaluated);
    spf_case_end(&evaluated);
    dns_resolver_destroy(&resolver);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((length = getline(&line, &size, stdin)) > 0) {
        struct base_text rest = {line, (size_t)length};
        struct base_json *test = suite_next(&rest);

        if (test == NULL)
            continue;
        evaluate(test);
        base_json_destroy(&test);
        (void)fflush(stdout);
    }
    base_mem_free(line);
    return 0;
}
