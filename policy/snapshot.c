/* Everything that a message is judged by is compiled here once, so that a fault of the
 * configuration is found before the first message, and a message takes no lock. */
#include "policy/snapshot.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "policy/authres.h"
#include "policy/bulk/providers.h"
#include "policy/conditions.h"
#include "policy/conditions_dnslist.h"
#include "policy/dkim/keyring.h"
#include "policy/dkim/library.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/psl.h"
#include "policy/dnslist.h"
#include "policy/domains.h"
#include "policy/exceptions.h"
#include "policy/identity.h"
#include "policy/identity_options.h"
#include "policy/networks.h"
#include "policy/options.h"
#include "policy/rate/place.h"
#include "policy/rate/rates.h"
#include "policy/rules.h"
#include "policy/rules_compile.h"
#include "policy/snapshot-private.h"

const struct conf_table *const *policy_tables(size_t *count_r)
{
    static const struct conf_table *const tables[] = {
        &conf_daemon_table,  &policy_options_table, &policy_identity_table, &dkim_sign_table,
        &policy_rule_table,  &rate_table,           &rate_place_table,      &policy_exception_table,
        &policy_dnsbl_table, &policy_dnswl_table,   &bulk_options_table,    &bulk_provider_table,
    };

    *count_r = sizeof(tables) / sizeof(tables[0]);
    return tables;
}

static uint64_t next_generation(void)
{
    static atomic_uint_fast64_t last;

    return atomic_fetch_add(&last, 1) + 1;
}

/* Without `authserv-id` the machine's name is ours; what is no host name is left out then (the name
 * that the MTA says counts, too: stage_content.c). */
static struct policy_authserv_ids *create_ids(const struct conf_snapshot *conf,
                                              struct base_error *error_r)
{
    const struct policy_options *options = policy_options_get(conf);
    char host[256] = "";
    struct conf_item item = {
        .text = options->authserv_id,
        .where = conf_section_where(conf_snapshot_top(conf, &policy_options_table), "authserv-id"),
    };

    if (item.text != NULL)
        return policy_authserv_ids_create(&item, &options->authserv_ids, error_r);
    if (gethostname(host, sizeof(host) - 1) == 0)
        item.text = host;
    struct base_error ignored;
    struct policy_authserv_ids *ids =
        policy_authserv_ids_create(&item, &options->authserv_ids, &ignored);
    if (ids != NULL)
        return ids;
    item.text = NULL;
    return policy_authserv_ids_create(&item, &options->authserv_ids, error_r);
}

/* An id cannot be ours, whose fields are removed, and another's, whose fields are read. */
static struct policy_authserv_ids *create_trusted_ids(const struct policy_snapshot *snapshot,
                                                      struct base_error *error_r)
{
    const struct conf_list *list = &snapshot->options->trusted_authserv_ids;

    for (size_t i = 0; i < list->count; i++) {
        const struct conf_item *item = &list->items[i];

        if (!policy_authserv_ids_contain(snapshot->authserv_ids, base_text_of(item->text)))
            continue;
        conf_error_at(error_r, item->where,
                      "trusted-authserv-ids: \"%s\" is ours, and its fields are removed: give the "
                      "other server another name, or name its network in keep-authres-from",
                      item->text);
        return NULL;
    }
    return policy_authserv_ids_create_list(list, "trusted-authserv-ids", error_r);
}

static bool compile_identity(struct policy_snapshot *snapshot,
                             const struct policy_snapshot_options *snapshot_options,
                             struct base_error *error_r)
{
    snapshot->identity =
        policy_identity_create(snapshot->conf, snapshot->local_domains, snapshot_options->warn,
                               snapshot_options->context, error_r);
    return snapshot->identity != NULL && (policy_identity_is_configured(snapshot->identity) ||
                                          policy_rules_check_identity(snapshot->rules, error_r));
}

