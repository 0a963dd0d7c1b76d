/* A file in memory that somebody else may cut off: what is gone is an answer, and not the end of
 * the process. mmap(2) gives SIGBUS to who reads behind the end of a file; here it ends the reading
 * alone. Thread-safe. */
#ifndef STORE_MAPPED_H
#define STORE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_mapped {
    const unsigned char *data;
    size_t length;
};

/* The first `length` octets of the file, which may be closed then. Takes the process's SIGBUS. */
__attribute__((warn_unused_result)) bool store_mapped_open(struct store_mapped *mapped, int fd,
                                                           uint64_t length);
/* Idempotent on what is all zero. */
void store_mapped_close(struct store_mapped *mapped);
/* Copies them out. False: they are not in the file, or not any more. */
__attribute__((warn_unused_result)) bool store_mapped_read(const struct store_mapped *mapped,
                                                           void *out, size_t length,
                                                           uint64_t offset);

#endif
