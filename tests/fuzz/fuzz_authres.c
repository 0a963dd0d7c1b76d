/* policy/authres: a field that names us is always found, and neither case nor a plain comment in
 * front makes a difference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "policy/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy_authserv_ids *create_ids(void)
{
    static const struct conf_item more[] = {{.text = "xn--bcher-kva.example"}};
    static const struct conf_item id = {.text = "mx.example.org"};
    static const struct conf_list list = {.count = 1, .items = more};
    struct base_error error;

    struct policy_authserv_ids *ids = policy_authserv_ids_create(&id, &list, &error);
    if (ids == NULL)
        abort();
    return ids;
}

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static bool claims(const struct policy_authserv_ids *ids, const char *data, size_t size)
{
    return policy_authres_claims(ids, (struct base_text){NULL, 0}, (struct base_text){data, size});
}

/* The input behind a prefix. */
static bool claims_behind(const struct policy_authserv_ids *ids, const char *prefix,
                          const uint8_t *data, size_t size)
{
    size_t length = strlen(prefix);
    char *whole = base_mem_alloc(length + size + 1);

    memcpy(whole, prefix, length);
    if (size > 0)
        memcpy(whole + length, data, size);
    bool is_claim = claims(ids, whole, length + size);
    base_mem_free(whole);
    return is_claim;
}

static bool claims_in_other_case(const struct policy_authserv_ids *ids, const uint8_t *data,
                                 size_t size)
{
    char *other = base_mem_alloc(size + 1);

    for (size_t i = 0; i < size; i++)
        other[i] = (char)(base_ascii_is_alpha((char)data[i]) ? data[i] ^ 0x20 : data[i]);
    bool is_claim = claims(ids, other, size);
    base_mem_free(other);
    return is_claim;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_authserv_ids *ids = create_ids();
    bool is_claim = claims(ids, (const char *)data, size);

    must(claims_in_other_case(ids, data, size) == is_claim);
    must(claims_behind(ids, " (a mx.example.com;) ", data, size) == is_claim);
    /* One that readers end at different places makes other comments suspect, and nothing good. */
    must(claims_behind(ids, " (a \\) (b) mx.example.com;) ", data, size) || !is_claim);
    must(claims_behind(ids, " ((a) mx.example.org;) ", data, size));
    must(claims_behind(ids, " mx.example.org;", data, size));
    must(claims_behind(ids, "\r\n\t\"MX.example.org\" 1 ;", data, size));
    must(claims_behind(ids,
                       " b\xc3\xbc"
                       "cher.example ;",
                       data, size));
    must(size == 0 || memchr(data, '\0', size) == NULL || is_claim);
    policy_authserv_ids_destroy(&ids);
    return 0;
}
