/* For the tests of policy/dkim: messages as text, keys, zones; what is signed, what is judged. */
#ifndef TESTS_UNIT_DKIM_MESSAGE_H
#define TESTS_UNIT_DKIM_MESSAGE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "keys/key.h"
#include "keys/record.h"
#include "policy/decision.h"
#include "policy/dkim/keyring.h"
#include "policy/dkim/library.h"
#include "policy/dkim/signing.h"
#include "policy/dkim/verify.h"
#include "policy/edits.h"
#include "policy/header.h"

/* RFC 8463 appendix A.2. */
#define RFC8463_RSA                                                      \
    "-----BEGIN RSA PRIVATE KEY-----\n"                                  \
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n" \
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n" \
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n" \
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n" \
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n" \
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n" \
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n" \
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n" \
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n" \
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n" \
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n" \
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n" \
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"                     \
    "-----END RSA PRIVATE KEY-----\n"
#define RFC8463_ED25519                                                  \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END PRIVATE KEY-----\n"

#define TEST_NOW INT64_C(1767225600)

static inline struct keys_key *test_key(const char *pem)
{
    struct base_error error;
    struct keys_key *key = keys_key_parse(base_text_of(pem), "test", NULL, &error);

    if (key == NULL) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return key;
}

static inline struct dns_name test_name(const char *text)
{
    struct dns_name name;

    if (dns_name_make(&name, base_text_of(text)) != DNS_NAME_OK)
        abort();
    return name;
}

/* A message as the MTA hands it in. */
struct test_message {
    struct base_arena *arena;
    struct policy_header header;
    struct policy_edits edits;
    /* CRLF line ends, in the arena. */
    struct base_text body;
};

static inline void test_message_field(struct test_message *message, struct base_text line)
{
    static const struct policy_header_caps caps = {100000, 64 << 20};
    struct base_text value = line;
    struct base_text name = base_text_split(&value, ':');

    if (value.data != NULL)
        policy_header_append(&message->header, &caps, name, value);
}

/* Takes LF or CRLF as line ends in the header; `body` is taken as it is. */
static inline void test_message_begin(struct test_message *message, struct base_text header,
                                      struct base_text body)
{
    size_t start = 0;

    message->arena = base_arena_create((size_t)256 << 20, NULL);
    message->body = body;
    policy_header_init(&message->header, message->arena);
    policy_edits_init(&message->edits, message->arena);
    for (size_t i = 0; i < header.length; i++) {
        size_t length;

        if (header.data[i] != '\n')
            continue;
        if (i + 1 < header.length && (header.data[i + 1] == ' ' || header.data[i + 1] == '\t'))
            continue;
        length = i - start;
        if (length > 0 && header.data[start + length - 1] == '\r')
            length--;
        test_message_field(message, (struct base_text){header.data + start, length});
        start = i + 1;
    }
}

/* A whole message with LF line ends (or CRLF); the body gets CRLF. */
static inline void test_message_parse(struct test_message *message, struct base_text text)
{
    size_t split = 0;
    struct base_text body = {"", 0};
    struct base_buf crlf;

    while (split < text.length) {
        const char *at = text.data + split;
        const char *lf = memchr(at, '\n', text.length - split);
        size_t next = lf == NULL ? text.length : (size_t)(lf - text.data) + 1;

        if (*at == '\n' || (*at == '\r' && lf == at + 1)) {
            body = (struct base_text){text.data + next, text.length - next};
            break;
        }
        split = next;
    }
    test_message_begin(message, (struct base_text){text.data, split}, body);
    base_buf_init(&crlf, message->arena, SIZE_MAX / 4);
    for (size_t i = 0; i < body.length; i++) {
        if (body.data[i] == '\n' && (i == 0 || body.data[i - 1] != '\r'))
            base_buf_append_char(&crlf, '\r');
        base_buf_append_char(&crlf, body.data[i]);
    }
    message->body = base_buf_text(&crlf);
    if (message->body.data == NULL)
        message->body = BASE_TEXT("");
}

static inline void test_message_end(struct test_message *message)
{
    base_arena_destroy(&message->arena);
}

