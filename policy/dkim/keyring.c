/* The `sign` blocks. Whatever could make a signature that nobody can verify is refused here, when
 * the configuration is read, and not found out by recipients: a name that is none, a list without
 * From, a key that does not fit (policy/dkim/probe.h). */
#include "policy/dkim/keyring.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "conf/conf.h"
#include "keys/key.h"
#include "keys/store.h"
#include "policy/dkim/probe.h"

struct dkim_sign_conf {
    struct conf_list keys;
    const char *domain;
    int canonicalization;
    int64_t expire;
    struct conf_list sign_headers;
    struct conf_list oversign_headers;
    struct conf_list oversign_present;
};

/* The same order as enum dkim_canon gives: header * 2 + body. */
static const char *const canon_words[] = {"simple/simple", "simple/relaxed", "relaxed/simple",
                                          "relaxed/relaxed", NULL};

#define SIGN_HEADERS                                                                   \
    "from to cc subject date message-id reply-to in-reply-to references mime-version " \
    "content-type content-transfer-encoding sender list-unsubscribe-post list-* resent-*"
#define OVERSIGN_HEADERS "from to cc subject reply-to"
#define OVERSIGN_PRESENT "date message-id mime-version content-* in-reply-to references"

/* The same three for dkim_sign_block_init(); a test compares them. */
static const char *const default_sign[] = {"from",
                                           "to",
                                           "cc",
                                           "subject",
                                           "date",
                                           "message-id",
                                           "reply-to",
                                           "in-reply-to",
                                           "references",
                                           "mime-version",
                                           "content-type",
                                           "content-transfer-encoding",
                                           "sender",
                                           "list-unsubscribe-post",
                                           "list-*",
                                           "resent-*",
                                           NULL};
static const char *const default_always[] = {"from", "to", "cc", "subject", "reply-to", NULL};
static const char *const default_present[] = {
    "date", "message-id", "mime-version", "content-*", "in-reply-to", "references", NULL};

#define OPTION(option, member, kind) \
    .name = (option), .type = (kind), .offset = offsetof(struct dkim_sign_conf, member)

static const struct conf_option sign_options[] = {
    {OPTION("keys", keys, CONF_LIST)},
    {OPTION("domain", domain, CONF_STRING)},
    {OPTION("canonicalization", canonicalization, CONF_WORD), .fallback = "relaxed/relaxed",
     .words = canon_words},
    {OPTION("expire", expire, CONF_DURATION), .fallback = "0s", .min = 0,
     .max = INT64_C(366) * 86400 * 1000},
    {OPTION("sign-headers", sign_headers, CONF_LIST), .fallback = SIGN_HEADERS},
    {OPTION("oversign-headers", oversign_headers, CONF_LIST), .fallback = OVERSIGN_HEADERS},
    {OPTION("oversign-present", oversign_present, CONF_LIST), .fallback = OVERSIGN_PRESENT},
};

static bool sign_check(struct conf_section *section, struct base_error *error_r);

const struct conf_table dkim_sign_table = {
    .name = "sign",
    .has_title = true,
    .struct_size = sizeof(struct dkim_sign_conf),
    .options = sign_options,
    .option_count = sizeof(sign_options) / sizeof(sign_options[0]),
    .check = sign_check,
};

struct dkim_keyring {
    struct dkim_sign_block *blocks;
    size_t count;
    /* Author domains in the order of their names; `any` apart. */
    struct entry {
        struct dns_name domain;
        const struct dkim_sign_block *block;
        const struct conf_section *section;
    } * entries;
    size_t entry_count;
    const struct dkim_sign_block *any;
    EVP_MD *sha256;
};

/* --- checks of one section --- */

/* RFC 5322 section 3.6.8 (ftext), and one '*' at the end. */
static bool is_field_pattern(const char *text)
{
    size_t length = strlen(text);

    if (length > 1 && text[length - 1] == '*')
        length--;
    if (length == 0 || length > 100)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || strchr(":;*", text[i]) != NULL)
            return false;
    return true;
}

static bool list_has(const struct conf_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (base_text_equals_nocase(base_text_of(list->items[i].text), base_text_of(name)))
            return true;
    return false;
}

