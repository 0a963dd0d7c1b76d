/* Leveled logging to syslog or stderr, as text or JSON; one line a call, control characters
 * escaped, at most 8 KiB. The one piece of process-wide state besides the configuration pointer:
 * base_log_init() before threads start, afterwards thread-safe and lock-free on the callers' side.
 *
 * The structured line (one a message) is built key by key. A value that is not wholly
 * [A-Za-z0-9@._:/+-] is quoted with JSON's escapes, so that no stranger can forge a key; an empty
 * value is "". In JSON format the same keys become members. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum base_log_level {
    BASE_LOG_DEBUG,
    BASE_LOG_INFO,
    BASE_LOG_WARNING,
    BASE_LOG_ERROR,
};

enum base_log_target {
    BASE_LOG_STDERR,
    BASE_LOG_SYSLOG,
    /* Nothing is written; for tests and the command. */
    BASE_LOG_NONE,
};

enum base_log_format {
    BASE_LOG_TEXT,
    BASE_LOG_JSON,
};

struct base_log_options {
    /* Program name in each line; not copied, must live on. */
    const char *ident;
    enum base_log_target target;
    enum base_log_format format;
    /* Lines below it are not written. */
    enum base_log_level level;
    /* syslog facility (LOG_MAIL); only for BASE_LOG_SYSLOG. */
    int facility;
};

/* May be called again (at reload) from the main thread while others log. Before the first call:
 * stderr, text, info. */
void base_log_init(const struct base_log_options *options);

/* The level alone, until the next base_log_init(); from any thread. */
void base_log_set_level(enum base_log_level level);
enum base_log_level base_log_get_level(void);
/* "debug", "info", "warning", "error", and back; false: none of these. */
const char *base_log_level_text(enum base_log_level level);
__attribute__((warn_unused_result)) bool base_log_level_parse(struct base_text text,
                                                              enum base_log_level *level_r);

void base_log(enum base_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define base_log_debug(...)   base_log(BASE_LOG_DEBUG, __VA_ARGS__)
#define base_log_info(...)    base_log(BASE_LOG_INFO, __VA_ARGS__)
#define base_log_warning(...) base_log(BASE_LOG_WARNING, __VA_ARGS__)
#define base_log_error(...)   base_log(BASE_LOG_ERROR, __VA_ARGS__)

/* One key=value line under construction, on the caller's stack. */
struct base_log_line {
    struct base_buf text;
    char storage[8192];
    bool is_json;
};

void base_log_line_begin(struct base_log_line *line);
/* `key`: [a-z0-9_-]. A value that no longer fits is left out and the line ends in cut=1. */
void base_log_line_add(struct base_log_line *line, const char *key, struct base_text value);
void base_log_line_add_cstr(struct base_log_line *line, const char *key, const char *value);
void base_log_line_add_int(struct base_log_line *line, const char *key, int64_t value);
/* Writes it at the level. */
void base_log_line_end(struct base_log_line *line, enum base_log_level level);

/* The quoting rule alone: appends `value` as it stands in a text line. */
void base_log_append_value(struct base_buf *out, struct base_text value);

/* Reads one text line back (what follows the program's name and level): calls `each` with every key
 * and its value, unquoted, both valid during the call only. False if `each` returned false, which
 * ends it, or if the line is not one that this module writes. */
typedef bool base_log_each(void *context, struct base_text key, struct base_text value);
bool base_log_line_parse(struct base_text line, base_log_each *each, void *context);

#endif