/* What is asked of DNS about a client. An exception's question is seldom needed: it waits. */
static bool compile_client_dns(struct policy_snapshot *snapshot, struct base_error *error_r)
{
    unsigned topics = policy_rules_topics(snapshot->rules);

    snapshot->dnslists = policy_dnslists_create(snapshot->conf, error_r);
    if (snapshot->dnslists == NULL ||
        !policy_conditions_use_dnslists(snapshot->conf, snapshot->dnslists, error_r))
        return false;
    snapshot->wants_iprev = snapshot->options->iprev || (topics & POLICY_TOPIC_IPREV) != 0;
    snapshot->wants_client_dns = snapshot->wants_iprev || (topics & POLICY_TOPIC_CLIENT_DNS) != 0 ||
                                 policy_exceptions_want_iprev(snapshot->exceptions);
    return true;
}

/* Without a public suffix list each author domain is counted for itself. */
static bool compile_bulk(struct policy_snapshot *snapshot,
                         const struct policy_snapshot_options *snapshot_options,
                         struct base_error *error_r)
{
    struct base_error ignored;

    snapshot->bulk_providers = bulk_providers_create(snapshot->conf, error_r);
    if (snapshot->bulk_providers == NULL)
        return false;
    snapshot->bulk_psl = dmarc_psl_create(&ignored);
    if (snapshot->bulk_psl == NULL && snapshot_options->warn != NULL)
        snapshot_options->warn(snapshot_options->context,
                               "there is no public suffix list: the bulk-sender meter counts each "
                               "author domain without a DMARC record for itself; install it "
                               "(Debian: publicsuffix)");
    return true;
}

static bool compile(struct policy_snapshot *snapshot,
                    const struct policy_snapshot_options *snapshot_options,
                    struct base_error *error_r)
{
    const struct policy_options *options = snapshot->options;

    snapshot->authserv_ids = create_ids(snapshot->conf, error_r);
    if (snapshot->authserv_ids == NULL)
        return false;
    snapshot->trusted_authserv_ids = create_trusted_ids(snapshot, error_r);
    if (snapshot->trusted_authserv_ids == NULL)
        return false;
    snapshot->local_domains =
        policy_domains_create(&options->local_domains, "local-domains", error_r);
    if (snapshot->local_domains == NULL)
        return false;
    snapshot->trusted =
        policy_networks_create(&options->trusted_networks, "trusted-networks", error_r);
    if (snapshot->trusted == NULL)
        return false;
    snapshot->signing =
        policy_networks_create(&options->signing_networks, "signing-networks", error_r);
    if (snapshot->signing == NULL)
        return false;
    snapshot->keep_authres_from =
        policy_networks_create(&options->keep_authres_from, "keep-authres-from", error_r);
    if (snapshot->keep_authres_from == NULL)
        return false;
    snapshot->exceptions = policy_exceptions_create(snapshot->conf, snapshot_options->warn,
                                                    snapshot_options->context, error_r);
    if (snapshot->exceptions == NULL)
        return false;
    snapshot->trusted_forwarders =
        policy_networks_create(&options->trusted_forwarders, "trusted-forwarders", error_r);
    if (snapshot->trusted_forwarders == NULL)
        return false;
    snapshot->rules = policy_rules_create(
        snapshot->conf, options->mode == POLICY_MODE_ENFORCE ? POLICY_PROOF_STAGES : 0, error_r);
    if (snapshot->rules == NULL || !compile_identity(snapshot, snapshot_options, error_r) ||
        !compile_client_dns(snapshot, error_r))
        return false;
    policy_rules_warn(snapshot->rules, snapshot_options->warn, snapshot_options->context);
    snapshot->rates = rate_rules_create(snapshot->conf, error_r);
    if (snapshot->rates == NULL || !compile_bulk(snapshot, snapshot_options, error_r))
        return false;
    if (options->dmarc_method != DMARC_METHOD_TREEWALK) {
        snapshot->psl = dmarc_psl_create(error_r);
        if (snapshot->psl == NULL)
            return false;
    }
    snapshot->dkim_library = dkim_library_create();
    return true;
}

