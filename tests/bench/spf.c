/* Processor time of one SPF evaluation, DNS in memory: ours, libspf2 alone over the same zone, and
 * python3-spf where it is installed. `make tests/bench/spf && srcdir=.. tests/bench/spf [ROUNDS]`;
 * to be reached: at most libspf2 alone + 8 us on each record (exit status 1 if not). */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/spf/spf.h"

/* Last: it brings its own idea of a few standard headers. */
#include <spf2/spf.h>

#define GOAL_US     8.0
#define EVALUATIONS 2000
#define ROUNDS      21
#define ROUNDS_MAX  1000

struct record {
    const char *name;
    const char *client;
    const char *domain;
};

static const struct record records[] = {
    {"one ip4", "192.0.2.1", "ip4.example"},
    {"mx a include", "198.51.100.7", "mx.example"},
    {"three includes of 14 ip4", "203.0.113.214", "three.example"},
    {"20 ip6", "2001:db8:20::1", "ip6.example"},
    {"macro exists", "192.0.2.1", "macro.example"},
};

#define RECORDS (sizeof(records) / sizeof(records[0]))

/* A line each: owner, type, value; as spf_peer.py reads it. */
static const char fixed_data[] = "ip4.example TXT v=spf1 ip4:192.0.2.0/24 -all\n"
                                 "mx.example TXT v=spf1 mx a include:_spf.mx.example -all\n"
                                 "mx.example MX 10 a.mx.example\n"
                                 "mx.example MX 20 b.mx.example\n"
                                 "mx.example A 192.0.2.10\n"
                                 "a.mx.example A 192.0.2.11\n"
                                 "b.mx.example A 192.0.2.12\n"
                                 "_spf.mx.example TXT v=spf1 ip4:198.51.100.0/24 -all\n"
                                 "three.example TXT v=spf1 include:_a.three.example "
                                 "include:_b.three.example include:_c.three.example -all\n"
                                 "macro.example TXT v=spf1 exists:%{ir}.%{l}._spf.%{d} -all\n"
                                 "1.2.0.192.user._spf.macro.example A 127.0.0.2\n";

static void make_data(struct base_buf *data)
{
    base_buf_append_cstr(data, fixed_data);
    for (char c = 'a'; c <= 'c'; c++) {
        base_buf_appendf(data, "_%c.three.example TXT v=spf1", c);
        for (int i = 1; i <= 14; i++)
            base_buf_appendf(data, " ip4:203.0.113.%d", (c - 'a') * 100 + i);
        base_buf_append_cstr(data, " ~all\n");
    }
    base_buf_append_cstr(data, "ip6.example TXT v=spf1");
    for (int i = 1; i <= 20; i++)
        base_buf_appendf(data, " ip6:2001:db8:%d::/48", i);
    base_buf_append_cstr(data, " -all\n");
}

static void append_strings(struct base_buf *zone, struct base_text text)
{
    for (size_t at = 0; at < text.length; at += 200)
        base_buf_appendf(zone, "\"%.*s\" ", text.length - at < 200 ? (int)(text.length - at) : 200,
                         text.data + at);
}

/* The same as a master file: names with their last dot, TXT in strings. */
static void append_line(struct base_buf *zone, struct base_text line)
{
    struct base_text owner = base_text_split(&line, ' ');
    struct base_text type = base_text_split(&line, ' ');

    base_buf_appendf(zone, "%.*s. 300 %.*s ", (int)owner.length, owner.data, (int)type.length,
                     type.data);
    if (base_text_equals(type, BASE_TEXT("TXT")))
        append_strings(zone, line);
    else
        base_buf_append_text(zone, line);
    base_buf_append_cstr(zone, base_text_equals(type, BASE_TEXT("MX")) ? ".\n" : "\n");
}

static struct dns_resolver *make_zone(struct base_text data)
{
    struct base_buf zone;
    struct base_error error;
    struct dns_resolver *resolver;

    base_buf_init(&zone, NULL, 1 << 20);
    while (data.length > 0)
        append_line(&zone, base_text_split(&data, '\n'));
    resolver = dns_zone_create(base_buf_text(&zone), "bench", &error);
    if (resolver == NULL)
        base_panic("%s", error.text);
    base_buf_deinit(&zone);
    return resolver;
}

static double cpu_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* --- ours ------------------------------------------------------------------------------------- */

