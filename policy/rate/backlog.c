/* A list with two ends. */
#include "policy/rate/backlog.h"

#include "base/mem.h"

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

void rate_backlog_put(struct rate_backlog *backlog, const uint64_t id[2], bool is_commit,
                      unsigned first_local, struct rate_backlog_item *items)
{
    struct rate_backlog_entry *entry;

    if (backlog->count >= RATE_BACKLOG_MAX) {
        backlog->lost++;
        rate_backlog_items_free(items);
        return;
    }
    entry = base_mem_alloc_zero(1, sizeof(*entry));
    entry->id[0] = id[0];
    entry->id[1] = id[1];
    entry->is_commit = is_commit;
    entry->first_local = first_local;
    entry->items = items;
    *backlog->last = entry;
    backlog->last = &entry->next;
    backlog->count++;
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
}
