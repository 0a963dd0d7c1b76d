/* user+extension@domain, user@domain, user+extension and user where the domain is one of those of
 * the machine itself, @domain. A local part that needs quotes is asked for with them first, then
 * without; a domain as it was written, then as A-labels, then as U-labels (RFC 5890), which Postfix
 * does not do: it is the same domain. */
#include "policy/identity_keys.h"

#include <string.h>

#include "policy/domains.h"
#include "policy/idn.h"

#define DOMAIN_FORMS 3

struct maker {
    struct policy_identity_keys *keys;
    const struct policy_identity_site *site;
    struct base_text domains[DOMAIN_FORMS];
    size_t domain_count;
};

static bool has_key(const struct policy_identity_keys *keys, struct base_text key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (base_text_equals(keys->keys[i], key))
            return true;
    return false;
}

/* What was appended since `begin`, less what is there already. */
static struct base_text finish_text(struct policy_identity_keys *keys, size_t begin)
{
    if (keys->text.is_over)
        return (struct base_text){NULL, 0};
    return (struct base_text){keys->room + begin, keys->text.length - begin};
}

static void add_key(struct policy_identity_keys *keys, size_t begin)
{
    struct base_text key = finish_text(keys, begin);

    if (key.length > 0 && keys->count < POLICY_IDENTITY_KEYS_MAX && !has_key(keys, key))
        keys->keys[keys->count++] = key;
}

/* RFC 5321 section 4.1.2, Dot-string; octets beyond ASCII as RFC 6531 has them. */
static bool is_dot_string(struct base_text local)
{
    char before = '.';

    for (size_t i = 0; i < local.length; i++) {
        unsigned char c = (unsigned char)local.data[i];

        if (c <= 0x20 || c == 0x7f || strchr("()<>@,;:\\\"[]", c) != NULL)
            return false;
        if (c == '.' && before == '.')
            return false;
        before = (char)c;
    }
    return before != '.';
}

static void append_local(struct base_buf *out, struct base_text local, bool is_quoted)
{
    if (!is_quoted) {
        base_buf_append_text(out, local);
        return;
    }
    base_buf_append_char(out, '"');
    for (size_t i = 0; i < local.length; i++) {
        if (strchr("\\\"\r", local.data[i]) != NULL)
            base_buf_append_char(out, '\\');
        base_buf_append_char(out, local.data[i]);
    }
    base_buf_append_char(out, '"');
}

/* With each form of the domain; or, `is_bare`, without any. */
static void add_mailbox(struct maker *maker, struct base_text local, bool is_bare)
{
    struct policy_identity_keys *keys = maker->keys;
    int first = is_dot_string(local) ? 0 : 1;

    for (int quoted = first; quoted >= 0; quoted--) {
        for (size_t i = 0; i < (is_bare ? 1 : maker->domain_count); i++) {
            size_t begin = keys->text.length;

            append_local(&keys->text, local, quoted == 1);
            if (!is_bare) {
                base_buf_append_char(&keys->text, '@');
                base_buf_append_text(&keys->text, maker->domains[i]);
            }
            add_key(keys, begin);
        }
    }
}

static struct base_text copy(struct policy_identity_keys *keys, struct base_text text)
{
    size_t begin = keys->text.length;

    for (size_t i = 0; i < text.length; i++)
        base_buf_append_char(&keys->text, base_ascii_lower(text.data[i]));
    return finish_text(keys, begin);
}

static void add_domain(struct maker *maker, struct base_text domain)
{
    for (size_t i = 0; i < maker->domain_count; i++)
        if (base_text_equals(maker->domains[i], domain))
            return;
    if (domain.length > 0 && maker->domain_count < DOMAIN_FORMS)
        maker->domains[maker->domain_count++] = domain;
}

/* Without the dot that may end it, as Postfix rewrites it. */
static struct base_text without_last_dot(struct base_text domain)
{
    if (domain.length > 1 && domain.data[domain.length - 1] == '.')
        domain.length--;
    return domain;
}

