/* Nearness is the edit distance in which two neighbours that changed places count as one mistake
 * (optimal string alignment); case does not count, and '_' is '-'. */
#include "conf/words.h"

#include <string.h>

#define WORD_MAX 64

static char fold(char c)
{
    return c == '_' ? '-' : base_ascii_lower(c);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A digit in place of another is another number: no slip, and no word is near for it. */
static size_t slip(char a, char b)
{
    if (a == b)
        return 0;
    return base_ascii_is_digit(a) && base_ascii_is_digit(b) ? 2 : 1;
}

/* Both at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        rows[0][j] = j;
    size_t last = 0;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t cost = slip(fold(a[i - 1]), fold(b[j - 1]));
            row[j] = smaller(smaller(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = smaller(row[j], above2[j - 2] + 1);
        }
        last = i;
    }
    return rows[last % 3][length];
}

/* A third of the letters may be wrong; of a short word, one. */
static size_t tolerance(const char *written)
{
    size_t third = strlen(written) / 3;
    return third > 1 ? third : 1;
}

const char *conf_nearest(const char *written, const char *const *words)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    if (written == NULL || written[0] == '\0' || strlen(written) > WORD_MAX)
        return NULL;
    for (; *words != NULL; words++) {
        if (strlen(*words) > WORD_MAX)
            continue;
        size_t d = distance(written, *words);
        /* Of a word as short as the mistakes in it nothing is left to recognise. */
        if (d < best && d <= tolerance(written) && d < strlen(*words)) {
            best = d;
            nearest = *words;
        }
    }
    return nearest;
}

void conf_words_append(struct base_buf *out, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            base_buf_append_cstr(out, ", ");
        base_buf_append_cstr(out, words[i]);
    }
}

void conf_words_append_hint(struct base_buf *out, const char *written, const char *const *words)
{
    const char *nearest = conf_nearest(written, words);
    if (nearest != NULL)
        base_buf_appendf(out, "; did you mean \"%s\"?", nearest);
}
