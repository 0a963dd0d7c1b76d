#include "policy/template.h"

#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"

/* Octets, or a fact. */
struct piece {
    bool is_fact;
    enum policy_expansion expansion;
    struct base_text literal;
};

struct policy_template {
    size_t count;
    char text[POLICY_TEMPLATE_MAX + 1];
    /* Each takes one octet of the text at least. */
    struct piece pieces[POLICY_TEMPLATE_MAX];
};

/* In the order of enum policy_expansion. */
static const char *const names[] = {
    "client-address", "client-name",   "helo",      "login",      "direction",
    "sender",         "sender-domain", "recipient", "recipients", "author-domain",
    "message-id",     "spf",           "helo-spf",  "dkim",       "dmarc",
    "command",        "queue-id",      "id",        "rule",       NULL,
};

const char *policy_expansion_text(enum policy_expansion expansion)
{
    return names[expansion];
}

enum policy_stage policy_expansion_known_from(enum policy_expansion expansion)
{
    switch (expansion) {
    case POLICY_EXPAND_CLIENT_ADDRESS:
    case POLICY_EXPAND_CLIENT_NAME:
    case POLICY_EXPAND_RULE:
        return POLICY_STAGE_CONNECT;
    case POLICY_EXPAND_HELO:
    case POLICY_EXPAND_HELO_SPF:
        return POLICY_STAGE_HELO;
    case POLICY_EXPAND_RECIPIENT:
    case POLICY_EXPAND_RECIPIENTS:
        return POLICY_STAGE_RCPT;
    case POLICY_EXPAND_AUTHOR_DOMAIN:
    case POLICY_EXPAND_MESSAGE_ID:
        return POLICY_STAGE_EOH;
    case POLICY_EXPAND_DKIM:
    case POLICY_EXPAND_DMARC:
        return POLICY_STAGE_EOM;
    case POLICY_EXPAND_COMMAND:
        return POLICY_STAGE_UNKNOWN;
    default:
        return POLICY_STAGE_MAIL;
    }
}

static bool find_name(struct base_text name, enum policy_expansion *expansion_r)
{
    for (unsigned i = 0; i < POLICY_EXPAND_COUNT; i++) {
        if (!base_text_equals(name, base_text_of(names[i])))
            continue;
        *expansion_r = (enum policy_expansion)i;
        return true;
    }
    return false;
}

static void refuse_name(struct base_text name, struct base_error *error_r)
{
    char written[POLICY_TEMPLATE_MAX + 1];
    const char *near;

    memcpy(written, name.data, name.length);
    written[name.length] = '\0';
    near = conf_nearest(written, names);
    if (near != NULL)
        base_error_set(error_r, "there is no \"%%{%s}\": do you mean \"%%{%s}\"?", written, near);
    else
        base_error_set(error_r,
                       "there is no \"%%{%s}\": postseal.conf(5) lists what there is, for example "
                       "\"%%{client-address}\"",
                       written);
}

static void add_literal(struct policy_template *template, struct base_text literal)
{
    if (literal.length > 0)
        template->pieces[template->count++] = (struct piece){.literal = literal};
}

/* What begins at `rest` with '%': how many octets it is, 0 and *error_r if it is nothing. */
static size_t read_percent(struct policy_template *template, struct base_text rest,
                           struct base_error *error_r)
{
    enum policy_expansion expansion;
    const char *end;

    if (rest.length < 2 || rest.data[1] != '{') {
        add_literal(template, (struct base_text){rest.data, 1});
        return rest.length > 1 && rest.data[1] == '%' ? 2 : 1;
    }
    end = memchr(rest.data, '}', rest.length);
    if (end == NULL) {
        base_error_set(error_r, "\"%%{\" without \"}\": close it, or write \"%%%%{\"");
        return 0;
    }
    struct base_text name = {rest.data + 2, (size_t)(end - rest.data) - 2};

    if (!find_name(name, &expansion)) {
        refuse_name(name, error_r);
        return 0;
    }
    template->pieces[template->count++] = (struct piece){.is_fact = true, .expansion = expansion};
    return name.length + 3;
}

static bool parse(struct policy_template *template, struct base_error *error_r)
{
    struct base_text rest = base_text_of(template->text);

    while (rest.length > 0) {
        const char *percent = memchr(rest.data, '%', rest.length);
        size_t length = percent == NULL ? rest.length : (size_t)(percent - rest.data);

        add_literal(template, (struct base_text){rest.data, length});
        rest = (struct base_text){rest.data + length, rest.length - length};
        if (rest.length == 0)
            break;
        length = read_percent(template, rest, error_r);
        if (length == 0)
            return false;
        rest = (struct base_text){rest.data + length, rest.length - length};
    }
    return true;
}

static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!base_ascii_is_print(text[i]))
            return false;
    return true;
}

struct policy_template *policy_template_create(const char *text, struct base_error *error_r)
{
    struct policy_template *template;
    size_t length = strlen(text);

    if (length == 0 || length > POLICY_TEMPLATE_MAX || !is_printable(text, length)) {
        base_error_set(error_r,
                       "a line has at least 1 and at most %d printable ASCII characters: make it "
                       "shorter or simpler",
                       POLICY_TEMPLATE_MAX);
        return NULL;
    }
    template = base_mem_alloc_zero(1, sizeof(*template));
    memcpy(template->text, text, length);
    if (!parse(template, error_r))
        policy_template_destroy(&template);
    return template;
}

void policy_template_destroy(struct policy_template **template)
{
    base_mem_free(*template);
    *template = NULL;
}

bool policy_template_find_unknown(const struct policy_template *template, enum policy_stage stage,
                                  enum policy_expansion *expansion_r)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];

        if (!piece->is_fact ||
            policy_stage_knows(stage, policy_expansion_known_from(piece->expansion)))
            continue;
        *expansion_r = piece->expansion;
        return true;
    }
    return false;
}

static void append_fact(struct base_buf *out, struct base_text fact)
{
    if (fact.length == 0)
        fact = BASE_TEXT("-");
    if (fact.length > POLICY_TEMPLATE_FACT_MAX)
        fact.length = POLICY_TEMPLATE_FACT_MAX;
    for (size_t i = 0; i < fact.length; i++)
        base_buf_append_char(out, base_ascii_is_print(fact.data[i]) ? fact.data[i] : '?');
}

void policy_template_expand(const struct policy_template *template,
                            struct base_text (*value)(void *context,
                                                      enum policy_expansion expansion),
                            void *context, struct base_buf *out)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];

        if (piece->is_fact)
            append_fact(out, value(context, piece->expansion));
        else
            base_buf_append_text(out, piece->literal);
    }
}
