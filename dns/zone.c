/* The resolver's double: answers come from a master file and from nothing else. Look-ups follow RFC
 * 1034 section 4.3.2 without zone cuts, with wildcards (RFC 4592) and faults:
 *   1. the name, or the wildcard that stands for it; neither: NXDOMAIN
 *   2. a fault of this type, its records, a fault of ANY, in this order
 *   3. a CNAME is followed, ten times at most, then SERVFAIL
 *   4. NODATA. */
#include "base/file.h"
#include "base/mem.h"
#include "dns/rdata.h"
#include "dns/resolver.h"
#include "dns/zone_parse.h"
#include "dns/zone_table.h"

#define CNAME_HOPS_MAX 10

struct zone {
    struct dns_resolver resolver;
    struct dns_zone_table *table;
};

struct dns_pending {
    struct dns_answer *answer;
};

/* RFC 4592 section 3.3.1: the wildcard right below the closest encloser. NULL if there is none. */
static const struct dns_zone_set *find_wildcard(const struct zone *zone, struct base_text owner)
{
    char name[DNS_WIRE_NAME_MAX] = {1, '*'};

    do {
        size_t label = 1 + (size_t)(unsigned char)owner.data[0];

        if (label == 1)
            return NULL;
        owner = (struct base_text){owner.data + label, owner.length - label};
    } while (dns_zone_table_find(zone->table, owner, DNS_ZONE_NAME) == NULL);
    /* A label of at least two octets was taken off: there is room. */
    for (size_t i = 0; i < owner.length; i++)
        name[2 + i] = owner.data[i];
    return dns_zone_table_find(zone->table, (struct base_text){name, 2 + owner.length},
                               DNS_ZONE_NAME);
}

static const struct dns_zone_set *find_name(const struct zone *zone, struct base_text owner)
{
    const struct dns_zone_set *name = dns_zone_table_find(zone->table, owner, DNS_ZONE_NAME);

    return name != NULL ? name : find_wildcard(zone, owner);
}

/* One reference, or NULL: then *cname_r is the set to follow. */
static struct dns_answer *answer_once(const struct zone *zone, struct base_text owner,
                                      enum dns_type type, const struct dns_zone_set **cname_r)
{
    const struct dns_zone_set *name = find_name(zone, owner);
    const struct dns_zone_set *set;

    if (name == NULL)
        return dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 0);
    set = type == DNS_ZONE_NAME ? NULL : dns_zone_table_find(zone->table, name->owner, type);
    if (set != NULL && set->has_fault)
        return dns_answer_create_empty(set->fault, 0);
    if (set != NULL && set->answer != NULL)
        return dns_answer_ref(set->answer);
    if (name->has_fault)
        return dns_answer_create_empty(name->fault, 0);
    if (!name->has_cname)
        return dns_answer_create_empty(DNS_STATUS_NODATA, 0);
    *cname_r = dns_zone_table_find(zone->table, name->owner, DNS_TYPE_CNAME);
    return NULL;
}

/* An answer at the end of a chain lives no longer than the chain. */
static struct dns_answer *answer_shorten(struct dns_answer *answer, enum dns_type type,
                                         uint32_t ttl)
{
    struct base_text *rdata;
    struct dns_answer *shorter;

    if (answer->count == 0 || answer->ttl <= ttl)
        return answer;
    rdata = base_mem_alloc(answer->count * sizeof(*rdata));
    for (size_t i = 0; i < answer->count; i++)
        rdata[i] = answer->records[i].rdata;
    shorter = dns_answer_create(type, rdata, answer->count, ttl, false);
    base_mem_free(rdata);
    dns_answer_unref(&answer);
    return shorter;
}

static struct dns_answer *answer_follow(const struct zone *zone, const struct dns_name *name,
                                        enum dns_type type)
{
    unsigned char wire[DNS_WIRE_NAME_MAX];
    size_t length = dns_wire_name_make(wire, name);
    uint32_t ttl = UINT32_MAX;

    for (int hops = 0; hops <= CNAME_HOPS_MAX; hops++) {
        const struct dns_zone_set *cname = NULL;
        struct dns_answer *answer =
            answer_once(zone, (struct base_text){(char *)wire, length}, type, &cname);
        struct base_text target;

        if (answer != NULL)
            return answer_shorten(answer, type, ttl);
        if (cname->ttl < ttl)
            ttl = cname->ttl;
        target = cname->answer->records[0].rdata;
        length = target.length;
        for (size_t i = 0; i < length; i++)
            wire[i] = (unsigned char)target.data[i];
        dns_wire_name_lower(wire, length);
    }
    return dns_answer_create_empty(DNS_STATUS_SERVFAIL, 0);
}

static struct dns_pending *zone_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                    enum dns_type type)
{
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    pending->answer = answer_follow((const struct zone *)resolver, name, type);
    return pending;
}

static struct dns_answer *zone_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    (void)timeout_ns;
    return dns_answer_ref(pending->answer);
}

static void zone_drop(struct dns_pending **pending)
{
    struct dns_pending *old = *pending;

    *pending = NULL;
    dns_answer_unref(&old->answer);
    base_mem_free(old);
}

static void zone_destroy(struct dns_resolver *resolver)
{
    struct zone *zone = (struct zone *)resolver;

    dns_zone_table_destroy(&zone->table);
    base_mem_free(zone);
}

static const struct dns_resolver_ops zone_ops = {
    .name = "zone",
    .ask = zone_ask,
    .wait = zone_wait,
    .drop = zone_drop,
    .destroy = zone_destroy,
};

struct dns_resolver *dns_zone_create(struct base_text text, const char *name,
                                     struct base_error *error_r)
{
    struct dns_zone_table *table = dns_zone_table_create();
    struct zone *zone;

    if (!dns_zone_parse(table, text, name, error_r)) {
        dns_zone_table_destroy(&table);
        return NULL;
    }
    dns_zone_table_finish(table);
    zone = base_mem_alloc_zero(1, sizeof(*zone));
    zone->resolver = (struct dns_resolver){.ops = &zone_ops, .is_test_zone = true};
    zone->table = table;
    return &zone->resolver;
}

struct dns_resolver *dns_zone_create_from_file(const char *path, struct base_error *error_r)
{
    struct dns_resolver *resolver;
    size_t length;
    char *data;

    if (!base_file_read(path, DNS_ZONE_FILE_MAX, &data, &length, error_r))
        return NULL;
    resolver = dns_zone_create((struct base_text){data, length}, path, error_r);
    base_mem_free(data);
    return resolver;
}
