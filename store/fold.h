/* Keys of maps without regard to case, as Postfix folds them: ASCII letters always; letters beyond
 * ASCII by Unicode's case folding where a letter folds to a letter, and sharp s to "ss".
 * Thread-safe but for init and deinit. */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include <locale.h>

#include "base/text.h"

struct store_fold {
    /* (locale_t)0 where the system has no C.UTF-8: ASCII letters alone are folded. */
    locale_t locale;
};

void store_fold_init(struct store_fold *fold);
void store_fold_deinit(struct store_fold *fold);
/* Writes at most text.length octets to `out`, which may be text.data itself, and returns how many.
 * What is not UTF-8 stays as it is. */
size_t store_fold_apply(const struct store_fold *fold, struct base_text text, char *out);

#endif
