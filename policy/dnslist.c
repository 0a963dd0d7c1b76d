#include "policy/dnslist.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "dns/lookups.h"
#include "policy/idn.h"

/* A zone leaves room for 32 nibbles and their dots. */
#define ZONE_MAX (DNS_NAME_MAX - 64)
/* Octets of a list's text that are kept. */
#define TEXT_KEPT 256

struct list_options {
    struct conf_list codes;
    /* Milliseconds. */
    int64_t timeout;
    bool txt;
};

/* An octet of a code. */
struct range {
    unsigned char first;
    unsigned char last;
};

struct pattern {
    struct range octets[4];
};

struct policy_dnslist {
    const char *name;
    bool is_allowing;
    const struct list_options *options;
    struct dns_name zone;
    bool is_used;
    size_t pattern_count;
    struct pattern *patterns;
    /* It was said that it does not work. */
    atomic_bool is_said;
};

struct policy_dnslists {
    size_t count;
    struct policy_dnslist *items;
};

const char *policy_dnslist_result_text(enum policy_dnslist_result result)
{
    static const char *const texts[] = {"unknown", "hit", "other", "none", "temperror", "broken"};

    return texts[result];
}

static const struct conf_option rows[] = {
    {.name = "codes", .type = CONF_LIST, .offset = offsetof(struct list_options, codes)},
    {.name = "timeout",
     .type = CONF_DURATION,
     .offset = offsetof(struct list_options, timeout),
     .fallback = "3s",
     .min = 100,
     .max = 60000},
    {.name = "txt",
     .type = CONF_BOOL,
     .offset = offsetof(struct list_options, txt),
     .fallback = "no"},
};

const struct conf_table policy_dnsbl_table = {
    .name = "dnsbl",
    .has_title = true,
    .struct_size = sizeof(struct list_options),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
};

const struct conf_table policy_dnswl_table = {
    .name = "dnswl",
    .has_title = true,
    .struct_size = sizeof(struct list_options),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
};

/* "2", "2-11", "*" */
static bool parse_range(struct base_text text, struct range *range)
{
    struct base_text rest = text;
    uint64_t first = 0;
    uint64_t last = 255;

    if (!base_text_equals(text, BASE_TEXT("*"))) {
        if (!base_text_to_uint(base_text_split(&rest, '-'), 255, &first))
            return false;
        last = first;
        if (rest.data != NULL && !base_text_to_uint(rest, 255, &last))
            return false;
    }
    *range = (struct range){(unsigned char)first, (unsigned char)last};
    return first <= last;
}

/* Four octets, each a number, a range or '*'; the first one is 127. */
static bool parse_pattern(const char *text, struct pattern *pattern)
{
    struct base_text rest = base_text_of(text);

    for (size_t i = 0; i < 4; i++)
        if (rest.data == NULL || !parse_range(base_text_split(&rest, '.'), &pattern->octets[i]))
            return false;
    return rest.data == NULL && pattern->octets[0].first == 127 && pattern->octets[0].last == 127;
}

static bool compile(struct policy_dnslist *list, const struct conf_section *section,
                    struct base_error *error_r)
{
    const struct conf_list *codes;

    list->options = section->values;
    list->name = section->title;
    list->is_allowing = section->table == &policy_dnswl_table;
    if (!policy_idn_to_name(base_text_of(section->title), &list->zone) ||
        list->zone.length > ZONE_MAX) {
        conf_error_at(error_r, section->where,
                      "%s \"%s\" is no domain name that addresses can stand under: write the "
                      "list's zone, as in its instructions",
                      section->table->name, section->title);
        return false;
    }
    codes = &list->options->codes;
    list->patterns = base_mem_alloc_zero(codes->count, sizeof(*list->patterns));
    list->pattern_count = codes->count;
    for (size_t i = 0; i < codes->count; i++) {
        if (parse_pattern(codes->items[i].text, &list->patterns[i]))
            continue;
        conf_error_at(error_r, codes->items[i].where,
                      "`codes`: \"%s\" is no code: write \"127.0.0.2\", \"127.0.0.2-11\" or "
                      "\"127.0.*.1-3\"",
                      codes->items[i].text);
        return false;
    }
    return true;
}