static bool check_list(const char *option, const struct conf_list *list, struct base_error *error_r)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_field_pattern(list->items[i].text))
            continue;
        conf_error_at(error_r, list->items[i].where,
                      "%s: \"%s\" is not the name of a header field; write it without the colon, "
                      "or a prefix that ends in *, such as \"list-*\"",
                      option, list->items[i].text);
        return false;
    }
    return true;
}

static bool check_lists(const struct conf_section *section, const struct dkim_sign_conf *conf,
                        struct base_error *error_r)
{
    const char *names[] = {"sign-headers", "oversign-headers", "oversign-present"};
    const struct conf_list *lists[] = {&conf->sign_headers, &conf->oversign_headers,
                                       &conf->oversign_present};

    for (size_t i = 0; i < 3; i++) {
        if (!check_list(names[i], lists[i], error_r))
            return false;
        /* A signature of ours would be the field that was not to be added. */
        if (i > 0 && list_has(lists[i], "dkim-signature")) {
            conf_error_at(error_r, conf_section_where(section, names[i]),
                          "%s: \"dkim-signature\" cannot be oversigned: each signature adds one; "
                          "take it out",
                          names[i]);
            return false;
        }
    }
    if (!list_has(&conf->sign_headers, "from")) {
        conf_error_at(error_r, conf_section_where(section, "sign-headers"),
                      "sign-headers: \"from\" is missing, which every signature must cover "
                      "(RFC 6376 section 5.4); add it");
        return false;
    }
    return true;
}

static bool make_domain(struct conf_where where, const char *what, const char *text,
                        struct dns_name *name_r, struct base_error *error_r)
{
    enum dns_name_fault fault = dns_name_make(name_r, base_text_of(text));

    if (fault != DNS_NAME_OK) {
        conf_error_at(error_r, where, "%s: \"%s\" is not a domain name: %s", what, text,
                      dns_name_fault_text(fault));
        return false;
    }
    for (size_t i = 0; i < name_r->length; i++) {
        char c = name_r->text[i];

        if (base_ascii_is_alnum(c) || c == '-' || c == '_' || c == '.')
            continue;
        conf_error_at(error_r, where,
                      "%s: \"%s\" is not a domain name: write letters, digits and hyphens "
                      "(internationalized names as A-labels, \"xn--...\")",
                      what, text);
        return false;
    }
    return true;
}

static bool is_any(const struct conf_section *section)
{
    return strcmp(section->title, "*") == 0;
}

/* d= of the block. */
static bool block_domain(const struct conf_section *section, struct dns_name *domain_r,
                         struct base_error *error_r)
{
    const struct dkim_sign_conf *conf = section->values;

    if (conf->domain != NULL)
        return make_domain(conf_section_where(section, "domain"), "domain", conf->domain, domain_r,
                           error_r);
    if (!is_any(section))
        return make_domain(section->where, "sign", section->title, domain_r, error_r);
    conf_error_at(error_r, section->where,
                  "sign \"*\": domain is missing; say which domain signs for all others: "
                  "domain = \"example.org\"");
    return false;
}

bool dkim_sign_section_read(const struct conf_section *section, struct dns_name *domain_r,
                            const struct conf_list **keys_r)
{
    const struct dkim_sign_conf *conf = section->values;

    *keys_r = &conf->keys;
    return block_domain(section, domain_r, NULL);
}

static bool sign_check(struct conf_section *section, struct base_error *error_r)
{
    const struct dkim_sign_conf *conf = section->values;
    struct dns_name domain;

    if (!is_any(section) && !make_domain(section->where, "sign", section->title, &domain, error_r))
        return false;
    if (!block_domain(section, &domain, error_r))
        return false;
    if (conf->keys.count == 0) {
        conf_error_at(error_r, section->where,
                      "sign \"%s\": keys is missing; name the key to sign with by its selector: "
                      "keys = { \"2026a\" } (`postseal key new` makes one)",
                      section->title);
        return false;
    }
    for (size_t i = 0; i < conf->keys.count; i++) {
        const struct conf_item *item = &conf->keys.items[i];

        if (keys_selector_is_valid(item->text))
            continue;
        conf_error_at(error_r, item->where,
                      "keys: \"%s\" is not a selector; it is the key file's name without .pem, "
                      "labels of letters, digits, - and _",
                      item->text);
        return false;
    }
    if (conf->expire != 0 && conf->expire < 60 * 1000) {
        conf_error_at(error_r, conf_section_where(section, "expire"),
                      "expire: a signature that is valid for less than a minute does not survive "
                      "its delivery; write \"7d\", or leave it out");
        return false;
    }
    return check_lists(section, conf, error_r);
}

