/* libopendkim 2.11 behind its guards. Which of its ways made each of them necessary:
 *
 * - selecting fields for h= it may write one pointer behind its list of fields: every block that it
 *   asks for is larger than it knows, and before the message's fields stands one whose name nobody
 *   outside can guess, so that the list is never used up;
 * - h= is cut at 4,096 octets: longer ones must not come here;
 * - it compares t= and x= with the system's clock: the drift that it allows is opened so wide that
 *   the caller's own clock alone decides;
 * - one key that cannot be had ends the header for all signatures, unless processing is delayed;
 * - a From that it cannot parse does the same, unless bad signatures get handles too;
 * - a relaxed body without CRLF at its end is an error to it, where section 3.4.4 adds one;
 * - the body hash counts as matching where it was never compared: only the PASSED flag, the match
 *   and its own error together are a good signature. */
#include "policy/dkim/library.h"

#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/random.h"
/* After ours: it has macros of the names of our canonicalizations, with the same values. */
#include <opendkim/dkim.h>

#define SLACK 32
/* Thirty years: t= and x= of all mail there is are within it. */
#define CLOCK_DRIFT 1000000000

struct dkim_library {
    DKIM_LIB *handle;
    /* "X-" and 32 digits, drawn when the process starts. */
    char guard_name[40];
};

struct dkim_pass {
    DKIM *handle;
    const char *(*key)(void *context, const char *domain, const char *selector);
    void *context;
    /* A field as the library wants it. */
    struct base_buf text;
    bool has_body;
    /* The last two octets of the body so far. */
    char before_last;
    char last;
};

static void *slack_alloc(void *closure, size_t size)
{
    char *block = base_mem_alloc(size + SLACK);

    (void)closure;
    memset(block + size, 0, SLACK);
    return block;
}

static void slack_free(void *closure, void *block)
{
    (void)closure;
    base_mem_free(block);
}

static DKIM_CBSTAT library_key(DKIM *handle, DKIM_SIGINFO *signature, unsigned char *out,
                               size_t size)
{
    struct dkim_pass *pass = dkim_get_user_context(handle);
    const unsigned char *domain = dkim_sig_getdomain(signature);
    const unsigned char *selector = dkim_sig_getselector(signature);
    const char *record = NULL;
    size_t length;

    if (pass != NULL && domain != NULL && selector != NULL)
        record = pass->key(pass->context, (const char *)domain, (const char *)selector);
    if (record == NULL)
        return DKIM_CBSTAT_NOTFOUND;
    length = strlen(record);
    if (length == 0 || length >= size)
        return DKIM_CBSTAT_NOTFOUND;
    memcpy(out, record, length + 1);
    return DKIM_CBSTAT_CONTINUE;
}

static void draw_guard_name(char *out, size_t size)
{
    unsigned char random[16];
    struct base_buf buf;

    base_random_draw(random, sizeof(random));
    base_buf_init_fixed(&buf, out, size);
    base_buf_append_cstr(&buf, "X-");
    for (size_t i = 0; i < sizeof(random); i++)
        base_buf_appendf(&buf, "%02x", random[i]);
}

static void set_option(DKIM_LIB *handle, dkim_opts_t option, void *value, size_t size)
{
    if (dkim_options(handle, DKIM_OP_SETOPT, option, value, size) != DKIM_STAT_OK)
        base_panic("dkim: libopendkim refuses option %d", option);
}

struct dkim_library *dkim_library_create(void)
{
    struct dkim_library *library = base_mem_alloc_zero(1, sizeof(*library));
    unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
    uint64_t drift = CLOCK_DRIFT;

    draw_guard_name(library->guard_name, sizeof(library->guard_name));
    library->handle = dkim_init(slack_alloc, slack_free);
    if (library->handle == NULL)
        base_panic("dkim: libopendkim does not start");
    set_option(library->handle, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
    set_option(library->handle, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof(drift));
    if (dkim_set_key_lookup(library->handle, library_key) != DKIM_STAT_OK)
        base_panic("dkim: libopendkim takes no key lookup");
    return library;
}

void dkim_library_destroy(struct dkim_library **library)
{
    if (*library == NULL)
        return;
    dkim_close((*library)->handle);
    base_mem_free(*library);
    *library = NULL;
}

struct dkim_pass *dkim_pass_begin(struct dkim_library *library,
                                  const char *(*key)(void *context, const char *domain,
                                                     const char *selector),
                                  void *context)
{
    struct dkim_pass *pass = base_mem_alloc_zero(1, sizeof(*pass));
    DKIM_STAT status;

    pass->key = key;
    pass->context = context;
    /* The length of one field is the caller's cap. */
    base_buf_init(&pass->text, NULL, SIZE_MAX / 2);
    pass->handle = dkim_verify(library->handle, (const unsigned char *)"postseal", NULL, &status);
    if (pass->handle == NULL) {
        dkim_pass_end(&pass);
        return NULL;
    }
    if (dkim_set_user_context(pass->handle, pass) != DKIM_STAT_OK)
        base_panic("dkim: libopendkim takes no context");
    (void)dkim_pass_field(pass, base_text_of(library->guard_name), BASE_TEXT(" guard"));
    return pass;
}

/* RFC 5322 section 3.6.8; a ';' is one too, but the library answers it with an error. */
static bool is_field_name(struct base_text name)
{
    if (name.length == 0)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f || name.data[i] == ':' ||
            name.data[i] == ';')
            return false;
    return true;
}

