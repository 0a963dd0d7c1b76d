/* policy/dkim/sendmail_form: what Sendmail writes, written by Sendmail once more (at the next hop)
 * is not written anew; its lines are header lines. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "policy/dkim/sendmail_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_lines(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] == '\n')
            must(i + 1 < value.length && (value.data[i + 1] == ' ' || value.data[i + 1] == '\t'));
}

/* What the MTA hands over: folds are LF and a blank. */
static bool is_value(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '\0' || c == '\r')
            return false;
        if (c == '\n' &&
            (i + 1 == value.length || (value.data[i + 1] != ' ' && value.data[i + 1] != '\t')))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text value = {(const char *)data, size};
    struct base_arena *arena;
    struct base_text written;
    struct base_text again;

    if (!is_value(value))
        return 0;
    arena = base_arena_create(64 << 20, NULL);
    if (dkim_sendmail_form(arena, BASE_TEXT("To"), value, &written) != DKIM_SENDMAIL_UNCERTAIN) {
        check_lines(written);
        must(dkim_sendmail_form(arena, BASE_TEXT("To"), written, &again) !=
             DKIM_SENDMAIL_REWRITTEN);
        must(base_text_equals(written, again));
    }
    must(!base_arena_is_exhausted(arena));
    base_arena_destroy(&arena);
    return 0;
}
