/* One judgement: the keys of an address are looked up in the maps, as Postfix's smtpd does it, and
 * what stands there is compared with the login. What Postfix has not (groups, aliases, delegates,
 * forms of an address) only ever adds owners, and only where the configuration says so. */
#include "policy/identity.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "policy/domains.h"
#include "policy/identity_forms.h"
#include "policy/identity_keys.h"
#include "policy/identity_options.h"
#include "policy/idn.h"
#include "policy/options.h"
#include "store/fold.h"
#include "store/maps.h"

enum {
    /* Aliases of aliases, groups of groups. */
    DEPTH_MAX = 5,
    /* Octets of a login that are looked at. */
    LOGIN_MAX = 512,
    /* A U-label may become longer. */
    LOGIN_ROOM = LOGIN_MAX + 1 + DNS_NAME_MAX,
};

/* Octets of one value of a map; names in all that one judgement reads. */
#define VALUE_MAX ((size_t)1 << 20)
#define NAMES_MAX 100000U

enum table {
    TABLE_LOGINS,
    TABLE_ALIASES,
    TABLE_GROUPS,
    TABLE_DELEGATES,
    TABLE_COUNT,
};

struct policy_identity {
    const struct policy_identity_options *options;
    const struct policy_domains *local_domains;
    struct policy_domains *login_domains;
    struct policy_domains *unqualified;
    struct policy_identity_site site;
    struct store_maps *tables[TABLE_COUNT];
    struct store_fold fold;
};

/* One judgement under way. */
struct judge {
    const struct policy_identity *identity;
    struct base_arena *arena;
    struct store_maps_run runs[TABLE_COUNT];
    /* Whose ownership is asked, as compared. */
    struct base_text login;
    unsigned names_left;
    struct base_error error;
    bool is_fault;
};

const char *policy_identity_part_text(enum policy_identity_part part)
{
    static const char *const texts[] = {
        [POLICY_IDENTITY_SENDER] = "sender",
        [POLICY_IDENTITY_AUTHOR] = "author",
        [POLICY_IDENTITY_SENDER_HEADER] = "sender-header",
        [POLICY_IDENTITY_REPLY_TO] = "reply-to",
        [POLICY_IDENTITY_RESENT] = "resent",
    };

    return texts[part];
}

const char *policy_owned_text(enum policy_owned owned)
{
    static const char *const texts[] = {
        [POLICY_OWNED_UNKNOWN] = "unknown",
        [POLICY_OWNED_YES] = "yes",
        [POLICY_OWNED_NO] = "no",
        [POLICY_OWNED_FAULT] = "error",
    };

    return texts[owned];
}

/* --- compiling -------------------------------------------------------------------------------- */

static struct store_maps *open_maps(const struct conf_list *list, const char *option,
                                    const struct store_map_options *options,
                                    struct base_error *error_r)
{
    const char **names = base_mem_alloc_zero(list->count + 1, sizeof(*names));
    struct base_error fault;
    struct store_maps *maps;
    size_t failed = 0;

    for (size_t i = 0; i < list->count; i++)
        names[i] = list->items[i].text;
    maps = store_maps_open(names, list->count, options, &failed, &fault);
    if (maps == NULL)
        conf_error_at(error_r, list->items[failed].where, "%s: %s", option, fault.text);
    base_mem_free(names);
    return maps;
}

static bool open_tables(struct policy_identity *identity, const struct store_map_options *options,
                        struct base_error *error_r)
{
    const struct {
        const char *option;
        const struct conf_list *list;
    } tables[TABLE_COUNT] = {
        [TABLE_LOGINS] = {"sender-login-maps", &identity->options->sender_login_maps},
        [TABLE_ALIASES] = {"alias-maps", &identity->options->alias_maps},
        [TABLE_GROUPS] = {"login-groups", &identity->options->login_groups},
        [TABLE_DELEGATES] = {"may-send-as", &identity->options->may_send_as},
    };

    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        identity->tables[i] = open_maps(tables[i].list, tables[i].option, options, error_r);
        if (identity->tables[i] == NULL)
            return false;
    }
    return true;
}

