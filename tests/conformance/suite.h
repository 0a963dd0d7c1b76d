/* The public suites, read in place: ../shared/suites beside the project's root, where they are. */
#ifndef TESTS_CONFORMANCE_SUITE_H
#define TESTS_CONFORMANCE_SUITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/text.h"
#include "dns/resolver.h"

/* Exit status that automake counts as skipped. */
#define SUITE_SKIPPED 77

/* The whole file `name` ("spf/rfc7208.cases.jsonl"), on the heap; {NULL, 0} with a message on
 * stdout that says "skipped" where the suites are not there. */
struct base_text suite_read(const char *name);

/* The next line as JSON; NULL at the end. `rest` starts as the file's text. */
struct base_json *suite_next(struct base_text *rest);

/* A JSON text in which each character stands for an octet (latin-1): its octets, on the heap. */
struct base_text suite_octets(const struct base_json *text);

/* A resolver that answers from a zone object as the suites' README describes it. Exits with a
 * message if the zone cannot be made. */
struct dns_resolver *suite_zone(const struct base_json *zone);

/* The member's text as a C string, or `fallback`. Borrowed. */
const char *suite_text(const struct base_json *object, const char *key, const char *fallback);

#endif
