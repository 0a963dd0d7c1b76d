/* RFC 6376 section 5 and RFC 8463. The body goes through one digest as it streams by; at the end
 * the selected fields are hashed once, and each key adds its own DKIM-Signature field to a copy of
 * that digest. */
#include "policy/dkim/signing.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "keys/key.h"
#include "policy/decision.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/select.h"
#include "policy/dkim/sendmail_form.h"
#include "policy/dkim/tags.h"
#include "policy/edits.h"
#include "policy/header.h"

#define SHA256_SIZE        32
#define SHA256_BASE64_SIZE 45
/* Tag names, digits, algorithm and canonicalization, all folds but those of h= and b=. */
#define FIELD_FIXED 400

struct dkim_signing {
    struct base_arena *arena;
    const struct dkim_sign_block *block;
    EVP_MD_CTX *digest;
    struct dkim_body body;
    struct dkim_sink sink;
    char body_hash[SHA256_BASE64_SIZE];
    bool is_sendmail;
    const char *left_out;
};

static void digest_write(void *context, const void *data, size_t length)
{
    if (EVP_DigestUpdate(context, data, length) != 1)
        base_panic("dkim: SHA-256 update failed");
}

static void digest_begin(EVP_MD_CTX *digest, const struct dkim_sign_block *block)
{
    const EVP_MD *sha256 = block->sha256 != NULL ? block->sha256 : EVP_sha256();

    if (digest == NULL || EVP_DigestInit_ex(digest, sha256, NULL) != 1)
        base_panic("dkim: no SHA-256 digest");
}

static void digest_end(EVP_MD_CTX *digest, unsigned char out[SHA256_SIZE])
{
    if (EVP_DigestFinal_ex(digest, out, NULL) != 1)
        base_panic("dkim: SHA-256 failed");
}

struct dkim_signing *dkim_signing_begin(struct base_arena *arena,
                                        const struct dkim_sign_block *block)
{
    struct dkim_signing *signing = base_arena_alloc(arena, sizeof(*signing));

    if (signing == NULL)
        return NULL;
    signing->arena = arena;
    signing->block = block;
    signing->digest = EVP_MD_CTX_new();
    digest_begin(signing->digest, block);
    dkim_sink_init(&signing->sink, digest_write, signing->digest);
    dkim_body_begin(&signing->body, block->body_canon, &signing->sink);
    return signing;
}

void dkim_signing_expect_sendmail(struct dkim_signing *signing)
{
    signing->is_sendmail = true;
}

const char *dkim_signing_left_out(const struct dkim_signing *signing)
{
    return signing->left_out;
}

void dkim_signing_body(struct dkim_signing *signing, struct base_text chunk)
{
    dkim_body_write(&signing->body, chunk);
}

void dkim_signing_end(struct dkim_signing **signing)
{
    if (*signing == NULL)
        return;
    EVP_MD_CTX_free((*signing)->digest);
    (*signing)->digest = NULL;
    *signing = NULL;
}

/* Into the caller's storage of SHA256_BASE64_SIZE or more. */
static struct base_text base64_into(char *storage, size_t size, const void *data, size_t length)
{
    struct base_buf buf;

    base_buf_init_fixed(&buf, storage, size);
    base_buf_append_base64(&buf, data, length);
    if (buf.is_over)
        base_panic("dkim: base64 of %zu octets into %zu", length, size);
    return base_buf_text(&buf);
}

/* Everything that the keys have in common: the digest over the selected fields. */
static void hash_fields(struct dkim_signing *signing, const struct dkim_selection *selection)
{
    const struct dkim_sign_block *block = signing->block;

    digest_begin(signing->digest, block);
    for (size_t i = 0; i < selection->field_count; i++)
        dkim_canon_field(block->header_canon, selection->fields[i]->name,
                         selection->fields[i]->value, &signing->sink);
    dkim_sink_flush(&signing->sink);
}