/* As it is on the wire, without the CRLF at its end. */
static void append_value(struct base_buf *out, struct base_text value)
{
    const char *at = value.data;
    const char *end = value.data + value.length;

    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((lf == NULL ? end : lf) - at);

        if (lf != NULL && length > 0 && lf[-1] == '\r')
            length--;
        base_buf_append(out, at, length);
        if (lf == NULL)
            return;
        base_buf_append(out, "\r\n", 2);
        at = lf + 1;
    }
}

bool dkim_pass_field(struct dkim_pass *pass, struct base_text name, struct base_text value)
{
    if (!is_field_name(name) ||
        (value.length > 0 && memchr(value.data, '\0', value.length) != NULL))
        return false;
    base_buf_clear(&pass->text);
    base_buf_append_text(&pass->text, name);
    base_buf_append_char(&pass->text, ':');
    append_value(&pass->text, value);
    if (pass->text.is_over)
        return false;
    return dkim_header(pass->handle, (unsigned char *)pass->text.data, pass->text.length) ==
           DKIM_STAT_OK;
}

bool dkim_pass_end_header(struct dkim_pass *pass)
{
    return dkim_eoh(pass->handle) == DKIM_STAT_OK;
}

void dkim_pass_body(struct dkim_pass *pass, struct base_text chunk)
{
    if (chunk.length == 0)
        return;
    pass->before_last = chunk.length > 1 ? chunk.data[chunk.length - 2] : pass->last;
    pass->last = chunk.data[chunk.length - 1];
    pass->has_body = true;
    (void)dkim_body(pass->handle, (unsigned char *)chunk.data, chunk.length);
}

void dkim_pass_finish(struct dkim_pass *pass)
{
    if (pass->has_body && (pass->before_last != '\r' || pass->last != '\n'))
        dkim_pass_body(pass, BASE_TEXT("\r\n"));
    /* Its answer is about one signature of its own choice, so nobody asks for it. */
    (void)dkim_eom(pass->handle, NULL);
}

void dkim_pass_end(struct dkim_pass **pass)
{
    if (*pass == NULL)
        return;
    if ((*pass)->handle != NULL)
        (void)dkim_free((*pass)->handle);
    base_buf_deinit(&(*pass)->text);
    base_mem_free(*pass);
    *pass = NULL;
}

static bool has_tag(DKIM_SIGINFO *signature, const char *tag, struct base_text value)
{
    const unsigned char *found = dkim_sig_gettagvalue(signature, false, (unsigned char *)tag);

    return found != NULL && base_text_equals(base_text_of((const char *)found), value);
}

static enum dkim_pass_verdict verdict_of_error(int error)
{
    switch (error) {
    case DKIM_SIGERROR_BADSIG:
        return DKIM_PASS_BAD_SIGNATURE;
    case DKIM_SIGERROR_TOOLARGE_L:
        return DKIM_PASS_SHORT_BODY;
    case DKIM_SIGERROR_NOKEY:
    case DKIM_SIGERROR_KEYFAIL:
        return DKIM_PASS_NO_KEY;
    case DKIM_SIGERROR_KEYDECODE:
        return DKIM_PASS_KEY_UNUSABLE;
    case DKIM_SIGERROR_KEYTOOSMALL:
        return DKIM_PASS_KEY_TOO_SMALL;
    default:
        return DKIM_PASS_ERROR;
    }
}

static void read_signature(DKIM_SIGINFO *signature, struct dkim_pass_signature *signature_r)
{
    bool is_passed = (dkim_sig_getflags(signature) & DKIM_SIGFLAG_PASSED) != 0;
    int body_hash = dkim_sig_getbh(signature);

    memset(signature_r, 0, sizeof(*signature_r));
    signature_r->error = dkim_sig_geterror(signature);
    (void)dkim_sig_getkeysize(signature, &signature_r->bits);
    if (is_passed && body_hash == DKIM_SIGBH_MATCH && signature_r->error == DKIM_SIGERROR_OK)
        signature_r->verdict = DKIM_PASS_GOOD;
    else if (is_passed && body_hash == DKIM_SIGBH_MISMATCH)
        signature_r->verdict = DKIM_PASS_BAD_BODY;
    else
        signature_r->verdict = verdict_of_error(signature_r->error);
}

bool dkim_pass_find(const struct dkim_pass *pass, struct base_text domain,
                    struct base_text selector, struct base_text b,
                    struct dkim_pass_signature *signature_r)
{
    DKIM_SIGINFO **signatures;
    int count;

    if (dkim_getsiglist(pass->handle, &signatures, &count) != DKIM_STAT_OK)
        return false;
    for (int i = 0; i < count; i++) {
        DKIM_SIGINFO *signature = signatures[i];

        if (!has_tag(signature, "d", domain) || !has_tag(signature, "s", selector) ||
            !has_tag(signature, "b", b))
            continue;
        read_signature(signature, signature_r);
        return true;
    }
    return false;
}
