/* See key.h. */
#include "policy/rate/key.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/address.h"
#include "policy/networks.h"
#include "policy/rate/exempt.h"
#include "policy/rate/hash.h"
#include "policy/tls.h"

/* In the order of enum rate_part. */
static const char *const part_words[] = {
    "login",         "client-ip",     "client-net", "sender",
    "sender-domain", "author-domain", "recipient",  "recipient-domain",
    "helo",          "certificate",   NULL,
};

/* --- parsing -------------------------------------------------------------------------------------
 */

static bool parse_prefix(struct base_text *rest, unsigned max, unsigned *prefix_r)
{
    uint64_t value;

    if (rest->data == NULL || !base_text_to_uint(base_text_split(rest, '/'), max, &value) ||
        value == 0)
        return false;
    *prefix_r = (unsigned)value;
    return true;
}

static bool parse_part(const struct conf_item *item, struct rate_key *key,
                       struct base_error *error_r)
{
    struct base_text rest = base_text_of(item->text);
    struct base_text word = base_text_split(&rest, '/');
    unsigned part = 0;

    while (part < RATE_PARTS && !base_text_equals(word, base_text_of(part_words[part])))
        part++;
    if (part == RATE_PARTS || (rest.data != NULL && part != RATE_PART_CLIENT_NET)) {
        const char *near = conf_nearest(item->text, part_words);

        conf_error_at(error_r, item->where, "`key`: nothing is known by the name \"%s\"%s%s%s",
                      item->text, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                      near == NULL ? ": take login, client-ip, client-net/24/64, sender, "
                                     "sender-domain, author-domain, recipient, recipient-domain, "
                                     "helo or certificate"
                                   : "\"?");
        return false;
    }
    if (rest.data != NULL && (!parse_prefix(&rest, 32, &key->prefix4) ||
                              !parse_prefix(&rest, 128, &key->prefix6) || rest.data != NULL)) {
        conf_error_at(error_r, item->where,
                      "`key`: \"%s\" names its two prefixes wrongly: write \"client-net/24/64\", "
                      "for IPv4 up to 32 and for IPv6 up to 128",
                      item->text);
        return false;
    }
    if (rate_key_has(key, (enum rate_part)part)) {
        conf_error_at(error_r, item->where, "`key`: \"%s\" is there twice: take one out",
                      item->text);
        return false;
    }
    key->parts[key->count++] = (enum rate_part)part;
    return true;
}

bool rate_key_parse(const struct conf_list *list, struct rate_key *key_r,
                    struct base_error *error_r)
{
    *key_r = (struct rate_key){.prefix4 = 24, .prefix6 = 64};
    for (size_t i = 0; i < list->count; i++)
        if (!parse_part(&list->items[i], key_r, error_r))
            return false;
    return true;
}

bool rate_key_has(const struct rate_key *key, enum rate_part part)
{
    for (unsigned i = 0; i < key->count; i++)
        if (key->parts[i] == part)
            return true;
    return false;
}

bool rate_key_is_of_recipient(const struct rate_key *key)
{
    return rate_key_has(key, RATE_PART_RECIPIENT) || rate_key_has(key, RATE_PART_RECIPIENT_DOMAIN);
}

enum policy_stage rate_key_known_from(const struct rate_key *key)
{
    return rate_key_has(key, RATE_PART_AUTHOR_DOMAIN) ? POLICY_STAGE_EOH : POLICY_STAGE_RCPT;
}

/* --- canonical forms -----------------------------------------------------------------------------
 */

static void append_lower(struct base_buf *out, struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        base_buf_append_char(out, base_ascii_lower(text.data[i]));
}

/* "+x" of "user+x"; a delimiter in front is none. */
static struct base_text without_extension(struct base_text local, const char *delimiters)
{
    for (size_t i = 1; delimiters != NULL && i < local.length; i++)
        if (local.data[i] != '\0' && strchr(delimiters, local.data[i]) != NULL)
            return (struct base_text){local.data, i};
    return local;
}

/* A quoted local part is the same mailbox (RFC 5321 section 4.1.2). */
static void append_local(struct base_buf *out, struct base_text local, const char *delimiters)
{
    char room[POLICY_ADDRESS_MAX];
    size_t length = 0;

    if (local.length < 2 || local.data[0] != '"' || local.length > sizeof(room)) {
        append_lower(out, without_extension(local, delimiters));
        return;
    }
    for (size_t i = 1; i + 1 < local.length; i++) {
        if (local.data[i] == '\\' && i + 2 < local.length)
            i++;
        room[length++] = local.data[i];
    }
    append_lower(out, without_extension((struct base_text){room, length}, delimiters));
}

static bool append_address(struct base_buf *out, const struct policy_address *address,
                           const char *delimiters)
{
    if (address == NULL)
        return false;
    if (address->kind == POLICY_ADDRESS_NULL) {
        base_buf_append_cstr(out, "<>");
        return true;
    }
    if (address->kind == POLICY_ADDRESS_INVALID) {
        append_lower(out, address->text);
        return address->text.length > 0;
    }
    append_local(out, address->local, delimiters);
    if (address->kind == POLICY_ADDRESS_LOCAL)
        return true;
    base_buf_append_char(out, '@');
    if (address->kind == POLICY_ADDRESS_DOMAIN)
        base_buf_append_cstr(out, address->domain.text);
    else
        append_lower(out, address->domain_text);
    return true;
}

