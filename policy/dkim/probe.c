/* The judge of our own signatures: see probe.h. A probe that fails is never the operator's fault
 * alone; it tells of a key that the libraries read differently, or of a fault in this program, and
 * in both cases signing with it would harm every message. */
#include "policy/dkim/probe.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "keys/key.h"
#include "keys/record.h"
#include "policy/decision.h"
#include "policy/dkim/library.h"
#include "policy/dkim/signing.h"
#include "policy/edits.h"
#include "policy/header.h"

#define PROBE_ARENA (256 * 1024)
/* A time that the library takes for now. */
#define PROBE_TIME INT64_C(1735689600)

/* Folds, runs of blanks and empty lines: what the canonicalizations treat differently. */
static const struct {
    struct base_text name;
    struct base_text value;
} probe_fields[] = {
    {{"From", 4}, {" Probe  <probe@example.org>", 27}},
    {{"To", 2}, {" one@example.org,\n\ttwo@example.org ", 35}},
    {{"Subject", 7}, {"  probe \t of a key", 18}},
};
static const struct base_text probe_body = {"One  line \r\n\tand  two.\r\n\r\n\r\n", 28};

struct probe {
    struct base_arena *arena;
    struct policy_header header;
    struct policy_edits edits;
    struct base_buf record;
};

static bool probe_fill(struct probe *probe)
{
    static const struct policy_header_caps caps = {100, 65536};

    policy_header_init(&probe->header, probe->arena);
    policy_edits_init(&probe->edits, probe->arena);
    for (size_t i = 0; i < sizeof(probe_fields) / sizeof(probe_fields[0]); i++)
        policy_header_append(&probe->header, &caps, probe_fields[i].name, probe_fields[i].value);
    return !probe->header.is_cut;
}

/* Signs with this one key; NULL or why not. */
static const char *probe_sign(struct probe *probe, const struct dkim_sign_block *block,
                              const struct dkim_signer *signer)
{
    struct dkim_sign_block single = *block;
    const struct policy_signature *made;
    struct dkim_signing *signing;

    single.signers = signer;
    single.signer_count = 1;
    /* A key is proved for now, whatever x= says. */
    single.expire_s = 0;
    signing = dkim_signing_begin(probe->arena, &single);
    if (signing == NULL)
        return "no memory";
    dkim_signing_body(signing, probe_body);
    made = dkim_signing_finish(signing, &probe->header, &probe->edits, PROBE_TIME);
    dkim_signing_end(&signing);
    return made == NULL ? "no memory" : made->fault;
}

static const char *probe_key(void *context, const char *domain, const char *selector)
{
    const struct probe *probe = context;

    (void)domain;
    (void)selector;
    return base_buf_cstr(&probe->record);
}

/* b= of the signature on top, without white space. */
static bool probe_b(struct probe *probe, struct base_buf *out)
{
    struct base_text value = probe->header.fields[0].value;
    const char *b = NULL;

    for (size_t i = 0; i + 3 < value.length; i++)
        if ((value.data[i] == ' ' || value.data[i] == '\t') && value.data[i + 1] == 'b' &&
            value.data[i + 2] == '=')
            b = value.data + i + 3;
    if (b == NULL)
        return false;
    for (; b < value.data + value.length; b++)
        if (*b != '\n' && *b != '\t')
            base_buf_append_char(out, *b);
    return !out->is_over;
}

static const char *probe_verify(struct probe *probe, struct dkim_library *library,
                                const struct dkim_sign_block *block,
                                const struct dkim_signer *signer)
{
    struct dkim_pass *pass = dkim_pass_begin(library, probe_key, probe);
    struct base_text domain = {block->domain.text, block->domain.length};
    struct dkim_pass_signature found;
    const char *fault = "libopendkim does not read it";
    struct base_buf b;

    base_buf_init(&b, probe->arena, 4096);
    if (pass == NULL || !probe_b(probe, &b))
        goto out;
    for (size_t i = 0; i < probe->header.count; i++)
        if (!dkim_pass_field(pass, probe->header.fields[i].name, probe->header.fields[i].value))
            goto out;
    if (!dkim_pass_end_header(pass))
        goto out;
    dkim_pass_body(pass, probe_body);
    dkim_pass_finish(pass);
    if (!dkim_pass_find(pass, domain, base_text_of(signer->selector), base_buf_text(&b), &found))
        goto out;
    fault = found.verdict == DKIM_PASS_GOOD ? NULL : "libopendkim does not verify it";
out:
    dkim_pass_end(&pass);
    return fault;
}

bool dkim_probe_signer(const struct dkim_sign_block *block, const struct dkim_signer *signer,
                       struct base_error *error_r)
{
    struct probe probe = {.arena = base_arena_create(PROBE_ARENA, NULL)};
    struct dkim_library *library = NULL;
    const char *fault = "no memory";

    base_buf_init(&probe.record, probe.arena, 65536);
    keys_record_append_data(signer->key, &probe.record);
    if (probe_fill(&probe) && !probe.record.is_over)
        fault = probe_sign(&probe, block, signer);
    if (fault == NULL && probe.record.length > DKIM_LIBRARY_KEY_MAX)
        fault = "its record is longer than 1,023 octets, which verifiers refuse; make a key of at "
                "most 4,096 bits";
    if (fault == NULL) {
        library = dkim_library_create();
        fault = probe_verify(&probe, library, block, signer);
        dkim_library_destroy(&library);
    }
    base_arena_destroy(&probe.arena);
    if (fault == NULL)
        return true;
    base_error_set(error_r,
                   "a probe message that it signed fails: %s; make another key with `postseal key "
                   "new`",
                   fault);
    return false;
}
