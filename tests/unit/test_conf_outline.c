/* conf/outline: include(), what it may read, and what spans files. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "conf/outline.h"
#include "tests/unit/conf_files.h"
#include "tests/unit/conf_sample.h"

static struct conf_snapshot *read_file(const char *path, struct base_error *error)
{
    error->text[0] = '\0';
    return conf_read(path, sample_tables, SAMPLE_TABLE_COUNT, error);
}

static struct conf_snapshot *read_good(const char *path)
{
    struct base_error error;
    struct conf_snapshot *snapshot = read_file(path, &error);
    assert_string_equal(error.text, "");
    assert_non_null(snapshot);
    return snapshot;
}

/* All of `want` is in the error, in this order. */
static void check_bad(const char *path, const char *want, const char *also)
{
    struct base_error error;
    struct conf_snapshot *snapshot = read_file(path, &error);
    assert_null(snapshot);
    const char *found = strstr(error.text, want);
    if (found == NULL || strstr(found, also) == NULL)
        fail_msg("%s\n  want: %s ... %s", error.text, want, also);
}

static const char *last_of(struct conf_where where)
{
    const char *slash = strrchr(where.file, '/');
    return slash != NULL ? slash + 1 : where.file;
}

/* Relative to the including file, in its place, also within a section. */
static void test_include(void **state)
{
    const struct conf_files *files = *state;
    assert_int_equal(mkdir(conf_files_path(files, "sub"), 0755), 0);
    conf_files_put(files, "sub/a.conf",
                   "local-domains += a\ninclude('b.conf') # and on\n"
                   "local-domains += \"file:list\"");
    conf_files_put(files, "sub/b.conf", "\nlocal-domains += b rule b { include(\"rule.conf\")\n }");
    conf_files_put(files, "sub/rule.conf", "\n\nmode = off spf = { pass,");
    conf_files_put(files, "sub/list", "c\n");
    const char *path = conf_files_put(files, "x.conf",
                                      "local-domains = x\ninclude(\"sub/a.conf\")\n"
                                      "include(/dev/null2)");
    check_bad(path, "rule.conf:3: the file ends within spf", "");
    conf_files_put(files, "sub/rule.conf", "\n\nmode = off spf = { pass }");
    check_bad(path, "x.conf:3: /dev/null2: ", "No such file");
    path = conf_files_put(files, "x.conf",
                          "local-domains = x\ninclude(\"sub/a.conf\")\nlocal-domains += y");
    struct conf_snapshot *snapshot = read_good(path);
    const struct sample_top *top = conf_snapshot_top(snapshot, &sample_top_table)->values;
    static const char want[] = "xabcy";
    assert_int_equal(top->local_domains.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(top->local_domains.items[i].text[0], want[i]);
    assert_string_equal(last_of(top->local_domains.items[2].where), "b.conf");
    assert_int_equal(top->local_domains.items[2].where.line, 2);
    assert_string_equal(last_of(top->local_domains.items[3].where), "list");
    assert_int_equal(top->local_domains.items[4].where.line, 3);
    const struct conf_section *rule = conf_snapshot_at(snapshot, &sample_rule_table, 0);
    assert_string_equal(last_of(rule->where), "b.conf");
    assert_string_equal(last_of(conf_section_where(rule, "mode")), "rule.conf");
    assert_int_equal(conf_section_where(rule, "mode").line, 3);
    conf_snapshot_unref(&snapshot);
}

static void test_absolute(void **state)
{
    const struct conf_files *files = *state;
    char real[PATH_MAX];
    char text[PATH_MAX + 100];
    assert_non_null(realpath(conf_files_put(files, "a.conf", "count = 7"), real));
    snprintf(text, sizeof(text), "include(\"%s\")", real);
    struct conf_snapshot *snapshot = read_good(conf_files_put(files, "x.conf", text));
    const struct sample_top *top = conf_snapshot_top(snapshot, &sample_top_table)->values;
    assert_int_equal(top->count, 7);
    conf_snapshot_unref(&snapshot);
}

static void test_loops(void **state)
{
    const struct conf_files *files = *state;
    const char *path = conf_files_put(files, "x.conf", "\ninclude(\"./a.conf\")");
    conf_files_put(files, "a.conf", "count = 1 include(\"x.conf\")");
    check_bad(path, "a.conf:1: include(\"", "being read already");
    conf_files_put(files, "a.conf", "include(\"a.conf\")");
    check_bad(path, "a.conf:1: include(\"", "being read already");
    /* Twice is no loop. */
    conf_files_put(files, "a.conf", "# nothing");
    path = conf_files_put(files, "x.conf", "include(\"a.conf\") include(\"a.conf\")");
    struct conf_snapshot *snapshot = read_good(path);
    conf_snapshot_unref(&snapshot);
}

/* A chain of `count` files that are included. */
static const char *put_chain(const struct conf_files *files, int count)
{
    char name[32];
    char text[64];
    for (int i = 1; i <= count; i++) {
        snprintf(name, sizeof(name), "%d.conf", i);
        snprintf(text, sizeof(text), i < count ? "include(\"%d.conf\")" : "count = 3", i + 1);
        conf_files_put(files, name, text);
    }
    return conf_files_put(files, "x.conf", "include(\"1.conf\")");
}

static void test_depth(void **state)
{
    const struct conf_files *files = *state;
    struct conf_snapshot *snapshot = read_good(put_chain(files, CONF_OUTLINE_INCLUDE_DEPTH));
    conf_snapshot_unref(&snapshot);
    check_bad(put_chain(files, CONF_OUTLINE_INCLUDE_DEPTH + 1), "8.conf:1: include(\"",
              "deeper than 8");
}

static void test_access(void **state)
{
    const struct conf_files *files = *state;
    const char *path = conf_files_put(files, "x.conf", "\ninclude(\"a.conf\")");
    check_bad(path, "x.conf:2: ", "a.conf: cannot open: No such file");
    conf_files_write(files, "a.conf", "", 0, 0666);
    check_bad(path, "x.conf:2: ", "chmod go-w ");
    assert_int_equal(unlink(conf_files_path(files, "a.conf")), 0);
    assert_int_equal(mkdir(conf_files_path(files, "a.conf"), 0755), 0);
    check_bad(path, "x.conf:2: ", "not a regular file");
    check_bad(conf_files_path(files, "nowhere"), "nowhere: cannot open", "No such file");
    check_bad(files->folder, files->folder, "not a regular file");
    check_bad(conf_files_write(files, "open.conf", "", 0, 0646), "open.conf", "chmod go-w ");
    path = conf_files_write(files, "closed.conf", "", 0, 0000);
    if (geteuid() != 0)
        check_bad(path, "closed.conf: cannot open", "Permission denied");
}

static void test_nul(void **state)
{
    const struct conf_files *files = *state;
    check_bad(conf_files_write(files, "x.conf", "count = 1\n#\n\0", 13, 0644), "x.conf:3: a NUL",
              "not a text file");
    conf_files_put(files, "y.conf", "include(\"x.conf\")");
    check_bad(conf_files_path(files, "y.conf"), "x.conf:3: a NUL", "");
}

/* Braces close in the file that opens them; what is given twice names the other file. */
static void test_across_files(void **state)
{
    const struct conf_files *files = *state;
    const char *path = conf_files_put(files, "x.conf", "rule r { include(\"a.conf\") }");
    conf_files_put(files, "a.conf", "mode = off }");
    check_bad(path, "a.conf:1: '}' closes nothing", "");
    conf_files_put(files, "a.conf", "mode = off } rule s {");
    check_bad(path, "a.conf:1: '}' closes nothing", "");
    path = conf_files_put(files, "x.conf", "count = 1\ninclude(\"a.conf\")\nrule r { }");
    conf_files_put(files, "a.conf", "rule r { }");
    check_bad(path, "x.conf:3: section rule \"r\": given already in ", "a.conf:1");
    conf_files_put(files, "a.conf", "\ncount = 1");
    check_bad(path, "a.conf:2: count: given already in ", "x.conf:1");
    conf_files_put(files, "a.conf", "\nlissten = 1");
    check_bad(path, "a.conf:2: lissten: unknown option", "listen");
    conf_files_put(files, "a.conf", "authserv-id =");
    check_bad(path, "a.conf:1: the file ends within authserv-id", "line 1");
}

/* Sections in sections, as deep as may be and one deeper; no table knows any of it. */
static void test_section_depth(void **state)
{
    struct base_error error;
    char text[200] = "";
    (void)state;
    for (int depth = 1; depth <= CONF_OUTLINE_SECTION_DEPTH + 1; depth++) {
        strcat(text, "rule r { ");
        char closed[256];
        snprintf(closed, sizeof(closed), "%s%.*s", text, depth, "}}}}}}}}}}}");
        struct conf_snapshot *snapshot =
            conf_read_text(closed, "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
        assert_int_equal(snapshot != NULL, depth == 1);
        if (depth > CONF_OUTLINE_SECTION_DEPTH)
            assert_non_null(strstr(error.text, "nest deeper than 8"));
        else if (depth > 1)
            assert_non_null(strstr(error.text, "rule: unknown section in section rule"));
        conf_snapshot_unref(&snapshot);
    }
}

static void check_section_count(size_t count, bool want)
{
    struct base_error error = {""};
    struct base_buf text;
    base_buf_init(&text, NULL, 1 << 20);
    for (size_t i = 0; i < count; i++)
        base_buf_appendf(&text, "rule %zu { }\n", i);
    struct conf_snapshot *snapshot =
        conf_read_text(base_buf_cstr(&text), "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    assert_int_equal(snapshot != NULL, want);
    if (want)
        assert_int_equal(conf_snapshot_count(snapshot, &sample_rule_table), count);
    else
        assert_non_null(strstr(error.text, "x.conf:20001: more than 20000 sections"));
    conf_snapshot_unref(&snapshot);
    base_buf_deinit(&text);
}

static void test_section_count(void **state)
{
    (void)state;
    check_section_count(CONF_OUTLINE_SECTIONS_MAX, true);
    check_section_count(CONF_OUTLINE_SECTIONS_MAX + 1, false);
}

/* Almost 16 MiB of statements. */
static void test_large(void **state)
{
    struct base_error error = {""};
    struct base_buf text;
    (void)state;
    base_buf_init(&text, NULL, CONF_SOURCE_FILE_MAX);
    base_buf_append_cstr(&text, "local-domains = {\n");
    for (size_t i = 0; i < 800000; i++)
        base_buf_appendf(&text, "\"%zu.example\",\n", i);
    base_buf_append_cstr(&text, "}\ncount = 101");
    assert_false(text.is_over);
    struct conf_snapshot *snapshot =
        conf_read_text(base_buf_cstr(&text), "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    assert_null(snapshot);
    assert_non_null(strstr(error.text, "x.conf:800003: count: \"101\" is out of bounds"));
    base_buf_deinit(&text);
}

static void test_token_count(void **state)
{
    struct base_error error = {""};
    struct base_buf text;
    (void)state;
    base_buf_init(&text, NULL, CONF_SOURCE_FILE_MAX);
    base_buf_append_cstr(&text, "local-domains={");
    for (size_t i = 0; i < CONF_OUTLINE_TOKENS_MAX / 2; i++)
        base_buf_append_cstr(&text, "a,");
    base_buf_append_cstr(&text, "}");
    struct conf_snapshot *snapshot =
        conf_read_text(base_buf_cstr(&text), "x.conf", sample_tables, SAMPLE_TABLE_COUNT, &error);
    assert_null(snapshot);
    assert_non_null(strstr(error.text, "more than 4000000 words and signs"));
    base_buf_deinit(&text);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, conf_files_setup, conf_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_include),
        FILE_TEST(test_absolute),
        FILE_TEST(test_loops),
        FILE_TEST(test_depth),
        FILE_TEST(test_access),
        FILE_TEST(test_nul),
        FILE_TEST(test_across_files),
        cmocka_unit_test(test_section_depth),
        cmocka_unit_test(test_section_count),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_token_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
