/* policy/path: whatever is read of it is a path, which reads the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "policy/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text path = {(const char *)data, size};
    struct base_arena *arena = base_arena_create(16384, NULL);
    struct policy_address strict, address, again;
    enum policy_address_kind kind = policy_path_read(arena, path, &address);

    must(kind == address.kind);
    if (policy_address_parse(path, &strict) != POLICY_ADDRESS_INVALID)
        must(strict.kind == kind && base_text_equals(strict.text, address.text));
    if (kind != POLICY_ADDRESS_INVALID) {
        must(policy_address_parse(address.text, &again) == kind);
        must(base_text_equals(again.text, address.text));
        must(base_text_equals(again.local, address.local));
        must(dns_name_equals(&again.domain, &address.domain));
    }
    base_arena_destroy(&arena);
    return 0;
}
