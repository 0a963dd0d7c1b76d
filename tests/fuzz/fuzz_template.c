/* policy/template: what is taken expands to printable octets within its bounds; the first octet
 * says what facts look like. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static struct base_text value(void *context, enum policy_expansion expansion)
{
    (void)expansion;
    return *(const struct base_text *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char nasty[] = "a%{id}\r\n\x01\xff";
    char text[512];
    struct base_error error = {""};
    struct policy_template *template;
    enum policy_expansion unknown;
    struct base_buf out;

    if (size < 2 || size > sizeof(text))
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    template = policy_template_create(text, &error);
    must((template == NULL) == (error.text[0] != '\0'));
    if (template == NULL)
        return 0;
    struct base_text fact =
        data[0] % 2 == 0 ? (struct base_text){(const char *)data, size} : BASE_TEXT(nasty);

    base_buf_init(&out, NULL, POLICY_TEMPLATE_MAX * POLICY_TEMPLATE_FACT_MAX);
    policy_template_expand(template, value, &fact, &out);
    must(!out.is_over && out.length > 0);
    for (size_t i = 0; i < out.length; i++)
        must(base_ascii_is_print(out.data[i]));
    must(!policy_template_find_unknown(template, POLICY_STAGE_EOM, &unknown) ||
         unknown == POLICY_EXPAND_COMMAND);
    base_buf_deinit(&out);
    policy_template_destroy(&template);
    return 0;
}
