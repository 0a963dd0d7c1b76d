/* Domains of one table, sorted, searched by halves: a message may have ten thousand recipients. */
#include "policy/bulk/providers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "dns/name.h"
#include "policy/idn.h"

#define LIMIT_MAX INT64_C(1000000000)

struct bulk_options {
    int64_t limit;
};

struct provider_options {
    struct conf_list domains;
    struct conf_list mx;
    /* 0: `bulk-limit`. */
    int64_t limit;
};

struct domain {
    char *text;
    /* Those below it, not the domain itself. */
    bool is_below;
    /* Index of the provider. */
    size_t provider;
};

/* Mail exchangers at and below it. */
struct exchanger {
    struct dns_name name;
    size_t provider;
};

struct bulk_providers {
    struct bulk_provider *items;
    size_t count;
    struct domain *domains;
    size_t domain_count;
    size_t domain_capacity;
    struct exchanger *exchangers;
    size_t exchanger_count;
};

/* Names under which they give mailboxes to everybody; domains of customers are not among them. */
static const char *const google[] = {"gmail.com", "googlemail.com", NULL};
static const char *const microsoft[] = {"outlook.com",
                                        "hotmail.com",
                                        "live.com",
                                        "msn.com",
                                        "passport.com",
                                        "windowslive.com",
                                        "outlook.at",
                                        "outlook.be",
                                        "outlook.cl",
                                        "outlook.co.id",
                                        "outlook.co.il",
                                        "outlook.co.th",
                                        "outlook.com.ar",
                                        "outlook.com.au",
                                        "outlook.com.br",
                                        "outlook.com.gr",
                                        "outlook.com.tr",
                                        "outlook.com.vn",
                                        "outlook.cz",
                                        "outlook.de",
                                        "outlook.dk",
                                        "outlook.es",
                                        "outlook.fr",
                                        "outlook.hu",
                                        "outlook.ie",
                                        "outlook.in",
                                        "outlook.it",
                                        "outlook.jp",
                                        "outlook.kr",
                                        "outlook.lv",
                                        "outlook.my",
                                        "outlook.ph",
                                        "outlook.pt",
                                        "outlook.sa",
                                        "outlook.sg",
                                        "outlook.sk",
                                        "hotmail.be",
                                        "hotmail.ca",
                                        "hotmail.ch",
                                        "hotmail.co.jp",
                                        "hotmail.co.nz",
                                        "hotmail.co.th",
                                        "hotmail.co.uk",
                                        "hotmail.com.ar",
                                        "hotmail.com.au",
                                        "hotmail.com.br",
                                        "hotmail.com.tr",
                                        "hotmail.cz",
                                        "hotmail.de",
                                        "hotmail.dk",
                                        "hotmail.es",
                                        "hotmail.fi",
                                        "hotmail.fr",
                                        "hotmail.gr",
                                        "hotmail.hu",
                                        "hotmail.it",
                                        "hotmail.nl",
                                        "hotmail.no",
                                        "hotmail.se",
                                        "live.at",
                                        "live.be",
                                        "live.ca",
                                        "live.cl",
                                        "live.cn",
                                        "live.co.uk",
                                        "live.co.za",
                                        "live.com.ar",
                                        "live.com.au",
                                        "live.com.mx",
                                        "live.com.pt",
                                        "live.de",
                                        "live.dk",
                                        "live.fi",
                                        "live.fr",
                                        "live.ie",
                                        "live.in",
                                        "live.it",
                                        "live.jp",
                                        "live.nl",
                                        "live.no",
                                        "live.ru",
                                        "live.se",
                                        NULL};
