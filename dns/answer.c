/* Answers: one block of memory each (counts, records, octets), so that one free ends it and nothing
 * in it can outlive the rest. */
#include "dns/answer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "dns/rdata.h"

/* No message of DNS holds more than some 4,000; what uses this many means harm. */
#define RECORDS_MAX 1000

struct answer_box {
    struct dns_answer answer;
    atomic_uint refs;
    struct dns_record records[];
};

struct type_name {
    enum dns_type type;
    const char *text;
};

static const struct type_name type_names[] = {
    {DNS_TYPE_A, "A"},     {DNS_TYPE_NS, "NS"},   {DNS_TYPE_CNAME, "CNAME"},
    {DNS_TYPE_SOA, "SOA"}, {DNS_TYPE_PTR, "PTR"}, {DNS_TYPE_MX, "MX"},
    {DNS_TYPE_TXT, "TXT"}, {DNS_TYPE_SPF, "SPF"}, {DNS_TYPE_AAAA, "AAAA"},
};

#define TYPE_NAMES (sizeof(type_names) / sizeof(type_names[0]))

const char *dns_status_text(enum dns_status status)
{
    switch (status) {
    case DNS_STATUS_OK:
        return "ok";
    case DNS_STATUS_NODATA:
        return "nodata";
    case DNS_STATUS_NXDOMAIN:
        return "nxdomain";
    case DNS_STATUS_SERVFAIL:
        return "servfail";
    case DNS_STATUS_TIMEOUT:
        return "timeout";
    case DNS_STATUS_BOGUS:
        return "bogus";
    case DNS_STATUS_CAPPED:
        return "capped";
    }
    base_panic("dns_status_text: %d", (int)status);
}

bool dns_status_is_temporary(enum dns_status status)
{
    return status == DNS_STATUS_SERVFAIL || status == DNS_STATUS_TIMEOUT ||
           status == DNS_STATUS_BOGUS || status == DNS_STATUS_CAPPED;
}

const char *dns_type_text(enum dns_type type)
{
    static _Thread_local char other[12];

    for (size_t i = 0; i < TYPE_NAMES; i++)
        if (type_names[i].type == type)
            return type_names[i].text;
    snprintf(other, sizeof(other), "TYPE%u", (unsigned)type & 0xffff);
    return other;
}

enum dns_type dns_type_from_text(struct base_text text)
{
    for (size_t i = 0; i < TYPE_NAMES; i++)
        if (base_text_equals_nocase(text, base_text_of(type_names[i].text)))
            return type_names[i].type;
    return (enum dns_type)0;
}

static struct answer_box *answer_box_of(struct dns_answer *answer)
{
    /* The first member: the same address. */
    return (struct answer_box *)answer;
}

struct dns_answer *dns_answer_ref(struct dns_answer *answer)
{
    atomic_fetch_add_explicit(&answer_box_of(answer)->refs, 1, memory_order_relaxed);
    return answer;
}

void dns_answer_unref(struct dns_answer **answer)
{
    struct dns_answer *old = *answer;

    *answer = NULL;
    if (old == NULL)
        return;
    if (atomic_fetch_sub_explicit(&answer_box_of(old)->refs, 1, memory_order_acq_rel) == 1)
        base_mem_free(answer_box_of(old));
}

static struct answer_box *answer_box_create(enum dns_status status, uint32_t ttl, size_t size)
{
    struct answer_box *box = base_mem_alloc_zero(1, sizeof(*box) + size);

    atomic_init(&box->refs, 1);
    box->answer.status = status;
    box->answer.ttl = ttl;
    return box;
}

struct dns_answer *dns_answer_create_empty(enum dns_status status, uint32_t ttl)
{
    bool is_answer = status == DNS_STATUS_NODATA || status == DNS_STATUS_NXDOMAIN;

    if (status == DNS_STATUS_OK)
        base_panic("dns_answer_create_empty: OK without a record");
    return &answer_box_create(status, is_answer ? ttl : 0, 0)->answer;
}

struct dns_answer *dns_answer_create(enum dns_type type, const struct base_text *rdata,
                                     size_t count, uint32_t ttl, bool is_secure)
{
    struct answer_box *box;
    size_t octets = 0;
    size_t kept = 0;
    char *room;

    for (size_t i = 0; i < count && kept < RECORDS_MAX; i++)
        if (dns_rdata_fits(type, rdata[i])) {
            octets += rdata[i].length + dns_rdata_decoded_max(rdata[i]);
            kept++;
        }
    if (kept == 0) {
        box = answer_box_create(DNS_STATUS_NODATA, ttl, 0);
        box->answer.is_secure = is_secure;
        return &box->answer;
    }
    box = answer_box_create(DNS_STATUS_OK, ttl, kept * sizeof(box->records[0]) + octets);
    box->answer.is_secure = is_secure;
    box->answer.records = box->records;
    room = (char *)&box->records[kept];
    for (size_t i = 0; box->answer.count < kept; i++) {
        struct base_text copy = {room, rdata[i].length};

        if (!dns_rdata_fits(type, rdata[i]))
            continue;
        if (copy.length > 0)
            memcpy(room, rdata[i].data, copy.length);
        room += copy.length;
        room += dns_rdata_decode(type, copy, room, &box->records[box->answer.count]);
        box->answer.count++;
    }
    return &box->answer;
}