struct policy_snapshot *policy_snapshot_create(struct conf_snapshot *conf,
                                               const struct policy_snapshot_options *options,
                                               struct base_error *error_r)
{
    struct policy_snapshot *snapshot = base_mem_alloc_zero(1, sizeof(*snapshot));

    atomic_init(&snapshot->references, 1);
    snapshot->conf = conf_snapshot_ref(conf);
    snapshot->options = policy_options_get(conf);
    bool is_good = compile(snapshot, options, error_r);
    if (is_good && options->want_keys) {
        snapshot->keyring = dkim_keyring_create(conf, snapshot->options->key_dir, options->warn,
                                                options->context, error_r);
        is_good = snapshot->keyring != NULL;
    }
    if (!is_good) {
        policy_snapshot_unref(&snapshot);
        return NULL;
    }
    snapshot->generation = next_generation();
    return snapshot;
}

struct policy_snapshot *policy_snapshot_ref(struct policy_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void policy_snapshot_unref(struct policy_snapshot **snapshot)
{
    struct policy_snapshot *it = *snapshot;

    *snapshot = NULL;
    if (it == NULL || atomic_fetch_sub(&it->references, 1) != 1)
        return;
    if (it->keyring != NULL)
        dkim_keyring_destroy(&it->keyring);
    dkim_library_destroy(&it->dkim_library);
    dmarc_psl_destroy(&it->psl);
    policy_rules_destroy(&it->rules);
    rate_rules_destroy(&it->rates);
    bulk_providers_destroy(&it->bulk_providers);
    dmarc_psl_destroy(&it->bulk_psl);
    policy_identity_destroy(&it->identity);
    policy_dnslists_destroy(&it->dnslists);
    policy_exceptions_destroy(&it->exceptions);
    policy_networks_destroy(&it->trusted_forwarders);
    policy_networks_destroy(&it->keep_authres_from);
    policy_networks_destroy(&it->signing);
    policy_networks_destroy(&it->trusted);
    policy_domains_destroy(&it->local_domains);
    policy_authserv_ids_destroy(&it->authserv_ids);
    policy_authserv_ids_destroy(&it->trusted_authserv_ids);
    conf_snapshot_unref(&it->conf);
    base_mem_free(it);
}

const struct conf_snapshot *policy_snapshot_conf(const struct policy_snapshot *snapshot)
{
    return snapshot->conf;
}

uint64_t policy_snapshot_generation(const struct policy_snapshot *snapshot)
{
    return snapshot->generation;
}

const struct rate_rules *policy_snapshot_rates(const struct policy_snapshot *snapshot)
{
    return snapshot->rates;
}

const struct dmarc_psl *policy_snapshot_bulk_psl(const struct policy_snapshot *snapshot)
{
    return snapshot->bulk_psl;
}

const struct bulk_providers *policy_snapshot_bulk_providers(const struct policy_snapshot *snapshot)
{
    return snapshot->bulk_providers;
}

struct policy_needs policy_snapshot_needs(const struct policy_snapshot *snapshot)
{
    return (struct policy_needs){
        .deciding_stages = 1u << POLICY_STAGE_EOM | policy_rules_deciding_stages(snapshot->rules) |
                           rate_rules_deciding_stages(snapshot->rates),
        .has_port = (policy_rules_topics(snapshot->rules) & POLICY_TOPIC_PORT) != 0,
        .has_unknown = (policy_rules_stages(snapshot->rules) & 1u << POLICY_STAGE_UNKNOWN) != 0,
        .has_data = (policy_rules_stages(snapshot->rules) & 1u << POLICY_STAGE_DATA) != 0,
        /* Signatures of strangers are verified, and ours are made. */
        .has_body = true,
    };
}
