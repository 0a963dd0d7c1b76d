/* Unicode chapter 3.13, default case folding. A few of its foldings are longer in UTF-8 than what
 * they stand for; those letters are left as they are, so that a folded key never needs more room.
 */
#include "store/fold.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

enum {
    SHARP_S = 0xdf,
    CAPITAL_SHARP_S = 0x1e9e,
    /* What upper and lower case make of these two is an ASCII i, and folding is not. */
    CAPITAL_I_WITH_DOT = 0x130,
    DOTLESS_I = 0x131,
};

void store_fold_init(struct store_fold *fold)
{
    fold->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void store_fold_deinit(struct store_fold *fold)
{
    if (fold->locale != (locale_t)0)
        freelocale(fold->locale);
    fold->locale = (locale_t)0;
}

/* One character of valid UTF-8; returns its octets. */
static size_t decode(const unsigned char *at, uint32_t *c_r)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t c = length == 1 ? at[0] : at[0] & (0x7fU >> length);

    for (size_t i = 1; i < length; i++)
        c = c << 6 | (at[i] & 0x3f);
    *c_r = c;
    return length;
}

static size_t encode(uint32_t c, unsigned char out[4])
{
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = length; i > 1; i--, c >>= 6)
        out[i - 1] = (unsigned char)(0x80 | (c & 0x3f));
    out[0] = (unsigned char)(length == 1 ? c : c | (0xf00U >> length & 0xff));
    return length;
}

static size_t fold_character(const struct store_fold *fold, const unsigned char *at, size_t *used_r,
                             unsigned char out[4])
{
    uint32_t c;
    size_t length = *used_r = decode(at, &c);

    if (c == SHARP_S || c == CAPITAL_SHARP_S) {
        out[0] = out[1] = 's';
        return 2;
    }
    if (c != CAPITAL_I_WITH_DOT && c != DOTLESS_I) {
        wint_t upper = towupper_l((wint_t)c, fold->locale);
        size_t folded = encode((uint32_t)towlower_l(upper, fold->locale), out);

        if (folded <= length)
            return folded;
    }
    return encode(c, out);
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGH (ONES * 0x80)

/* Eight octets at once: those from 'A' to 'Z' to lower case. */
static uint64_t fold_word(uint64_t word)
{
    uint64_t low = word & ~HIGH;
    uint64_t from_a = low + ONES * (0x80 - 'A');
    uint64_t above_z = low + ONES * (0x7f - 'Z');

    return word | (from_a & ~above_z & ~word & HIGH) >> 2;
}

/* ASCII letters alone. False: there is more to fold, maybe. */
static bool fold_ascii(const char *text, size_t length, char *out)
{
    uint64_t all = 0;
    uint64_t word;
    size_t i = 0;

    for (; i + sizeof(word) <= length; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        all |= word;
        word = fold_word(word);
        memcpy(out + i, &word, sizeof(word));
    }
    word = 0;
    memcpy(&word, text + i, length - i);
    all |= word;
    word = fold_word(word);
    memcpy(out + i, &word, length - i);
    return (all & HIGH) == 0;
}

size_t store_fold_apply(const struct store_fold *fold, struct base_text text, char *out)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t length = 0;

    if (fold_ascii(text.data, text.length, out) || fold->locale == (locale_t)0 ||
        !base_text_is_utf8(text))
        return text.length;
    for (size_t i = 0; i < text.length;) {
        unsigned char folded[4];
        size_t used;
        size_t count = fold_character(fold, at + i, &used, folded);

        for (size_t k = 0; k < count; k++)
            out[length++] = (char)folded[k];
        i += used;
    }
    return length;
}