static bool append_domain(struct base_buf *out, const struct policy_address *address)
{
    if (address == NULL || address->domain_text.length == 0)
        return false;
    if (address->kind == POLICY_ADDRESS_DOMAIN)
        base_buf_append_cstr(out, address->domain.text);
    else
        append_lower(out, address->domain_text);
    return true;
}

/* A login that is an address has a domain, whose form is not the user's. Its "+" may be part of the
 * name: the server that knows the password has told them apart. */
static bool append_login(struct base_buf *out, struct base_text login)
{
    struct policy_address address;

    if (login.length == 0)
        return false;
    if (policy_address_parse(login, &address) == POLICY_ADDRESS_DOMAIN)
        return append_address(out, &address, NULL);
    append_lower(out, login);
    return true;
}

static bool append_client(struct base_buf *out, const struct policy_client *client)
{
    char text[64];

    if (client == NULL || (client->family == AF_UNSPEC && !client->is_local_pickup))
        return false;
    base_buf_append_cstr(out, policy_client_text(client, text, sizeof(text)));
    return true;
}

static bool append_net(struct base_buf *out, const struct rate_key *key,
                       const struct policy_client *client)
{
    struct policy_client net;
    unsigned prefix;
    char text[64];

    if (client == NULL || client->is_local_pickup ||
        (client->family != AF_INET && client->family != AF_INET6))
        return append_client(out, client);
    net = *client;
    prefix = client->family == AF_INET ? key->prefix4 : key->prefix6;
    for (unsigned i = 0; i < 16; i++) {
        unsigned bits = prefix > 8 * i ? prefix - 8 * i : 0;

        net.address[i] &= (unsigned char)(bits >= 8 ? 0xff : 0xff00 >> bits);
    }
    base_buf_append_cstr(out, policy_client_text(&net, text, sizeof(text)));
    base_buf_appendf(out, "/%u", prefix);
    return true;
}

/* The whole names, of a certificate that was verified; another's names are anybody's. */
static bool append_certificate(struct base_buf *out, const struct policy_tls *tls)
{
    const char *subject;

    if (tls == NULL || tls->certificate != POLICY_CERTIFICATE_VERIFIED)
        return false;
    subject = tls->subject[0] != '\0' ? tls->subject : tls->subject_cn;
    if (subject[0] == '\0')
        return false;
    append_lower(out, base_text_of(subject));
    base_buf_append_cstr(out, " of ");
    append_lower(out, base_text_of(tls->issuer[0] != '\0' ? tls->issuer : tls->issuer_cn));
    return true;
}

bool rate_key_append_part(enum rate_part part, const struct rate_key *key,
                          const struct rate_facts *facts, struct base_buf *out)
{
    switch (part) {
    case RATE_PART_LOGIN:
        return append_login(out, facts->login);
    case RATE_PART_CLIENT_IP:
        return append_client(out, facts->client);
    case RATE_PART_CLIENT_NET:
        return append_net(out, key, facts->client);
    case RATE_PART_SENDER:
        return append_address(out, facts->sender, facts->delimiters);
    case RATE_PART_SENDER_DOMAIN:
        return append_domain(out, facts->sender);
    case RATE_PART_AUTHOR_DOMAIN:
        base_buf_append_text(out, facts->author_domain);
        return facts->author_domain.length > 0;
    case RATE_PART_RECIPIENT:
        return append_address(out, facts->recipient, facts->delimiters);
    case RATE_PART_RECIPIENT_DOMAIN:
        return append_domain(out, facts->recipient);
    case RATE_PART_HELO:
        append_lower(out, facts->helo);
        return facts->helo.length > 0;
    case RATE_PART_CERTIFICATE:
        return append_certificate(out, facts->tls);
    case RATE_PARTS:
    default:
        return false;
    }
}

/* The hash keeps what the cut took: strangers who share a prefix do not share a key. */
static void shorten(const struct base_buf *whole, struct base_buf *out)
{
    static const uint64_t seed[2] = {UINT64_C(0x706f7374), UINT64_C(0x7365616c)};
    char hash[24];

    if (whole->length <= RATE_KEY_MAX) {
        base_buf_append_text(out, base_buf_text(whole));
        return;
    }
    (void)snprintf(hash, sizeof(hash), "#%016" PRIx64, rate_hash(seed, base_buf_text(whole)));
    base_buf_append(out, whole->data, RATE_KEY_MAX - strlen(hash));
    base_buf_append_cstr(out, hash);
}

enum rate_key_outcome rate_key_make(const struct rate_key *key, const struct rate_facts *facts,
                                    const struct rate_exempt *exempt, struct base_buf *out)
{
    char storage[RATE_PARTS * POLICY_ADDRESS_MAX];
    struct base_buf whole;

    base_buf_init_fixed(&whole, storage, sizeof(storage));
    for (unsigned i = 0; i < key->count; i++) {
        size_t begin;

        if (i > 0)
            base_buf_append_char(&whole, '|');
        begin = whole.length;
        if (!rate_key_append_part(key->parts[i], key, facts, &whole))
            return RATE_KEY_MISSING;
        if (rate_exempt_has(exempt, (struct base_text){whole.data + begin, whole.length - begin}))
            return RATE_KEY_EXEMPT;
    }
    base_buf_clear(out);
    shorten(&whole, out);
    return RATE_KEY_MADE;
}
