/* policy/helo: what a client says in HELO is of at most one kind, blanks around it aside, and a
 * name is one that DNS can hold. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "dns/name.h"
#include "policy/helo.h"
#include "policy/idn.h"
#include "policy/networks.h"

#define BIT(class) (1U << POLICY_HELO_##class)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct policy_client here = {.family = AF_INET, .address = {192, 0, 2, 1}};
    const struct policy_client nowhere = {.family = AF_UNSPEC};
    struct base_text helo = {(const char *)data, size};
    unsigned classes = policy_helo_classes(helo, &here);
    struct dns_name name;

    must(classes < BIT(OWN_NAME));
    must((classes & BIT(WRONG_LITERAL)) == 0 || (classes & BIT(LITERAL)) != 0);
    unsigned kind = classes & ~BIT(WRONG_LITERAL);
    must((kind & (kind - 1)) == 0);
    must(policy_helo_classes(base_text_trim(helo), &here) == classes);
    must(policy_helo_classes(helo, &nowhere) == kind);
    if (classes == 0 && size <= DNS_NAME_MAX)
        must(policy_idn_to_name(base_text_trim(helo), &name) ||
             dns_name_make(&name, base_text_trim(helo)) == DNS_NAME_OK);
    return 0;
}
