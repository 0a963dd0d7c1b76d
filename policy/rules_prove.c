/* A rule is a box: a set of values for each of its conditions, and anything for the others. A
 * message is a point, or, where a fact has several values (recipients, signatures), some points of
 * which one must lie in the box. Those before it are taken away from a rule's box; if nothing is
 * left, no message gets there. Facts that depend on each other only make the boxes smaller than
 * they are taken for here, so that the proof holds. */
#include "policy/rules_prove.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/rules-private.h"
#include "policy/rules_contradict.h"

enum {
    DIMENSIONS_MAX = POLICY_PROOF_CONDITIONS_MAX,
    /* More pieces than this, and nothing is said. */
    BOXES_MAX = 2048,
    ATOMS_MAX = 64,
    /* Lists of more items are not compared: that would take for ever, and nobody wrote them. */
    ITEMS_MAX = 10000,
};

/* One condition of the rule, or one that it does not have and whose fact is always there. */
struct dimension {
    const struct policy_condition *row;
    /* NULL: any value. */
    const struct policy_rule_condition *condition;
    /* A bit each value: a word, false and true, an item of a list; one bit for all else. */
    uint64_t all;
    /* A list that is another one another day. */
    bool is_open;
};

struct box {
    uint64_t sets[DIMENSIONS_MAX];
};

struct proof {
    const struct policy_rule *rule;
    /* Bits of enum policy_proof_scope. */
    unsigned scope;
    struct dimension dimensions[DIMENSIONS_MAX];
    size_t dimension_count;
    struct box *boxes;
    size_t count;
    bool is_over;
};

static uint64_t bits_below(size_t count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static size_t word_count(const struct policy_condition *row)
{
    size_t count = 0;

    while (row->option.words[count] != NULL)
        count++;
    return count;
}

/* The values that the option's type lets be told apart. */
static uint64_t universe(const struct policy_condition *row)
{
    switch (row->option.type) {
    case CONF_BOOL:
        return 3;
    case CONF_WORD:
    case CONF_WORDS:
        return bits_below(word_count(row));
    default:
        return 1;
    }
}

uint64_t policy_rule_condition_bits(const struct policy_rule_condition *condition)
{
    const struct conf_list *list = condition->value;

    switch (condition->row->option.type) {
    case CONF_BOOL:
        return policy_condition_bool(condition) ? 2 : 1;
    case CONF_WORD:
        return UINT64_C(1) << policy_condition_word(condition);
    case CONF_WORDS:
        return *(const uint64_t *)condition->value;
    case CONF_LIST:
        return list->count > ATOMS_MAX ? 1 : bits_below(list->count);
    default:
        return 1;
    }
}

static void each_word(const char *const *words, uint64_t bits,
                      void (*each)(void *context, const char *value), void *context)
{
    for (unsigned i = 0; words[i] != NULL; i++)
        if ((bits & UINT64_C(1) << i) != 0)
            each(context, words[i]);
}

static void each_item(const struct conf_list *list, uint64_t bits,
                      void (*each)(void *context, const char *value), void *context)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->count > ATOMS_MAX ? bits != 0 : (bits & UINT64_C(1) << i) != 0)
            each(context, list->items[i].text);
}

void policy_rule_condition_each(const struct policy_rule_condition *condition, uint64_t bits,
                                void (*each)(void *context, const char *value), void *context)
{
    static const char *const bool_words[] = {"no", "yes", NULL};
    const struct conf_option *option = &condition->row->option;
    char number[32];

    switch (option->type) {
    case CONF_BOOL:
        each_word(bool_words, bits, each, context);
        break;
    case CONF_WORD:
    case CONF_WORDS:
        each_word(option->words, bits, each, context);
        break;
    case CONF_LIST:
        each_item(condition->value, bits, each, context);
        break;
    case CONF_STRING:
        each(context, *(const char *const *)condition->value);
        break;
    default:
        (void)snprintf(number, sizeof(number), "%" PRId64, policy_condition_number(condition));
        each(context, number);
        break;
    }
}

static const struct policy_rule_condition *find(const struct policy_rule *rule,
                                                const struct policy_condition *row)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (rule->conditions[i].row == row)
            return &rule->conditions[i];
    return NULL;
}

/* --- what one condition takes of another ---------------------------------------------------------
 */

static bool has_item(const struct policy_rule_condition *taker, const char *item)
{
    const struct conf_list *list = taker->value;

    if (taker->row->covers_item != NULL)
        return taker->row->covers_item(taker->compiled, item);
    for (size_t i = 0; i < list->count && i < 1000; i++)
        if (strcmp(list->items[i].text, item) == 0)
            return true;
    return false;
}

