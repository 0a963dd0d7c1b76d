/* From the text of a value to its type: numbers, units, words. Errors say what is wrong with the
 * value, its bounds and its units; where it stands and which option it is for is the caller's. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"

/* Writes the value of any type but CONF_LIST into the option's field. CONF_WORDS: adds one word to
 * the set. CONF_STRING: keeps the pointer. False and *error_r if it is none. */
__attribute__((warn_unused_result)) bool conf_value_store(const struct conf_option *option,
                                                          const char *text, void *field,
                                                          struct base_error *error_r);

/* "2MiB", "64 KiB", "1048576": octets. */
__attribute__((warn_unused_result)) bool conf_value_size(const char *text, int64_t *octets_r,
                                                         struct base_error *error_r);
/* "500ms", "7s", "10m", "4h", "2d": milliseconds. */
__attribute__((warn_unused_result)) bool conf_value_duration(const char *text, int64_t *ms_r,
                                                             struct base_error *error_r);
/* The same back, in the largest unit that is exact. */
void conf_value_append_size(struct base_buf *out, int64_t octets);
void conf_value_append_duration(struct base_buf *out, int64_t ms);

#endif
