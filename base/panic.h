/* A bug in this program stops it loudly. What a stranger sends, what DNS answers and what an
 * administrator writes is never a reason to come here: those are data, results and errors. */
#ifndef BASE_PANIC_H
#define BASE_PANIC_H

/* Logs "panic: ..." at error level to the current log target and aborts. Never returns. */
_Noreturn void base_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