static uint64_t taken_items(const struct policy_rule_condition *taker,
                            const struct policy_rule_condition *condition)
{
    const struct conf_list *list = condition->value;
    const struct conf_list *takes = taker->value;
    uint64_t taken = 0;

    if (list->count > ITEMS_MAX || takes->count > ITEMS_MAX)
        return 0;
    if (list->count > ATOMS_MAX) {
        for (size_t i = 0; i < list->count; i++)
            if (!has_item(taker, list->items[i].text))
                return 0;
        return 1;
    }
    for (size_t i = 0; i < list->count; i++)
        if (has_item(taker, list->items[i].text))
            taken |= UINT64_C(1) << i;
    return taken;
}

/* Nothing can be proved from what it holds today. */
static bool is_open(const struct proof *proof, const struct policy_rule_condition *condition)
{
    return (proof->scope & POLICY_PROOF_FILES) == 0 && condition->row->option.type == CONF_LIST &&
           ((const struct conf_list *)condition->value)->has_file;
}

static bool is_same_value(const struct policy_rule_condition *a,
                          const struct policy_rule_condition *b)
{
    switch (a->row->option.type) {
    case CONF_STRING:
        return strcmp(*(const char *const *)a->value, *(const char *const *)b->value) == 0;
    case CONF_MODE:
        return policy_condition_word(a) == policy_condition_word(b);
    default:
        return policy_condition_number(a) == policy_condition_number(b);
    }
}

/* The part of the dimension that the condition takes. */
static uint64_t taken_by(const struct policy_rule_condition *taker,
                         const struct dimension *dimension)
{
    const struct policy_rule_condition *condition = dimension->condition;

    if (taker->row->covers != NULL)
        return taker->row->covers(taker->value, condition->value) ? dimension->all : 0;
    switch (taker->row->option.type) {
    case CONF_BOOL:
    case CONF_WORD:
    case CONF_WORDS:
        return policy_rule_condition_bits(taker) & dimension->all;
    case CONF_LIST:
        return taken_items(taker, condition);
    default:
        return is_same_value(taker, condition) ? 1 : 0;
    }
}

/* --- who takes anything ------------------------------------------------------------------------
 */

static bool is_refusal(enum policy_action action)
{
    return action == POLICY_ACTION_REJECT || action == POLICY_ACTION_TEMPFAIL ||
           action == POLICY_ACTION_DISCARD;
}

/* An `exception` frees a message from it. */
static bool has_exceptions(const struct policy_rule *rule)
{
    return policy_rule_is_about_dmarc(rule) && policy_rule_decides(rule->action) &&
           rule->action != POLICY_ACTION_ACCEPT;
}

/* What it said at its stage it would say at any later one. */
static bool has_constant_facts(const struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (!rule->conditions[i].row->is_constant)
            return false;
    return true;
}

/* No later stage sees what it matches. From RCPT on a refusal spares reserved mailboxes. */
static bool is_last_word(const struct policy_rule *rule)
{
    return rule->action == POLICY_ACTION_ACCEPT ||
           (is_refusal(rule->action) && rule->stage <= POLICY_STAGE_MAIL);
}

/* Rules behind it at its stage may be passed over, and the message goes on: a mark. */
static bool is_detour(const struct policy_rule *rule)
{
    return rule->options->mode == POLICY_RULE_ENFORCE && policy_rule_decides(rule->action) &&
           !is_last_word(rule);
}

/* Each message that comes to the rule's stage has been at the taker's before. */
static bool is_passed_before(const struct policy_rule *taker, const struct policy_rule *rule,
                             unsigned scope)
{
    if (taker->stage >= rule->stage || taker->stage == POLICY_STAGE_RCPT)
        return false;
    if (taker->stage == POLICY_STAGE_HELO && (scope & POLICY_PROOF_HELO) == 0)
        return false;
    return rule->stage != POLICY_STAGE_UNKNOWN || taker->stage == POLICY_STAGE_CONNECT;
}

/* `detours`: bits of stages that have one before it. */
static bool is_taker(const struct policy_rule *taker, const struct policy_rule *rule,
                     unsigned scope, unsigned detours)
{
    if (!policy_rule_is_certain(taker) || !policy_rule_decides(taker->action) ||
        taker->options->tempfail_for > 0)
        return false;
    if (has_exceptions(taker) && !has_exceptions(rule))
        return false;
    if (taker->stage == rule->stage)
        return taker < rule;
    return (scope & POLICY_PROOF_STAGES) != 0 && is_last_word(taker) && has_constant_facts(taker) &&
           is_passed_before(taker, rule, scope) && (detours & 1U << taker->stage) == 0;
}

