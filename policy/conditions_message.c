/* Conditions on the shape of the message: how many recipients, how large, which fields. */
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "policy/address.h"
#include "policy/author_names.h"
#include "policy/conditions.h"
#include "policy/domains.h"
#include "policy/header.h"
#include "policy/options.h"
#include "policy/rules-private.h"

#define COUNT_MAX       INT64_C(1000000)
#define SIZE_MAX_OCTETS (INT64_C(1) << 40)

/* Without a domain it is the MTA that completes it, with ours; nor does anybody know what it makes
 * of what cannot be read. */
static bool is_ours(const struct policy_domains *local, const struct policy_address *sender)
{
    return (sender->kind == POLICY_ADDRESS_DOMAIN &&
            policy_domains_contain(local, &sender->domain)) ||
           ((sender->kind == POLICY_ADDRESS_LOCAL || sender->kind == POLICY_ADDRESS_INVALID) &&
            !policy_domains_is_empty(local));
}

/* A stranger who uses a domain of ours, in MAIL FROM or, once it is known, in From. */
static bool matches_local_sender(const struct policy_rule_condition *condition,
                                 const struct policy_rule_facts *facts)
{
    const struct policy_domains *local = facts->session.local_domains;
    bool is_local =
        (facts->sender != NULL && is_ours(local, facts->sender)) ||
        (facts->session.header != NULL && policy_author_names(facts->session.header, local));

    return (is_local && policy_session_facts_is_stranger(&facts->session)) ==
           policy_condition_bool(condition);
}

/* Before the end of the header the reverse-path alone counts. */
static bool is_same_sender(const struct policy_rule *a, const struct policy_rule *b)
{
    return (a->stage < POLICY_STAGE_EOH) == (b->stage < POLICY_STAGE_EOH);
}

static void doubt_local_sender(const struct policy_rule_condition *condition,
                               const struct policy_options *options, struct base_buf *out)
{
    if (options->local_domains.count == 0 && policy_condition_bool(condition))
        base_buf_append_cstr(out, "no domain is ours: say which are, with `local-domains`");
}

/* At RCPT the one in question counts, too. */
static bool matches_recipients_over(const struct policy_rule_condition *condition,
                                    const struct policy_rule_facts *facts)
{
    int64_t count = (int64_t)facts->session.recipients + (facts->recipient != NULL ? 1 : 0);

    return count > policy_condition_number(condition);
}

static bool matches_size_over(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    return facts->session.size > (uint64_t)policy_condition_number(condition);
}

/* What was declared, what the header adds, and the whole are three things. */
static bool is_same_size(const struct policy_rule *a, const struct policy_rule *b)
{
    return a->stage == b->stage ||
           (a->stage < POLICY_STAGE_HEADER && b->stage < POLICY_STAGE_HEADER);
}

/* RFC 1870 section 6.2, RFC 3463 X.3.4. */
static struct policy_reply size_reply(const struct policy_rule_condition *condition,
                                      const struct policy_rule_facts *facts,
                                      struct base_arena *arena)
{
    (void)facts;
    return (struct policy_reply){"552", "5.3.4",
                                 base_arena_printf(arena, "Message is larger than %lld octets",
                                                   (long long)policy_condition_number(condition))};
}

/* ftext (RFC 5322 section 3.6.8). */
static bool is_field_name(struct base_text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!base_ascii_is_print(name.data[i]) || name.data[i] == ' ' || name.data[i] == ':')
            return false;
    return name.length > 0;
}

static void *compile_missing(const struct policy_condition *condition, const void *value,
                             struct base_error *error_r)
{
    const struct conf_list *list = value;

    (void)condition;
    for (size_t i = 0; i < list->count; i++) {
        if (is_field_name(base_text_of(list->items[i].text)))
            continue;
        conf_error_at(error_r, list->items[i].where,
                      "`header-missing`: \"%s\" is no name of a field: write it without a colon, "
                      "as Date",
                      list->items[i].text);
        return NULL;
    }
    return (void *)(uintptr_t)list;
}

/* The first of the fields that is not there; NULL: all are. What stands past the caps counts as
 * missing: it is nowhere that anybody would look for it. */
static const char *find_missing(const struct policy_rule_condition *condition,
                                const struct policy_rule_facts *facts)
{
    const struct conf_list *list = condition->value;

    for (size_t i = 0; facts->session.header != NULL && i < list->count; i++)
        if (policy_header_count(facts->session.header, base_text_of(list->items[i].text)) == 0)
            return list->items[i].text;
    return NULL;
}

static bool matches_missing(const struct policy_rule_condition *condition,
                            const struct policy_rule_facts *facts)
{
    return find_missing(condition, facts) != NULL;
}

static struct policy_reply missing_reply(const struct policy_rule_condition *condition,
                                         const struct policy_rule_facts *facts,
                                         struct base_arena *arena)
{
    const char *name = find_missing(condition, facts);

    return (struct policy_reply){
        "550", "5.6.0",
        base_arena_printf(arena, "The message has no %s field", name == NULL ? "such" : name)};
}

/* "Subject > 1", "Received>50", "* > 500": more fields of that name, or of all, than so many. */
struct wanted_count {
    /* {"*", 1}: all fields. */
    struct base_text name;
    uint64_t over;
};

