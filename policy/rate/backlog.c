/* A list with two ends. */
#include "policy/rate/backlog.h"

#include "base/mem.h"
#include "base/random.h"

void rate_backlog_init(struct rate_backlog *backlog)
{
    *backlog = (struct rate_backlog){.last = &backlog->first};
}

void rate_backlog_items_free(struct rate_backlog_item *items)
{
    while (items != NULL) {
        struct rate_backlog_item *next = items->next;

        base_mem_free(items);
        items = next;
    }
}

void rate_backlog_entry_free(struct rate_backlog_entry *entry)
{
    rate_backlog_items_free(entry->items);
    base_mem_free(entry);
}

void rate_backlog_deinit(struct rate_backlog *backlog)
{
    struct rate_backlog_entry *entry;

    while ((entry = rate_backlog_take(backlog)) != NULL)
        rate_backlog_entry_free(entry);
}

static size_t count_of(const struct rate_backlog_item *items)
{
    size_t count = 0;

    for (; items != NULL; items = items->next)
        count++;
    return count;
}

static void put(struct rate_backlog *backlog, const struct rate_backlog_entry *what)
{
    size_t item_count = count_of(what->items);
    struct rate_backlog_entry *entry;

    if (backlog->count >= RATE_BACKLOG_MAX ||
        backlog->item_count + item_count > RATE_BACKLOG_ITEMS_MAX) {
        backlog->lost++;
        rate_backlog_items_free(what->items);
        return;
    }
    entry = base_mem_alloc_zero(1, sizeof(*entry));
    *entry = *what;
    entry->item_count = item_count;
    *backlog->last = entry;
    backlog->last = &entry->next;
    backlog->count++;
    backlog->item_count += item_count;
}

/* The first of a list that is too long, none of which may have arrived; NULL: there are none. */
static struct rate_backlog_item *cut(struct rate_backlog_item **items, unsigned first_local)
{
    struct rate_backlog_item *part = *items;
    struct rate_backlog_item **at = items;

    for (size_t i = 0; i < RATE_BACKLOG_PART && (*at)->sequence != first_local; i++)
        at = &(*at)->next;
    if (at == items)
        return NULL;
    *items = *at;
    /* Ends the part: `at` is in its last item. */
    *at = NULL;
    return part;
}

void rate_backlog_put(struct rate_backlog *backlog, const uint64_t id[2], bool is_commit,
                      unsigned first_local, struct rate_backlog_item *items)
{
    size_t count = count_of(items);

    while (count > RATE_BACKLOG_PART) {
        struct rate_backlog_item *rest = items;
        struct rate_backlog_entry part = {.is_commit = is_commit, .items = cut(&rest, first_local)};

        if (part.items == NULL)
            break;
        items = rest;
        count -= count_of(part.items);
        base_random_draw(part.id, sizeof(part.id));
        put(backlog, &part);
    }
    put(backlog, &(struct rate_backlog_entry){.id = {id[0], id[1]},
                                              .is_commit = is_commit,
                                              .first_local = first_local,
                                              .items = items});
}

void rate_backlog_put_release(struct rate_backlog *backlog, const struct rate_digest *key)
{
    put(backlog, &(struct rate_backlog_entry){.is_release = true, .released = *key});
}

struct rate_backlog_entry *rate_backlog_take(struct rate_backlog *backlog)
{
    struct rate_backlog_entry *entry = backlog->first;

    if (entry == NULL)
        return NULL;
    backlog->first = entry->next;
    if (backlog->first == NULL)
        backlog->last = &backlog->first;
    backlog->count--;
    backlog->item_count -= entry->item_count;
    entry->next = NULL;
    return entry;
}

void rate_backlog_return(struct rate_backlog *backlog, struct rate_backlog_entry *entry)
{
    entry->next = backlog->first;
    if (backlog->first == NULL)
        backlog->last = &entry->next;
    backlog->first = entry;
    backlog->count++;
    backlog->item_count += entry->item_count;
}