/* False: it has a condition that the rule's box says nothing of. */
static bool make_box(const struct proof *proof, const struct policy_rule *taker, struct box *box_r)
{
    size_t used = 0;

    for (size_t i = 0; i < proof->dimension_count; i++) {
        const struct dimension *dimension = &proof->dimensions[i];
        const struct policy_rule_condition *condition = find(taker, dimension->row);

        box_r->sets[i] = dimension->all;
        if (condition == NULL)
            continue;
        used++;
        box_r->sets[i] =
            dimension->is_open || is_open(proof, condition) ? 0 : taken_by(condition, dimension);
        if (dimension->row->is_same_fact != NULL &&
            !dimension->row->is_same_fact(taker, proof->rule))
            return false;
    }
    return used == taker->condition_count;
}

/* --- boxes ---------------------------------------------------------------------------------------
 */

static bool is_empty(const struct proof *proof, const struct box *box)
{
    for (size_t i = 0; i < proof->dimension_count; i++)
        if (box->sets[i] == 0)
            return true;
    return false;
}

static void add_box(struct proof *proof, const struct box *box)
{
    if (is_empty(proof, box))
        return;
    if (proof->count == BOXES_MAX) {
        proof->is_over = true;
        return;
    }
    proof->boxes[proof->count++] = *box;
}

static bool overlaps(const struct proof *proof, const struct box *a, const struct box *b)
{
    for (size_t i = 0; i < proof->dimension_count; i++)
        if ((a->sets[i] & b->sets[i]) == 0)
            return false;
    return true;
}

/* What is left of `box` goes to the end, in pieces that do not overlap. */
static void cut(struct proof *proof, struct box box, const struct box *taken)
{
    for (size_t i = 0; i < proof->dimension_count; i++) {
        struct box piece = box;

        piece.sets[i] &= ~taken->sets[i];
        add_box(proof, &piece);
        box.sets[i] &= taken->sets[i];
    }
}

/* Returns whether anything was taken. */
static bool take_away(struct proof *proof, const struct box *taken)
{
    size_t kept = 0, count = proof->count;
    bool is_any = false;

    for (size_t i = 0; i < count && !proof->is_over; i++) {
        struct box box = proof->boxes[i];

        if (overlaps(proof, &box, taken)) {
            is_any = true;
            cut(proof, box, taken);
        } else {
            proof->boxes[kept++] = box;
        }
    }
    if (proof->is_over)
        return is_any;
    memmove(proof->boxes + kept, proof->boxes + count,
            (proof->count - count) * sizeof(proof->boxes[0]));
    proof->count = kept + proof->count - count;
    return is_any;
}

/* --- a rule --------------------------------------------------------------------------------------
 */

static void add_dimensions(struct proof *proof)
{
    const struct policy_rule *rule = proof->rule;

    for (size_t i = 0; i < rule->condition_count; i++)
        proof->dimensions[proof->dimension_count++] = (struct dimension){
            .row = rule->conditions[i].row,
            .condition = &rule->conditions[i],
            .is_open = is_open(proof, &rule->conditions[i]),
            .all = is_open(proof, &rule->conditions[i])
                       ? 1
                       : policy_rule_condition_bits(&rule->conditions[i]),
        };
    for (size_t i = 0; i < policy_condition_count(); i++) {
        const struct policy_condition *row = policy_condition_at(i);

        if (row->is_always_there && policy_stage_knows(rule->stage, row->known_from) &&
            find(rule, row) == NULL)
            proof->dimensions[proof->dimension_count++] = (struct dimension){
                .row = row, .all = policy_rule_possible_words(rule, row, universe(row))};
    }
}

/* Conditions that exclude each other by way of a third. */
static bool has_empty_dimension(const struct proof *proof)
{
    for (size_t i = 0; i < proof->dimension_count; i++)
        if (proof->dimensions[i].all == 0)
            return true;
    return false;
}

static void note_taker(struct policy_rule_proof *proof, const struct policy_rule *taker)
{
    if (proof->taker_count < POLICY_PROOF_TAKERS_MAX)
        proof->takers[proof->taker_count++] = taker;
}

/* One that takes all alone is the one to be named. */
static void take_all(const struct policy_rules *rules, struct proof *proof,
                     struct policy_rule_proof *proof_r)
{
    struct box whole = {{0}};
    unsigned detours = 0;

    for (size_t i = 0; i < proof->dimension_count; i++)
        whole.sets[i] = proof->dimensions[i].all;
    add_box(proof, &whole);
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *taker = &rules->items[i];
        struct box box;

        bool takes = is_taker(taker, proof->rule, proof->scope, detours);

