/* filter/message and filter/session: one session driven stage by stage, with a fake MTA on one side
 * and the real policy on the other. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "base/arena.h"
#include "base/log.h"
#include "conf/conf.h"
#include "filter/daemon.h"
#include "filter/message.h"
#include "filter/session.h"
#include "policy/snapshot.h"

/* A budget that one small message does not exhaust. */
#define MEMORY (64 * 1024 * 1024)

struct fake_mta {
    const char *queue_id;
    /* Name and value, NULL behind the last. */
    const char *const *macros;
    char log[2048];
    bool refuses_edits;
};

static const char *fake_macro(void *context, const char *name)
{
    const struct fake_mta *fake = context;

    for (size_t i = 0; fake->macros != NULL && fake->macros[i] != NULL; i += 2) {
        if (strcmp(name, fake->macros[i]) == 0) {
            return fake->macros[i + 1];
        }
    }
    return strcmp(name, "i") == 0 ? fake->queue_id : NULL;
}

static bool fake_set_reply(void *context, const char *code, const char *enhanced,
                           const char *const *lines)
{
    struct fake_mta *fake = context;

    (void)lines;
    strcat(strcat(strcat(strcat(fake->log, code), " "), enhanced), ";");
    return true;
}

static bool fake_delete(void *context, const char *name, unsigned index)
{
    struct fake_mta *fake = context;
    size_t length = strlen(fake->log);

    snprintf(fake->log + length, sizeof fake->log - length, "-%s#%u;", name, index);
    return !fake->refuses_edits;
}

static bool fake_insert(void *context, const char *name, const char *value)
{
    (void)context;
    (void)name;
    (void)value;
    return true;
}

static const struct filter_mta_ops fake_ops = {.macro = fake_macro,
                                               .set_reply = fake_set_reply,
                                               .delete_field = fake_delete,
                                               .insert_field = fake_insert};

struct fixture {
    struct filter_daemon daemon;
    struct filter_session *session;
    struct fake_mta fake;
    struct filter_mta mta;
};

static const struct filter_offer full_offer = {.actions = 0x1ff, .steps = 0x1fffff};
/* Every stage replies. */
static const struct filter_offer old_offer = {.actions = 0x1ff, .steps = 0};

static void set_up(struct fixture *f, const char *configuration)
{
    struct base_log_options quiet = {.ident = "test", .target = BASE_LOG_NONE};
    struct policy_snapshot_options options = {.want_keys = false};
    struct base_error error = {""};
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);
    struct conf_snapshot *conf;
    struct policy_snapshot *snapshot;

    base_log_init(&quiet);
    memset(f, 0, sizeof *f);
    conf = conf_read_text(configuration, "test.conf", tables, count, &error);
    assert_string_equal(error.text, "");
    snapshot = policy_snapshot_create(conf, &options, &error);
    assert_non_null(snapshot);
    conf_snapshot_unref(&conf);
    f->daemon.clock = base_clock_manual(1);
    f->daemon.budget = base_budget_create(MEMORY);
    f->daemon.env.clock = &f->daemon.clock;
    f->daemon.env.budget = f->daemon.budget;
    filter_count_init(&f->daemon.count, &f->daemon.clock);
    filter_snapshot_init(&f->daemon.snapshot, snapshot);
    f->mta = (struct filter_mta){.ops = &fake_ops, .context = &f->fake};
}

static void tear_down(struct fixture *f)
{
    filter_session_destroy(&f->session);
    assert_int_equal(filter_count_read(&f->daemon.count).sessions, 0);
    assert_int_equal(filter_count_read(&f->daemon.count).under_way, 0);
    assert_int_equal(filter_count_read(&f->daemon.count).refused, 0);
    assert_int_equal(base_budget_used(f->daemon.budget), 0);
    filter_snapshot_deinit(&f->daemon.snapshot);
    filter_count_deinit(&f->daemon.count);
    base_budget_destroy(&f->daemon.budget);
}

static void open_session(struct fixture *f, const struct filter_offer *offer)
{
    f->session = filter_session_create(&f->daemon, offer);
    assert_non_null(f->session);
    filter_message_connect(f->session, &f->mta, "client.example.net", NULL);
    filter_message_helo(f->session, &f->mta, "client.example.net");
}

static const struct policy_decision *decision(const struct fixture *f)
{
    return policy_session_decision(f->session->policy);
}