struct wanted_counts {
    size_t count;
    struct wanted_count items[];
};

static bool parse_count(const char *text, struct wanted_count *wanted)
{
    struct base_text rest = base_text_of(text);

    wanted->name = base_text_trim(base_text_split(&rest, '>'));
    return rest.data != NULL && is_field_name(wanted->name) &&
           base_text_to_uint(base_text_trim(rest), COUNT_MAX, &wanted->over);
}

static void *compile_counts(const struct policy_condition *condition, const void *value,
                            struct base_error *error_r)
{
    const struct conf_list *list = value;
    struct wanted_counts *wanted =
        base_mem_alloc_zero(1, sizeof(*wanted) + list->count * sizeof(wanted->items[0]));

    (void)condition;
    wanted->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (parse_count(list->items[i].text, &wanted->items[i]))
            continue;
        conf_error_at(error_r, list->items[i].where,
                      "`header-count`: \"%s\" is not \"FIELD > NUMBER\": write \"Subject > 1\", or "
                      "\"* > 500\" for all fields",
                      list->items[i].text);
        base_mem_free(wanted);
        return NULL;
    }
    return wanted;
}

static void destroy_counts(void *compiled)
{
    base_mem_free(compiled);
}

static size_t count_fields(const struct policy_header *header, struct base_text name)
{
    size_t count = 0;

    if (!base_text_equals(name, BASE_TEXT("*")))
        return policy_header_count(header, name);
    for (size_t i = 0; i < header->count; i++)
        if (!header->fields[i].is_removed)
            count++;
    return count + header->left_out;
}

static const struct wanted_count *find_over(const struct policy_rule_condition *condition,
                                            const struct policy_rule_facts *facts)
{
    const struct wanted_counts *wanted = condition->compiled;

    for (size_t i = 0; facts->session.header != NULL && i < wanted->count; i++)
        if (count_fields(facts->session.header, wanted->items[i].name) > wanted->items[i].over)
            return &wanted->items[i];
    return NULL;
}

/* A header that is too large hides none of them. */
static bool counts_field(const struct policy_rule_condition *condition, struct base_text name)
{
    const struct wanted_counts *wanted = condition->compiled;

    for (size_t i = 0; i < wanted->count; i++)
        if (base_text_equals_nocase(wanted->items[i].name, name))
            return true;
    return false;
}

static bool matches_count(const struct policy_rule_condition *condition,
                          const struct policy_rule_facts *facts)
{
    return find_over(condition, facts) != NULL;
}

static struct policy_reply count_reply(const struct policy_rule_condition *condition,
                                       const struct policy_rule_facts *facts,
                                       struct base_arena *arena)
{
    const struct wanted_count *wanted = find_over(condition, facts);

    if (wanted == NULL || wanted->name.data[0] == '*')
        return (struct policy_reply){"550", "5.6.0", "The message has too many header fields"};
    return (struct policy_reply){"550", "5.6.0",
                                 base_arena_printf(arena, "The message has too many %.*s fields",
                                                   (int)wanted->name.length, wanted->name.data)};
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("local-sender-unauthenticated", CONF_BOOL,
                                       local_sender_unauthenticated, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .is_always_there = true,
     .matches = matches_local_sender,
     .is_same_fact = is_same_sender,
     .doubt = doubt_local_sender,
     .fixed_reply = {"550", "5.7.1", "Authenticate to send mail in the name of a domain of ours"}},
    {.option = {.name = "recipients-over",
                .type = CONF_INT,
                .offset = offsetof(struct policy_rule_options, recipients_over),
                .min = 0,
                .max = COUNT_MAX},
     .known_from = POLICY_STAGE_RCPT,
     .covers = policy_condition_covers_over,
     .matches = matches_recipients_over,
     /* RFC 5321 section 4.5.3.1.10: 452 for those past the limit, which are then sent again. */
     .fixed_reply = {"550", "5.5.3", "Too many recipients"},
     .temporary_code = "452"},
    {.option = {.name = "size-over",
                .type = CONF_SIZE,
                .offset = offsetof(struct policy_rule_options, size_over),
                .min = 1,
                .max = SIZE_MAX_OCTETS},
     .known_from = POLICY_STAGE_MAIL,
     .covers = policy_condition_covers_over,
     .matches = matches_size_over,
     .is_same_fact = is_same_size,
     .reply = size_reply,
     .temporary_code = "452"},
    {.option = POLICY_CONDITION_OPTION("header-missing", CONF_LIST, header_missing, NULL),
     .known_from = POLICY_STAGE_EOH,
     .cost = POLICY_COST_LOOKUP,
     .compile = compile_missing,
     .matches = matches_missing,
     .reply = missing_reply},
    {.option = POLICY_CONDITION_OPTION("header-count", CONF_LIST, header_count, NULL),
     .known_from = POLICY_STAGE_EOH,
     .cost = POLICY_COST_LOOKUP,
     .compile = compile_counts,
     .destroy = destroy_counts,
     .matches = matches_count,
     .counts = counts_field,
     .reply = count_reply},
};

const struct conf_option_group policy_conditions_message = POLICY_CONDITION_GROUP(rows);
