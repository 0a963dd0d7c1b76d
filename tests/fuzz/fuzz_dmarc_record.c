/* policy/dmarc/record: any octets are a DMARC Policy Record or not; what is said about one is in
 * its text, and neither unknown tags behind it nor blanks around its tags change it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/dmarc/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void check_inside(struct base_text part, struct base_text whole)
{
    if (part.data == NULL)
        return;
    must(part.length > 0, "a tag has a value");
    must(part.data >= whole.data && part.data + part.length <= whole.data + whole.length,
         "a value lies in its record");
}

static void check_request(const struct dmarc_request *request)
{
    must(request->is_present || !request->is_valid, "what is absent is not valid");
    must(request->is_valid || request->policy == DMARC_POLICY_NONE, "an invalid one asks nothing");
    must(request->policy <= DMARC_POLICY_REJECT, "a policy");
}

static void check_uris(struct base_text list, bool has_valid)
{
    struct base_text rest = list;
    struct base_text uri;
    bool is_found = false;

    while (rest.data != NULL && dmarc_record_next_uri(&rest, &uri)) {
        is_found = true;
        check_inside(uri, list);
        must(memchr(uri.data, ':', uri.length) != NULL, "a URI has a scheme");
        must(memchr(uri.data, '!', uri.length) == NULL, "no size is left");
        must(memchr(uri.data, ',', uri.length) == NULL, "one URI");
        must(memchr(uri.data, ' ', uri.length) == NULL, "no blank");
    }
    must(is_found == has_valid, "whether there is one");
}

static bool is_same_request(const struct dmarc_request *a, const struct dmarc_request *b)
{
    return a->is_present == b->is_present && a->is_valid == b->is_valid && a->policy == b->policy;
}

static bool is_same(const struct dmarc_record *a, const struct dmarc_record *b)
{
    return is_same_request(&a->p, &b->p) && is_same_request(&a->sp, &b->sp) &&
           is_same_request(&a->np, &b->np) && a->is_dkim_strict == b->is_dkim_strict &&
           a->is_spf_strict == b->is_spf_strict && a->psd == b->psd && a->is_test == b->is_test &&
           base_text_equals(a->rua, b->rua) && base_text_equals(a->ruf, b->ruf) &&
           base_text_equals(a->fo, b->fo) && a->has_valid_rua == b->has_valid_rua;
}

/* `text` with `before` put before and `behind` behind each ";". */
static void check_padded(const struct dmarc_record *record, const char *before, const char *behind)
{
    struct base_arena *arena = base_arena_create((size_t)64 << 20, NULL);
    struct dmarc_record padded;
    struct base_buf out;

    base_buf_init(&out, arena, (size_t)16 << 20);
    for (size_t i = 0; i < record->text.length; i++) {
        char c = record->text.data[i];

        base_buf_append_cstr(&out, c == ';' ? before : "");
        base_buf_append_char(&out, c);
        base_buf_append_cstr(&out, c == ';' ? behind : "");
    }
    base_buf_append_cstr(&out, ";unknown=tag");
    must(!out.is_over, "memory");
    must(dmarc_record_parse(base_buf_text(&out), &padded), "it stays a record");
    must(is_same(record, &padded), "it stays the same");
    base_arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text text = {(const char *)data, size};
    struct dmarc_record record;

    if (!dmarc_record_parse(text, &record))
        return 0;
    must((data[0] | 0x20) == 'v', "a record begins with its version");
    check_request(&record.p);
    check_request(&record.sp);
    check_request(&record.np);
    check_inside(record.rua, text);
    check_inside(record.ruf, text);
    check_inside(record.fo, text);
    check_uris(record.rua, record.has_valid_rua);
    check_padded(&record, "", "");
    check_padded(&record, " \t", "");
    check_padded(&record, "", "  ; x = y ;");
    return 0;
}