struct policy_identity *policy_identity_create(const struct conf_snapshot *conf,
                                               const struct policy_domains *local_domains,
                                               void (*warn)(void *context, const char *text),
                                               void *context, struct base_error *error_r)
{
    const struct store_map_options options = {.warn = warn, .context = context};
    struct policy_identity *identity = base_mem_alloc_zero(1, sizeof(*identity));
    const struct policy_identity_options *given = policy_identity_options_get(conf);

    identity->options = given;
    identity->local_domains = local_domains;
    store_fold_init(&identity->fold);
    identity->login_domains = policy_domains_create(&given->login_domain, "login-domain", error_r);
    if (identity->login_domains != NULL)
        identity->unqualified =
            policy_domains_create(&given->unqualified_domains, "unqualified-domains", error_r);
    if (identity->unqualified == NULL || !open_tables(identity, &options, error_r)) {
        policy_identity_destroy(&identity);
        return NULL;
    }
    /* Postfix has none unless it is told of one. */
    if (conf_section_where(conf_snapshot_top(conf, &policy_options_table), "recipient-delimiter")
            .line != 0)
        identity->site.delimiter = policy_options_get(conf)->recipient_delimiter;
    identity->site.unqualified = identity->unqualified;
    if (given->unqualified_domains.count > 0)
        identity->site.origin = base_text_of(given->unqualified_domains.items[0].text);
    return identity;
}

void policy_identity_destroy(struct policy_identity **identity)
{
    if (*identity == NULL)
        return;
    for (unsigned i = 0; i < TABLE_COUNT; i++)
        store_maps_destroy(&(*identity)->tables[i]);
    policy_domains_destroy(&(*identity)->unqualified);
    policy_domains_destroy(&(*identity)->login_domains);
    store_fold_deinit(&(*identity)->fold);
    base_mem_free(*identity);
    *identity = NULL;
}

