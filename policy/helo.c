/* RFC 5321 sections 4.1.2 (Domain) and 4.1.3 (address-literal). U-labels (RFC 6531 section 3.7.1)
 * are domains if they can be made A-labels. */
#include "policy/helo.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/name.h"
#include "policy/idn.h"
#include "policy/networks.h"

#define BIT(class) (1U << POLICY_HELO_##class)
/* RFC 5321 section 4.5.3.1.2. */
#define DOMAIN_MAX 255
#define LABEL_MAX  63

/* "192.0.2.1", or for AF_INET6 "2001:db8::1". */
static bool parse_address(int family, struct base_text text, unsigned char address_r[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.length == 0 || text.length >= sizeof(copy) ||
        memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return inet_pton(family, copy, address_r) == 1;
}

/* sub-domain = Let-dig [Ldh-str] */
static bool is_label(struct base_text label)
{
    if (label.length == 0 || label.length > LABEL_MAX || label.data[0] == '-' ||
        label.data[label.length - 1] == '-')
        return false;
    for (size_t i = 0; i < label.length; i++)
        if (!base_ascii_is_alnum(label.data[i]) && label.data[i] != '-')
            return false;
    return true;
}

static bool is_ascii_domain(struct base_text text, unsigned *labels_r)
{
    struct base_text rest = text;

    *labels_r = 0;
    if (text.length == 0 || text.length > DOMAIN_MAX)
        return false;
    while (rest.data != NULL) {
        if (!is_label(base_text_split(&rest, '.')))
            return false;
        (*labels_r)++;
    }
    return true;
}

static bool is_ascii(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] & 0x80) != 0)
            return false;
    return true;
}

static unsigned literal_classes(struct base_text inner, const struct policy_client *client)
{
    unsigned char octets[16] = {0};
    struct policy_client said = {.family = AF_INET};
    struct base_text tag = BASE_TEXT("IPv6:");

    if (base_text_starts_with_nocase(inner, tag)) {
        said.family = AF_INET6;
        inner.data += tag.length;
        inner.length -= tag.length;
    }
    if (!parse_address(said.family, inner, octets))
        return BIT(SYNTAX);
    if (client->family != AF_INET && client->family != AF_INET6)
        return BIT(LITERAL);
    policy_client_set_address(&said, octets, said.family == AF_INET ? 4 : 16);
    if (said.family != client->family ||
        memcmp(said.address, client->address, said.family == AF_INET ? 4 : 16) != 0)
        return BIT(LITERAL) | BIT(WRONG_LITERAL);
    return BIT(LITERAL);
}

unsigned policy_helo_classes(struct base_text helo, const struct policy_client *client)
{
    struct base_text text = base_text_trim(helo);
    unsigned char octets[16];
    struct dns_name name;
    unsigned labels;

    if (text.length == 0)
        return BIT(MISSING);
    if (text.data[0] == '[') {
        if (text.length < 2 || text.data[text.length - 1] != ']')
            return BIT(SYNTAX);
        return literal_classes((struct base_text){text.data + 1, text.length - 2}, client);
    }
    if (parse_address(AF_INET, text, octets) || parse_address(AF_INET6, text, octets))
        return BIT(BARE_ADDRESS);
    if (is_ascii(text)) {
        if (!is_ascii_domain(text, &labels))
            return BIT(SYNTAX);
    } else {
        if (text.length > DOMAIN_MAX || text.data[text.length - 1] == '.' ||
            !policy_idn_to_name(text, &name))
            return BIT(SYNTAX);
        labels = name.label_count;
    }
    return labels == 1 ? BIT(UNQUALIFIED) : 0;
}
