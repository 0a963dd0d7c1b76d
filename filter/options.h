/* The daemon's command line. The table is the one place that knows an option: parsing, --help and
 * the manual page's test read it. */
#ifndef FILTER_OPTIONS_H
#define FILTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct filter_option {
    /* "c", or NULL. */
    const char *short_name;
    /* "zone", or NULL. */
    const char *long_name;
    /* "FILE", or NULL for an option without a value. */
    const char *value_name;
    const char *help;
};

struct filter_options {
    const char *config_path;
    bool is_foreground;
    /* NULL: real DNS. */
    const char *zone_path;
    bool has_fixed_time;
    int64_t fixed_time_s;
    bool want_help;
    bool want_version;
};

/* Every option, in the order of --help. */
const struct filter_option *filter_options_table(size_t *count_r);

/* Strings point into argv. False and *error_r: to be said with exit status 64. */
__attribute__((warn_unused_result)) bool filter_options_parse(int argc, char *const *argv,
                                                              struct filter_options *options_r,
                                                              struct base_error *error_r);
void filter_options_help(FILE *out);

#endif
