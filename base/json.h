/* JSON through jansson, which nothing outside base/ includes. Values form a tree that the root
 * owns. What a stranger sent may hold any octet: text that is not UTF-8 keeps its ASCII and has
 * each other octet as U+FFFD; NUL becomes \u0000. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"

/* A jansson value under our name. */
struct base_json;

struct base_json *base_json_object(void);
struct base_json *base_json_array(void);
/* Frees a root with all below it; sets *json to NULL. */
void base_json_destroy(struct base_json **json);

/* Into an object. `key` is ASCII. A later set of the same key replaces. */
void base_json_set_text(struct base_json *object, const char *key, struct base_text value);
/* {NULL, 0} gives JSON's null. */
void base_json_set_text_or_null(struct base_json *object, const char *key, struct base_text value);
/* NULL gives JSON's null. */
void base_json_set_cstr(struct base_json *object, const char *key, const char *value);
void base_json_set_int(struct base_json *object, const char *key, int64_t value);
void base_json_set_real(struct base_json *object, const char *key, double value);
void base_json_set_bool(struct base_json *object, const char *key, bool value);
void base_json_set_null(struct base_json *object, const char *key);
/* Takes ownership of `value`. */
void base_json_set(struct base_json *object, const char *key, struct base_json *value);

/* Into an array. */
void base_json_append_text(struct base_json *array, struct base_text value);
void base_json_append_int(struct base_json *array, int64_t value);
/* Takes ownership of `value`. */
void base_json_append(struct base_json *array, struct base_json *value);

/* One object, members in the order they were set, indented by two; ends with a newline. */
void base_json_print(const struct base_json *json, FILE *out);
/* On one line, without a newline, appended to `out`. */
void base_json_append_to(const struct base_json *json, struct base_buf *out);

/* Reading: for tests, and for what the command reads back. NULL and *error_r on a fault.
 * Depth and size are bounded (64 levels, 64 MiB). */
struct base_json *base_json_parse(struct base_text text, struct base_error *error_r);
/* Borrowed from the object; NULL if it is not there or `object` is not an object. */
struct base_json *base_json_get(const struct base_json *object, const char *key);
/* Number of elements of an array or members of an object; 0 for anything else. */
size_t base_json_count(const struct base_json *json);
/* Borrowed; NULL past the end or if not an array. */
struct base_json *base_json_at(const struct base_json *array, size_t index);
/* The i-th member of an object: its key (borrowed) and value; NULL past the end. */
const char *base_json_member(const struct base_json *object, size_t index,
                             struct base_json **value_r);
bool base_json_is_null(const struct base_json *json);
/* The text (UTF-8, borrowed), or {NULL, 0} if it is not a string. */
struct base_text base_json_text(const struct base_json *json);
bool base_json_int(const struct base_json *json, int64_t *value_r);
bool base_json_bool(const struct base_json *json, bool *value_r);

#endif
