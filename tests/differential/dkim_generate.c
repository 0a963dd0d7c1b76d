/* Messages as they come and as they should not, signed by us in every pair of canonicalizations and
 * with both algorithms, verified by libopendkim here, and written to stdout for another verifier:
 *
 *   key SELECTOR RECORD
 *   message INDEX CLASSES SIGNATURES LENGTH
 *   result C ALGORITHM RESULT REASON       one line a signature, the topmost first
 *   LENGTH octets, and a newline
 *
 * Usage: dkim_generate SEED COUNT. How many of each class were made goes to stderr. */
#include <inttypes.h>

#include "tests/unit/dkim_message.h"

enum class {
    CLASS_PLAIN,
    CLASS_ODD_FOLDING,
    CLASS_TRAILING_BLANKS,
    CLASS_EMPTY_BODY,
    CLASS_NO_FINAL_CRLF,
    CLASS_DUPLICATE_FIELDS,
    CLASS_LONG_FIELDS,
    CLASS_EIGHT_BIT,
    CLASS_BARE_CR,
    CLASS_BARE_LF,
    CLASS_BLANK_LINES,
    CLASS_COUNT,
};

static const char *const class_names[CLASS_COUNT] = {
    "plain",         "odd-folding",      "trailing-blanks", "empty-body",
    "no-final-crlf", "duplicate-fields", "long-fields",     "eight-bit",
    "bare-cr",       "bare-lf",          "blank-lines",
};

struct generator {
    uint64_t state;
    unsigned classes;
    struct base_buf header;
    struct base_buf body;
};

