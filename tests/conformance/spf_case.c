#include "tests/conformance/spf_case.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "tests/conformance/suite.h"

static void set_client(struct spf_client *client, const char *ip)
{
    unsigned char octets[16];

    if (inet_pton(AF_INET, ip, octets) == 1)
        spf_client_set(client, octets, 4);
    else if (inet_pton(AF_INET6, ip, octets) == 1)
        spf_client_set(client, octets, 16);
}

/* MAIL FROM as RFC 7208 section 2.4 wants it: a null sender is postmaster@HELO. */
static void set_sender(struct spf_request *request, struct base_text mail_from)
{
    const char *at = mail_from.length == 0 ? NULL : memrchr(mail_from.data, '@', mail_from.length);

    if (mail_from.length == 0) {
        request->domain = request->helo;
    } else if (at == NULL) {
        request->domain = mail_from;
    } else {
        request->local_part = (struct base_text){mail_from.data, (size_t)(at - mail_from.data)};
        request->domain =
            (struct base_text){at + 1, mail_from.length - request->local_part.length - 1};
    }
}

void spf_case_run(struct spf_case *run, const struct base_json *test, struct dns_resolver *resolver)
{
    struct dns_lookups_options options = {.resolver = resolver, .max_questions = 400};

    *run = (struct spf_case){.clock = base_clock_system(), .budget = {BASE_NS_PER_S}};
    run->arena = base_arena_create((size_t)8 << 20, NULL);
    options.clock = &run->clock;
    run->request = (struct spf_request){
        .arena = run->arena,
        .lookups = dns_lookups_create(run->arena, &options),
        .max_terms = SPF_TERMS_MAX,
        .max_voids = 2,
        .want_explanation = true,
        .now_s = 1000,
    };
    dns_lookups_set_budget(run->request.lookups, &run->budget);
    run->helo = suite_octets(base_json_get(test, "helo"));
    run->mail_from = suite_octets(base_json_get(test, "mailfrom"));
    run->request.helo = run->helo;
    set_client(&run->request.client, suite_text(test, "ip", ""));
    set_sender(&run->request, run->mail_from);
    spf_check_host(&run->request, &run->outcome);
}

void spf_case_end(struct spf_case *run)
{
    dns_lookups_destroy(&run->request.lookups);
    base_arena_destroy(&run->arena);
    base_mem_free((char *)(uintptr_t)run->helo.data);
    base_mem_free((char *)(uintptr_t)run->mail_from.data);
}

bool spf_case_is_term_of(const struct spf_outcome *outcome)
{
    switch (outcome->term.length == 0 ? '\0' : outcome->term.data[0]) {
    case '\0':
        return outcome->verdict == SPF_VERDICT_NONE || outcome->verdict == SPF_VERDICT_NEUTRAL ||
               outcome->verdict == SPF_VERDICT_TEMPERROR ||
               outcome->verdict == SPF_VERDICT_PERMERROR;
    case '-':
        return outcome->verdict == SPF_VERDICT_FAIL;
    case '~':
        return outcome->verdict == SPF_VERDICT_SOFTFAIL;
    case '?':
        return outcome->verdict == SPF_VERDICT_NEUTRAL;
    default:
        return outcome->verdict == SPF_VERDICT_PASS;
    }
}