/* The field's value up to "b=" (section 3.5). */
static void write_tags(struct dkim_tags *tags, const struct dkim_signing *signing,
                       const struct dkim_signer *signer, const struct dkim_selection *selection,
                       int64_t now_s)
{
    static const struct base_text canons[2][2] = {
        {{"simple/simple", 13}, {"simple/relaxed", 14}},
        {{"relaxed/simple", 14}, {"relaxed/relaxed", 15}},
    };
    const struct dkim_sign_block *block = signing->block;

    dkim_tags_add(tags, "v", BASE_TEXT("1"));
    dkim_tags_add(tags, "a", base_text_of(keys_algorithm_text(keys_key_algorithm(signer->key))));
    dkim_tags_add(tags, "c", canons[block->header_canon][block->body_canon]);
    dkim_tags_add(tags, "d", (struct base_text){block->domain.text, block->domain.length});
    dkim_tags_add(tags, "s", base_text_of(signer->selector));
    if (now_s > 0) {
        dkim_tags_add_uint(tags, "t", (uint64_t)now_s);
        if (block->expire_s > 0)
            dkim_tags_add_uint(tags, "x", (uint64_t)(now_s + block->expire_s));
    }
    dkim_tags_add_names(tags, "h", selection->names, selection->name_count);
    dkim_tags_add(tags, "bh", base_text_of(signing->body_hash));
    dkim_tags_open(tags, "b");
}

/* Section 3.7: the digest over the fields and over this one with its b= empty. */
static size_t sign_hash(struct dkim_signing *signing, const struct dkim_signer *signer,
                        struct base_text value, unsigned char signature[KEYS_SIGNATURE_MAX])
{
    unsigned char hash[SHA256_SIZE];
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    struct dkim_sink sink;

    if (copy == NULL || EVP_MD_CTX_copy_ex(copy, signing->digest) != 1)
        base_panic("dkim: no copy of a digest");
    dkim_sink_init(&sink, digest_write, copy);
    dkim_canon_last_field(signing->block->header_canon, BASE_TEXT("DKIM-Signature"), value, &sink);
    dkim_sink_flush(&sink);
    digest_end(copy, hash);
    EVP_MD_CTX_free(copy);
    return keys_key_sign(signer->key, hash, signature);
}

/* The whole value in one piece of the arena; NULL and *fault_r (static). */
static const char *sign_once(struct dkim_signing *signing, const struct dkim_signer *signer,
                             const struct dkim_selection *selection, int64_t now_s,
                             struct base_text *value_r)
{
    unsigned char signature[KEYS_SIGNATURE_MAX];
    char base64[4 * KEYS_SIGNATURE_MAX / 3 + 8];
    size_t bits = keys_key_bits(signer->key);
    size_t size = FIELD_FIXED + signing->block->domain.length + strlen(signer->selector) +
                  selection->octets + selection->octets / 16 + bits / 4;
    char *storage = base_arena_alloc(signing->arena, size);
    struct base_buf buf;
    struct dkim_tags tags;
    size_t length;

    if (storage == NULL)
        return "the message's memory is used up";
    base_buf_init_fixed(&buf, storage, size);
    dkim_tags_begin(&tags, &buf, sizeof("DKIM-Signature:") - 1);
    write_tags(&tags, signing, signer, selection, now_s);
    if (buf.is_over)
        return "the signature is too long";
    length = sign_hash(signing, signer, base_buf_text(&buf), signature);
    if (length == 0)
        return "the key does not sign";
    dkim_tags_add_base64(&tags, base64_into(base64, sizeof(base64), signature, length));
    if (buf.is_over)
        return "the signature is too long";
    *value_r = base_buf_text(&buf);
    return NULL;
}

static void sign_insert(struct dkim_signing *signing, const struct dkim_signer *signer,
                        const struct dkim_selection *selection, int64_t now_s,
                        struct policy_signature *entry, struct policy_header *header,
                        struct policy_edits *edits)
{
    struct base_text value;

    entry->fault = sign_once(signing, signer, selection, now_s, &value);
    if (entry->fault == NULL &&
        !policy_edits_insert(edits, header, BASE_TEXT("DKIM-Signature"), value))
        entry->fault = "the message's memory is used up";
}

