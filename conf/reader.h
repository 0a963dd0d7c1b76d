/* libConfuse: the lexer and section reader of record. It gets the tokens of an outline one a line,
 * so that its line number says which token it is at, with whatever file and line that one has. It
 * checks names and shapes against the tables and decodes the values; an outline has refused before
 * what it would read otherwise than it is written (conf/scan.h). */
#ifndef CONF_READER_H
#define CONF_READER_H

#include <stdbool.h>

#include "base/error.h"
#include "conf/outline.h"
#include "conf/tables.h"

/* Fills in the values of the outline's statements. False and *error_r on the first that the tables
 * do not know. One at a time in the process: takes a lock. */
__attribute__((warn_unused_result)) bool conf_reader_run(struct conf_outline *outline,
                                                         const struct conf_tables *tables,
                                                         struct base_error *error_r);

#endif