/* yahoo.co.jp is another company's. */
static const char *const yahoo[] = {"yahoo.com",    "ymail.com",    "rocketmail.com",
                                    "aol.com",      "aim.com",      "myyahoo.com",
                                    "yahoo.at",     "yahoo.be",     "yahoo.ca",
                                    "yahoo.cl",     "yahoo.co.id",  "yahoo.co.in",
                                    "yahoo.co.nz",  "yahoo.co.th",  "yahoo.co.uk",
                                    "yahoo.co.za",  "yahoo.com.ar", "yahoo.com.au",
                                    "yahoo.com.br", "yahoo.com.co", "yahoo.com.hk",
                                    "yahoo.com.mx", "yahoo.com.my", "yahoo.com.pe",
                                    "yahoo.com.ph", "yahoo.com.sg", "yahoo.com.tr",
                                    "yahoo.com.tw", "yahoo.com.vn", "yahoo.cz",
                                    "yahoo.de",     "yahoo.dk",     "yahoo.es",
                                    "yahoo.fi",     "yahoo.fr",     "yahoo.gr",
                                    "yahoo.hu",     "yahoo.ie",     "yahoo.in",
                                    "yahoo.it",     "yahoo.nl",     "yahoo.no",
                                    "yahoo.pl",     "yahoo.pt",     "yahoo.ro",
                                    "yahoo.se",     "aol.co.uk",    "aol.de",
                                    "aol.fr",       "aol.it",       NULL};
static const char *const apple[] = {"icloud.com", "me.com", "mac.com", NULL};

static const struct {
    const char *name;
    const char *const *domains;
} built_in[] = {
    {"google", google},
    {"microsoft", microsoft},
    {"yahoo", yahoo},
    {"apple", apple},
};

static const struct conf_option options[] = {
    CONF_ROW(bulk_options, "bulk-limit", CONF_INT, limit, .fallback = "5000", .min = 1,
             .max = LIMIT_MAX),
};

