/* RFC 8058 sections 3.1 and 3.2; the syntax of List-Unsubscribe is that of RFC 2369 section 2: URIs
 * in angle brackets, separated by commas, with comments around them and blanks anywhere. */
#include "policy/bulk/one_click.h"

#include "base/text.h"
#include "policy/header.h"

static const struct policy_field *only_field(const struct policy_header *header,
                                             struct base_text name)
{
    size_t position = 0;

    return policy_header_count(header, name) == 1 ? policy_header_next(header, name, &position)
                                                  : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "https://" and a host, whatever blanks a fold has put between them. */
static bool is_https(struct base_text uri)
{
    static const char scheme[] = "https://";
    size_t matched = 0;

    for (size_t i = 0; i < uri.length; i++) {
        if (is_blank(uri.data[i]))
            continue;
        if (scheme[matched] == '\0')
            return base_ascii_is_alnum(uri.data[i]) || uri.data[i] == '[';
        if (base_ascii_lower(uri.data[i]) != scheme[matched++])
            return false;
    }
    return false;
}

static bool has_https(struct base_text value)
{
    unsigned comments = 0;

    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];

        if (c == '\\' && comments > 0) {
            i++;
        } else if (c == '(') {
            comments++;
        } else if (c == ')' && comments > 0) {
            comments--;
        } else if (c == '<' && comments == 0) {
            size_t begin = i + 1;

            while (i < value.length && value.data[i] != '>')
                i++;
            if (i < value.length && is_https((struct base_text){value.data + begin, i - begin}))
                return true;
        }
    }
    return false;
}

bool bulk_one_click_is_offered(const struct policy_header *header)
{
    const struct policy_field *uris = only_field(header, BASE_TEXT("List-Unsubscribe"));
    const struct policy_field *post = only_field(header, BASE_TEXT("List-Unsubscribe-Post"));

    return uris != NULL && post != NULL &&
           base_text_equals_nocase(base_text_trim(post->value),
                                   BASE_TEXT("List-Unsubscribe=One-Click")) &&
           has_https(uris->value);
}
