#include "policy/rules_text.h"

#include "base/arena.h"
#include "base/mem.h"
#include "policy/address.h"
#include "policy/rules-private.h"
#include "policy/template.h"

/* With its codes a line fits into one of a reply (RFC 5321 section 4.5.3.1.5: 512 octets). */
#define LINE_MAX_OCTETS 480

struct policy_template *policy_rule_compile_line(const struct policy_rule *rule,
                                                 const struct conf_item *item, const char *option,
                                                 const char *text, struct base_error *error_r)
{
    struct base_error fault;
    struct policy_template *template = policy_template_create(text, &fault);
    enum policy_expansion unknown;

    if (template == NULL) {
        conf_error_at(error_r, item->where, "rule \"%s\": `%s = \"%.60s\"`: %s", rule->name, option,
                      item->text, fault.text);
        return NULL;
    }
    if (!policy_template_find_unknown(template, rule->stage, &unknown))
        return template;
    conf_error_at(error_r, item->where,
                  "rule \"%s\": `%s`: \"%%{%s}\" is not known yet at stage \"%s\": use `stage = "
                  "%s`%s",
                  rule->name, option, policy_expansion_text(unknown),
                  policy_stage_text(rule->stage),
                  policy_stage_text(policy_expansion_known_from(unknown)),
                  unknown == POLICY_EXPAND_COMMAND ? "" : " or a later one");
    policy_template_destroy(&template);
    return NULL;
}

bool policy_rule_compile_text(struct policy_rule *rule, const struct conf_section *section,
                              struct base_error *error_r)
{
    const struct conf_list *list = &rule->options->text;

    if (list->count > POLICY_RULE_LINES_MAX) {
        conf_error_at(error_r, conf_section_where(section, "text"),
                      "rule \"%s\": `text` has %zu lines: a reply has at most %d", rule->name,
                      list->count, POLICY_RULE_LINES_MAX);
        return false;
    }
    rule->lines = base_mem_alloc_zero(list->count, sizeof(rule->lines[0]));
    for (; rule->line_count < list->count; rule->line_count++) {
        const struct conf_item *item = &list->items[rule->line_count];

        rule->lines[rule->line_count] =
            policy_rule_compile_line(rule, item, "text", item->text, error_r);
        if (rule->lines[rule->line_count] == NULL)
            return false;
    }
    return true;
}

void policy_rule_destroy_text(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->line_count; i++)
        policy_template_destroy(&rule->lines[i]);
    base_mem_free(rule->lines);
}

struct asked {
    const struct policy_rule *rule;
    const struct policy_rule_facts *facts;
};

static struct base_text expand(void *context, enum policy_expansion expansion)
{
    const struct asked *asked = context;

    if (expansion == POLICY_EXPAND_RULE)
        return base_text_of(asked->rule->name);
    if (expansion == POLICY_EXPAND_RECIPIENT && asked->facts->recipient != NULL)
        return asked->facts->recipient->text;
    if (expansion == POLICY_EXPAND_COMMAND)
        return asked->facts->command;
    if (asked->facts->expand == NULL)
        return (struct base_text){NULL, 0};
    return asked->facts->expand(asked->facts->context, expansion);
}

/* What is too long is cut: a reply with half of it still says what it is about. */
static void append_line(const struct policy_template *line, struct asked *asked,
                        struct base_buf *out)
{
    /* What finds no room in it stands behind the cut. */
    char room[LINE_MAX_OCTETS + POLICY_TEMPLATE_MAX + 1];
    struct base_buf whole;
    struct base_text text;

    base_buf_init_fixed(&whole, room, sizeof(room));
    policy_template_expand(line, expand, asked, &whole);
    text = base_buf_text(&whole);
    if (text.length > LINE_MAX_OCTETS)
        text.length = LINE_MAX_OCTETS;
    base_buf_append_text(out, text);
}

const char *policy_rule_expand_lines(const struct policy_rule *rule,
                                     struct policy_template *const *lines, size_t count,
                                     const struct policy_rule_facts *facts,
                                     struct base_arena *arena)
{
    struct asked asked = {rule, facts};
    struct base_buf out;

    base_buf_init(&out, arena, count * (LINE_MAX_OCTETS + 1));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            base_buf_append_char(&out, '\n');
        append_line(lines[i], &asked, &out);
    }
    return out.is_over ? NULL : base_buf_cstr(&out);
}
