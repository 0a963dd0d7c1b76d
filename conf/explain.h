/* Why libConfuse refused a token, and what an administrator can do about it. */
#ifndef CONF_EXPLAIN_H
#define CONF_EXPLAIN_H

#include <stddef.h>

#include "base/error.h"
#include "conf/outline.h"
#include "conf/tables.h"

/* Writes *error_r: file and line of the token, and the fault. `text` is what libConfuse said. */
void conf_explain_token(const struct conf_outline *outline, size_t token, const char *text,
                        const struct conf_tables *tables, struct base_error *error_r);

#endif