struct ours {
    struct dns_resolver *resolver;
    struct base_clock clock;
    struct base_arena *arena;
};

static void ours_once(struct ours *ours, const struct record *record)
{
    const struct dns_lookups_options options = {
        .resolver = ours->resolver, .clock = &ours->clock, .max_questions = 400};
    struct dns_budget budget = {.left_ns = BASE_NS_PER_S};
    struct dns_lookups *lookups = dns_lookups_create(ours->arena, &options);
    struct spf_request request = {
        .arena = ours->arena,
        .lookups = lookups,
        .domain = base_text_of(record->domain),
        .local_part = BASE_TEXT("user"),
        .helo = base_text_of(record->domain),
        .receiver = BASE_TEXT("mx.example.org"),
        .now_s = 1000,
        .max_terms = SPF_TERMS_MAX,
        .max_voids = 2,
    };
    struct spf_outcome outcome;
    unsigned char octets[16];
    bool is_ipv6 = strchr(record->client, ':') != NULL;

    dns_lookups_set_budget(lookups, &budget);
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, record->client, octets) != 1)
        base_panic("no address: %s", record->client);
    spf_client_set(&request.client, octets, is_ipv6 ? 16 : 4);
    spf_check_host(&request, &outcome);
    if (outcome.verdict != SPF_VERDICT_PASS)
        base_panic("%s: %s", record->name, spf_verdict_text(outcome.verdict));
    dns_lookups_destroy(&lookups);
    base_arena_reset(ours->arena);
}

static double ours_run(struct ours *ours, const struct record *record)
{
    double begin = cpu_us();

    for (int i = 0; i < EVALUATIONS; i++)
        ours_once(ours, record);
    return (cpu_us() - begin) / EVALUATIONS;
}

/* --- libspf2 alone ---------------------------------------------------------------------------- */

static SPF_dns_rr_t *add_text(SPF_dns_rr_t *rr, size_t index, struct base_text text)
{
    if (SPF_dns_rr_buf_realloc(rr, (int)index, text.length + 1) != SPF_E_SUCCESS)
        base_panic("libspf2 is out of memory");
    memcpy(rr->rr[index]->txt, text.data, text.length);
    rr->rr[index]->txt[text.length] = '\0';
    return rr;
}

static void add_record(SPF_dns_rr_t *rr, size_t index, ns_type type, struct base_text value)
{
    if (type == ns_t_txt || type == ns_t_mx) {
        /* `mx` and `txt` lie at the same place. */
        (void)add_text(rr, index, value);
        return;
    }
    if (SPF_dns_rr_buf_realloc(rr, (int)index, sizeof(SPF_dns_rr_data_t)) != SPF_E_SUCCESS)
        base_panic("libspf2 is out of memory");
    memcpy(type == ns_t_a ? (void *)&rr->rr[index]->a : (void *)&rr->rr[index]->aaaa, value.data,
           value.length);
}

static SPF_dns_rr_t *peer_look_up(SPF_dns_server_t *server, const char *domain, ns_type type,
                                  int should_cache)
{
    struct dns_resolver *resolver = server->hook;
    SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, domain, type, 0, NO_DATA);
    struct dns_pending *pending;
    struct dns_answer *answer;
    struct dns_name name;

    (void)should_cache;
    if (dns_name_make(&name, base_text_of(domain)) != DNS_NAME_OK)
        return rr;
    pending = resolver->ops->ask(resolver, &name, (enum dns_type)type);
    answer = resolver->ops->wait(pending, 0);
    for (size_t i = 0; i < answer->count; i++)
        add_record(rr, i, type, answer->records[i].value);
    rr->num_rr = (int)answer->count;
    rr->herrno = answer->count > 0 ? NETDB_SUCCESS : NO_DATA;
    dns_answer_unref(&answer);
    resolver->ops->drop(&pending);
    return rr;
}

static void peer_once(SPF_server_t *server, const struct record *record)
{
    SPF_request_t *request = SPF_request_new(server);
    SPF_response_t *response = NULL;
    char from[64];

    if (strchr(record->client, ':') != NULL)
        (void)SPF_request_set_ipv6_str(request, record->client);
    else
        (void)SPF_request_set_ipv4_str(request, record->client);
    (void)snprintf(from, sizeof(from), "user@%s", record->domain);
    (void)SPF_request_set_helo_dom(request, record->domain);
    (void)SPF_request_set_env_from(request, from);
    (void)SPF_request_query_mailfrom(request, &response);
    if (response == NULL || SPF_response_result(response) != SPF_RESULT_PASS)
        base_panic("libspf2: %s", record->name);
    SPF_response_free(response);
    SPF_request_free(request);
}

