/* Keys of the store. Their rates have names that no configuration can give: none may have a control
 * character. A count has a window that is never full, as the meter refuses nothing; a threshold
 * that was warned of is a key with room for one in 24 hours, so that several hosts, and a restart,
 * warn once. */
#include "policy/bulk/meter.h"

#include <string.h>

#include "base/clock.h"

#define DAY_NS (INT64_C(86400) * BASE_NS_PER_S)
/* More than anybody sends, and a counter of four octets. */
#define COUNT_MAX INT64_C(2000000000)

static const struct base_text count_name = {"\001bulk", 5};

static const struct rate_windows count_windows = {.count = 1, .at = {{COUNT_MAX, DAY_NS}}};
static const struct rate_windows warned_windows = {.count = 1, .at = {{1, DAY_NS}}};

static const struct {
    unsigned percent;
    struct base_text name;
} thresholds[] = {
    {50, {"\001bulk-50", 8}},
    {80, {"\001bulk-80", 8}},
    {100, {"\001bulk-100", 9}},
};

enum {
    /* Places that one call asks for. */
    TOGETHER = 16,
    THRESHOLDS = sizeof(thresholds) / sizeof(thresholds[0])
};

struct place_key {
    char storage[RATE_KEY_MAX + 1];
    struct base_text text;
};

static void make_key(const struct bulk_place *place, struct place_key *key)
{
    struct base_buf buf;

    base_buf_init_fixed(&buf, key->storage, sizeof(key->storage));
    base_buf_append_text(&buf, place->author);
    base_buf_append_char(&buf, '|');
    base_buf_append_text(&buf, place->provider);
    key->text = base_buf_text(&buf);
}

static void charge_some(struct rate_store *store, struct rate_reservation *reservation,
                        struct bulk_charge *charges, size_t count)
{
    struct rate_item items[TOGETHER];
    struct place_key keys[TOGETHER];

    for (size_t i = 0; i < count; i++) {
        make_key(&charges[i].place, &keys[i]);
        items[i] = (struct rate_item){.name = count_name,
                                      .key = keys[i].text,
                                      .windows = &count_windows,
                                      .amount = charges[i].recipients};
    }
    (void)rate_store_charge(store, reservation, items, count);
    for (size_t i = 0; i < count; i++)
        charges[i].used = items[i].used;
}

void bulk_meter_charge_all(struct rate_store *store, struct rate_reservation *reservation,
                           struct bulk_charge *charges, size_t count)
{
    for (size_t i = 0; i < count; i += TOGETHER)
        charge_some(store, reservation, charges + i, count - i < TOGETHER ? count - i : TOGETHER);
}

int64_t bulk_meter_charge(struct rate_store *store, struct rate_reservation *reservation,
                          const struct bulk_place *place, int64_t recipients)
{
    struct bulk_charge charge = {.place = *place, .recipients = recipients};

    charge_some(store, reservation, &charge, 1);
    return charge.used;
}

int64_t bulk_meter_count(struct rate_store *store, const struct bulk_place *place,
                         int64_t recipients)
{
    struct rate_reservation reservation = {NULL};
    int64_t used = bulk_meter_charge(store, &reservation, place, recipients);

    rate_store_commit(store, &reservation);
    return used;
}

int64_t bulk_meter_used(struct rate_store *store, const struct bulk_place *place)
{
    struct rate_reservation reservation = {NULL};
    int64_t used = bulk_meter_charge(store, &reservation, place, 0);

    rate_store_give_back(store, &reservation);
    return used;
}

static bool is_reached(size_t i, int64_t used, int64_t limit)
{
    return used * 100 >= limit * thresholds[i].percent;
}

unsigned bulk_meter_threshold(int64_t used, int64_t limit)
{
    unsigned reached = 0;

    for (size_t i = 0; i < THRESHOLDS && is_reached(i, used, limit); i++)
        reached = thresholds[i].percent;
    return reached;
}

unsigned bulk_meter_warn(struct rate_store *store, const struct bulk_place *place, int64_t used,
                         int64_t limit)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item items[THRESHOLDS];
    struct place_key key;
    size_t reached = 0;

    make_key(place, &key);
    /* Those below it are noted as well: on the way down they are no news. */
    while (reached < THRESHOLDS && is_reached(reached, used, limit)) {
        items[reached] = (struct rate_item){.name = thresholds[reached].name,
                                            .key = key.text,
                                            .windows = &warned_windows,
                                            .amount = 1};
        reached++;
    }
    if (reached == 0)
        return 0;
    (void)rate_store_charge(store, &reservation, items, reached);
    rate_store_commit(store, &reservation);
    return items[reached - 1].answer == RATE_FREE ? thresholds[reached - 1].percent : 0;
}

bool bulk_meter_owns(const struct rate_status *status)
{
    return base_text_starts_with(status->name, count_name);
}

bool bulk_meter_read(const struct rate_status *status, struct bulk_place *place_r)
{
    size_t at = status->key.length;

    if (!base_text_equals(status->name, count_name))
        return false;
    while (at > 0 && status->key.data[at - 1] != '|')
        at--;
    if (at == 0)
        return false;
    place_r->author = (struct base_text){status->key.data, at - 1};
    place_r->provider = (struct base_text){status->key.data + at, status->key.length - at};
    return true;
}