bool policy_identity_is_configured(const struct policy_identity *identity)
{
    return identity->options->login_is_address ||
           store_maps_count(identity->tables[TABLE_LOGINS]) > 0 ||
           store_maps_count(identity->tables[TABLE_DELEGATES]) > 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static struct base_text without_domain(struct base_text login, struct base_text *domain_r)
{
    const char *at = login.length > 0 ? memrchr(login.data, '@', login.length) : NULL;

    *domain_r = (struct base_text){NULL, 0};
    if (at == NULL)
        return login;
    size_t length = (size_t)(at - login.data);

    *domain_r = (struct base_text){at + 1, login.length - length - 1};
    return (struct base_text){login.data, length};
}

static bool is_login_domain(const struct policy_identity *identity, struct base_text domain)
{
    struct dns_name name;

    return identity->options->login_domain.count > 0 && policy_idn_to_name(domain, &name) &&
           policy_domains_contain(identity->login_domains, &name);
}

/* What is compared: folded, the domain as A-labels, or left out where a login may leave it out.
 * `room` takes LOGIN_ROOM octets. Empty: too long to be a login. */
static struct base_text canonical(const struct policy_identity *identity, struct base_text login,
                                  char *room)
{
    struct base_text domain, stem;
    struct dns_name name;
    size_t length;

    if (login.length == 0 || login.length > LOGIN_MAX)
        return (struct base_text){NULL, 0};
    stem = without_domain(login, &domain);
    if (!policy_idn_to_name(domain, &name))
        return (struct base_text){room, store_fold_apply(&identity->fold, login, room)};
    length = store_fold_apply(&identity->fold, stem, room);
    if (policy_domains_contain(identity->login_domains, &name))
        return (struct base_text){room, length};
    room[length] = '@';
    memcpy(room + length + 1, name.text, name.length);
    return (struct base_text){room, length + 1 + name.length};
}

static bool is_login(const struct judge *judge, struct base_text name)
{
    char room[LOGIN_ROOM];
    struct base_text own = canonical(judge->identity, name, room);

    return own.length > 0 && base_text_equals(own, judge->login);
}

/* Separated as Postfix separates them. */
static bool next_name(struct judge *judge, struct base_text *rest, struct base_text *name_r)
{
    static const char separators[] = ", \t\r\n";
    size_t length = 0;

    while (rest->length > 0 && memchr(separators, rest->data[0], sizeof(separators) - 1) != NULL) {
        rest->data++;
        rest->length--;
    }
    while (length < rest->length &&
           memchr(separators, rest->data[length], sizeof(separators) - 1) == NULL)
        length++;
    *name_r = (struct base_text){rest->data, length};
    rest->data += length;
    rest->length -= length;
    if (length == 0)
        return false;
    if (judge->names_left == 0) {
        base_error_set(&judge->error, "more than %u names in the maps for one address", NAMES_MAX);
        judge->is_fault = true;
        return false;
    }
    judge->names_left--;
    return true;
}

/* --- look-ups --------------------------------------------------------------------------------- */

static bool look_up(struct judge *judge, enum table table, struct base_text key,
                    struct base_buf *value)
{
    enum store_map_answer answer = STORE_MAP_NONE;

    if (!judge->is_fault)
        answer = store_maps_find(&judge->runs[table], key, value, &judge->error);
    if (answer == STORE_MAP_FAULT)
        judge->is_fault = true;
    return answer == STORE_MAP_FOUND;
}

/* The first of the keys that is there decides, as in Postfix. */
static bool look_up_address(struct judge *judge, enum table table,
                            const struct policy_identity_keys *keys, struct base_buf *value)
{
    for (size_t i = 0; i < keys->count; i++)
        if (look_up(judge, table, keys->keys[i], value))
            return true;
    return false;
}

static bool is_member(struct judge *judge, struct base_text group, unsigned depth)
{
    struct base_buf value;
    struct base_text rest, name;
    bool is_found = false;

    if (depth == DEPTH_MAX || store_maps_count(judge->identity->tables[TABLE_GROUPS]) == 0)
        return false;
    base_buf_init(&value, NULL, VALUE_MAX);
    if (look_up(judge, TABLE_GROUPS, group, &value)) {
        rest = base_buf_text(&value);
        while (!is_found && next_name(judge, &rest, &name))
            is_found = is_login(judge, name) || is_member(judge, name, depth + 1);
    }
    base_buf_deinit(&value);
    return is_found;
}

/* NULL: the login is not among the names. */
static const char *find_owner(struct judge *judge, struct base_text names)
{
    struct base_text name;

    while (next_name(judge, &names, &name)) {
        if (is_login(judge, name))
            return "map";
        if (is_member(judge, name, 0))
            return "group";
    }
    return NULL;
}

static bool is_own_mailbox(const struct judge *judge, const struct policy_identity_keys *keys)
{
    const struct base_text locals[] = {keys->local, keys->stem};
    struct base_buf text;
    char room[LOGIN_MAX + 1];

    if (!judge->identity->options->login_is_address || keys->domain.length == 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        base_buf_init_fixed(&text, room, sizeof(room));
        base_buf_append_text(&text, locals[i]);
        base_buf_append_char(&text, '@');
        base_buf_append_text(&text, keys->domain);
        if (!text.is_over && is_login(judge, base_buf_text(&text)))
            return true;
    }
    return false;
}

static const char *own_address(struct judge *judge, const struct policy_address *address,
                               unsigned depth);

/* Whoever owns what the alias stands for owns the alias. */
static bool owns_alias(struct judge *judge, const struct policy_identity_keys *keys, unsigned depth)
{
    struct base_buf value;
    struct base_text rest, name;
    bool is_owned = false;

    if (depth == DEPTH_MAX || store_maps_count(judge->identity->tables[TABLE_ALIASES]) == 0)
        return false;
    base_buf_init(&value, NULL, VALUE_MAX);
    if (look_up_address(judge, TABLE_ALIASES, keys, &value)) {
        rest = base_buf_text(&value);
        while (!is_owned && next_name(judge, &rest, &name)) {
            struct policy_address target;

            (void)policy_address_parse(name, &target);
            is_owned = (target.kind == POLICY_ADDRESS_LOCAL && is_login(judge, name)) ||
                       own_address(judge, &target, depth + 1) != NULL;
        }
    }
    base_buf_deinit(&value);
    return is_owned;
}

/* By the login itself, without delegates. NULL: it is not. */
static const char *own_keys(struct judge *judge, const struct policy_identity_keys *keys,
                            unsigned depth)
{
    struct base_buf value;
    const char *by = NULL;

    base_buf_init(&value, NULL, VALUE_MAX);
    if (look_up_address(judge, TABLE_LOGINS, keys, &value))
        by = find_owner(judge, base_buf_text(&value));
    base_buf_deinit(&value);
    if (by == NULL && is_own_mailbox(judge, keys))
        by = "login";
    if (by == NULL && owns_alias(judge, keys, depth))
        by = "alias";
    return by;
}

static const char *own_address(struct judge *judge, const struct policy_address *address,
                               unsigned depth)
{
    struct policy_identity_keys *keys = base_mem_alloc(sizeof(*keys));
    const char *by;

    policy_identity_keys_make(keys, address, &judge->identity->site);
    by = own_keys(judge, keys, depth);
    base_mem_free(keys);
    return by;
}

/* --- delegates -------------------------------------------------------------------------------- */

/* The login as it was given, as it is compared, and with each domain that it may have. */
static bool look_up_delegate(struct judge *judge, struct base_text given, struct base_buf *value)
{
    const struct conf_list *domains = &judge->identity->options->login_domain;

    if (look_up(judge, TABLE_DELEGATES, given, value) ||
        look_up(judge, TABLE_DELEGATES, judge->login, value))
        return true;
    for (size_t i = 0; i < domains->count; i++) {
        struct base_buf key;
        char room[LOGIN_MAX * 2];

        base_buf_init_fixed(&key, room, sizeof(room));
        base_buf_append_text(&key, judge->login);
        base_buf_append_char(&key, '@');
        base_buf_append_cstr(&key, domains->items[i].text);
        if (!key.is_over && look_up(judge, TABLE_DELEGATES, base_buf_text(&key), value))
            return true;
    }
    return false;
}

static bool is_key(const struct judge *judge, const struct policy_identity_keys *keys,
                   struct base_text name)
{
    char room[POLICY_ADDRESS_MAX], other[POLICY_ADDRESS_MAX];
    struct base_text folded;

    if (name.length > sizeof(room))
        return false;
    folded = (struct base_text){room, store_fold_apply(&judge->identity->fold, name, room)};
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].length > sizeof(other))
            continue;
        size_t length = store_fold_apply(&judge->identity->fold, keys->keys[i], other);

        if (base_text_equals(folded, (struct base_text){other, length}))
            return true;
    }
    return false;
}

