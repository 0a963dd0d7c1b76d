/* Lists of known words in errors: all of them, and the nearest to what was written
 * (conf_nearest() in conf/conf.h). */
#ifndef CONF_WORDS_H
#define CONF_WORDS_H

#include "base/text.h"
#include "conf/conf.h"

/* Appends "a, b, c". */
void conf_words_append(struct base_buf *out, const char *const *words);
/* Appends '; did you mean "x"?', or nothing if no word is near. */
void conf_words_append_hint(struct base_buf *out, const char *written, const char *const *words);

#endif