const struct conf_table bulk_options_table = {
    .struct_size = sizeof(struct bulk_options),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

static const struct conf_option provider_rows[] = {
    CONF_ROW(provider_options, "domains", CONF_LIST, domains),
    CONF_ROW(provider_options, "mx", CONF_LIST, mx),
    CONF_ROW(provider_options, "limit", CONF_INT, limit, .min = 1, .max = LIMIT_MAX),
};

static bool is_name(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", text[i]) == NULL)
            return false;
    return length > 0 && length <= BULK_PROVIDER_NAME_MAX;
}

static bool is_built_in(const char *name)
{
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (strcmp(built_in[i].name, name) == 0)
            return true;
    return false;
}

static bool check_provider(struct conf_section *section, struct base_error *error_r)
{
    const struct provider_options *values = section->values;

    if (!is_name(section->title)) {
        conf_error_at(error_r, section->where,
                      "bulk-provider \"%s\": a name has lower-case letters, digits, '-' and '.', "
                      "at most %d of them: write for example \"mail.example\"",
                      section->title, BULK_PROVIDER_NAME_MAX);
        return false;
    }
    if (values->domains.count == 0 && values->mx.count == 0 && !is_built_in(section->title)) {
        conf_error_at(error_r, section->where,
                      "bulk-provider \"%s\" has neither `domains` nor `mx`, and is none of google, "
                      "microsoft, yahoo and apple: write `domains = { \"mail.example\" }`",
                      section->title);
        return false;
    }
    return true;
}

const struct conf_table bulk_provider_table = {
    .name = "bulk-provider",
    .has_title = true,
    .struct_size = sizeof(struct provider_options),
    .options = provider_rows,
    .option_count = sizeof(provider_rows) / sizeof(provider_rows[0]),
    .check = check_provider,
};

/* --- making the table ----------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const struct domain *left = a;
    const struct domain *right = b;
    int order = strcmp(left->text, right->text);

    return order != 0 ? order : (int)left->is_below - (int)right->is_below;
}

static void add_domain(struct bulk_providers *providers, const char *text, bool is_below,
                       size_t provider)
{
    if (providers->domain_count == providers->domain_capacity) {
        providers->domain_capacity =
            providers->domain_capacity == 0 ? 256 : 2 * providers->domain_capacity;
        providers->domains = base_mem_realloc(providers->domains, providers->domain_capacity *
                                                                      sizeof(*providers->domains));
    }
    providers->domains[providers->domain_count++] =
        (struct domain){base_mem_strdup(text), is_below, provider};
}

static size_t provider_of(struct bulk_providers *providers, const char *name)
{
    size_t i = 0;

    while (i < providers->count && strcmp(providers->items[i].name, name) != 0)
        i++;
    if (i == providers->count)
        providers->items[providers->count++].name = name;
    return i;
}

/* Two providers of one name would make the order of the file decide. */
static bool add_exchanger(struct bulk_providers *providers, const struct conf_item *item,
                          size_t provider, struct base_error *error_r)
{
    struct exchanger *exchanger = &providers->exchangers[providers->exchanger_count];

    exchanger->provider = provider;
    if (!policy_idn_to_name(base_text_of(item->text), &exchanger->name)) {
        conf_error_at(error_r, item->where,
                      "mx: \"%s\" is not a domain: write that of the mail exchangers, for example "
                      "\"google.com\"",
                      item->text);
        return false;
    }
    for (size_t i = 0; i < providers->exchanger_count; i++) {
        const struct exchanger *other = &providers->exchangers[i];

        if (other->provider == provider || !dns_name_equals(&other->name, &exchanger->name))
            continue;
        conf_error_at(error_r, item->where, "mx: \"%s\" is that of \"%s\" too: keep it in one",
                      item->text, providers->items[other->provider].name);
        return false;
    }
    providers->exchanger_count++;
    return true;
}

static bool add_exchangers(struct bulk_providers *providers, const struct conf_list *list,
                           size_t provider, struct base_error *error_r)
{
    if (list->count == 0)
        return true;
    providers->exchangers =
        base_mem_realloc(providers->exchangers, (providers->exchanger_count + list->count) *
                                                    sizeof(*providers->exchangers));
    for (size_t i = 0; i < list->count; i++)
        if (!add_exchanger(providers, &list->items[i], provider, error_r))
            return false;
    return true;
}

static bool add_section(struct bulk_providers *providers, const struct conf_section *section,
                        struct base_error *error_r)
{
    const struct provider_options *values = section->values;
    size_t provider = provider_of(providers, section->title);

    if (values->limit != 0)
        providers->items[provider].limit = values->limit;
    for (size_t i = 0; i < values->domains.count; i++) {
        const struct conf_item *item = &values->domains.items[i];
        bool is_below = item->text[0] == '.';
        struct dns_name name;

        if (!policy_idn_to_name(base_text_of(item->text + (is_below ? 1 : 0)), &name)) {
            conf_error_at(error_r, item->where,
                          "domains: \"%s\" is not a domain: write \"mail.example\", or "
                          "\".mail.example\" for every domain below it",
                          item->text);
            return false;
        }
        add_domain(providers, name.text, is_below, provider);
    }
    return add_exchangers(providers, &values->mx, provider, error_r);
}

static const struct domain *find(const struct bulk_providers *providers, size_t count,
                                 const char *text, bool is_below)
{
    union {
        const char *in;
        char *out;
    } key = {.in = text};
    struct domain wanted = {.text = key.out, .is_below = is_below};

    return count == 0 ? NULL : bsearch(&wanted, providers->domains, count, sizeof(wanted), compare);
}

/* Two blocks that claim one domain would make the order of the file decide. */
static bool check_claims(const struct bulk_providers *providers, const struct conf_snapshot *conf,
                         struct base_error *error_r)
{
    for (size_t i = 1; i < providers->domain_count; i++) {
        const struct domain *a = &providers->domains[i - 1];
        const struct domain *b = &providers->domains[i];

        if (compare(a, b) != 0 || a->provider == b->provider)
            continue;
        conf_error_at(error_r, conf_snapshot_at(conf, &bulk_provider_table, 0)->where,
                      "bulk-provider: both \"%s\" and \"%s\" have \"%s%s\": keep it in one of them",
                      providers->items[a->provider].name, providers->items[b->provider].name,
                      a->is_below ? "." : "", a->text);
        return false;
    }
    return true;
}

static void sort(struct bulk_providers *providers)
{
    if (providers->domain_count > 0)
        qsort(providers->domains, providers->domain_count, sizeof(*providers->domains), compare);
}

/* Those that no block has claimed. */
static void add_built_in(struct bulk_providers *providers)
{
    size_t claimed = providers->domain_count;

    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        size_t provider = provider_of(providers, built_in[i].name);

        for (const char *const *it = built_in[i].domains; *it != NULL; it++)
            if (find(providers, claimed, *it, false) == NULL)
                add_domain(providers, *it, false, provider);
    }
}

