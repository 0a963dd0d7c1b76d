/* policy/dkim/keyrecord: a key that is taken is base64, bounded, and says what it is for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/dkim/keyrecord.h"
#include "policy/dkim/taglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text text = {(const char *)data, size};
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    for (int i = 0; i < 2; i++) {
        enum keys_algorithm algorithm = i == 0 ? KEYS_RSA_SHA256 : KEYS_ED25519_SHA256;
        struct dkim_key_record record;
        enum dkim_key_fault fault = dkim_key_record_read(arena, text, algorithm, &record);

        must(dkim_key_fault_text(fault) != NULL);
        if (fault != DKIM_KEY_OK)
            continue;
        must(size <= DKIM_KEY_RECORD_MAX);
        must(dkim_text_is_base64(record.p));
        must(algorithm != KEYS_ED25519_SHA256 || record.p.length == 44);
        must(record.p.data[record.p.length] == '\0');
    }
    base_arena_destroy(&arena);
    return 0;
}
