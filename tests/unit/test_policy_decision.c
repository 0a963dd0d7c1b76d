/* policy/decision: the log line key by key, the object member by member, ids. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "policy/decision.h"
#include "policy/edits.h"
#include "policy/header.h"

static const struct policy_verdict go_on = {
    .stage = POLICY_STAGE_EOM,
    .action = POLICY_ACTION_CONTINUE,
    .code = "",
    .enhanced = "",
    .text = "",
    .rule = "",
};
static const struct policy_verdict later = {
    .stage = POLICY_STAGE_EOM,
    .action = POLICY_ACTION_TEMPFAIL,
    .code = "451",
    .enhanced = "4.3.2",
    .text = "try again later",
    .rule = "own rule",
};

static struct policy_decision smallest(void)
{
    return (struct policy_decision){
        .id = "0123456789abcdef",
        .time_s = 1795348800,
        .direction_by = "default",
        .client_address = BASE_TEXT("192.0.2.1"),
        .mail_from = BASE_TEXT(""),
        .verdict = go_on,
    };
}

static void assert_line(const struct policy_decision *decision, const char *want)
{
    struct base_log_line line;

    base_log_line_begin(&line);
    policy_decision_log(decision, &line);
    assert_string_equal(base_buf_cstr(&line.text), want);
}

static void test_smallest_line(void **state)
{
    struct policy_decision decision = smallest();

    (void)state;
    assert_line(&decision, "id=0123456789abcdef dir=inbound by=default client=192.0.2.1 from=\"\" "
                           "rcpts=0 author=\"<unknown>\" size=0 action=continue ms=0");
}

static void test_fullest_line(void **state)
{
    struct policy_signature second = {
        .domain = BASE_TEXT("example.org"),
        .selector = BASE_TEXT("ed"),
        .algorithm = "ed25519-sha256",
    };
    struct policy_signature failed = {
        .domain = BASE_TEXT("example.org"),
        .selector = BASE_TEXT("bad"),
        .algorithm = "rsa-sha256",
        .fault = "library",
        .next = &second,
    };
    struct policy_signature first = {
        .domain = BASE_TEXT("example.org"),
        .selector = BASE_TEXT("rsa"),
        .algorithm = "rsa-sha256",
        .next = &failed,
    };
    struct policy_decision decision = smallest();

    (void)state;
    decision.queue_id = BASE_TEXT("4Xyz");
    decision.direction = POLICY_DIRECTION_OUTBOUND;
    decision.direction_by = "authenticated";
    decision.client_name = BASE_TEXT("c.example");
    decision.helo = BASE_TEXT("[192.0.2.1]");
    decision.login = BASE_TEXT("alice");
    decision.mail_from = BASE_TEXT("alice@example.org");
    decision.recipients = 2;
    decision.first_recipient = BASE_TEXT("bob@example.net");
    decision.author = POLICY_AUTHOR_ONE;
    decision.author_domain = BASE_TEXT("example.org");
    decision.message_id = BASE_TEXT("<1@example.org>");
    decision.body_octets = 12345;
    decision.verdict = later;
    decision.would = &later;
    decision.signatures = &first;
    decision.unsigned_reason = "library";
    decision.authres_removed = 3;
    decision.left_out = "recipients";
    decision.is_aborted = true;
    decision.elapsed_ns = 1999999;
    assert_line(&decision,
                "id=0123456789abcdef queue=4Xyz dir=outbound by=authenticated client=192.0.2.1 "
                "client-name=c.example helo=\"[192.0.2.1]\" login=alice from=alice@example.org "
                "rcpts=2 to=bob@example.net author=example.org msgid=\"<1@example.org>\" "
                "size=12345 action=tempfail code=451 enhanced=4.3.2 text=\"try again later\" "
                "rule=\"own rule\" would=tempfail/451/4.3.2 would-rule=\"own rule\" "
                "signed=\"example.org/rsa/rsa-sha256,example.org/ed/ed25519-sha256\" "
                "unsigned=library authres-removed=3 left-out=recipients aborted=1 ms=1");
}

static void test_no_stranger_forges_a_key(void **state)
{
    struct policy_decision decision = smallest();

    (void)state;
    decision.mail_from = BASE_TEXT("a b\" action=reject\n id=1");
    decision.author = POLICY_AUTHOR_INVALID;
    decision.author_reason = "two From fields";
    assert_line(&decision, "id=0123456789abcdef dir=inbound by=default client=192.0.2.1 "
                           "from=\"a b\\\" action=reject\\n id=1\" rcpts=0 author=\"<invalid>\" "
                           "author-reason=\"two From fields\" size=0 action=continue ms=0");
}

static void assert_member(const struct base_json *object, const char *path, const char *want)
{
    char key[64];
    const char *rest = path;

    while (object != NULL && rest != NULL) {
        const char *dot = strchr(rest, '.');
        size_t length = dot != NULL ? (size_t)(dot - rest) : strlen(rest);
        memcpy(key, rest, length);
        key[length] = '\0';
        object = key[0] >= '0' && key[0] <= '9' ? base_json_at(object, (size_t)(key[0] - '0'))
                                                : base_json_get(object, key);
        rest = dot != NULL ? dot + 1 : NULL;
    }
    if (object == NULL)
        fail_msg("no %s", path);
    if (want == NULL) {
        if (!base_json_is_null(object))
            fail_msg("%s is not null", path);
    } else if (!base_text_equals(base_json_text(object), base_text_of(want))) {
        fail_msg("%s is %s", path, base_json_text(object).data);
    }
}

static void assert_number(const struct base_json *object, const char *key, int64_t want)
{
    int64_t got = -1;

    assert_true(base_json_int(base_json_get(object, key), &got));
    assert_int_equal(got, want);
}

static void test_json_members(void **state)
{
    static const char *const keys[] = {
        "id",
        "time",
        "queue_id",
        "direction",
        "direction_by",
        "client",
        "mta",
        "tls",
        "auth",
        "declared_size",
        "mail_from",
        "recipients",
        "message_id",
        "body_octets",
        "author",
        "verdict",
        "would",
        "identity",
        "spf",
        "helo_spf",
        "dkim",
        "dmarc",
        "trusted_results",
        "iprev",
        "dns_lists",
        "mailing_list",
        "exception",
        "rules",
        "overrides",
        "authentication_results",
        "recipients_refused",
        "rates",
        "bulk",
        "signatures",
        "unsigned_reason",
        "authres_removed",
        "left_out",
        "aborted",
        "ms",
        "edits",
        "dns",
    };
    struct policy_decision decision = smallest();
    struct base_json *json = policy_decision_json(&decision, NULL, NULL);

    (void)state;
    assert_int_equal(base_json_count(json), sizeof(keys) / sizeof(keys[0]));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct base_json *value;
        assert_string_equal(base_json_member(json, i, &value), keys[i]);
    }
    assert_member(json, "time", "2026-11-22T12:00:00Z");
    assert_member(json, "queue_id", NULL);
    assert_member(json, "mail_from", "");
    assert_member(json, "client.address", "192.0.2.1");
    assert_member(json, "client.helo", NULL);
    assert_member(json, "mta.name", NULL);
    assert_member(json, "mta.port", NULL);
    assert_member(json, "tls", NULL);
    assert_member(json, "auth.mechanism", NULL);
    assert_member(json, "declared_size", NULL);
    assert_member(json, "author.outcome", "unknown");
    assert_member(json, "author.domain", NULL);
    assert_member(json, "verdict.action", "continue");
    assert_member(json, "verdict.code", "");
    assert_member(json, "would", NULL);
    assert_member(json, "unsigned_reason", NULL);
    base_json_destroy(&json);
}

static void test_json_lists(void **state)
{
    static const struct policy_header_caps caps = {.max_fields = 10, .max_octets = 1000};
    struct base_arena *arena = base_arena_create(1 << 16, NULL);
    struct policy_recipient second = {.address = BASE_TEXT("c@example.net")};
    struct policy_recipient first = {.address = BASE_TEXT("b@example.net"), .next = &second};
    struct policy_signature failed = {.domain = BASE_TEXT("example.org"),
                                      .selector = BASE_TEXT("rsa"),
                                      .algorithm = "rsa-sha256",
                                      .fault = "library"};
    struct policy_signature made = {.domain = BASE_TEXT("example.org"),
                                    .selector = BASE_TEXT("ed"),
                                    .algorithm = "ed25519-sha256",
                                    .next = &failed};
    struct policy_decision decision = smallest();
    struct policy_header header;
    struct policy_edits edits;

    (void)state;
    policy_header_init(&header, arena);
    policy_edits_init(&edits, arena);
    policy_header_append(&header, &caps, BASE_TEXT("A"), BASE_TEXT(" 1"));
    assert_true(policy_edits_insert(&edits, &header, BASE_TEXT("B"), BASE_TEXT(" 2")));
    assert_true(policy_edits_delete(&edits, &header.fields[1]));
    decision.kept_recipients = &first;
    decision.recipients = 3;
    decision.signatures = &made;
    decision.verdict = later;
    decision.would = &later;
    decision.elapsed_ns = 5000000;
    struct base_json *json = policy_decision_json(&decision, &edits, NULL);
    assert_number(json, "ms", 5);
    assert_number(base_json_get(json, "recipients"), "count", 3);
    assert_member(json, "recipients.kept.0", "b@example.net");
    assert_member(json, "recipients.kept.1", "c@example.net");
    assert_member(json, "signatures.0.s", "ed");
    assert_member(json, "signatures.0.result", "signed");
    assert_member(json, "signatures.0.fault", NULL);
    assert_member(json, "signatures.1.a", "rsa-sha256");
    assert_member(json, "signatures.1.result", "failed");
    assert_member(json, "signatures.1.fault", "library");
    assert_member(json, "would.stage", "eom");
    assert_member(json, "would.enhanced", "4.3.2");
    assert_member(json, "verdict.rule", "own rule");
    assert_member(json, "edits.0.op", "delete");
    assert_member(json, "edits.0.name", "A");
    assert_member(json, "edits.0.value", NULL);
    assert_number(base_json_at(base_json_get(json, "edits"), 0), "index", 1);
    assert_member(json, "edits.1.op", "insert");
    assert_member(json, "edits.1.value", " 2");
    base_json_destroy(&json);
    base_arena_destroy(&arena);
}

/* Processes that begin in the same millisecond: they draw their tags after the fork, for nobody has
 * made an id before. Five of 1,024 are the same once in 10^12 runs. */