static void add_domains(struct maker *maker, const struct policy_address *address)
{
    struct policy_identity_keys *keys = maker->keys;
    char unicode[POLICY_IDN_MAX + 1];

    add_domain(maker, copy(keys, without_last_dot(address->domain_text)));
    keys->domain = maker->domain_count > 0 ? maker->domains[0] : (struct base_text){NULL, 0};
    if (address->kind != POLICY_ADDRESS_DOMAIN)
        return;
    keys->domain = copy(keys, (struct base_text){address->domain.text, address->domain.length});
    add_domain(maker, keys->domain);
    if (policy_idn_to_unicode(&address->domain, unicode, sizeof(unicode)))
        add_domain(maker, copy(keys, base_text_of(unicode)));
}

/* Without quotes and backslashes. */
static struct base_text unquote(struct policy_identity_keys *keys, struct base_text local)
{
    size_t begin = keys->text.length;

    if (local.length < 2 || local.data[0] != '"')
        return local;
    for (size_t i = 1; i + 1 < local.length; i++) {
        if (local.data[i] == '\\' && i + 2 < local.length)
            i++;
        base_buf_append_char(&keys->text, local.data[i]);
    }
    return finish_text(keys, begin);
}

static bool is_word(struct base_text local, const char *word)
{
    return base_text_equals_nocase(local, base_text_of(word));
}

/* Addresses that Postfix never cuts. */
static bool is_whole(struct base_text local, const char *delimiter)
{
    const struct base_text request = BASE_TEXT("-request");

    if (is_word(local, "postmaster") || is_word(local, "mailer-daemon") ||
        is_word(local, "double-bounce"))
        return true;
    if (strchr(delimiter, '-') == NULL)
        return false;
    if (base_text_starts_with_nocase(local, BASE_TEXT("owner-")))
        return true;
    return local.length > request.length &&
           base_text_equals_nocase(
               (struct base_text){local.data + local.length - request.length, request.length},
               request);
}

/* The local part up to its first delimiter; as it is if there is none. */
static struct base_text stem_of(struct base_text local, const char *delimiter)
{
    if (delimiter == NULL || delimiter[0] == '\0' || is_whole(local, delimiter))
        return local;
    for (size_t i = 0; i < local.length; i++)
        if (strchr(delimiter, local.data[i]) != NULL)
            return (struct base_text){local.data, i > 0 ? i : local.length};
    return local;
}

static bool is_unqualified(const struct maker *maker, const struct policy_address *address)
{
    return maker->site->unqualified != NULL && address->kind == POLICY_ADDRESS_DOMAIN &&
           policy_domains_contain(maker->site->unqualified, &address->domain);
}

static void add_at_domain(struct maker *maker)
{
    for (size_t i = 0; i < maker->domain_count; i++) {
        size_t begin = maker->keys->text.length;

        base_buf_append_char(&maker->keys->text, '@');
        base_buf_append_text(&maker->keys->text, maker->domains[i]);
        add_key(maker->keys, begin);
    }
}

void policy_identity_keys_make(struct policy_identity_keys *keys,
                               const struct policy_address *address,
                               const struct policy_identity_site *site)
{
    struct maker maker = {.keys = keys, .site = site};
    struct policy_address completed = *address;

    keys->count = 0;
    base_buf_init_fixed(&keys->text, keys->room, sizeof(keys->room));
    keys->local = keys->stem = keys->domain = (struct base_text){NULL, 0};
    if (address->kind == POLICY_ADDRESS_INVALID || address->kind == POLICY_ADDRESS_NULL)
        return;
    if (address->kind == POLICY_ADDRESS_LOCAL && site->origin.length > 0 &&
        policy_idn_to_name(site->origin, &completed.domain)) {
        completed.kind = POLICY_ADDRESS_DOMAIN;
        completed.domain_text = site->origin;
    }
    add_domains(&maker, &completed);
    keys->local = unquote(keys, address->local);
    keys->stem = stem_of(keys->local, site->delimiter);
    add_mailbox(&maker, keys->local, false);
    add_mailbox(&maker, keys->stem, false);
    if (completed.kind == POLICY_ADDRESS_LOCAL || is_unqualified(&maker, &completed)) {
        add_mailbox(&maker, keys->local, true);
        add_mailbox(&maker, keys->stem, true);
    }
    add_at_domain(&maker);
}
