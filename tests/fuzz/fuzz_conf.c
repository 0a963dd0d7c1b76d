/* conf: any text is a configuration or gives an error that says so; and what our scanner takes for
 * a value is what libConfuse takes for one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conf_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

/* Nothing that no value may hold has come through. */
static void check_text(const char *text)
{
    if (text == NULL)
        return;
    must(strstr(text, "${") == NULL && strstr(text, "$(") == NULL);
    must(base_text_is_utf8(base_text_of(text)));
    for (; *text != '\0'; text++)
        must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_list(const struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        check_text(list->items[i].text);
        must(list->items[i].where.file != NULL);
    }
}

static void check_snapshot(const struct conf_snapshot *snapshot)
{
    const struct sample_top *top = conf_snapshot_top(snapshot, &sample_top_table)->values;
    check_text(top->authserv_id);
    check_list(&top->local_domains);
    check_list(&top->trusted_networks);
    must(top->count >= -10 && top->count <= 100 && top->is_checked);
    for (size_t i = 0; i < conf_snapshot_count(snapshot, &sample_rule_table); i++) {
        const struct conf_section *section = conf_snapshot_at(snapshot, &sample_rule_table, i);
        const struct sample_rule *rule = section->values;
        must(section->title != NULL && section->where.line > 0);
        check_text(section->title);
        check_text(rule->tls_below);
        must(rule->stage >= 0 && rule->stage < 6 && rule->spf < 1 << 7);
    }
}

/* "fuzz.conf:LINE: OPTION: FAULT" must not be the one that says that libConfuse's lexer cut the
 * text in other places than ours. */
static void check_error(const char *text)
{
    static const char prefix[] = "fuzz.conf:";
    must(text[0] != '\0');
    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return;
    text += strlen(prefix);
    text += strspn(text, "0123456789");
    must(strncmp(text, ": cannot be read", 16) != 0);
    text += strspn(text, ": ");
    text += strspn(text, "abcdefghijklmnopqrstuvwxyz-");
    must(strncmp(text, ": this line cannot be read", 26) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_error error = {""};
    char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct conf_snapshot *snapshot =
        conf_read_text(text, "fuzz.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    if (snapshot != NULL) {
        check_snapshot(snapshot);
    } else {
        check_error(error.text);
    }
    conf_snapshot_unref(&snapshot);
    free(text);
    return 0;
}
