/* RFC 1035 section 5, RFC 2308 section 4 ($TTL), RFC 3597 section 5 (types by number), and one
 * directive of our own: $FAULT owner TYPE|ANY SERVFAIL|TIMEOUT|NXDOMAIN|NODATA|BOGUS. There is no
 * zone cut and no SOA to be had: a test zone answers for every name there is, so a file may begin
 * with its first record, and its names are below the root until $ORIGIN says otherwise. */
#include "dns/zone_parse.h"

#include "dns/answer.h"
#include "dns/zone_fields.h"
#include "dns/zone_lexer.h"
#include "dns/zone_rdata.h"
#include "dns/zone_table.h"

/* Where neither the record nor $TTL nor a record before it says one. */
#define TTL_DEFAULT 3600
#define RDATA_MAX   65535
/* Octets of a token that an error shows. */
#define SHOWN_MAX 60

struct zone_reader {
    const char *file;
    struct dns_zone_table *table;
    struct base_error *error_r;
    struct dns_zone_entry entry;
    struct dns_zone_name origin;
    struct dns_zone_name owner;
    bool has_owner;
    /* $TTL, or else the one stated last. */
    uint32_t ttl;
    bool has_ttl_directive;
    size_t records;
    struct base_buf rdata;
};

static bool reader_fault(struct zone_reader *reader, const struct dns_zone_token *token,
                         const char *fault)
{
    const struct dns_zone_token *shown = token != NULL ? token : &reader->entry.tokens[0];
    int length = shown->raw.length > SHOWN_MAX ? SHOWN_MAX : (int)shown->raw.length;

    base_error_set(reader->error_r, "%s:%u: '%.*s%s': %s", reader->file, shown->line, length,
                   shown->raw.length > 0 ? shown->raw.data : "",
                   shown->raw.length > SHOWN_MAX ? "..." : "", fault);
    return false;
}

static bool reader_full(struct zone_reader *reader)
{
    return reader_fault(reader, NULL,
                        "more than 1,000,000 records, or 4,000,000 names, in a test zone: take "
                        "some away");
}

/* The owner in lower case, as the table wants it. */
static struct dns_zone_set *reader_set(struct zone_reader *reader, const struct dns_zone_name *name,
                                       enum dns_type type)
{
    struct dns_zone_name lower = *name;

    dns_wire_name_lower(lower.wire, lower.length);
    return dns_zone_table_add(reader->table, dns_zone_name_text(&lower), type);
}

/* RFC 1034 section 3.6.2: a CNAME has no neighbours. */
static const char *check_cname(struct dns_zone_set *name, enum dns_type type)
{
    bool is_cname = type == DNS_TYPE_CNAME;

    if (is_cname ? name->has_others : name->has_cname)
        return "a name with a CNAME has no other records: take the CNAME or the others away";
    name->has_cname |= is_cname;
    name->has_others |= !is_cname;
    return NULL;
}

static bool reader_add(struct zone_reader *reader, enum dns_type type, uint32_t ttl)
{
    struct dns_zone_set *name = reader_set(reader, &reader->owner, DNS_ZONE_NAME);
    struct dns_zone_set *set = reader_set(reader, &reader->owner, type);
    const char *fault;

    if (name == NULL || set == NULL || reader->records++ >= DNS_ZONE_RECORDS_MAX)
        return reader_full(reader);
    fault = check_cname(name, type);
    if (fault != NULL)
        return reader_fault(reader, NULL, fault);
    switch (dns_zone_table_add_record(reader->table, set, base_buf_text(&reader->rdata), ttl)) {
    case DNS_ZONE_FULL:
        return reader_fault(reader, NULL,
                            "more than 1,000 records of one name and type: take some away");
    case DNS_ZONE_ADDED:
        break;
    }
    if (type == DNS_TYPE_CNAME && set->count > 1)
        return reader_fault(reader, NULL, "a second CNAME of this name: take one away");
    return true;
}