/* What the login may send as: addresses, whole domains, or all that another login owns. */
static bool is_delegate(struct judge *judge, struct base_text given,
                        const struct policy_identity_keys *keys)
{
    struct base_text own = judge->login;
    struct base_text rest, name;
    struct base_buf value;
    bool is_found = false;

    if (store_maps_count(judge->identity->tables[TABLE_DELEGATES]) == 0)
        return false;
    base_buf_init(&value, NULL, VALUE_MAX);
    if (look_up_delegate(judge, given, &value)) {
        rest = base_buf_text(&value);
        while (!is_found && next_name(judge, &rest, &name)) {
            char room[LOGIN_ROOM];

            is_found = is_key(judge, keys, name);
            judge->login = canonical(judge->identity, name, room);
            if (!is_found && judge->login.length > 0)
                is_found = own_keys(judge, keys, 0) != NULL;
            judge->login = own;
        }
    }
    base_buf_deinit(&value);
    return is_found;
}

static const char *own_or_delegate(struct judge *judge, struct base_text given,
                                   const struct policy_address *address)
{
    struct policy_identity_keys *keys = base_mem_alloc(sizeof(*keys));
    const char *by;

    policy_identity_keys_make(keys, address, &judge->identity->site);
    by = own_keys(judge, keys, 0);
    if (by == NULL && is_delegate(judge, given, keys))
        by = "delegate";
    base_mem_free(keys);
    return by;
}

/* --- judging ---------------------------------------------------------------------------------- */