/* --- making blocks --- */

static const char *const *copy_list(const struct conf_list *list)
{
    const char **copy = base_mem_alloc_zero(list->count + 1, sizeof(*copy));

    for (size_t i = 0; i < list->count; i++) {
        char *name = base_mem_strdup(list->items[i].text);

        for (char *p = name; *p != '\0'; p++)
            *p = base_ascii_lower(*p);
        copy[i] = name;
    }
    return copy;
}

static void free_list(const char *const *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; list[i] != NULL; i++)
        base_mem_free((void *)list[i]);
    base_mem_free((void *)list);
}

void dkim_sign_block_init(struct dkim_sign_block *block, const struct dns_name *domain)
{
    memset(block, 0, sizeof(*block));
    block->title = "*";
    block->domain = *domain;
    block->header_canon = DKIM_CANON_RELAXED;
    block->body_canon = DKIM_CANON_RELAXED;
    block->sign_headers = default_sign;
    block->oversign_always = default_always;
    block->oversign_present = default_present;
}

/* Who reads the error knows the block from its line and the key from its name. */
struct loading {
    const char *key_dir;
    void (*warn)(void *context, const char *text);
    void *context;
};

static void warn_key(const struct loading *loading, struct conf_where where, const char *domain,
                     const char *selector, const char *warning)
{
    struct base_error text;

    if (loading->warn == NULL)
        return;
    conf_error_at(&text, where, "key \"%s\" of %s: %s", selector, domain, warning);
    loading->warn(loading->context, text.text);
}

static struct keys_key *load_key(const struct loading *loading, const struct dkim_sign_block *block,
                                 const struct conf_item *item, struct base_error *error_r)
{
    const char *warning = NULL;
    struct base_error error;
    struct keys_key *key =
        keys_store_load(loading->key_dir, &block->domain, item->text, &warning, &error);

    if (key == NULL) {
        conf_error_at(error_r, item->where, "sign \"%s\": key \"%s\": %s", block->title, item->text,
                      error.text);
        return NULL;
    }
    if (warning != NULL)
        warn_key(loading, item->where, block->domain.text, item->text, warning);
    return key;
}

static bool load_signers(const struct loading *loading, const struct conf_section *section,
                         struct dkim_sign_block *block, struct base_error *error_r)
{
    const struct dkim_sign_conf *conf = section->values;
    struct dkim_signer *signers = base_mem_alloc_zero(conf->keys.count, sizeof(*signers));

    block->signers = signers;
    for (size_t i = 0; i < conf->keys.count; i++) {
        const struct conf_item *item = &conf->keys.items[i];
        struct base_error error;

        signers[i].key = load_key(loading, block, item, error_r);
        if (signers[i].key == NULL)
            return false;
        signers[i].selector = base_mem_strdup(item->text);
        block->signer_count++;
        if (!dkim_probe_signer(block, &signers[i], &error)) {
            conf_error_at(error_r, item->where, "sign \"%s\": key \"%s\": %s", block->title,
                          item->text, error.text);
            return false;
        }
    }
    return true;
}

static bool make_block(struct dkim_keyring *keyring, const struct loading *loading,
                       const struct conf_section *section, struct base_error *error_r)
{
    const struct dkim_sign_conf *conf = section->values;
    struct dkim_sign_block *block = &keyring->blocks[keyring->count++];
    struct entry *entry = &keyring->entries[keyring->entry_count];

    block->title = base_mem_strdup(section->title);
    block->header_canon = (enum dkim_canon)(conf->canonicalization / 2);
    block->body_canon = (enum dkim_canon)(conf->canonicalization % 2);
    block->expire_s = conf->expire / 1000;
    block->sign_headers = copy_list(&conf->sign_headers);
    block->oversign_always = copy_list(&conf->oversign_headers);
    block->oversign_present = copy_list(&conf->oversign_present);
    block->sha256 = keyring->sha256;
    if (!block_domain(section, &block->domain, error_r))
        return false;
    if (is_any(section)) {
        keyring->any = block;
    } else {
        if (!make_domain(section->where, "sign", section->title, &entry->domain, error_r))
            return false;
        entry->block = block;
        entry->section = section;
        keyring->entry_count++;
    }
    return load_signers(loading, section, block, error_r);
}

