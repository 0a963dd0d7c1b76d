/* What Postfix and Sendmail must be told for a configuration: the socket, time-outs that are longer
 * than ours, and what to do when we are not there. */
#ifndef TOOL_CHECK_MTA_H
#define TOOL_CHECK_MTA_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct conf_snapshot;

/* Lines of main.cf and master.cf. False and *error_r if `listen` is not one of its three forms. */
__attribute__((warn_unused_result)) bool tool_check_print_postfix(const struct conf_snapshot *conf,
                                                                  FILE *out,
                                                                  struct base_error *error_r);
/* Lines of sendmail.mc. */
__attribute__((warn_unused_result)) bool tool_check_print_sendmail(const struct conf_snapshot *conf,
                                                                   FILE *out,
                                                                   struct base_error *error_r);

#endif