/* Signs it in place; the list of what was made. */
static inline const struct policy_signature *test_sign(struct test_message *message,
                                                       const struct dkim_sign_block *block,
                                                       int64_t now_s)
{
    struct dkim_signing *signing = dkim_signing_begin(message->arena, block);
    const struct policy_signature *made;

    dkim_signing_body(signing, message->body);
    made = dkim_signing_finish(signing, &message->header, &message->edits, now_s);
    dkim_signing_end(&signing);
    /* From now on the signatures are part of the message as it is. */
    for (size_t i = 0; i < message->header.count; i++)
        if (message->header.fields[i].index == 0)
            message->header.fields[i].index = 1;
    return made;
}

/* The message's text with CRLF line ends; from the heap (base_buf_deinit). */
static inline void test_message_write(const struct test_message *message, struct base_buf *out)
{
    base_buf_init(out, NULL, SIZE_MAX / 4);
    for (size_t i = 0; i < message->header.count; i++) {
        const struct policy_field *field = &message->header.fields[i];

        base_buf_append_text(out, field->name);
        base_buf_append_char(out, ':');
        for (size_t k = 0; k < field->value.length; k++) {
            if (field->value.data[k] == '\n' && (k == 0 || field->value.data[k - 1] != '\r'))
                base_buf_append_char(out, '\r');
            base_buf_append_char(out, field->value.data[k]);
        }
        base_buf_append(out, "\r\n", 2);
    }
    base_buf_append(out, "\r\n", 2);
    base_buf_append_text(out, message->body);
}

/* A resolver with lookups over a zone's text. */
struct test_dns {
    struct base_arena *arena;
    struct dns_resolver *resolver;
    struct base_clock clock;
    struct dns_budget budget;
    struct dns_lookups *lookups;
};

static inline void test_dns_begin(struct test_dns *dns, struct base_text zone)
{
    struct base_error error;
    struct dns_lookups_options options = {.clock = &dns->clock, .max_questions = 400};

    dns->arena = base_arena_create(16 << 20, NULL);
    dns->clock = base_clock_manual(TEST_NOW);
    dns->budget.left_ns = 20 * BASE_NS_PER_S;
    dns->resolver = dns_zone_create(zone, "test", &error);
    if (dns->resolver == NULL) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    options.resolver = dns->resolver;
    dns->lookups = dns_lookups_create(dns->arena, &options);
    dns_lookups_set_budget(dns->lookups, &dns->budget);
}

static inline void test_dns_end(struct test_dns *dns)
{
    dns_lookups_destroy(&dns->lookups);
    dns_resolver_destroy(&dns->resolver);
    base_arena_destroy(&dns->arena);
}

/* The verdicts live in the message's arena. */
static inline const struct dkim_verdicts *test_verify_chunks(struct test_message *message,
                                                             struct test_dns *dns,
                                                             struct dkim_library *library,
                                                             int64_t now_s, size_t chunk)
{
    struct dkim_verify_options options = {
        .library = library,
        .lookups = dns->lookups,
        .now_s = now_s,
        .max_signatures = 10,
        .max_names = 200,
    };
    struct dkim_verification *verification =
        dkim_verification_begin(message->arena, &options, &message->header);
    const struct dkim_verdicts *verdicts;
    struct base_text rest = message->body;

    if (verification == NULL)
        abort();
    while (rest.length > 0) {
        size_t length = rest.length < chunk ? rest.length : chunk;

        dkim_verification_body(verification, (struct base_text){rest.data, length});
        rest.data += length;
        rest.length -= length;
    }
    verdicts = dkim_verification_finish(verification);
    dkim_verification_end(&verification);
    return verdicts;
}

static inline const struct dkim_verdicts *test_verify(struct test_message *message,
                                                      struct test_dns *dns,
                                                      struct dkim_library *library, int64_t now_s)
{
    return test_verify_chunks(message, dns, library, now_s, 65535);
}

/* The record of a key as zone text, appended. */
static inline void test_zone_key(struct base_buf *zone, const struct keys_key *key,
                                 const char *domain, const char *selector)
{
    struct dns_name name = test_name(domain);

    if (!keys_record_append_line(key, &name, selector, zone))
        abort();
}

#endif
