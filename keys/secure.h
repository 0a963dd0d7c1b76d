/* Memory for private keys and their PEM text: OpenSSL's secure heap, one mapping between guard
 * pages, locked in memory as far as RLIMIT_MEMLOCK goes, left out of core dumps (MADV_DONTDUMP),
 * wiped on free. Once it is there OpenSSL itself puts the private numbers of every key into it.
 * Thread-safe. */
#ifndef KEYS_SECURE_H
#define KEYS_SECURE_H

#include <stddef.h>

/* Makes the heap unless it is there. Where the kernel refuses it, keys live on the ordinary heap
 * and are still wiped. */
void keys_secure_init(void);
/* Zeroed memory, or NULL when the secure heap is full. */
__attribute__((warn_unused_result)) void *keys_secure_alloc(size_t size);
/* Wipes and frees; NULL is fine. */
void keys_secure_free(void *memory, size_t size);

#endif
