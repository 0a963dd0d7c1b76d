/* The strict reader of From fields, for tests/differential/author_test.py: a line of hexadecimal
 * digits in (one field's value), a line "OUTCOME DOMAIN DISPLAY" out, "-" where there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/author.h"

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

static void answer(const char *line, size_t length)
{
    char *value = malloc(length / 2 + 1);
    struct policy_author author;

    if (value == NULL)
        abort();
    for (size_t i = 0; i + 1 < length; i += 2)
        value[i / 2] = (char)(digit(line[i]) << 4 | digit(line[i + 1]));
    policy_author_parse((struct base_text){value, length / 2}, &author);
    printf("%s %s %s\n", policy_author_outcome_text(author.outcome),
           author.outcome == POLICY_AUTHOR_ONE ? author.domain.text : "-",
           author.outcome == POLICY_AUTHOR_ONE ? policy_display_address_text(author.display) : "-");
    free(value);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((length = getline(&line, &size, stdin)) > 0)
        answer(line, (size_t)length - (line[length - 1] == '\n'));
    free(line);
    return 0;
}