        detours |= is_detour(taker) ? 1U << taker->stage : 0;
        if (!takes || !make_box(proof, taker, &box))
            continue;
        if (memcmp(box.sets, whole.sets, proof->dimension_count * sizeof(box.sets[0])) == 0) {
            proof->count = 0;
            proof_r->taker_count = 0;
            note_taker(proof_r, taker);
            return;
        }
        if (take_away(proof, &box))
            note_taker(proof_r, taker);
        if (proof->is_over)
            return;
    }
}

static void note_left(const struct proof *proof, struct policy_rule_proof *proof_r)
{
    for (size_t i = 0; i < proof->rule->condition_count; i++)
        for (size_t j = 0; j < proof->count; j++)
            proof_r->left[i] |= proof->boxes[j].sets[i];
}

void policy_rule_prove(const struct policy_rules *rules, size_t index, unsigned scope,
                       struct policy_rule_proof *proof_r)
{
    struct proof proof = {.rule = &rules->items[index], .scope = scope};

    *proof_r = (struct policy_rule_proof){.is_impossible = false};
    if (policy_rule_contradicts(proof.rule, (scope & POLICY_PROOF_FILES) != 0,
                                proof_r->contradiction, sizeof(proof_r->contradiction))) {
        proof_r->is_impossible = true;
        return;
    }
    add_dimensions(&proof);
    if (has_empty_dimension(&proof)) {
        (void)snprintf(proof_r->contradiction, sizeof(proof_r->contradiction),
                       "what it asks for is never so of one message: take a condition away");
        proof_r->is_impossible = true;
        return;
    }
    proof.boxes = base_mem_alloc(BOXES_MAX * sizeof(proof.boxes[0]));
    take_all(rules, &proof, proof_r);
    if (proof.is_over) {
        for (size_t i = 0; i < proof.rule->condition_count; i++)
            proof_r->left[i] = proof.dimensions[i].all;
    } else {
        proof_r->is_impossible = proof.count == 0;
        note_left(&proof, proof_r);
    }
    base_mem_free(proof.boxes);
}

static void append_names(const struct policy_rule *rule, const struct policy_rule_proof *proof,
                         struct base_buf *out)
{
    for (size_t i = 0; i < proof->taker_count; i++) {
        const struct policy_rule *taker = proof->takers[i];

        base_buf_appendf(out, "%s\"%s\" (%s:%d",
                         i == 0                        ? ""
                         : i + 1 == proof->taker_count ? " and "
                                                       : ", ",
                         taker->name, taker->where.file, taker->where.line);
        if (taker->stage != rule->stage)
            base_buf_appendf(out, ", at stage \"%s\"", policy_stage_text(taker->stage));
        base_buf_append_char(out, ')');
    }
}

static bool is_any_earlier(const struct policy_rule *rule, const struct policy_rule_proof *proof)
{
    for (size_t i = 0; i < proof->taker_count; i++)
        if (proof->takers[i]->stage != rule->stage)
            return true;
    return false;
}

static bool is_any_helo(const struct policy_rule *rule, const struct policy_rule_proof *proof)
{
    for (size_t i = 0; i < proof->taker_count; i++)
        if (proof->takers[i]->stage == POLICY_STAGE_HELO && rule->stage != POLICY_STAGE_HELO)
            return true;
    return false;
}

void policy_rule_proof_error(const struct policy_rule *rule, const struct policy_rule_proof *proof,
                             struct base_error *error_r)
{
    char room[1024];
    struct base_buf names;
    bool is_one = proof->taker_count == 1;
    const char *those = is_one ? "that one" : "those";

    if (proof->contradiction[0] != '\0') {
        conf_error_at(error_r, rule->where, "rule \"%s\" can never match: %s", rule->name,
                      proof->contradiction);
        return;
    }
    base_buf_init_fixed(&names, room, sizeof(room));
    append_names(rule, proof, &names);
    conf_error_at(error_r, rule->where,
                  "rule \"%s\" can never match: rule%s %s %s all that it could%s: %s%s%snarrow %s, "
                  "or take it away",
                  rule->name, is_one ? "" : "s", base_buf_cstr(&names), is_one ? "takes" : "take",
                  is_any_helo(rule, proof) ? ", but of a client that says no HELO" : "",
                  is_any_earlier(rule, proof) ? "" : "put it before ",
                  is_any_earlier(rule, proof) ? "" : those, is_any_earlier(rule, proof) ? "" : ", ",
                  those);
}

bool policy_rules_prove(const struct policy_rules *rules, unsigned scope,
                        struct base_error *error_r)
{
    for (size_t i = 0; i < rules->count; i++) {
        struct policy_rule_proof proof;

        if (!policy_rule_is_certain(&rules->items[i]))
            continue;
        policy_rule_prove(rules, i, scope, &proof);
        if (!proof.is_impossible)
            continue;
        policy_rule_proof_error(&rules->items[i], &proof, error_r);
        return false;
    }
    return true;
}