/* splitmix64: the same messages for the same seed on every machine. */
static uint64_t draw(struct generator *generator)
{
    uint64_t z = (generator->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(struct generator *generator, size_t limit)
{
    return (size_t)(draw(generator) % limit);
}

static bool has(const struct generator *generator, enum class class)
{
    return (generator->classes & 1U << class) != 0;
}

static void word(struct generator *generator, struct base_buf *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:=?!"
        "<>()[]{}\"'@#$%&*+-/\\^_`|~";
    size_t length = 1 + below(generator, 12);

    for (size_t i = 0; i < length; i++) {
        if (has(generator, CLASS_EIGHT_BIT) && below(generator, 4) == 0)
            base_buf_append_char(out, (char)(0x80 + below(generator, 0x80)));
        else
            base_buf_append_char(out, plain[below(generator, sizeof(plain) - 1)]);
    }
}

static void blanks(struct generator *generator, struct base_buf *out, size_t most)
{
    size_t length = below(generator, most + 1);

    for (size_t i = 0; i < length; i++)
        base_buf_append_char(out, below(generator, 3) == 0 ? '\t' : ' ');
}

/* White space between two words of a field. */
static void gap(struct generator *generator, struct base_buf *out)
{
    if (!has(generator, CLASS_ODD_FOLDING)) {
        base_buf_append_cstr(out, below(generator, 6) == 0 ? "\n " : " ");
        return;
    }
    blanks(generator, out, 3);
    switch (below(generator, 4)) {
    case 0:
        base_buf_append_cstr(out, "\n\t");
        break;
    case 1:
        base_buf_append_cstr(out, "\n ");
        blanks(generator, out, 4);
        break;
    case 2:
        /* A line of nothing but blanks (RFC 5322 section 4.2). */
        base_buf_append_cstr(out, "\n \t \n ");
        break;
    default:
        base_buf_append_char(out, ' ');
    }
}

static void field(struct generator *generator, const char *name, const char *start)
{
    struct base_buf *out = &generator->header;
    size_t words = 1 + below(generator, 8);

    base_buf_append_cstr(out, name);
    base_buf_append_char(out, ':');
    if (below(generator, 8) != 0)
        base_buf_append_char(out, ' ');
    if (has(generator, CLASS_ODD_FOLDING) && below(generator, 3) == 0)
        base_buf_append_cstr(out, "\n ");
    base_buf_append_cstr(out, start);
    if (has(generator, CLASS_LONG_FIELDS) && strcmp(name, "From") != 0)
        words = 10000 + below(generator, 2000);
    for (size_t i = 0; i < words; i++) {
        if (i > 0)
            gap(generator, out);
        word(generator, out);
    }
    if (has(generator, CLASS_TRAILING_BLANKS))
        blanks(generator, out, 4);
    base_buf_append_char(out, '\n');
}

static void make_header(struct generator *generator)
{
    static const char *const optional[] = {
        "To",           "Cc",
        "SUBJECT",      "Date",
        "Message-ID",   "reply-to",
        "Received",     "List-Id",
        "X-Other",      "Sender",
        "MIME-Version", "Content-Type",
        "References",   "List-Unsubscribe",
        "Resent-From",  "Content-Language",
    };
    size_t count = 2 + below(generator, 8);
    size_t long_left = has(generator, CLASS_LONG_FIELDS) ? 1 : 0;

    base_buf_clear(&generator->header);
    field(generator, "From", "One <one@example.org> ");
    for (size_t i = 0; i < count; i++) {
        const char *name = optional[below(generator, sizeof(optional) / sizeof(optional[0]))];

        field(generator, name, "");
        if (has(generator, CLASS_DUPLICATE_FIELDS) && i < 3)
            field(generator, name, "");
        /* One such field is enough for a message. */
        if (long_left > 0 && --long_left == 0)
            generator->classes &= ~(1U << CLASS_LONG_FIELDS);
    }
}

static void make_line(struct generator *generator)
{
    struct base_buf *out = &generator->body;
    size_t words = below(generator, 10);

    for (size_t i = 0; i < words; i++) {
        if (i > 0 && below(generator, 5) == 0)
            blanks(generator, out, 4);
        else if (i > 0)
            base_buf_append_char(out, ' ');
        if (has(generator, CLASS_BARE_CR) && below(generator, 8) == 0)
            base_buf_append_char(out, '\r');
        if (has(generator, CLASS_BARE_LF) && below(generator, 8) == 0)
            base_buf_append_char(out, '\n');
        word(generator, out);
    }
    if (has(generator, CLASS_TRAILING_BLANKS))
        blanks(generator, out, 3);
}

static void make_body(struct generator *generator)
{
    struct base_buf *out = &generator->body;
    size_t lines = 1 + below(generator, 40);

    base_buf_clear(out);
    if (has(generator, CLASS_EMPTY_BODY))
        return;
    for (size_t i = 0; i < lines; i++) {
        make_line(generator);
        base_buf_append_cstr(out, "\r\n");
    }
    /* Each class is there for sure, wherever chance put the rest. */
    if (has(generator, CLASS_BARE_CR))
        base_buf_append_cstr(out, "one\rtwo \r three\r\n");
    if (has(generator, CLASS_BARE_LF))
        base_buf_append_cstr(out, "one\ntwo \n three\r\n");
    if (has(generator, CLASS_BLANK_LINES))
        base_buf_append_cstr(out, below(generator, 2) == 0 ? "\r\n\r\n" : " \t\r\n\r\n\t\r\n");
    if (has(generator, CLASS_NO_FINAL_CRLF))
        base_buf_append_cstr(out, "no end");
}

/* Every class in turn, and others with it now and then. */
static unsigned choose_classes(struct generator *generator, size_t index)
{
    unsigned classes = 1U << index % CLASS_COUNT;

    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        if (index % CLASS_COUNT != CLASS_PLAIN && class != CLASS_EMPTY_BODY &&
            class != CLASS_LONG_FIELDS && class != CLASS_BARE_CR && class != CLASS_BARE_LF &&
            below(generator, 10) == 0)
            classes |= 1U << class;
    return classes;
}

static struct dkim_signer signers[2];

static void sign_all(struct test_message *message)
{
    struct dns_name domain = test_name("example.org");

    for (int canon = 0; canon < 4; canon++) {
        struct dkim_sign_block block;
        const struct policy_signature *made;

        dkim_sign_block_init(&block, &domain);
        block.signers = signers;
        block.signer_count = 2;
        block.header_canon = (enum dkim_canon)(canon / 2);
        block.body_canon = (enum dkim_canon)(canon % 2);
        made = test_sign(message, &block, TEST_NOW);
        for (; made != NULL; made = made->next) {
            if (made->fault == NULL)
                continue;
            fprintf(stderr, "not signed: %s\n", made->fault);
            exit(1);
        }
    }
}

static void print_message(size_t index, unsigned classes, const struct test_message *message,
                          const struct dkim_verdicts *verdicts)
{
    static const char *const canons[] = {"relaxed/relaxed", "relaxed/simple", "simple/relaxed",
                                         "simple/simple"};
    struct base_buf text;

    test_message_write(message, &text);
    printf("message %zu ", index);
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        if ((classes & 1U << class) != 0)
            printf("%s,", class_names[class]);
    printf(" %zu %zu\n", verdicts->count, text.length);
    for (size_t i = 0; i < verdicts->count; i++)
        printf("result %s %s %s %s\n", canons[i / 2], verdicts->items[i].algorithm.data,
               dkim_result_text(verdicts->items[i].result),
               verdicts->items[i].reason != NULL ? verdicts->items[i].reason : "-");
    fwrite(text.data, 1, text.length, stdout);
    putchar('\n');
    base_buf_deinit(&text);
}

static void run(struct generator *generator, size_t index, unsigned *counts,
                struct dkim_library *library, struct base_text zone)
{
    struct test_message message;
    struct test_dns dns;
    unsigned classes = choose_classes(generator, index);

    generator->classes = classes;
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        counts[class] += (classes & 1U << class) != 0 ? 1 : 0;
    make_header(generator);
    make_body(generator);
    test_message_begin(&message, base_buf_text(&generator->header),
                       generator->body.length > 0 ? base_buf_text(&generator->body)
                                                  : BASE_TEXT(""));
    test_dns_begin(&dns, zone);
    sign_all(&message);
    print_message(index, classes, &message, test_verify(&message, &dns, library, TEST_NOW));
    test_dns_end(&dns);
    test_message_end(&message);
}

static void print_key(const struct keys_key *key, const char *selector)
{
    struct base_buf record;

    base_buf_init(&record, NULL, 65536);
    keys_record_append_data(key, &record);
    printf("key %s %s\n", selector, base_buf_cstr(&record));
    base_buf_deinit(&record);
}

int main(int argc, char **argv)
{
    struct generator generator = {0};
    struct dkim_library *library = dkim_library_create();
    unsigned counts[CLASS_COUNT] = {0};
    struct base_buf zone;
    uint64_t seed;
    uint64_t count;

    if (argc != 3 || !base_text_to_uint(base_text_of(argv[1]), UINT64_MAX, &seed) ||
        !base_text_to_uint(base_text_of(argv[2]), 1000000, &count) || count == 0) {
        fprintf(stderr, "usage: dkim_generate SEED COUNT\n");
        return 64;
    }
    generator.state = seed;
    signers[0] = (struct dkim_signer){test_key(RFC8463_RSA), "rsa"};
    signers[1] = (struct dkim_signer){test_key(RFC8463_ED25519), "ed"};
    base_buf_init(&zone, NULL, 65536);
    test_zone_key(&zone, signers[0].key, "example.org", "rsa");
    test_zone_key(&zone, signers[1].key, "example.org", "ed");
    base_buf_init(&generator.header, NULL, 16 << 20);
    base_buf_init(&generator.body, NULL, 16 << 20);
    print_key(signers[0].key, "rsa");
    print_key(signers[1].key, "ed");
    for (size_t i = 0; i < count; i++)
        run(&generator, i, counts, library, base_buf_text(&zone));
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        fprintf(stderr, "%-16s %5u of %" PRIu64 "\n", class_names[class], counts[class], count);
        if (count >= 100 && counts[class] * 20 < count) {
            fprintf(stderr, "%s is below 5%%\n", class_names[class]);
            return 1;
        }
    }
    base_buf_deinit(&generator.header);
    base_buf_deinit(&generator.body);
    base_buf_deinit(&zone);
    keys_key_unref(&signers[0].key);
    keys_key_unref(&signers[1].key);
    dkim_library_destroy(&library);
    return 0;
}
