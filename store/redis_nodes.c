/* Of a cluster one slot is used, and one node has it: which one, every other node knows. */
#include "store/redis_nodes.h"

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <string.h>

static bool is_same(const struct store_address *a, const struct store_address *b)
{
    return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
}

static bool has(const struct store_redis_list *list, const struct store_address *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_same(&list->at[i], address))
            return true;
    return false;
}

void store_redis_list_add(struct store_redis_list *list, const struct store_address *address)
{
    if (list->count < STORE_REDIS_NODES_MAX && !has(list, address))
        list->at[list->count++] = *address;
}

static void ask(struct store_redis_nodes *nodes, const struct store_address *address)
{
    if (nodes->has_current && is_same(&nodes->current, address))
        return;
    nodes->current = *address;
    nodes->has_current = true;
    nodes->generation++;
}

void store_redis_nodes_name(struct store_redis_nodes *nodes, const struct store_redis_list *named)
{
    if (named->count == 0)
        return;
    nodes->named = *named;
    if (!nodes->has_current ||
        (!has(named, &nodes->current) && !has(&nodes->learned, &nodes->current)))
        ask(nodes, &named->at[0]);
}

void store_redis_nodes_learn(struct store_redis_nodes *nodes,
                             const struct store_redis_list *learned)
{
    if (learned->count > 0)
        nodes->learned = *learned;
}

void store_redis_nodes_try_next(struct store_redis_nodes *nodes)
{
    size_t count = nodes->named.count + nodes->learned.count;
    size_t next = 0;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t behind = i - nodes->named.count;
        const struct store_address *it =
            i < nodes->named.count ? &nodes->named.at[i] : &nodes->learned.at[behind];

        /* The last of them, if it stands in both lists: or the rest would never be tried. */
        if (nodes->has_current && is_same(it, &nodes->current))
            next = (i + 1) % count;
    }
    ask(nodes, next < nodes->named.count ? &nodes->named.at[next]
                                         : &nodes->learned.at[next - nodes->named.count]);
}

void store_redis_nodes_move(struct store_redis_nodes *nodes, const struct store_address *to)
{
    store_redis_list_add(&nodes->learned, to);
    ask(nodes, to);
}

bool store_redis_read_moved(struct base_text error, struct store_address *address_r)
{
    struct base_text word = base_text_split(&error, ' ');
    struct base_text slot = base_text_split(&error, ' ');
    size_t colon = error.length;
    uint64_t number;

    if (!base_text_equals(word, BASE_TEXT("MOVED")) || !base_text_to_uint(slot, 16383, &number))
        return false;
    while (colon > 0 && error.data[colon - 1] != ':')
        colon--;
    if (colon < 2 ||
        !base_text_to_uint((struct base_text){error.data + colon, error.length - colon}, UINT16_MAX,
                           &number) ||
        number == 0)
        return false;
    return store_address_parse((struct base_text){error.data, colon - 1}, (uint16_t)number,
                               address_r);
}

/* [host, port, id, ...]; without a host it is the one that was asked, which is known. */
static void add_node(const redisReply *node, struct store_redis_list *list)
{
    struct store_redis_list found = {.count = 0};
    const redisReply *host;

    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2)
        return;
    host = node->element[0];
    if (host->type != REDIS_REPLY_STRING || host->len == 0 || strlen(host->str) > 255 ||
        node->element[1]->type != REDIS_REPLY_INTEGER || node->element[1]->integer < 1 ||
        node->element[1]->integer > UINT16_MAX)
        return;
    found.count = store_address_resolve(host->str, (uint16_t)node->element[1]->integer, found.at,
                                        STORE_REDIS_NODES_MAX);
    for (size_t i = 0; i < found.count; i++)
        store_redis_list_add(list, &found.at[i]);
}

bool store_redis_read_slots(const struct redisReply *reply, struct store_redis_list *list_r)
{
    list_r->count = 0;
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *range = reply->element[i];

        if (range->type != REDIS_REPLY_ARRAY)
            return false;
        for (size_t k = 2; k < range->elements; k++)
            add_node(range->element[k], list_r);
    }
    return true;
}
