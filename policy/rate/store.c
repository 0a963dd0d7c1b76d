/* Calls through the table of operations. */
#include "policy/rate/store.h"

bool rate_windows_equal(const struct rate_windows *a, const struct rate_windows *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (a->at[i].limit != b->at[i].limit || a->at[i].length_ns != b->at[i].length_ns ||
            a->at[i].percent != b->at[i].percent)
            return false;
    return true;
}

bool rate_windows_are_shares(const struct rate_windows *windows)
{
    return windows->count > 0 && windows->at[0].percent > 0;
}

bool rate_name_is_whole(struct base_text name)
{
    return name.length > 0 && name.data[0] == RATE_WHOLE_MARK;
}

bool rate_name_is_own(struct base_text name)
{
    return name.length > 0 && (unsigned char)name.data[0] < ' ';
}

bool rate_item_is_counted(const struct rate_item *item)
{
    return item->amount > 0 &&
           (item->answer == RATE_FREE || rate_windows_are_shares(item->windows));
}

bool rate_store_charge(struct rate_store *store, struct rate_reservation *reservation,
                       struct rate_item *items, size_t count)
{
    return count == 0 || store->ops->charge(store, reservation, items, count);
}

void rate_store_commit(struct rate_store *store, struct rate_reservation *reservation)
{
    store->ops->commit(store, reservation);
}

void rate_store_give_back(struct rate_store *store, struct rate_reservation *reservation)
{
    store->ops->give_back(store, reservation);
}

void rate_store_list(struct rate_store *store,
                     void (*visit)(void *context, const struct rate_status *status), void *context)
{
    store->ops->list(store, visit, context);
}

size_t rate_store_release(struct rate_store *store, struct base_text name, struct base_text key)
{
    return store->ops->release(store, name, key);
}

void rate_store_end_holds(struct rate_store *store,
                          void (*visit)(void *context, const struct rate_status *status),
                          void *context)
{
    store->ops->end_holds(store, visit, context);
}

void rate_store_numbers(struct rate_store *store, struct rate_numbers *numbers_r)
{
    store->ops->numbers(store, numbers_r);
}

void rate_store_destroy(struct rate_store **store)
{
    struct rate_store *it = *store;

    *store = NULL;
    if (it != NULL)
        it->ops->destroy(it);
}
