#include "filter/options.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum option_id {
    OPTION_CONFIG,
    OPTION_FOREGROUND,
    OPTION_ZONE,
    OPTION_TIME,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT,
};

static const struct filter_option table[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"c", NULL, "FILE",
                       "read FILE instead of " POSTSEAL_SYSCONFDIR "/postseal.conf"},
    [OPTION_FOREGROUND] = {"f", NULL, NULL, "stay in the foreground"},
    [OPTION_ZONE] = {NULL, "zone", "FILE",
                     "for tests: answer DNS from this master file, ask no network"},
    [OPTION_TIME] = {NULL, "time", "TIME",
                     "for tests: let the clock stand at TIME (2026-11-22T12:00:00Z)"},
    [OPTION_HELP] = {"h", "help", NULL, "print this and exit"},
    [OPTION_VERSION] = {"V", "version", NULL, "print the version and exit"},
};

const struct filter_option *filter_options_table(size_t *count_r)
{
    *count_r = OPTION_COUNT;
    return table;
}

void filter_options_help(FILE *out)
{
    fputs("usage: postseald [-f] [-c FILE] [--zone FILE] [--time TIME]\n\n"
          "The Postseal milter for Postfix and Sendmail. SIGHUP reads the configuration again,\n"
          "SIGTERM finishes the messages under way and ends.\n\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct filter_option *option = &table[i];
        char left[40];

        snprintf(left, sizeof left, "%s%s%s%s%s%s%s", option->short_name == NULL ? "" : "-",
                 option->short_name == NULL ? "" : option->short_name,
                 option->short_name != NULL && option->long_name != NULL ? ", " : "",
                 option->long_name == NULL ? "" : "--",
                 option->long_name == NULL ? "" : option->long_name,
                 option->value_name == NULL ? "" : " ",
                 option->value_name == NULL ? "" : option->value_name);
        fprintf(out, "  %-16s %s\n", left, option->help);
    }
}

/* One option as it stands on the command line. */
struct written {
    int id;
    struct base_text name;
    /* What stands in the same word behind '=' or the letter; {NULL, 0} for nothing. */
    struct base_text value;
};

static bool is_named(const char *name, struct base_text written)
{
    return name != NULL && base_text_equals(base_text_of(name), written);
}

static bool match(const char *word, struct written *written_r)
{
    bool is_long = word[1] == '-';
    struct base_text rest = base_text_of(is_long ? word + 2 : word + 1);

    written_r->name = rest;
    written_r->value = (struct base_text){NULL, 0};
    if (is_long) {
        written_r->name = base_text_split(&rest, '=');
        written_r->value = rest;
    } else if (rest.length > 1) {
        written_r->name.length = 1;
        written_r->value = (struct base_text){rest.data + 1, rest.length - 1};
    }
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (is_named(is_long ? table[id].long_name : table[id].short_name, written_r->name)) {
            written_r->id = id;
            return true;
        }
    }
    return false;
}

static bool set_time(struct filter_options *options, const char *value, struct base_error *error_r)
{
    options->has_fixed_time = base_clock_parse_rfc3339(value, &options->fixed_time_s);
    if (!options->has_fixed_time) {
        base_error_set(error_r, "--time: \"%s\" is no time of RFC 3339: write it as %s", value,
                       "2026-11-22T12:00:00Z");
    }
    return options->has_fixed_time;
}

static bool apply(struct filter_options *options, enum option_id id, const char *value,
                  struct base_error *error_r)
{
    switch (id) {
    case OPTION_CONFIG:
        options->config_path = value;
        return true;
    case OPTION_FOREGROUND:
        options->is_foreground = true;
        return true;
    case OPTION_ZONE:
        options->zone_path = value;
        return true;
    case OPTION_TIME:
        return set_time(options, value, error_r);
    case OPTION_HELP:
        options->want_help = true;
        return true;
    case OPTION_VERSION:
        options->want_version = true;
        return true;
    case OPTION_COUNT:
        break;
    }
    return false;
}

/* The value of an option: in its own word, or the next one. */
static bool take_value(const struct written *written, const char *word, const char *next,
                       int *index, const char **value_r, struct base_error *error_r)
{
    bool wants_value = table[written->id].value_name != NULL;
    bool has_own = written->value.data != NULL;

    if (!wants_value) {
        if (has_own) {
            base_error_set(error_r, "%s: this option takes no value; options are written apart",
                           word);
        }
        return !has_own;
    }
    if (has_own) {
        /* The end of an argv word: NUL-terminated. */
        *value_r = written->value.data;
    } else if (next != NULL) {
        *value_r = next;
        (*index)++;
    }
    if (*value_r == NULL || **value_r == '\0') {
        base_error_set(error_r, "%s: the value (%s) is missing", word,
                       table[written->id].value_name);
        return false;
    }
    return true;
}

bool filter_options_parse(int argc, char *const *argv, struct filter_options *options_r,
                          struct base_error *error_r)
{
    *options_r = (struct filter_options){.config_path = POSTSEAL_SYSCONFDIR "/postseal.conf"};
    for (int i = 1; i < argc; i++) {
        struct written written;
        const char *word = argv[i];
        const char *value = NULL;

        if (word[0] != '-' || word[1] == '\0') {
            base_error_set(error_r,
                           "%s: arguments without an option are not taken; the "
                           "configuration is given with -c FILE",
                           word);
            return false;
        }
        if (!match(word, &written)) {
            base_error_set(error_r, "%s: unknown option; postseald --help lists them", word);
            return false;
        }
        if (!take_value(&written, word, i + 1 < argc ? argv[i + 1] : NULL, &i, &value, error_r) ||
            !apply(options_r, (enum option_id)written.id, value, error_r)) {
            return false;
        }
    }
    return true;
}
