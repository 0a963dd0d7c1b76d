#include "keys/secure.h"

#include <pthread.h>

#include <openssl/crypto.h>

/* Address space only: pages are taken as keys come. An RSA-2048 key needs about 1 KiB, so that some
 * 60,000 of them fit. */
#define SECURE_HEAP_SIZE (64 * 1024 * 1024)
/* The smallest piece; below it OpenSSL would keep a bit for every 16 octets of the heap. */
#define SECURE_PIECE_MIN 32

static void heap_create(void)
{
    if (CRYPTO_secure_malloc_initialized() == 0)
        (void)CRYPTO_secure_malloc_init(SECURE_HEAP_SIZE, SECURE_PIECE_MIN);
}

void keys_secure_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, heap_create);
}

void *keys_secure_alloc(size_t size)
{
    keys_secure_init();
    return OPENSSL_secure_zalloc(size);
}

void keys_secure_free(void *memory, size_t size)
{
    OPENSSL_secure_clear_free(memory, size);
}