static void test_edits(void **state)
{
    static const char forged[] = " mx.example.org; spf=pass";
    static const struct filter_offer offers[] = {{0x1ff, 0x1fffff}, {0x1ff, 0x0fffff}, {0x1ff, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        for (int refuses = 0; refuses < 2; refuses++) {
            struct fixture f;

            set_up(&f, "authserv-id = \"mx.example.org\"\n");
            f.fake.refuses_edits = refuses;
            open_session(&f, &offers[i]);
            filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
            filter_message_rcpt(f.session, &f.mta, "<b@example.org>");
            filter_message_field(f.session, &f.mta, "Authentication-Results", forged);
            filter_message_field(f.session, &f.mta, "From", " a@example.com");
            filter_message_field(f.session, &f.mta, "authentication-results", forged + 1);
            filter_message_eoh(f.session, &f.mta);
            filter_message_body(f.session, &f.mta, "x\r\n", 3);
            assert_int_equal(filter_message_eom(f.session, &f.mta),
                             refuses ? SMFIS_TEMPFAIL : SMFIS_CONTINUE);
            assert_string_equal(f.fake.log,
                                refuses ? "-authentication-results#2;451 4.3.0;"
                                        : "-authentication-results#2;-Authentication-Results#1;");
            tear_down(&f);
        }
    }
}

/* What the MTA has not said of this message yet, libmilter still shows of the one before. */
static void test_stale_queue_id(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "");
    open_session(&f, &full_offer);
    filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
    f.fake.queue_id = "FIRST";
    filter_message_eoh(f.session, &f.mta);
    assert_int_equal(decision(&f)->queue_id.length, 5);
    filter_message_eom(f.session, &f.mta);

    filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
    filter_message_rcpt(f.session, &f.mta, "<b@example.org>");
    assert_int_equal(decision(&f)->queue_id.length, 0);
    f.fake.queue_id = "SECOND";
    filter_message_data(f.session, &f.mta);
    assert_memory_equal(decision(&f)->queue_id.data, "SECOND", 6);
    tear_down(&f);
}

static void test_draining(void **state)
{
    static const struct {
        const struct filter_offer *offer;
        int at_mail, at_eom;
    } cases[] = {{&full_offer, SMFIS_NOREPLY, SMFIS_TEMPFAIL},
                 {&old_offer, SMFIS_TEMPFAIL, SMFIS_TEMPFAIL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        set_up(&f, "");
        open_session(&f, cases[i].offer);
        filter_count_drain(&f.daemon.count);
        assert_int_equal(
            filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL}),
            cases[i].at_mail);
        assert_false(policy_session_has_message(f.session->policy));
        if (cases[i].at_mail == SMFIS_NOREPLY) {
            assert_int_equal(filter_count_read(&f.daemon.count).refused, 1);
            filter_message_rcpt(f.session, &f.mta, "<b@example.org>");
            filter_message_field(f.session, &f.mta, "From", " a@example.com");
            assert_int_equal(filter_message_eom(f.session, &f.mta), cases[i].at_eom);
        }
        assert_string_equal(f.fake.log, "451 4.3.2;");
        assert_int_equal(filter_count_read(&f.daemon.count).refused, 0);
        tear_down(&f);
    }
}

static void test_no_memory(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "memory-max = \"16MiB\"\n");
    open_session(&f, &old_offer);
    struct base_arena *others = base_arena_create(MEMORY, f.daemon.budget);
    assert_non_null(base_arena_alloc(others, 17 * 1024 * 1024));
    assert_int_equal(filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL}),
                     SMFIS_TEMPFAIL);
    assert_string_equal(f.fake.log, "451 4.3.2;");
    base_arena_destroy(&others);
    assert_int_equal(filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL}),
                     SMFIS_CONTINUE);
    tear_down(&f);
}

static void test_too_many_sessions(void **state)
{
    struct fixture f;
    struct filter_session *first;

    (void)state;
    set_up(&f, "sessions-max = 1\n");
    first = filter_session_create(&f.daemon, &full_offer);
    f.session = filter_session_create(&f.daemon, &full_offer);
    assert_int_equal(filter_message_connect(f.session, &f.mta, "x", NULL), SMFIS_TEMPFAIL);
    assert_string_equal(f.fake.log, "451 4.3.2;");
    /* An MTA that goes on all the same gets nothing else. */
    filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
    assert_int_equal(filter_message_eom(f.session, &f.mta), SMFIS_TEMPFAIL);
    filter_session_destroy(&first);
    tear_down(&f);
}

