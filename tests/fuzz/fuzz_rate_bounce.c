/* policy/rate/sent: the ids in a bounce are the same however its body is broken into chunks, are
 * each from '<' to '>' without a line end, and no more than the cap. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rate/sent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ids {
    unsigned count;
    uint64_t hash;
};

static void note(void *context, struct base_text id)
{
    struct ids *ids = context;

    if (id.length < 3 || id.data[0] != '<' || id.data[id.length - 1] != '>' ||
        memchr(id.data, '\n', id.length) != NULL)
        abort();
    ids->count++;
    for (size_t i = 0; i < id.length; i++)
        ids->hash = (ids->hash ^ (unsigned char)id.data[i]) * UINT64_C(0x100000001b3);
}

static struct ids read_in(const uint8_t *data, size_t size, size_t chunk)
{
    struct rate_bounce bounce = {.length = 0};
    struct ids ids = {0, 1};

    for (size_t i = 0; i < size; i += chunk) {
        size_t length = size - i < chunk ? size - i : chunk;

        rate_bounce_read(&bounce, (struct base_text){(const char *)data + i, length}, note, &ids);
    }
    return ids;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ids whole = read_in(data, size, size + 1);
    struct ids octets = read_in(data, size, 1);
    struct ids sevens = read_in(data, size, 7);

    if (whole.count > RATE_BOUNCE_IDS || whole.count != octets.count ||
        whole.count != sevens.count || whole.hash != octets.hash || whole.hash != sevens.hash)
        abort();
    return 0;
}