/* --- the ring --- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;

    return strcmp(left->domain.text, right->domain.text);
}

/* "Example.org" and "example.org." are one author domain. */
static bool check_twins(const struct dkim_keyring *keyring, struct base_error *error_r)
{
    for (size_t i = 1; i < keyring->entry_count; i++) {
        const struct conf_section *one = keyring->entries[i - 1].section;
        const struct conf_section *two = keyring->entries[i].section;

        if (!dns_name_equals(&keyring->entries[i - 1].domain, &keyring->entries[i].domain))
            continue;
        conf_error_at(error_r, two->where,
                      "sign \"%s\" is the same domain as sign \"%s\" at %s:%d; keep one",
                      two->title, one->title, one->where.file, one->where.line);
        return false;
    }
    return true;
}

struct dkim_keyring *dkim_keyring_create(const struct conf_snapshot *conf, const char *key_dir,
                                         void (*warn)(void *context, const char *text),
                                         void *context, struct base_error *error_r)
{
    size_t count = conf_snapshot_count(conf, &dkim_sign_table);
    struct dkim_keyring *keyring = base_mem_alloc_zero(1, sizeof(*keyring));
    struct loading loading = {key_dir, warn, context};

    keyring->blocks = base_mem_alloc_zero(count + 1, sizeof(*keyring->blocks));
    keyring->entries = base_mem_alloc_zero(count + 1, sizeof(*keyring->entries));
    keyring->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (keyring->sha256 == NULL)
        base_panic("dkim: OpenSSL has no SHA-256");
    for (size_t i = 0; i < count; i++)
        if (!make_block(keyring, &loading, conf_snapshot_at(conf, &dkim_sign_table, i), error_r))
            goto fail;
    qsort(keyring->entries, keyring->entry_count, sizeof(*keyring->entries), compare_entries);
    if (!check_twins(keyring, error_r))
        goto fail;
    return keyring;
fail:
    dkim_keyring_destroy(&keyring);
    return NULL;
}

void dkim_keyring_destroy(struct dkim_keyring **keyring)
{
    struct dkim_keyring *ring = *keyring;

    *keyring = NULL;
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->count; i++) {
        struct dkim_sign_block *block = &ring->blocks[i];

        for (size_t k = 0; k < block->signer_count; k++) {
            struct dkim_signer signer = block->signers[k];

            keys_key_unref(&signer.key);
            base_mem_free((void *)signer.selector);
        }
        base_mem_free((void *)block->signers);
        free_list(block->sign_headers);
        free_list(block->oversign_always);
        free_list(block->oversign_present);
        base_mem_free((void *)block->title);
    }
    EVP_MD_free(ring->sha256);
    base_mem_free(ring->entries);
    base_mem_free(ring->blocks);
    base_mem_free(ring);
}

const struct dkim_sign_block *dkim_keyring_find(const struct dkim_keyring *keyring,
                                                const struct dns_name *author_domain)
{
    for (unsigned labels = author_domain->label_count; labels > 0; labels--) {
        struct entry wanted;
        const struct entry *found;

        dns_name_suffix(&wanted.domain, author_domain, labels);
        found = bsearch(&wanted, keyring->entries, keyring->entry_count, sizeof(wanted),
                        compare_entries);
        if (found != NULL)
            return found->block;
    }
    return keyring->any;
}

size_t dkim_keyring_count(const struct dkim_keyring *keyring)
{
    return keyring->count;
}

const struct dkim_sign_block *dkim_keyring_at(const struct dkim_keyring *keyring, size_t index)
{
    return index < keyring->count ? &keyring->blocks[index] : NULL;
}
