/* policy/identity_keys and identity_forms: a path as a client may write it, with the delimiters
 * that stand before the first NUL. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/identity_forms.h"
#include "policy/identity_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

/* The whole address comes first, the domain alone last; none is there twice. */
static void check_keys(const struct policy_identity_keys *keys,
                       const struct policy_address *address)
{
    bool is_mailbox = address->kind == POLICY_ADDRESS_LOCAL ||
                      address->kind == POLICY_ADDRESS_DOMAIN ||
                      address->kind == POLICY_ADDRESS_LITERAL;

    must(is_mailbox || keys->count == 0);
    must(!is_mailbox || keys->text.is_over || keys->count > 0);
    for (size_t i = 0; i < keys->count; i++) {
        must(keys->keys[i].length > 0);
        must(base_text_is_utf8(keys->keys[i]));
        for (size_t k = 0; k < i; k++)
            must(!base_text_equals(keys->keys[i], keys->keys[k]));
    }
    must(keys->stem.length <= keys->local.length);
    must(keys->stem.length > 0 || keys->local.length == 0);
    if (address->kind == POLICY_ADDRESS_DOMAIN && !keys->text.is_over)
        must(keys->keys[keys->count - 1].data[0] == '@');
}

/* What a form stands for is an address again, no longer than it was, and has keys. */
static void read_forms(const struct policy_address *address,
                       const struct policy_identity_site *site, struct policy_identity_keys *keys)
{
    for (enum policy_sender_form form = 0; form < POLICY_FORM_COUNT; form++) {
        struct policy_address inner;
        char room[POLICY_ADDRESS_MAX + 1];

        if (!policy_identity_form_read(form, address, room, sizeof(room), &inner))
            continue;
        must(inner.kind == POLICY_ADDRESS_DOMAIN && inner.local.length > 0);
        must(inner.text.length < address->text.length);
        policy_identity_keys_make(keys, &inner, site);
        check_keys(keys, &inner);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_identity_keys *keys = base_mem_alloc(sizeof(*keys));
    char *text = base_mem_strndup((const char *)data, size);
    size_t length = strlen(text);
    struct policy_identity_site site = {.delimiter = text};
    struct policy_address address;

    /* The configuration takes no others. */
    if (length < size && strspn(text, "!#$%&'*+-/=?^_`{|}~") == length) {
        struct base_text path = {text + length + 1, size - length - 1};

        (void)policy_address_parse(path, &address);
        policy_identity_keys_make(keys, &address, &site);
        check_keys(keys, &address);
        read_forms(&address, &site, keys);
    }
    base_mem_free(text);
    base_mem_free(keys);
    return 0;
}