/* One entry a key, in the block's order. */
static struct policy_signature *make_entries(const struct dkim_signing *signing)
{
    const struct dkim_sign_block *block = signing->block;
    struct policy_signature *entries =
        base_arena_alloc(signing->arena, block->signer_count * sizeof(*entries));

    if (entries == NULL)
        return NULL;
    for (size_t i = 0; i < block->signer_count; i++) {
        struct policy_signature *entry = &entries[i];

        entry->domain = (struct base_text){block->domain.text, block->domain.length};
        entry->selector = base_text_of(block->signers[i].selector);
        entry->algorithm = keys_algorithm_text(keys_key_algorithm(block->signers[i].key));
        entry->fault = NULL;
        entry->next = i + 1 < block->signer_count ? &entries[i + 1] : NULL;
    }
    return entries;
}

/* "Sendmail may rewrite to, cc" */
static const char *left_out_words(struct base_arena *arena, const struct dkim_selection *selection)
{
    struct base_buf words;

    if (selection->left_out_count == 0)
        return NULL;
    base_buf_init(&words, arena, 1024);
    for (size_t i = 0; i < selection->left_out_count; i++) {
        base_buf_append_cstr(&words, i == 0 ? "Sendmail may rewrite " : ", ");
        base_buf_append_text(&words, selection->left_out[i]);
    }
    return base_buf_cstr(&words);
}

/* False and *fault_r when there is nothing to sign. */
static bool select_fields(struct dkim_signing *signing, const struct policy_header *header,
                          struct dkim_selection *selection_r, const char **fault_r)
{
    struct dkim_select_changes changes;
    struct policy_header written;

    if (!signing->is_sendmail)
        return dkim_select(signing->arena, signing->block, header, NULL, selection_r, fault_r);
    if (!dkim_sendmail_header(signing->arena, header, &written, &changes)) {
        *fault_r = "the message's memory is used up";
        return false;
    }
    if (!dkim_select(signing->arena, signing->block, &written, &changes, selection_r, fault_r))
        return false;
    signing->left_out = left_out_words(signing->arena, selection_r);
    return true;
}

const struct dns_name *dkim_signing_domain(const struct dkim_signing *signing)
{
    return &signing->block->domain;
}

static bool is_selected(const struct dkim_selection *selection, struct base_text name)
{
    for (size_t i = 0; i < selection->name_count; i++)
        if (base_text_equals(selection->names[i], name))
            return true;
    return false;
}

bool dkim_signing_covers(struct dkim_signing *signing, const struct policy_header *header,
                         const struct base_text *names, size_t count)
{
    struct dkim_selection selection;
    const char *fault;

    if (header->is_cut || !select_fields(signing, header, &selection, &fault))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_selected(&selection, names[i]))
            return false;
    return true;
}

struct policy_signature *dkim_signing_finish(struct dkim_signing *signing,
                                             struct policy_header *header,
                                             struct policy_edits *edits, int64_t now_s)
{
    const struct dkim_sign_block *block = signing->block;
    struct policy_signature *entries = make_entries(signing);
    unsigned char hash[SHA256_SIZE];
    struct dkim_selection selection;
    const char *fault = NULL;

    if (entries == NULL)
        return NULL;
    dkim_body_end(&signing->body);
    digest_end(signing->digest, hash);
    base64_into(signing->body_hash, sizeof(signing->body_hash), hash, sizeof(hash));

    if (header->is_cut)
        fault = "header fields were left out: nothing can be signed";
    else if (select_fields(signing, header, &selection, &fault))
        hash_fields(signing, &selection);
    /* The last insertion stands on top: from the last key to the first. */
    for (size_t i = block->signer_count; i-- > 0;) {
        if (fault != NULL)
            entries[i].fault = fault;
        else
            sign_insert(signing, &block->signers[i], &selection, now_s, &entries[i], header, edits);
    }
    return entries;
}
