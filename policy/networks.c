/* Networks in CIDR notation (RFC 4632, RFC 4291). IPv4-mapped IPv6 addresses (RFC 4291 section
 * 2.5.5.2) are IPv4, in the configuration as on the wire, so that one spelling matches. */
#include "policy/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"

struct network {
    int family;
    unsigned bits;
    unsigned char address[16];
};

struct policy_networks {
    bool has_local;
    size_t count;
    struct network *items;
};

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static size_t address_size(int family)
{
    return family == AF_INET ? 4 : 16;
}

void policy_client_set_address(struct policy_client *client, const void *octets, size_t length)
{
    if (length == 16 && memcmp(octets, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        client->family = AF_INET;
        memcpy(client->address, (const unsigned char *)octets + sizeof(mapped_prefix), 4);
        return;
    }
    client->family = length == 4 ? AF_INET : AF_INET6;
    memcpy(client->address, octets, length);
}

/* Callers' structs may lie anywhere: copied before they are read. */
void policy_client_init(struct policy_client *client, const struct sockaddr *address,
                        struct base_text client_name)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    *client = (struct policy_client){.family = AF_UNSPEC};
    if (address == NULL)
        return;
    if (address->sa_family == AF_UNIX) {
        client->family = AF_UNIX;
        client->is_local_pickup = true;
    } else if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof(in));
        policy_client_set_address(client, &in.sin_addr, 4);
        client->is_local_pickup = in.sin_port == 0 && client->address[0] == 127 &&
                                  base_text_equals_nocase(client_name, BASE_TEXT("localhost"));
    } else if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof(in6));
        policy_client_set_address(client, &in6.sin6_addr, 16);
    }
}

const char *policy_client_text(const struct policy_client *client, char *out, size_t size)
{
    const char *text = NULL;

    if (client->family == AF_INET || client->family == AF_INET6)
        text = inet_ntop(client->family, client->address, out, (socklen_t)size);
    else
        snprintf(out, size, "%s", client->family == AF_UNIX ? "local" : "unknown");
    return text != NULL ? text : out;
}

/* The bits of an address behind a prefix; returns whether any was set. */
static bool clear_host_bits(struct network *network)
{
    bool was_set = false;

    for (unsigned bit = network->bits; bit < address_size(network->family) * 8; bit++) {
        unsigned char mask = (unsigned char)(0x80u >> (bit % 8));
        was_set |= (network->address[bit / 8] & mask) != 0;
        network->address[bit / 8] &= (unsigned char)~mask;
    }
    return was_set;
}

/* Splits "address/bits"; false if it is neither family's. */
static bool parse_network(const char *text, struct network *network_r)
{
    char address[INET6_ADDRSTRLEN + 2];
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    uint64_t bits = 0;

    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(address))
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    *network_r = (struct network){.family = AF_INET};
    if (inet_pton(AF_INET, address, network_r->address) != 1) {
        network_r->family = AF_INET6;
        if (inet_pton(AF_INET6, address, network_r->address) != 1)
            return false;
    }
    unsigned max = (unsigned)address_size(network_r->family) * 8;
    bits = max;
    if (slash != NULL && !base_text_to_uint(base_text_of(slash + 1), max, &bits))
        return false;
    network_r->bits = (unsigned)bits;
    return true;
}

static void unmap(struct network *network)
{
    if (network->family != AF_INET6 || network->bits < 96 ||
        memcmp(network->address, mapped_prefix, sizeof(mapped_prefix)) != 0)
        return;
    network->family = AF_INET;
    network->bits -= 96;
    memmove(network->address, network->address + sizeof(mapped_prefix), 4);
    memset(network->address + 4, 0, 12);
}

static bool add(struct policy_networks *networks, const struct conf_item *item, const char *option,
                struct base_error *error_r)
{
    struct network network;
    char mend[INET6_ADDRSTRLEN];

    if (strcmp(item->text, "local") == 0) {
        networks->has_local = true;
        return true;
    }
    if (!parse_network(item->text, &network)) {
        conf_error_at(error_r, item->where,
                      "%s: \"%s\" is not a network: write an address (192.0.2.1, 2001:db8::1), a "
                      "network (192.0.2.0/24, 2001:db8::/32), or \"local\" for the MTA's own local "
                      "pickup",
                      option, item->text);
        return false;
    }
    unmap(&network);
    if (clear_host_bits(&network)) {
        conf_error_at(error_r, item->where,
                      "%s: \"%s\" has bits behind its prefix: write \"%s/%u\", or the address "
                      "alone",
                      option, item->text,
                      inet_ntop(network.family, network.address, mend, sizeof(mend)), network.bits);
        return false;
    }
    networks->items[networks->count++] = network;
    return true;
}

struct policy_networks *policy_networks_create(const struct conf_list *list, const char *option,
                                               struct base_error *error_r)
{
    struct policy_networks *networks = base_mem_alloc_zero(1, sizeof(*networks));

    if (list->count > 0)
        networks->items = base_mem_alloc_zero(list->count, sizeof(*networks->items));
    for (size_t i = 0; i < list->count; i++) {
        if (!add(networks, &list->items[i], option, error_r)) {
            policy_networks_destroy(&networks);
            return NULL;
        }
    }
    return networks;
}

void policy_networks_destroy(struct policy_networks **networks)
{
    if (*networks == NULL)
        return;
    base_mem_free((*networks)->items);
    base_mem_free(*networks);
    *networks = NULL;
}

static bool is_within(const struct network *network, const struct policy_client *client)
{
    if (network->family != client->family)
        return false;
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, client->address, whole) != 0)
        return false;
    unsigned char mask = (unsigned char)(0xff00u >> rest);
    return rest == 0 || ((network->address[whole] ^ client->address[whole]) & mask) == 0;
}

bool policy_networks_contain(const struct policy_networks *networks,
                             const struct policy_client *client)
{
    if (networks->has_local && client->is_local_pickup)
        return true;
    for (size_t i = 0; i < networks->count; i++)
        if (is_within(&networks->items[i], client))
            return true;
    return false;
}

bool policy_networks_cover(const struct policy_networks *networks, const char *item)
{
    struct policy_client first = {.family = AF_UNSPEC};
    struct network narrow;

    if (strcmp(item, "local") == 0)
        return networks->has_local;
    if (!parse_network(item, &narrow))
        return false;
    unmap(&narrow);
    first.family = narrow.family;
    memcpy(first.address, narrow.address, sizeof(first.address));
    for (size_t i = 0; i < networks->count; i++)
        if (networks->items[i].bits <= narrow.bits && is_within(&networks->items[i], &first))
            return true;
    return false;
}