/* [<TTL>] [<class>] or [<class>] [<TTL>]; *at becomes the index of the type. */
static bool read_ttl_and_class(struct zone_reader *reader, size_t *at, uint32_t *ttl_r)
{
    bool has_ttl = false;
    bool has_class = false;

    for (; *at < reader->entry.count; (*at)++) {
        const struct dns_zone_token *token = &reader->entry.tokens[*at];
        const char *fault;

        if (!has_class && (dns_zone_token_is(token, "IN") || dns_zone_token_is(token, "CLASS1"))) {
            has_class = true;
        } else if (dns_zone_token_is(token, "CH") || dns_zone_token_is(token, "HS")) {
            return reader_fault(reader, token, "a test zone is of class IN: write IN, or nothing");
        } else if (!has_ttl && !token->is_quoted && token->raw.length > 0 &&
                   base_ascii_is_digit(token->raw.data[0])) {
            fault = dns_zone_field_ttl(token, ttl_r);
            if (fault != NULL)
                return reader_fault(reader, token, fault);
            has_ttl = true;
            if (!reader->has_ttl_directive)
                reader->ttl = *ttl_r;
        } else {
            break;
        }
    }
    return true;
}

static bool read_owner(struct zone_reader *reader, size_t *at)
{
    const struct dns_zone_token *token = &reader->entry.tokens[0];
    const char *fault;

    if (reader->entry.is_indented) {
        if (!reader->has_owner)
            return reader_fault(reader, token,
                                "the line begins with a blank, and no record above names an "
                                "owner: begin it with the owner, or @");
        return true;
    }
    fault = dns_zone_field_name(token, &reader->origin, &reader->owner);
    if (fault != NULL)
        return reader_fault(reader, token, fault);
    reader->has_owner = true;
    *at = 1;
    return true;
}

static bool read_record(struct zone_reader *reader)
{
    const struct dns_zone_token *tokens = reader->entry.tokens;
    struct dns_zone_rdata rdata = {.origin = &reader->origin};
    uint32_t ttl = reader->ttl;
    size_t at = 0;
    const char *fault;

    if (!read_owner(reader, &at) || !read_ttl_and_class(reader, &at, &ttl))
        return false;
    if (at >= reader->entry.count)
        return reader_fault(reader, NULL,
                            "a line without a type: write OWNER TYPE DATA, and begin a line that "
                            "leaves the owner out with a blank");
    fault = dns_zone_field_type(&tokens[at], &rdata.type);
    if (fault != NULL)
        return reader_fault(reader, &tokens[at], fault);
    rdata.tokens = tokens + at + 1;
    rdata.count = reader->entry.count - at - 1;
    base_buf_clear(&reader->rdata);
    fault = dns_zone_rdata_read(&rdata, &reader->rdata);
    if (fault != NULL)
        return reader_fault(reader, rdata.culprit != NULL ? rdata.culprit : &tokens[at], fault);
    return reader_add(reader, rdata.type, ttl);
}

static bool read_origin(struct zone_reader *reader)
{
    const struct dns_zone_token *tokens = reader->entry.tokens;
    const char *fault;

    if (reader->entry.count != 2)
        return reader_fault(reader, NULL, "one name follows: write $ORIGIN example.org.");
    fault = dns_zone_field_name(&tokens[1], &reader->origin, &reader->origin);
    return fault == NULL || reader_fault(reader, &tokens[1], fault);
}

static bool read_ttl(struct zone_reader *reader)
{
    const struct dns_zone_token *tokens = reader->entry.tokens;
    const char *fault;

    if (reader->entry.count != 2)
        return reader_fault(reader, NULL, "one time follows: write $TTL 3600 or $TTL 1h");
    fault = dns_zone_field_ttl(&tokens[1], &reader->ttl);
    if (fault != NULL)
        return reader_fault(reader, &tokens[1], fault);
    reader->has_ttl_directive = true;
    return true;
}

