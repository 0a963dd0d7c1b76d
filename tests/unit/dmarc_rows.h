/* Rows of evaluations of DMARC, for tests of policy/dmarc. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_DMARC_ROWS_H
#define TESTS_UNIT_DMARC_ROWS_H

#include "tests/unit/dmarc_world.h"

#define R(name, tags) "_dmarc." name ". TXT \"v=DMARC1;" tags "\"\n"
#define EXISTS(name)  name ". A 10.0.0.1\n"

/* Identifiers: "+example.com" passed, "?example.com" temporary, "-example.com" failed. */
struct row {
    const char *name;
    const char *zone;
    const char *author;
    const char *spf;
    const char *dkim[3];
    /* "fail reject p": result, disposition, where the policy is from ('-' without a record). */
    const char *want;
    /* Where the record was found; NULL: nowhere. */
    const char *policy_domain;
    size_t questions;
};

static inline void set_identifier(struct dmarc_identifier *identifier, struct dns_name *name,
                                  const char *text)
{
    *name = dmarc_world_name(text + 1);
    *identifier = (struct dmarc_identifier){
        .domain = name, .is_pass = text[0] == '+', .is_temporary = text[0] == '?'};
}

static inline void show(char *out, size_t size, const struct dmarc_outcome *outcome)
{
    static const char *const tags[] = {"p", "sp", "np", "rua"};

    snprintf(out, size, "%s %s %s", dmarc_result_text(outcome->result),
             dmarc_policy_text(outcome->disposition),
             outcome->has_record ? tags[outcome->policy_tag] : "-");
}

static inline void evaluate(struct dmarc_world *world, const struct row *row,
                            struct dmarc_outcome *outcome)
{
    struct dns_name author = dmarc_world_name(row->author);
    struct dns_name names[4];
    struct dmarc_identifier spf;
    struct dmarc_identifier dkim[3];
    struct dmarc_request_facts facts = {
        .arena = world->arena, .lookups = world->lookups, .author_domain = &author, .dkim = dkim};

    if (row->spf != NULL) {
        set_identifier(&spf, &names[3], row->spf);
        facts.spf = &spf;
    }
    while (facts.dkim_count < 3 && row->dkim[facts.dkim_count] != NULL) {
        set_identifier(&dkim[facts.dkim_count], &names[facts.dkim_count],
                       row->dkim[facts.dkim_count]);
        facts.dkim_count++;
    }
    dmarc_evaluate(&facts, outcome);
}

static inline void check_row(const struct row *row)
{
    struct dmarc_world world;
    struct dmarc_outcome outcome;
    char got[64];

    dmarc_world_init(&world, row->zone, 65536);
    evaluate(&world, row, &outcome);
    show(got, sizeof(got), &outcome);
    if (strcmp(got, row->want) != 0)
        fail_msg("%s: %s (%s)", row->name, got, outcome.reason == NULL ? "-" : outcome.reason);
    if (outcome.has_record != (row->policy_domain != NULL) ||
        (outcome.has_record && strcmp(outcome.policy_domain.text, row->policy_domain) != 0))
        fail_msg("%s: record of %s", row->name, outcome.policy_domain.text);
    if (row->questions != 0 && dns_lookups_count(world.lookups) != row->questions)
        fail_msg("%s: %zu questions", row->name, dns_lookups_count(world.lookups));
    if ((outcome.reason != NULL) !=
        (outcome.result == DMARC_RESULT_TEMPERROR || outcome.result == DMARC_RESULT_PERMERROR))
        fail_msg("%s: reason %s", row->name, outcome.reason == NULL ? "-" : outcome.reason);
    dmarc_world_deinit(&world);
}

static inline void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}
#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

#define OWN R("example.com", "p=reject")

#endif