struct policy_dnslists *policy_dnslists_create(const struct conf_snapshot *conf,
                                               struct base_error *error_r)
{
    static const struct conf_table *const tables[] = {&policy_dnsbl_table, &policy_dnswl_table};
    struct policy_dnslists *lists = base_mem_alloc_zero(1, sizeof(*lists));

    lists->items = base_mem_alloc_zero(POLICY_DNSLISTS_MAX, sizeof(*lists->items));
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < conf_snapshot_count(conf, tables[i]); k++) {
            const struct conf_section *section = conf_snapshot_at(conf, tables[i], k);
            bool has_room = lists->count < POLICY_DNSLISTS_MAX;

            if (!has_room)
                conf_error_at(error_r, section->where,
                              "%s \"%s\" is one too many: at most %d lists are asked for a client",
                              section->table->name, section->title, POLICY_DNSLISTS_MAX);
            if (!has_room || !compile(&lists->items[lists->count++], section, error_r)) {
                policy_dnslists_destroy(&lists);
                return NULL;
            }
        }
    return lists;
}

void policy_dnslists_destroy(struct policy_dnslists **lists)
{
    if (*lists == NULL)
        return;
    for (size_t i = 0; i < (*lists)->count; i++)
        base_mem_free((*lists)->items[i].patterns);
    base_mem_free((*lists)->items);
    base_mem_free(*lists);
    *lists = NULL;
}

size_t policy_dnslists_count(const struct policy_dnslists *lists)
{
    return lists->count;
}

struct policy_dnslist *policy_dnslists_at(const struct policy_dnslists *lists, size_t index)
{
    return &lists->items[index];
}

bool policy_dnslists_find(const struct policy_dnslists *lists, const char *zone, bool is_allowing,
                          size_t *index_r)
{
    for (size_t i = 0; i < lists->count; i++)
        if (lists->items[i].is_allowing == is_allowing && strcmp(lists->items[i].name, zone) == 0) {
            *index_r = i;
            return true;
        }
    return false;
}

void policy_dnslist_use(struct policy_dnslist *list)
{
    list->is_used = true;
}

bool policy_dnslist_is_used(const struct policy_dnslist *list)
{
    return list->is_used;
}

/* RFC 5782 sections 2.1 and 2.4: as in reverse DNS, under another zone. */
static bool make_name(const struct policy_dnslist *list, const unsigned char *address,
                      size_t length, struct dns_name *name_r)
{
    static const char *const suffixes[] = {".in-addr.arpa", ".ip6.arpa"};
    struct dns_name reverse;

    dns_name_reverse(&reverse, address, length);
    reverse.text[reverse.length - strlen(suffixes[length == 4 ? 0 : 1])] = '\0';
    return dns_name_prepend(name_r, reverse.text, &list->zone);
}

void policy_dnslist_prefetch(const struct policy_dnslist *list, struct dns_lookups *lookups,
                             const unsigned char *address, size_t length)
{
    struct dns_name name;

    if (make_name(list, address, length, &name))
        dns_lookups_prefetch(lookups, &name, DNS_TYPE_A);
}

static bool is_wanted(const struct policy_dnslist *list, const unsigned char *code)
{
    for (size_t i = 0; i < list->pattern_count; i++) {
        const struct range *octets = list->patterns[i].octets;
        size_t fits = 0;

        while (fits < 4 && code[fits] >= octets[fits].first && code[fits] <= octets[fits].last)
            fits++;
        if (fits == 4)
            return true;
    }
    return list->pattern_count == 0;
}

/* What lists say of those who may not ask, and who asks too often, stands in 127.255.255.0/24; what
 * is outside of 127.0.0.0/8 is said by whoever took the zone over. */
static bool is_error(const unsigned char *code)
{
    return code[0] != 127 || (code[1] == 255 && code[2] == 255);
}

static void write_code(const unsigned char *code, char out[16])
{
    (void)snprintf(out, 16, "%u.%u.%u.%u", code[0], code[1], code[2], code[3]);
}

