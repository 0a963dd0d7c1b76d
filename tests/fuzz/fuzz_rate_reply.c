/* The shared store's answer to a charge: any numbers; what is taken is in range. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/rate/shared_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* Small numbers are likely, all are possible. */
static int64_t take(const uint8_t **at, const uint8_t *end)
{
    int64_t number = 0;

    if (*at == end)
        return 0;
    if (**at < 0xf0)
        return *(*at)++ - 1;
    (*at)++;
    for (int i = 0; i < 8 && *at < end; i++)
        number = (int64_t)((uint64_t)number << 8 | *(*at)++);
    return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    struct rate_windows windows[4] = {{0}};
    struct rate_item items[4];
    int64_t used[4][RATE_WINDOWS_MAX];
    struct store_redis_reply *reply;
    size_t count = size > 0 ? *data++ % 5 : 0;
    bool is_ok;

    memset(items, 0, sizeof(items));
    for (size_t i = 0; i < count; i++) {
        windows[i].count = 1 + (data < end ? *data++ % RATE_WINDOWS_MAX : 0);
        items[i].windows = &windows[i];
    }
    reply = base_mem_alloc_zero(1, sizeof(*reply));
    for (reply->count = 0; reply->count < RATE_ANSWER_REST; reply->count++)
        reply->numbers[reply->count] = 1;
    while (data < end && reply->count < STORE_REDIS_NUMBERS_MAX)
        reply->numbers[reply->count++] = take(&data, end);
    if (rate_call_read_charge(reply, items, count, &is_ok, used))
        for (size_t i = 0; i < count; i++) {
            must(items[i].window < windows[i].count, "the window is one of the item's");
            must(items[i].answer <= RATE_HELD, "the answer is one");
            must(items[i].wait_ns >= -1, "the wait is none in the past");
            must(items[i].used >= 0 && items[i].used <= RATE_SHARED_MAX, "the count is in range");
        }
    base_mem_free(reply);
    return 0;
}