struct bulk_providers *bulk_providers_create(const struct conf_snapshot *conf,
                                             struct base_error *error_r)
{
    const struct bulk_options *top = conf_snapshot_top(conf, &bulk_options_table)->values;
    struct bulk_providers *providers = base_mem_alloc_zero(1, sizeof(*providers));
    size_t sections = conf_snapshot_count(conf, &bulk_provider_table);
    bool is_good = true;

    providers->items = base_mem_alloc_zero(sections + sizeof(built_in) / sizeof(built_in[0]),
                                           sizeof(*providers->items));
    for (size_t i = 0; is_good && i < sections; i++)
        is_good = add_section(providers, conf_snapshot_at(conf, &bulk_provider_table, i), error_r);
    sort(providers);
    if (!is_good || !check_claims(providers, conf, error_r)) {
        bulk_providers_destroy(&providers);
        return NULL;
    }
    add_built_in(providers);
    sort(providers);
    for (size_t i = 0; i < providers->count; i++)
        if (providers->items[i].limit == 0)
            providers->items[i].limit = top->limit;
    return providers;
}

void bulk_providers_destroy(struct bulk_providers **providers)
{
    if (*providers == NULL)
        return;
    for (size_t i = 0; i < (*providers)->domain_count; i++)
        base_mem_free((*providers)->domains[i].text);
    base_mem_free((*providers)->domains);
    base_mem_free((*providers)->exchangers);
    base_mem_free((*providers)->items);
    base_mem_free(*providers);
    *providers = NULL;
}

const struct bulk_provider *bulk_providers_find(const struct bulk_providers *providers,
                                                const struct dns_name *domain)
{
    const struct domain *found = find(providers, providers->domain_count, domain->text, false);

    for (const char *dot = strchr(domain->text, '.'); found == NULL && dot != NULL;
         dot = strchr(dot + 1, '.'))
        found = find(providers, providers->domain_count, dot + 1, true);
    return found == NULL ? NULL : &providers->items[found->provider];
}

bool bulk_providers_want_mx(const struct bulk_providers *providers)
{
    return providers->exchanger_count > 0;
}

/* The nearest: the one with the most labels. */
const struct bulk_provider *bulk_providers_find_mx(const struct bulk_providers *providers,
                                                   const struct dns_name *host)
{
    const struct exchanger *found = NULL;

    for (size_t i = 0; i < providers->exchanger_count; i++) {
        const struct exchanger *it = &providers->exchangers[i];

        if (dns_name_is_within(host, &it->name) &&
            (found == NULL || it->name.label_count > found->name.label_count))
            found = it;
    }
    return found == NULL ? NULL : &providers->items[found->provider];
}

const struct bulk_provider *bulk_providers_by_name(const struct bulk_providers *providers,
                                                   struct base_text name)
{
    for (size_t i = 0; i < providers->count; i++)
        if (base_text_equals(base_text_of(providers->items[i].name), name))
            return &providers->items[i];
    return NULL;
}
