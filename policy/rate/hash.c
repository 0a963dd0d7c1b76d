/* Written from the paper; its test vectors are in the unit test. */
#include "policy/rate/hash.h"

struct state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void run_rounds(struct state *state, unsigned count)
{
    while (count-- > 0) {
        state->v0 += state->v1;
        state->v2 += state->v3;
        state->v1 = rotate(state->v1, 13) ^ state->v0;
        state->v3 = rotate(state->v3, 16) ^ state->v2;
        state->v0 = rotate(state->v0, 32);
        state->v2 += state->v1;
        state->v0 += state->v3;
        state->v1 = rotate(state->v1, 17) ^ state->v2;
        state->v3 = rotate(state->v3, 21) ^ state->v0;
        state->v2 = rotate(state->v2, 32);
    }
}

/* Up to eight octets, the first one lowest. */
static uint64_t little_endian(const unsigned char *data, size_t length)
{
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++)
        word |= (uint64_t)data[i] << 8 * i;
    return word;
}

static void absorb(struct state *state, uint64_t word)
{
    state->v3 ^= word;
    run_rounds(state, 2);
    state->v0 ^= word;
}

uint64_t rate_hash(const uint64_t seed[2], struct base_text text)
{
    const unsigned char *data = (const unsigned char *)text.data;
    size_t whole = text.length & ~(size_t)7;
    struct state state = {
        .v0 = seed[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = seed[1] ^ UINT64_C(0x646f72616e646f6d),
        .v2 = seed[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = seed[1] ^ UINT64_C(0x7465646279746573),
    };

    for (size_t i = 0; i < whole; i += 8)
        absorb(&state, little_endian(data + i, 8));
    absorb(&state, (text.length == whole ? 0 : little_endian(data + whole, text.length - whole)) |
                       (uint64_t)text.length << 56);
    state.v2 ^= 0xff;
    run_rounds(&state, 4);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