/* One bad address makes the whole answer worth nothing. */
static void judge(const struct policy_dnslist *list, const struct dns_answer *answer,
                  struct policy_dnslist_outcome *outcome)
{
    outcome->result = POLICY_DNSLIST_NONE;
    for (size_t i = 0; i < answer->count && i < POLICY_DNSLIST_CODES_MAX; i++) {
        const unsigned char *code = (const unsigned char *)answer->records[i].value.data;

        if (answer->records[i].value.length != 4)
            continue;
        if (outcome->code[0] == '\0')
            write_code(code, outcome->code);
        if (is_error(code)) {
            write_code(code, outcome->code);
            outcome->result = POLICY_DNSLIST_BROKEN;
            return;
        }
        if (outcome->result != POLICY_DNSLIST_HIT && is_wanted(list, code)) {
            write_code(code, outcome->code);
            outcome->result = POLICY_DNSLIST_HIT;
        } else if (outcome->result == POLICY_DNSLIST_NONE) {
            outcome->result = POLICY_DNSLIST_OTHER;
        }
    }
}

static void say_broken(struct policy_dnslist *list, const char *code)
{
    if (atomic_exchange(&list->is_said, true))
        return;
    base_log_warning(
        "%s \"%s\" answers %s, which is no code: its answers are not used; it may have "
        "been shut down, or refuse to be asked through this resolver",
        list->is_allowing ? "dnswl" : "dnsbl", list->name, code);
}

static const struct dns_answer *ask(struct dns_lookups *lookups, struct dns_budget *budget,
                                    int64_t *left_ns, const struct dns_name *name,
                                    enum dns_type type)
{
    struct dns_budget own = {*left_ns < budget->left_ns ? *left_ns : budget->left_ns};
    int64_t before_ns = own.left_ns;
    const struct dns_answer *answer;

    dns_lookups_set_budget(lookups, &own);
    answer = dns_lookups_get(lookups, name, type);
    dns_lookups_set_budget(lookups, budget);
    *left_ns -= before_ns - own.left_ns;
    budget->left_ns -= before_ns - own.left_ns;
    return answer;
}

void policy_dnslist_evaluate(struct policy_dnslist *list, struct base_arena *arena,
                             struct dns_lookups *lookups, struct dns_budget *budget,
                             int64_t waited_ns, const unsigned char *address, size_t length,
                             struct policy_dnslist_outcome *outcome_r)
{
    int64_t whole_ns = list->options->timeout * BASE_NS_PER_MS;
    int64_t left_ns = whole_ns > waited_ns ? whole_ns - waited_ns : 0;
    int64_t spent_ns = left_ns;
    const struct dns_answer *answer;
    struct dns_name name;

    *outcome_r = (struct policy_dnslist_outcome){
        .zone = list->name, .is_allowing = list->is_allowing, .result = POLICY_DNSLIST_NONE};
    if (!make_name(list, address, length, &name))
        return;
    answer = ask(lookups, budget, &left_ns, &name, DNS_TYPE_A);
    if (dns_status_is_temporary(answer->status)) {
        outcome_r->result = POLICY_DNSLIST_TEMPERROR;
        return;
    }
    judge(list, answer, outcome_r);
    if (outcome_r->result == POLICY_DNSLIST_BROKEN)
        say_broken(list, outcome_r->code);
    if (outcome_r->result != POLICY_DNSLIST_HIT || !list->options->txt)
        return;
    /* This question begins here. */
    left_ns = whole_ns - (spent_ns - left_ns);
    answer = ask(lookups, budget, &left_ns, &name, DNS_TYPE_TXT);
    if (answer->count > 0) {
        struct base_text text = answer->records[0].value;
        char *copy;

        text.length = text.length < TEXT_KEPT ? text.length : TEXT_KEPT;
        copy = text.length == 0 ? NULL : base_arena_strndup(arena, text.data, text.length);
        if (copy != NULL)
            outcome_r->text = (struct base_text){copy, text.length};
    }
}
