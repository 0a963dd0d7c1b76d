/* RFC 6376 section 3.2:
 *
 *   tag-list  =  tag-spec *( ";" tag-spec ) [ ";" ]
 *   tag-spec  =  [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *   tag-name  =  ALPHA *ALNUMPUNC
 *
 * "Tags with duplicate names MUST NOT occur within a single tag-list; if a tag name does occur more
 * than once, the entire tag-list is invalid." */
#include "policy/dkim/taglist.h"

#include <string.h>

#include "base/arena.h"

/* A cursor with a sticky fault. */
struct reading {
    const char *at;
    const char *end;
    enum dkim_taglist_fault fault;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void fail(struct reading *reading, enum dkim_taglist_fault fault)
{
    if (reading->fault == DKIM_TAGLIST_OK)
        reading->fault = fault;
    reading->at = reading->end;
}

/* [FWS] */
static bool skip_fws(struct reading *reading)
{
    const char *start = reading->at;

    while (reading->at < reading->end && is_blank(*reading->at))
        reading->at++;
    return reading->at > start;
}

static struct base_text read_tag_name(struct reading *reading)
{
    const char *start = reading->at;

    while (reading->at < reading->end && (base_ascii_is_alnum(*reading->at) || *reading->at == '_'))
        reading->at++;
    if (reading->at == start || !base_ascii_is_alpha(*start))
        fail(reading, DKIM_TAGLIST_SYNTAX);
    return (struct base_text){start, (size_t)(reading->at - start)};
}

/* Up to the ";" or the end. VALCHAR is %x21-3A / %x3C-7E. */
static struct base_text read_tag_value(struct reading *reading)
{
    const char *start = reading->at;

    while (reading->at < reading->end && *reading->at != ';') {
        unsigned char c = (unsigned char)*reading->at;

        if (c > 0x7e) {
            fail(reading, DKIM_TAGLIST_NOT_ASCII);
            break;
        }
        if (c < 0x20 && !is_blank((char)c)) {
            fail(reading, DKIM_TAGLIST_SYNTAX);
            break;
        }
        reading->at++;
    }
    return base_text_trim((struct base_text){start, (size_t)(reading->at - start)});
}

static void read_tag_spec(struct reading *reading, struct dkim_taglist *list)
{
    struct dkim_tag tag;

    skip_fws(reading);
    tag.name = read_tag_name(reading);
    tag.is_spaced = skip_fws(reading);
    if (reading->at == reading->end || *reading->at != '=') {
        fail(reading, DKIM_TAGLIST_SYNTAX);
        return;
    }
    reading->at++;
    tag.value = read_tag_value(reading);
    if (reading->fault != DKIM_TAGLIST_OK)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (base_text_equals_nocase(list->tags[i].name, tag.name))
            fail(reading, DKIM_TAGLIST_TWICE);
    if (list->count == DKIM_TAGS_MAX)
        fail(reading, DKIM_TAGLIST_TOO_MANY);
    if (reading->fault == DKIM_TAGLIST_OK)
        list->tags[list->count++] = tag;
}

enum dkim_taglist_fault dkim_taglist_parse(struct base_text text, struct dkim_taglist *list_r)
{
    struct reading reading = {text.data, text.data + text.length, DKIM_TAGLIST_OK};

    list_r->count = 0;
    for (;;) {
        read_tag_spec(&reading, list_r);
        if (reading.at == reading.end)
            break;
        reading.at++;
        /* [ ";" ] */
        skip_fws(&reading);
        if (reading.at == reading.end)
            break;
    }
    return reading.fault;
}

const char *dkim_taglist_fault_text(enum dkim_taglist_fault fault)
{
    switch (fault) {
    case DKIM_TAGLIST_OK:
        return "no fault";
    case DKIM_TAGLIST_SYNTAX:
        return "malformed tag list";
    case DKIM_TAGLIST_TWICE:
        return "a tag is given twice";
    case DKIM_TAGLIST_TOO_MANY:
        return "too many tags";
    case DKIM_TAGLIST_NOT_ASCII:
        return "octets that are not ASCII";
    }
    return "malformed tag list";
}

const struct dkim_tag *dkim_taglist_find(const struct dkim_taglist *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (base_text_equals(list->tags[i].name, base_text_of(name)))
            return &list->tags[i];
    return NULL;
}

struct base_text dkim_taglist_value(const struct dkim_taglist *list, const char *name)
{
    const struct dkim_tag *tag = dkim_taglist_find(list, name);

    return tag != NULL ? tag->value : (struct base_text){NULL, 0};
}

struct base_text dkim_text_strip(struct base_arena *arena, struct base_text text)
{
    char *copy = base_arena_alloc(arena, text.length + 1);
    size_t length = 0;

    if (copy == NULL)
        return (struct base_text){NULL, 0};
    for (size_t i = 0; i < text.length; i++)
        if (!is_blank(text.data[i]))
            copy[length++] = text.data[i];
    copy[length] = '\0';
    return (struct base_text){copy, length};
}

bool dkim_text_is_base64(struct base_text text)
{
    while (text.length > 0 && text.data[text.length - 1] == '=')
        text.length--;
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_alnum(text.data[i]) && text.data[i] != '+' && text.data[i] != '/')
            return false;
    return text.length > 0;
}
