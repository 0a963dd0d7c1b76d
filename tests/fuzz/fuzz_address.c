/* policy/address: what is read points into the input, and reads the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void must_be_within(struct base_text part, const uint8_t *data, size_t size)
{
    const uint8_t *start = (const uint8_t *)part.data;

    if (part.length == 0)
        return;
    must(start >= data && start + part.length <= data + size);
    must(memchr(part.data, '\0', part.length) == NULL);
    must(memchr(part.data, '\n', part.length) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_address address, again;
    enum policy_address_kind kind =
        policy_address_parse((struct base_text){(const char *)data, size}, &address);

    must(kind == address.kind);
    must((kind == POLICY_ADDRESS_DOMAIN) == (address.domain.length > 0));
    must((kind >= POLICY_ADDRESS_LOCAL) == (address.local.length > 0));
    must((kind >= POLICY_ADDRESS_DOMAIN) == (address.domain_text.length > 0));
    must_be_within(address.local, data, size);
    must_be_within(address.domain_text, data, size);
    if (kind == POLICY_ADDRESS_INVALID)
        return 0;
    must_be_within(address.text, data, size);
    must(policy_address_parse(address.text, &again) == kind);
    must(base_text_equals(again.text, address.text));
    must(base_text_equals(again.local, address.local));
    must(dns_name_equals(&again.domain, &address.domain));
    return 0;
}