static void test_ids_of_processes(void **state)
{
    char ids[5][17];
    unsigned same = 0;
    int ends[2];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            policy_decision_make_id(ids[0], INT64_C(1795348800) * BASE_NS_PER_S);
            _exit(write(ends[1], ids[0], sizeof(ids[0])) == sizeof(ids[0]) ? 0 : 1);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], ids[i], sizeof(ids[i])), sizeof(ids[i]));
        close(ends[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        same += strcmp(ids[i], ids[0]) == 0;
    }
    assert_in_range(same, 1, 4);
}

static void test_ids(void **state)
{
    char before[17], after[17], later_id[17];

    (void)state;
    policy_decision_make_id(before, INT64_C(1795348800) * BASE_NS_PER_S);
    for (unsigned i = 0; i < 1000; i++) {
        policy_decision_make_id(after, INT64_C(1795348800) * BASE_NS_PER_S);
        assert_int_equal(strlen(after), 16);
        assert_int_equal(strspn(after, "0123456789abcdefghijklmnopqrstuv"), 16);
        assert_true(strcmp(before, after) < 0);
        memcpy(before, after, sizeof(before));
    }
    policy_decision_make_id(later_id, INT64_C(1795348800) * BASE_NS_PER_S + BASE_NS_PER_MS);
    assert_true(strcmp(after, later_id) < 0);
    assert_true(memcmp(after + 9, later_id + 9, 2) == 0);
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(policy_direction_text(POLICY_DIRECTION_TRUSTED), "trusted");
    assert_string_equal(policy_author_outcome_text(POLICY_AUTHOR_MULTIPLE), "multiple");
    assert_string_equal(policy_author_outcome_text(POLICY_AUTHOR_NONE), "none");
    assert_string_equal(policy_stage_text(POLICY_STAGE_CONNECT), "connect");
    assert_string_equal(policy_stage_text(POLICY_STAGE_UNKNOWN), "unknown");
    assert_string_equal(policy_action_text(POLICY_ACTION_HOLD_QUEUE), "hold-queue");
    assert_string_equal(policy_action_text(POLICY_ACTION_DISCARD), "discard");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_of_processes),
        cmocka_unit_test(test_smallest_line),
        cmocka_unit_test(test_fullest_line),
        cmocka_unit_test(test_no_stranger_forges_a_key),
        cmocka_unit_test(test_json_members),
        cmocka_unit_test(test_json_lists),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