static void begin(struct judge *judge, const struct policy_identity *identity,
                  struct base_arena *arena)
{
    judge->identity = identity;
    judge->arena = arena;
    judge->login = (struct base_text){NULL, 0};
    judge->names_left = NAMES_MAX;
    judge->is_fault = false;
    for (unsigned i = 0; i < TABLE_COUNT; i++)
        store_maps_begin(identity->tables[i], &judge->runs[i]);
}

static void end(struct judge *judge, struct policy_ownership *out)
{
    for (unsigned i = 0; i < TABLE_COUNT; i++)
        store_maps_end(&judge->runs[i]);
    if (!judge->is_fault)
        return;
    out->owned = POLICY_OWNED_FAULT;
    out->by = NULL;
    out->fault = base_arena_strdup(judge->arena, judge->error.text);
    if (out->fault == NULL)
        out->fault = "no memory";
}

/* SRS says whose it was in the local part; the domain must be one of ours, or anybody could have
 * written it. */
static bool may_read(const struct policy_identity *identity, enum policy_sender_form form,
                     const struct policy_address *address)
{
    return (identity->options->sender_forms & UINT64_C(1) << form) != 0 &&
           (form != POLICY_FORM_SRS ||
            (address->kind == POLICY_ADDRESS_DOMAIN &&
             policy_domains_contain(identity->local_domains, &address->domain)));
}

static const char *own_form(struct judge *judge, struct base_text given,
                            const struct policy_address *address)
{
    for (enum policy_sender_form form = 0; form < POLICY_FORM_COUNT; form++) {
        struct policy_address inner;
        char room[POLICY_ADDRESS_MAX + 1];

        if (may_read(judge->identity, form, address) &&
            policy_identity_form_read(form, address, room, sizeof(room), &inner) &&
            own_or_delegate(judge, given, &inner) != NULL)
            return policy_sender_form_text(form);
    }
    return NULL;
}

void policy_identity_judge(const struct policy_identity *identity, struct base_arena *arena,
                           struct base_text login, const struct policy_address *address,
                           struct policy_ownership *out)
{
    struct judge judge;
    char room[LOGIN_ROOM];

    begin(&judge, identity, arena);
    judge.login = canonical(identity, login, room);
    out->by = NULL;
    if (judge.login.length > 0) {
        out->by = own_or_delegate(&judge, login, address);
        if (out->by == NULL)
            out->by = own_form(&judge, login, address);
    }
    out->owned = out->by != NULL ? POLICY_OWNED_YES : POLICY_OWNED_NO;
    end(&judge, out);
}

void policy_identity_judge_stranger(const struct policy_identity *identity,
                                    struct base_arena *arena, const struct policy_address *address,
                                    struct policy_ownership *out)
{
    struct policy_identity_keys *keys = base_mem_alloc(sizeof(*keys));
    struct base_buf value;
    struct judge judge;

    begin(&judge, identity, arena);
    policy_identity_keys_make(keys, address, &identity->site);
    base_buf_init(&value, NULL, VALUE_MAX);
    bool has_owner = look_up_address(&judge, TABLE_LOGINS, keys, &value);

    base_buf_deinit(&value);
    base_mem_free(keys);
    out->owned = has_owner ? POLICY_OWNED_NO : POLICY_OWNED_UNKNOWN;
    out->by = has_owner ? "not-logged-in" : NULL;
    end(&judge, out);
}

struct base_text policy_identity_mailbox(const struct policy_identity *identity,
                                         struct base_arena *arena, struct base_text login)
{
    const struct conf_list *domains = &identity->options->login_domain;
    struct base_text domain;
    struct base_text stem = without_domain(login, &domain);
    struct policy_address address;
    const char *text;

    if (domain.length > 0 && !is_login_domain(identity, domain))
        text = base_arena_strndup(arena, login.data, login.length);
    else if (domains->count > 0 && stem.length > 0)
        text = base_arena_printf(arena, "%.*s@%s", (int)stem.length, stem.data,
                                 domains->items[0].text);
    else
        return (struct base_text){NULL, 0};
    if (text == NULL || policy_address_parse(base_text_of(text), &address) != POLICY_ADDRESS_DOMAIN)
        return (struct base_text){NULL, 0};
    return base_text_of(text);
}
