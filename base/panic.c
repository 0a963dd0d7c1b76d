/* The end after a bug; see panic.h. Takes no memory from the heap: that may be what is broken. */
#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void base_panic(const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    base_log_error("panic: %s", text);
    abort();
}
