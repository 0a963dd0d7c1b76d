/* One case of the SPF suite, or one in its form, evaluated. */
#ifndef TESTS_CONFORMANCE_SPF_CASE_H
#define TESTS_CONFORMANCE_SPF_CASE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "dns/lookups.h"
#include "policy/spf/spf.h"

struct spf_case {
    struct base_clock clock;
    struct dns_budget budget;
    struct base_arena *arena;
    struct base_text helo;
    struct base_text mail_from;
    struct spf_request request;
    struct spf_outcome outcome;
};

/* Evaluates `test` (`ip`, `helo`, `mailfrom`) against `resolver`; the outcome lives until
 * spf_case_end(). The time is 1000 s after the epoch. */
void spf_case_run(struct spf_case *run, const struct base_json *test,
                  struct dns_resolver *resolver);
void spf_case_end(struct spf_case *run);

/* The verdict is libspf2's, the deciding term is found by us: they say the same. */
bool spf_case_is_term_of(const struct spf_outcome *outcome);

#endif
