/* The limit of a signer to measure against: what libmilter and one private key operation cost, with
 * a warm key, no canonicalization, no reply awaited before the end of message. What it signs is not
 * meant to verify. ideal SOCKET KEY.pem; not installed, built by tests/bench/signing.py. */
#include <libmilter/mfapi.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 262144

struct message {
    EVP_MD_CTX *body;
    size_t length;
    char header[HEADER_MAX];
};

static EVP_PKEY *key;
static EVP_MD *sha256;

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
    struct message *message = malloc(sizeof(*message));

    (void)host, (void)address;
    if (message == NULL || (message->body = EVP_MD_CTX_new()) == NULL)
        abort();
    smfi_setpriv(context, message);
    return SMFIS_NOREPLY;
}

static sfsistat on_helo(SMFICTX *context, char *host)
{
    (void)context, (void)host;
    return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
    struct message *message = smfi_getpriv(context);

    (void)arguments;
    message->length = 0;
    EVP_DigestInit_ex(message->body, sha256, NULL);
    return SMFIS_NOREPLY;
}

static sfsistat on_rcpt(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat on_field(SMFICTX *context, char *name, char *value)
{
    struct message *message = smfi_getpriv(context);
    int length = snprintf(message->header + message->length, HEADER_MAX - message->length,
                          "%s:%s\r\n", name, value);

    if (length > 0 && (size_t)length < HEADER_MAX - message->length)
        message->length += (size_t)length;
    return SMFIS_NOREPLY;
}

static sfsistat on_eoh(SMFICTX *context)
{
    (void)context;
    return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    struct message *message = smfi_getpriv(context);

    EVP_DigestUpdate(message->body, chunk, length);
    return SMFIS_NOREPLY;
}

static sfsistat on_eom(SMFICTX *context)
{
    struct message *message = smfi_getpriv(context);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    unsigned char digest[32];
    unsigned char signature[1024];
    size_t signature_length = sizeof(signature);
    char body_hash[64];
    char text[1400];
    char value[2048];

    EVP_DigestFinal_ex(message->body, digest, NULL);
    EVP_EncodeBlock((unsigned char *)body_hash, digest, sizeof(digest));
    if (EVP_DigestSignInit(signing, NULL, sha256, NULL, key) != 1 ||
        EVP_DigestSign(signing, signature, &signature_length,
                       (const unsigned char *)message->header, message->length) != 1)
        abort();
    EVP_MD_CTX_free(signing);
    EVP_EncodeBlock((unsigned char *)text, signature, (int)signature_length);
    snprintf(value, sizeof(value), "v=1; a=rsa-sha256; d=example.org; s=rsa; bh=%s; b=%s",
             body_hash, text);
    smfi_insheader(context, 0, (char *)"DKIM-Signature", value);
    return SMFIS_ACCEPT;
}

static sfsistat on_close(SMFICTX *context)
{
    struct message *message = smfi_getpriv(context);

    if (message != NULL)
        EVP_MD_CTX_free(message->body);
    free(message);
    smfi_setpriv(context, NULL);
    return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
                             unsigned long f2, unsigned long f3, unsigned long *actions_r,
                             unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
    (void)context, (void)actions, (void)f2, (void)f3;
    *actions_r = SMFIF_ADDHDRS;
    *steps_r =
        steps & (SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL |
                 SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY);
    *f2_r = 0;
    *f3_r = 0;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc description = {
        .xxfi_name = "ideal",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_rcpt,
        .xxfi_header = on_field,
        .xxfi_eoh = on_eoh,
        .xxfi_body = on_body,
        .xxfi_eom = on_eom,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    FILE *file = argc == 3 ? fopen(argv[2], "r") : NULL;

    key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (key == NULL || sha256 == NULL) {
        fprintf(stderr, "usage: ideal SOCKET KEY.pem\n");
        return 64;
    }
    if (smfi_register(description) != MI_SUCCESS || smfi_setconn(argv[1]) != MI_SUCCESS ||
        smfi_setbacklog(1024) != MI_SUCCESS)
        return 69;
    return smfi_main() == MI_SUCCESS ? 0 : 69;
}
