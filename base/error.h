/* Error space: the caller owns it, the callee writes one operator's text into it, which names file,
 * line, option, value and the mend. Functions that take `struct base_error *error_r` write it only
 * when they return a failure; it may be NULL where nobody reads it. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct base_error {
    char text[2048];
};

/* Replaces the text; what does not fit is cut and ends in "...". Control characters in arguments
 * become '?' (a stranger's or a file's text must not move the operator's cursor). */
void base_error_set(struct base_error *error_r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts "prefix: " before what is there. */
void base_error_prefix(struct base_error *error_r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
