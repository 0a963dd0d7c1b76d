#include "policy/rules_fields.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "policy/rules-private.h"
#include "policy/rules_text.h"
#include "policy/template.h"

/* A name that ends in '-' stands for all that begin so. */
static const char *const owned_names[] = {
    "Received",
    "Received-SPF",
    "Return-Path",
    "Delivered-To",
    "Authentication-Results",
    "DKIM-Signature",
    "DomainKey-Signature",
    "ARC-",
    "X-Postseal-Disposition",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Resent-",
    "MIME-Version",
    "Content-",
    "List-",
    NULL,
};

static bool is_owned(struct base_text name)
{
    for (size_t i = 0; owned_names[i] != NULL; i++) {
        struct base_text owned = base_text_of(owned_names[i]);

        if (base_text_equals_nocase(name, owned) ||
            (owned.data[owned.length - 1] == '-' && base_text_starts_with_nocase(name, owned)))
            return true;
    }
    return false;
}

/* RFC 5322 section 2.2: printable ASCII without the colon. */
static bool is_field_name(struct base_text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!base_ascii_is_print(name.data[i]) || name.data[i] == ' ')
            return false;
    return name.length > 0 && name.length <= POLICY_RULE_NAME_MAX;
}

static bool compile_field(struct policy_rule *rule, const struct conf_item *item,
                          struct policy_rule_field *field, struct base_error *error_r)
{
    struct base_text rest = base_text_of(item->text);

    field->name = base_text_split(&rest, ':');
    rest = base_text_trim(rest);
    if (rest.data == NULL || rest.length == 0 || !is_field_name(field->name)) {
        conf_error_at(error_r, item->where,
                      "rule \"%s\": `header = \"%.60s\"` is no header field: write a name, a colon "
                      "and a text, for example \"X-Checked-By: %%{id}\"",
                      rule->name, item->text);
        return false;
    }
    if (is_owned(field->name)) {
        conf_error_at(
            error_r, item->where,
            "rule \"%s\": `header`: \"%.*s\" belongs to the message, to its signatures or "
            "to mail servers: choose a name of your own, such as \"X-Checked-By\"",
            rule->name, (int)field->name.length, field->name.data);
        return false;
    }
    field->value = policy_rule_compile_line(rule, item, "header", rest.data, error_r);
    return field->value != NULL;
}

static bool refuse(const struct conf_section *section, const char *option, const char *why,
                   struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, option);

    conf_error_at(error_r, where.line == 0 ? section->where : where, "rule \"%s\": %s",
                  section->title, why);
    return false;
}

bool policy_rule_compile_fields(struct policy_rule *rule, const struct conf_section *section,
                                struct base_error *error_r)
{
    const struct conf_list *list = &rule->options->header;
    bool is_about_fields =
        rule->action == POLICY_ACTION_ADD_HEADER || rule->action == POLICY_ACTION_REPLACE_HEADER;

    if (is_about_fields && list->count == 0)
        return refuse(section, "action",
                      "this action takes a field: add `header = \"X-Checked-By: %{id}\"`", error_r);
    if (!is_about_fields && list->count > 0)
        return refuse(section, "header",
                      "`header` goes only with `action = add-header` or `replace-header`", error_r);
    if (list->count > POLICY_RULE_FIELDS_MAX)
        return refuse(section, "header", "`header` has more than 8 fields: make another rule",
                      error_r);
    rule->fields = base_mem_alloc_zero(list->count, sizeof(rule->fields[0]));
    for (; rule->field_count < list->count; rule->field_count++)
        if (!compile_field(rule, &list->items[rule->field_count], &rule->fields[rule->field_count],
                           error_r))
            return false;
    return true;
}

void policy_rule_destroy_fields(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->field_count; i++)
        policy_template_destroy(&rule->fields[i].value);
    base_mem_free(rule->fields);
}

void policy_rule_add_fields(const struct policy_rule *rule, const struct policy_rule_facts *facts,
                            struct base_arena *arena)
{
    for (size_t i = 0; i < rule->field_count; i++) {
        const struct policy_rule_field *field = &rule->fields[i];
        const char *value = policy_rule_expand_lines(rule, &field->value, 1, facts, arena);

        if (value != NULL && facts->add_field != NULL)
            facts->add_field(facts->context, rule->name, field->name, base_text_of(value),
                             rule->action == POLICY_ACTION_REPLACE_HEADER);
    }
}