/* DATA that is not sent is told all the same: by a field, or by what comes instead. */
static void test_data_told(void **state)
{
    static const struct filter_offer *const offers[] = {&full_offer, &old_offer};

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        struct fixture f;

        set_up(&f, "rule \"r\" { stage = data action = mark }\n");
        open_session(&f, offers[i]);
        filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
        filter_message_rcpt(f.session, &f.mta, "<b@example.org>");
        if (offers[i] == &old_offer) {
            filter_message_data(f.session, &f.mta);
        }
        assert_int_equal(f.session->is_data_said, offers[i] == &old_offer);
        filter_message_field(f.session, &f.mta, "From", " a@example.com");
        assert_true(f.session->is_data_said);
        tear_down(&f);
    }
}

/* Callbacks that come when nothing is there for them. */
static void test_out_of_order(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "");
    f.session = filter_session_create(&f.daemon, &full_offer);
    filter_message_end(f.session, &f.mta);
    filter_message_end(f.session, NULL);
    filter_message_field(f.session, &f.mta, "From", " a@example.com");
    filter_message_body(f.session, &f.mta, "x", 1);
    assert_int_equal(filter_message_eom(f.session, &f.mta), SMFIS_TEMPFAIL);
    /* MAIL without an end of the one before, EHLO inside a message, close inside one. */
    filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
    filter_message_mail(f.session, &f.mta, (char *[]){"<>", NULL});
    assert_int_equal(filter_count_read(&f.daemon.count).under_way, 1);
    filter_message_helo(f.session, &f.mta, "again");
    assert_int_equal(filter_count_read(&f.daemon.count).under_way, 0);
    filter_message_mail(f.session, &f.mta, (char *[]){"<a@example.com>", NULL});
    tear_down(&f);
}

static void test_offer_too_small(void **state)
{
    struct filter_offer offer = {.actions = SMFIF_ADDHDRS, .steps = 0x1fffff};
    struct fixture f;

    (void)state;
    set_up(&f, "");
    assert_null(filter_session_create(&f.daemon, &offer));
    tear_down(&f);
}

/* Each macro and parameter becomes its fact. */
static void test_facts(void **state)
{
    static const struct filter_offer offer = {0x1ff, 0x1fffff};
    static const char *const macros[] = {
        "j",
        "mx.example.org",
        "v",
        "8.17.1.9",
        "{daemon_name}",
        "MSA",
        "{daemon_port}",
        "587",
        "{tls_version}",
        "TLSv1.3",
        "{cipher}",
        "AES",
        "{cipher_bits}",
        "256",
        "{cert_subject}",
        "/CN=c",
        "{cert_issuer}",
        "/CN=ca",
        "{cn_subject}",
        "c",
        "{cn_issuer}",
        "ca",
        "{verify}",
        "OK",
        "{mail_addr}",
        "a@example.com",
        "{auth_type}",
        "PLAIN",
        "{auth_authen}",
        "joe",
        "{auth_ssf}",
        "128",
        "{auth_author}",
        "<x>",
        NULL,
    };
    static char *const arguments[] = {"<a@example.com>", "BODY=8BITMIME", "size=77", NULL};
    struct fixture f;

    (void)state;
    set_up(&f, "");
    f.fake.macros = macros;
    open_session(&f, &offer);
    filter_message_mail(f.session, &f.mta, arguments);
    const struct policy_decision *it = decision(&f);
    assert_int_equal(it->daemon_port, 587);
    assert_string_equal(it->daemon_name.data, "MSA");
    assert_string_equal(it->mta_version.data, "8.17.1.9");
    assert_string_equal(it->tls->version, "TLSv1.3");
    assert_string_equal(it->tls->cipher, "AES");
    assert_int_equal(it->tls->cipher_bits, 256);
    assert_int_equal(it->tls->certificate, POLICY_CERTIFICATE_VERIFIED);
    assert_string_equal(it->tls->subject, "/CN=c");
    assert_string_equal(it->tls->subject_cn, "c");
    assert_string_equal(it->tls->issuer_cn, "ca");
    assert_string_equal(it->auth_mechanism.data, "PLAIN");
    assert_string_equal(it->login.data, "joe");
    assert_int_equal(it->auth_bits, 128);
    assert_string_equal(it->auth_author.data, "<x>");
    assert_true(it->has_declared_size);
    assert_int_equal(it->declared_size, 77);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),          cmocka_unit_test(test_edits),
        cmocka_unit_test(test_stale_queue_id), cmocka_unit_test(test_draining),
        cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_too_many_sessions),
        cmocka_unit_test(test_data_told),      cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_offer_too_small)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