static double peer_run(SPF_server_t *server, const struct record *record)
{
    double begin = cpu_us();

    for (int i = 0; i < EVALUATIONS; i++)
        peer_once(server, record);
    return (cpu_us() - begin) / EVALUATIONS;
}

/* --- python3-spf ------------------------------------------------------------------------------ */

/* Its input: what is asked, an empty line, the data. */
static bool write_input(const char *path, const struct base_buf *data)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return false;
    for (size_t i = 0; i < RECORDS; i++)
        (void)fprintf(file, "%s %s\n", records[i].client, records[i].domain);
    (void)fprintf(file, "\n%s", base_buf_cstr(data));
    return fclose(file) == 0;
}

/* Microseconds of each record; 0 where no Python has it. */
static void run_python(const struct base_buf *data, double us[RECORDS])
{
    const char *srcdir = getenv("srcdir");
    char path[] = "/tmp/postseal-bench-spf.XXXXXX";
    char command[1024];
    int fd = mkstemp(path);
    FILE *out;

    memset(us, 0, RECORDS * sizeof(*us));
    if (fd < 0 || !write_input(path, data))
        base_panic("%s: cannot be written", path);
    (void)close(fd);
    (void)snprintf(command, sizeof(command),
                   "for p in ${PYTHON3:-} /usr/bin/python3 python3; do "
                   "$p -c 'import spf' 2>/dev/null && "
                   "exec $p %s/tests/bench/spf_peer.py 200 <%s; done",
                   srcdir == NULL ? "." : srcdir, path);
    out = popen(command, "r");
    for (size_t i = 0; out != NULL && i < RECORDS; i++)
        if (fscanf(out, "%lf", &us[i]) != 1)
            break;
    if (out != NULL)
        (void)pclose(out);
    (void)unlink(path);
}

/* --- all -------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

/* In turns, so that what else the machine does falls on both. */
static bool bench_record(struct ours *ours, SPF_server_t *server, const struct record *record,
                         size_t rounds, double python_us)
{
    static double own[ROUNDS_MAX];
    static double peer[ROUNDS_MAX];
    double own_us;
    double peer_us;

    for (size_t i = 0; i < rounds; i++) {
        own[i] = ours_run(ours, record);
        peer[i] = peer_run(server, record);
    }
    own_us = median(own, rounds);
    peer_us = median(peer, rounds);
    (void)printf("%-26s %9.2f %9.2f %+9.2f %-7s", record->name, own_us, peer_us, own_us - peer_us,
                 own_us - peer_us <= GOAL_US ? "ok" : "MISSED");
    if (python_us > 0)
        (void)printf(" %9.2f\n", python_us);
    else
        (void)printf(" %9s\n", "-");
    return own_us - peer_us <= GOAL_US;
}

int main(int argc, char **argv)
{
    struct base_buf data;
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
    bool is_reached = true;
    double python_us[RECORDS];

    base_buf_init(&data, NULL, 1 << 20);
    make_data(&data);
    struct dns_resolver *resolver = make_zone(base_buf_text(&data));
    struct ours ours = {resolver, base_clock_system(), base_arena_create((size_t)2 << 20, NULL)};
    SPF_dns_server_t dns = {.lookup = peer_look_up, .name = "zone", .hook = resolver};
    SPF_server_t *server = SPF_server_new_dns(&dns, 0);

    if (rounds == 0 || rounds > ROUNDS_MAX)
        rounds = ROUNDS;
    run_python(&data, python_us);
    (void)printf("microseconds of processor time an evaluation, median of %zu rounds\n", rounds);
    (void)printf("%-26s %9s %9s %9s %-7s %s\n", "record", "postseal", "libspf2", "more", "",
                 "pyspf");
    for (size_t i = 0; i < RECORDS; i++)
        is_reached &= bench_record(&ours, server, &records[i], rounds, python_us[i]);
    SPF_server_free(server);
    base_arena_destroy(&ours.arena);
    dns_resolver_destroy(&resolver);
    base_buf_deinit(&data);
    return is_reached ? 0 : 1;
}
