#include "base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"

/* Of getrandom(2): up to so many octets come in one piece, whatever signals do. */
#define PIECE 256

static bool fill(unsigned char *out, size_t size, unsigned flags)
{
    while (size > 0) {
        ssize_t got = getrandom(out, size < PIECE ? size : PIECE, flags);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        out += got;
        size -= (size_t)got;
    }
    return true;
}

/* SplitMix64. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void base_random_seed(void *out, size_t size)
{
    unsigned char *octets = out;
    struct timespec now = {0, 0};
    uint64_t state;

    if (fill(octets, size, GRND_NONBLOCK))
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    state = (uint64_t)now.tv_sec * UINT64_C(1000000007) + (uint64_t)now.tv_nsec;
    state ^= (uint64_t)(uintptr_t)&now ^ (uint64_t)getpid() << 32;
    for (size_t i = 0; i < size; i++)
        octets[i] = (unsigned char)(mix(&state) & 0xff);
    if (size > 0)
        octets[0] |= 1;
}

void base_random_draw(void *out, size_t size)
{
    if (!fill(out, size, 0))
        base_panic("no random octets from the system");
}