static bool read_fault_status(const struct dns_zone_token *token, enum dns_status *status_r)
{
    static const enum dns_status statuses[] = {DNS_STATUS_SERVFAIL, DNS_STATUS_TIMEOUT,
                                               DNS_STATUS_NXDOMAIN, DNS_STATUS_NODATA,
                                               DNS_STATUS_BOGUS};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (dns_zone_token_is(token, dns_status_text(statuses[i]))) {
            *status_r = statuses[i];
            return true;
        }
    return false;
}

static bool read_fault(struct zone_reader *reader)
{
    const struct dns_zone_token *tokens = reader->entry.tokens;
    enum dns_type type = DNS_ZONE_NAME;
    struct dns_zone_name owner;
    struct dns_zone_set *set;
    enum dns_status status;
    const char *fault;

    if (reader->entry.count != 4)
        return reader_fault(reader, NULL,
                            "three words follow: write $FAULT owner TYPE|ANY SERVFAIL|TIMEOUT|"
                            "NXDOMAIN|NODATA|BOGUS");
    fault = dns_zone_field_name(&tokens[1], &reader->origin, &owner);
    if (fault != NULL)
        return reader_fault(reader, &tokens[1], fault);
    if (!dns_zone_token_is(&tokens[2], "ANY"))
        fault = dns_zone_field_type(&tokens[2], &type);
    if (fault != NULL)
        return reader_fault(reader, &tokens[2], fault);
    if (!read_fault_status(&tokens[3], &status))
        return reader_fault(reader, &tokens[3],
                            "not a fault: write SERVFAIL, TIMEOUT, NXDOMAIN, NODATA or BOGUS");
    set = reader_set(reader, &owner, type);
    if (set == NULL || reader->records++ >= DNS_ZONE_RECORDS_MAX)
        return reader_full(reader);
    if (set->has_fault && set->fault != status)
        return reader_fault(reader, NULL,
                            "this owner and type has another $FAULT above: take one away");
    set->has_fault = true;
    set->fault = status;
    return true;
}

static bool read_directive(struct zone_reader *reader)
{
    const struct dns_zone_token *token = &reader->entry.tokens[0];

    if (dns_zone_token_is(token, "$ORIGIN"))
        return read_origin(reader);
    if (dns_zone_token_is(token, "$TTL"))
        return read_ttl(reader);
    if (dns_zone_token_is(token, "$FAULT"))
        return read_fault(reader);
    if (dns_zone_token_is(token, "$INCLUDE"))
        return reader_fault(reader, token,
                            "a test zone is one file: put the other file's lines here");
    return reader_fault(reader, token,
                        "not a directive ($ORIGIN $TTL $FAULT): mend it, or write \\$ for an owner "
                        "that begins so");
}

static bool read_entry(struct zone_reader *reader)
{
    const struct dns_zone_token *first = &reader->entry.tokens[0];

    if (!first->is_quoted && first->raw.data[0] == '$')
        return read_directive(reader);
    return read_record(reader);
}

bool dns_zone_parse(struct dns_zone_table *table, struct base_text text, const char *file,
                    struct base_error *error_r)
{
    struct zone_reader reader = {
        .file = file, .table = table, .error_r = error_r, .ttl = TTL_DEFAULT};
    enum dns_zone_lexed lexed = DNS_ZONE_LEXED_END;
    struct dns_zone_lexer lexer;
    bool is_good = text.length <= DNS_ZONE_FILE_MAX;

    if (!is_good)
        base_error_set(error_r, "%s: a test zone over 64 MiB: shorten it", file);
    dns_zone_name_clear(&reader.origin);
    base_buf_init(&reader.rdata, NULL, RDATA_MAX);
    dns_zone_lexer_init(&lexer, file, text);
    while (is_good) {
        lexed = dns_zone_lexer_next(&lexer, &reader.entry, error_r);
        if (lexed != DNS_ZONE_LEXED_ENTRY)
            break;
        is_good = read_entry(&reader);
    }
    base_buf_deinit(&reader.rdata);
    dns_zone_entry_deinit(&reader.entry);
    return is_good && lexed == DNS_ZONE_LEXED_END;
}
