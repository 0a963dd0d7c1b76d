/* Conditions on session, client and shape of the message: each through a whole session. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/enforce_world.h"

#define TOP        "local-domains = { \"example.org\" }\n"
#define MAIL       TOP "rule \"r\" { stage = mail  action = reject  "
#define RCPT       TOP "rule \"r\" { stage = rcpt  "
#define HELO       TOP "rule \"r\" { stage = helo  action = reject  "
#define EOH        TOP "rule \"r\" { stage = eoh  action = reject  "
#define TEN_FIELDS "A: 1\nA: 2\nA: 3\nA: 4\nA: 5\nA: 6\nA: 7\nA: 8\nA: 9\nA: 10\n"
#define EOM        TOP "rule \"r\" { stage = eom  action = reject  "

/* Everything but `conf` and `want` may be left out. */
struct row {
    const char *conf;
    /* "code enhanced" of the first refusal; NULL: none. */
    const char *want;
    /* NULL: 192.0.2.9; "" mail of a program on this host. */
    const char *client;
    const char *daemon;
    const char *port;
    /* NULL: client.example; "": none is said. */
    const char *helo;
    const char *tls;
    const char *bits;
    const char *login;
    const char *mechanism;
    const char *subject;
    const char *issuer;
    /* NULL: Postfix; else Sendmail's. */
    const char *verify;
    const char *from;
    const char *size;
    const char *fields;
    unsigned recipients;
};

static const struct row rows[] = {
    /* authenticated */
    {MAIL "authenticated = yes }", .want = "550 5.7.1", .login = "alice"},
    {MAIL "authenticated = yes }", .want = NULL},
    {MAIL "authenticated = no }", .want = "550 5.7.1"},
    {MAIL "authenticated = no }", .want = NULL, .login = "alice"},
    {MAIL "authenticated = yes }", .want = NULL, .mechanism = "PLAIN"},
    /* auth-mechanism */
    {MAIL "auth-mechanism = { \"PLAIN\" } }", .want = "550 5.7.9", .login = "a",
     .mechanism = "PLAIN"},
    {MAIL "auth-mechanism = { \"plain\" } }", .want = "550 5.7.9", .login = "a",
     .mechanism = "PLAIN"},
    {MAIL "auth-mechanism = { \"PLAIN\", \"LOGIN\" } }", .want = "550 5.7.9", .login = "a",
     .mechanism = "login"},
    {MAIL "auth-mechanism = { \"PLAIN\" } }", .want = NULL, .login = "a", .mechanism = "PLAIN2"},
    {MAIL "auth-mechanism = { \"PLAIN\" } }", .want = NULL, .mechanism = "PLAIN"},
    {MAIL "auth-mechanism = { \"SCRAM-*\" } }", .want = "550 5.7.9", .login = "a",
     .mechanism = "SCRAM-SHA-256-PLUS"},
    {MAIL "auth-mechanism = { \"SCRAM-*\" } }", .want = NULL, .login = "a",
     .mechanism = "OAUTHBEARER"},
    {MAIL "auth-mechanism = { \"!SCRAM-*\", \"!OAUTHBEARER\", \"!XOAUTH2\" } }", .want = NULL,
     .login = "a", .mechanism = "XOAUTH2"},
    {MAIL "auth-mechanism = { \"!SCRAM-*\", \"!OAUTHBEARER\", \"!XOAUTH2\" } }",
     .want = "550 5.7.9", .login = "a", .mechanism = "CRAM-MD5"},
    {MAIL "auth-mechanism = { \"!SCRAM-*\" } }", .want = "550 5.7.9", .login = "a"},
    {MAIL "auth-mechanism = { \"!SCRAM-*\" } }", .want = NULL},
    {MAIL "auth-mechanism = { \"PLAIN\", \"LOGIN\" }  tls-below = 1.0 }", .want = "550 5.7.10",
     .login = "a", .mechanism = "PLAIN"},
    {MAIL "auth-mechanism = { \"PLAIN\", \"LOGIN\" }  tls-below = 1.0 }", .want = NULL,
     .login = "a", .mechanism = "PLAIN", .tls = "TLSv1"},
    /* tls-below */
    {MAIL "tls-below = 1.2 }", .want = "550 5.7.10"},
    {MAIL "tls-below = 1.2 }", .want = "550 5.7.10", .tls = "TLSv1.1"},
    {MAIL "tls-below = 1.2 }", .want = "550 5.7.10", .tls = "SSLv3"},
    {MAIL "tls-below = 1.2 }", .want = "550 5.7.10", .tls = "odd"},
    {MAIL "tls-below = 1.2 }", .want = NULL, .tls = "TLSv1.2"},
    {MAIL "tls-below = 1.2 }", .want = NULL, .tls = "TLSv1.3"},
    {MAIL "tls-below = \"1.3\" }", .want = "550 5.7.10", .tls = "TLSv1.2"},
    {MAIL "tls-below = 1.0 }", .want = "550 5.7.10", .tls = "SSLv3"},
    {MAIL "tls-below = 1.0 }", .want = NULL, .tls = "TLSv1"},
    {MAIL "tls-below = 1.2 }", .want = NULL, .client = ""},
    {TOP "rule \"r\" { stage = mail  tls-below = 1.2  action = tempfail }", .want = "451 4.7.10"},
    /* cipher-bits-below */
    {MAIL "cipher-bits-below = 128 }", .want = "550 5.7.10"},
    {MAIL "cipher-bits-below = 128 }", .want = "550 5.7.10", .tls = "TLSv1.2", .bits = "112"},
    {MAIL "cipher-bits-below = 128 }", .want = "550 5.7.10", .tls = "TLSv1.2"},
    {MAIL "cipher-bits-below = 128 }", .want = "550 5.7.10", .tls = "TLSv1.2", .bits = "x"},
    {MAIL "cipher-bits-below = 128 }", .want = NULL, .tls = "TLSv1.2", .bits = "128"},
    {MAIL "cipher-bits-below = 128 }", .want = NULL, .client = ""},
    /* cert-subject, cert-issuer */
    {MAIL "cert-subject = { \"c.example\" }  cert-issuer = { \"CA\" } }", .want = "550 5.7.1",
     .tls = "TLSv1.3", .subject = "C.example", .issuer = "ca"},
    {MAIL "cert-subject = { \"c.example\" }  cert-issuer = { \"CA\" } }", .want = NULL,
     .tls = "TLSv1.3", .subject = "c.example", .issuer = "Other CA"},
    {MAIL "cert-subject = { \"c.example\" }  cert-issuer = { \"CA\" } }", .want = NULL,
     .tls = "TLSv1.3", .subject = "d.example", .issuer = "CA"},
    {MAIL "cert-subject = { \"c.example\" }  cert-issuer = { \"CA\" } }", .want = NULL,
     .tls = "TLSv1.3"},
    {MAIL "cert-subject = { \"c.example\" }  cert-issuer = { \"CA\" } }", .want = NULL},
    {MAIL "cert-subject = { \".example\" }  cert-issuer = { \"CA\" } }", .want = "550 5.7.1",
     .tls = "TLSv1.3", .subject = "c.EXAMPLE", .issuer = "CA"},
    {MAIL "cert-subject = { \".example\" }  cert-issuer = { \"CA\" } }", .want = NULL,
     .tls = "TLSv1.3", .subject = ".example", .issuer = "CA"},
    {MAIL "cert-issuer = { \"CA\" } }", .want = "550 5.7.1", .tls = "TLSv1.3", .subject = "x",
     .issuer = "CA"},
    {MAIL "cert-issuer = { \"\" } }", .want = NULL, .tls = "TLSv1.3", .subject = "x"},
    {MAIL "cert-issuer = { \"/O=Org/CN=CA\" } }", .want = "550 5.7.1", .tls = "TLSv1.3",
     .subject = "x", .issuer = "/O=Org/CN=CA", .verify = "OK"},
    {MAIL "cert-issuer = { \"/O=Org/CN=CA\" } }", .want = NULL, .tls = "TLSv1.3", .subject = "x",
     .issuer = "/O=Org/CN=CA", .verify = "FAIL"},
    {MAIL "cert-issuer = { \"/O=Org/CN=CA\" } }", .want = NULL, .tls = "TLSv1.3", .subject = "x",
     .issuer = "/O=Org/CN=CA2", .verify = "OK"},
    /* daemon, port */
    {MAIL "daemon = { \"MSA\" } }", .want = "550 5.7.1", .daemon = "MSA"},
    {MAIL "daemon = { \"a\", \"MSA\" } }", .want = "550 5.7.1", .daemon = "MSA"},
    {MAIL "daemon = { \"MSA\" } }", .want = NULL, .daemon = "msa"},
    {MAIL "daemon = { \"MSA\" } }", .want = NULL},
    {MAIL "port = { \"25\", \"587\" } }", .want = "550 5.7.1", .port = "587"},
    {MAIL "port = { \"25\", \"587\" } }", .want = NULL, .port = "465"},
    {MAIL "port = { \"25\", \"587\" } }", .want = NULL},
    {MAIL "port = { \"25\" } }", .want = NULL, .port = "99999"},
    /* helo */
    {HELO "helo = { syntax } }", .want = "550 5.7.1", .helo = "a_b"},
    {HELO "helo = { syntax } }", .want = NULL, .helo = "a.b"},
    {HELO "helo = { literal } }", .want = "550 5.7.1", .helo = "[192.0.2.9]"},
    {HELO "helo = { wrong-literal } }", .want = NULL, .helo = "[192.0.2.9]"},
    {HELO "helo = { wrong-literal } }", .want = "550 5.7.1", .helo = "[192.0.2.8]"},
    {HELO "helo = { bare-address } }", .want = "550 5.7.1", .helo = "192.0.2.9"},
    {HELO "helo = { unqualified, syntax } }", .want = "550 5.7.1", .helo = "localhost"},
    {HELO "helo = { missing } }", .want = NULL, .helo = ""},
    {MAIL "helo = { missing } }", .want = "550 5.7.1", .helo = ""},
    {MAIL "helo = { missing } }", .want = NULL},
    {MAIL "helo = { missing, literal } }", .want = NULL, .helo = "", .client = ""},
    {HELO "helo = { own-name } }", .want = "550 5.7.1", .helo = "MX.example.org"},
    {HELO "helo = { own-name } }", .want = "550 5.7.1", .helo = "j.example.org"},
    {HELO "helo = { own-name } }", .want = "550 5.7.1", .helo = "example.org"},
    {HELO "helo = { own-name } }", .want = NULL, .helo = "other.example.org"},
    {HELO "helo = { own-name } }", .want = NULL, .helo = "mx.example.org", .daemon = "ORIGINATING"},
    {"trusted-networks = { \"192.0.2.9\" }\n" HELO "helo = { own-name } }", .want = NULL,
     .helo = "mx.example.org"},
    {MAIL "helo = { own-name } }", .want = NULL, .helo = "mx.example.org", .login = "alice"},
    {MAIL "helo = { own-name } }", .want = "550 5.7.1", .helo = "mx.example.org"},
    /* iprev, client-name: see ENFORCE_ZONE */
    {MAIL "iprev = { pass } }", .want = "550 5.7.25", .client = "192.0.2.10"},
    {MAIL "iprev = { fail } }", .want = "550 5.7.25", .client = "192.0.2.11"},
    {MAIL "iprev = { none } }", .want = "550 5.7.25", .client = "192.0.2.12"},
    {MAIL "iprev = { temperror } }", .want = "550 5.7.25", .client = "192.0.2.13"},
    {MAIL "iprev = { permerror } }", .want = "550 5.7.25", .client = "192.0.2.12"},
    {MAIL "iprev = { permerror } }", .want = NULL, .client = "192.0.2.11"},
    {MAIL "iprev = { none } }", .want = NULL, .client = "192.0.2.11"},
    {MAIL "iprev = { temperror } }", .want = "550 5.7.25", .client = "192.0.2.14"},
    {MAIL "iprev = { fail, none, temperror } }", .want = NULL, .client = "192.0.2.10"},
    {MAIL "client-name = { \"mail.list.example\" } }", .want = "550 5.7.1", .client = "192.0.2.10"},
    {MAIL "client-name = { \".list.example\" } }", .want = "550 5.7.1", .client = "192.0.2.10"},
    {MAIL "client-name = { \".list.example\" } }", .want = NULL, .client = "192.0.2.11"},
    {MAIL "client-name = { \"list.example\" } }", .want = NULL, .client = "192.0.2.10"},
    /* local-sender-unauthenticated */
    {MAIL "local-sender-unauthenticated = yes }", .want = "550 5.7.1", .from = "<a@Example.ORG>"},
    {MAIL "local-sender-unauthenticated = yes }", .want = NULL},
    {MAIL "local-sender-unauthenticated = yes }", .want = NULL, .from = "<>"},
    /* What an MTA makes an address of ours of. */
    {MAIL "local-sender-unauthenticated = yes }", .want = "550 5.7.1", .from = "<a>"},
    {MAIL "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .from = "<\\a@(x)example.org>"},
    {MAIL "local-sender-unauthenticated = yes }", .want = NULL, .from = "<(x)a@example.net>"},
    {MAIL "local-sender-unauthenticated = yes }", .want = "550 5.7.1", .from = "<x <a@b>,>"},
    {"rule \"r\" { stage = mail  action = reject  local-sender-unauthenticated = yes }",
     .want = NULL, .from = "<a>"},
    {MAIL "local-sender-unauthenticated = yes }", .want = NULL, .from = "<a@example.org>",
     .login = "alice"},
    {"trusted-networks = { \"192.0.2.9\" }\n" MAIL "local-sender-unauthenticated = yes }",
     .want = NULL, .from = "<a@example.org>"},
    {MAIL "local-sender-unauthenticated = no }", .want = "550 5.7.1"},
    {MAIL "local-sender-unauthenticated = yes }", .want = NULL, .fields = "From: a@example.org\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: a@example.org\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = NULL, .fields = "From: a@example.net\n"},
    /* One of several, and what can hardly be read. */
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: a@example.net, \"B\" <b@Example.Org>\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: G: a@example.net, b@example.org;\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: a@example.net\nFrom: b@example.org\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: <a@example.org> b@example.net\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: a@example\\.org>\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = "550 5.7.1",
     .fields = "From: <a@\"example.org\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = NULL,
     .fields = "From: \"a@example.org\" <b@example.net>\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = NULL,
     .fields = "From: <a@notexample.org> b@example.org.net\n"},
    {EOH "local-sender-unauthenticated = yes }", .want = NULL,
     .fields = "From: a@example.net, b@example.org\n", .login = "alice"},
    {EOH "local-sender-unauthenticated = yes }", .want = NULL, .fields = "From: a@example.org\n",
     .login = "alice"},
    /* recipients-over */
    {RCPT "recipients-over = 2  action = tempfail }", .want = "452 4.5.3", .recipients = 3},
    {RCPT "recipients-over = 2  action = reject }", .want = "550 5.5.3", .recipients = 3},
    {RCPT "recipients-over = 2  action = tempfail }", .want = NULL, .recipients = 2},
    {RCPT "recipients-over = 0  action = tempfail }", .want = "452 4.5.3", .recipients = 1},
    {EOM "recipients-over = 2 }", .want = "550 5.5.3", .recipients = 3},
    {EOM "recipients-over = 3 }", .want = NULL, .recipients = 3},
    /* size-over */
    {MAIL "size-over = 1000 }", .want = "552 5.3.4", .size = "1001"},
    {MAIL "size-over = 1000 }", .want = NULL, .size = "1000"},
    {MAIL "size-over = 1000 }", .want = NULL, .size = "-1001"},
    {MAIL "size-over = 1000 }", .want = NULL, .size = "99999999999999999999"},
    {MAIL "size-over = 1000 }", .want = NULL},
    {TOP "rule \"r\" { stage = mail  size-over = 1000  action = tempfail }", .want = "452 4.3.4",
     .size = "1001"},
    /* "From: " and "a@b.example", ": " and line end counted, body "Hello.\r\n". */
    {EOM "size-over = 27 }", .want = NULL, .fields = "From: a@b.example\n"},
    {EOM "size-over = 26 }", .want = "552 5.3.4", .fields = "From: a@b.example\n"},
    {EOH "size-over = 18 }", .want = "552 5.3.4", .fields = "From: a@b.example\n"},
    {EOM "size-over = 20 }", .want = "552 5.3.4", .fields = "From: a@b.example\n", .size = "10"},
    {EOM "size-over = 27 }", .want = "552 5.3.4", .fields = "From: a@b.example\n", .size = "28"},
    {"header-fields = 10\n" EOM "size-over = 200 }", .want = "552 5.3.4",
     .fields = "A: 345678901234567\nA: 345678901234567\nA: 345678901234567\nA: 345678901234567\n"
               "A: 345678901234567\nA: 345678901234567\nA: 345678901234567\nA: 345678901234567\n"
               "A: 345678901234567\nA: 345678901234567\nA: 345678901234567\n"},
    /* header-missing */
    {EOH "header-missing = { \"Date\" } }", .want = "550 5.6.0", .fields = "From: a@b.example\n"},
    {EOH "header-missing = { \"Date\" } }", .want = NULL, .fields = "dATE: x\n"},
    {EOH "header-missing = { \"Date\", \"To\" } }", .want = "550 5.6.0", .fields = "Date: x\n"},
    {EOM "header-missing = { \"Date\", \"To\" } }", .want = NULL, .fields = "Date: x\nTo: y\n"},
    /* header-count */
    {EOH "header-count = { \"Subject > 1\" } }", .want = "550 5.6.0",
     .fields = "Subject: a\nSUBJECT: b\n"},
    {EOH "header-count = { \"Subject > 1\" } }", .want = NULL, .fields = "Subject: a\n"},
    {EOH "header-count = { \"Subject>0\" } }", .want = "550 5.6.0", .fields = "Subject: a\n"},
    {EOH "header-count = { \"* > 2\" } }", .want = "550 5.6.0", .fields = "A: a\nB: b\nC: c\n"},
    {EOH "header-count = { \"* > 3\" } }", .want = NULL, .fields = "A: a\nB: b\nC: c\n"},
    {EOH "header-count = { \"X > 9\", \"B > 0\" } }", .want = "550 5.6.0",
     .fields = "A: a\nB: b\nC: c\n"},
    /* Behind the caps, too. */
    {"header-fields = 10\n" EOH "header-count = { \"S > 1\" } }", .want = "550 5.6.0",
     .fields = TEN_FIELDS "S: 1\nB: 2\ns : 3\n"},
    {"header-fields = 10\n" EOH "header-count = { \"S > 1\" } }", .want = NULL,
     .fields = TEN_FIELDS "S: 1\nB: 2\nC: 3\n"},
    {"header-fields = 10\n" EOH "header-count = { \"* > 12\" } }", .want = "550 5.6.0",
     .fields = TEN_FIELDS "S: 1\nB: 2\nFrom: 3\n"},
    {"header-fields = 10\n" EOH "header-count = { \"* > 12\" } }", .want = NULL,
     .fields = TEN_FIELDS "S: 1\nFrom: 3\n"},
    /* One of the recipients is not remembered: what rules say of them is not known. */
    {"recipients-kept = 2\n" EOM "recipient = { \"x@example.org\" } }", .want = "452 4.5.3",
     .recipients = 3},
    {"recipients-kept = 2\n" EOM "recipient = { \"x@example.org\" } }", .want = NULL,
     .recipients = 2},
    {"recipients-kept = 2\n" EOM "recipient = { \"b@example.org\" } }", .want = "550 5.7.1",
     .recipients = 3},
    {"recipients-kept = 2\n" EOM "recipient = { \"x@example.org\" }  mode = observe }",
     .want = NULL, .recipients = 3},
    {"mode = observe\nrecipients-kept = 2\n" EOM "recipient = { \"x@example.org\" } }",
     .want = NULL, .recipients = 3},
    {"recipients-kept = 2\n" RCPT "recipient = { \"x@example.org\" }  action = reject }",
     .want = NULL, .recipients = 3},
    {"recipients-kept = 2\n" TOP
     "rule \"r\" { stage = eom  recipient = { \"x@example.org\" }  action = accept }",
     .want = NULL, .recipients = 3},
};

static const struct policy_verdict *come(struct world *world, const struct row *row)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(40000)};
    const struct sockaddr local = {.sa_family = AF_UNIX};
    struct policy_connect_facts facts = {
        .address = (const struct sockaddr *)&in,
        .mta_name = BASE_TEXT("j.example.org"),
        .mta_version = row->verify == NULL ? BASE_TEXT("Postfix 3.7.11") : BASE_TEXT("8.17.1.9"),
        .daemon_name = base_text_of(row->daemon),
        .daemon_port = base_text_of(row->port),
    };
    const char *client = row->client == NULL ? "192.0.2.9" : row->client;

    if (client[0] == '\0')
        facts.address = &local;
    else
        assert_int_equal(inet_pton(AF_INET, client, &in.sin_addr), 1);
    return policy_session_connect(world->session, &facts);
}

static const struct policy_verdict *greet(struct world *world, const struct row *row)
{
    struct policy_helo_facts facts = {
        .helo = base_text_of(row->helo == NULL ? "client.example" : row->helo),
        .tls = {.version = base_text_of(row->tls),
                .cipher_bits = base_text_of(row->bits),
                .cert_subject = base_text_of(row->subject),
                .cert_issuer = base_text_of(row->issuer),
                .verify = base_text_of(row->verify)},
    };

    return policy_session_helo(world->session, &facts);
}

static const struct policy_verdict *mail(struct world *world, const struct row *row)
{
    struct policy_mail_facts facts = {
        .reverse_path = base_text_of(row->from == NULL ? "<a@sender.example>" : row->from),
        .auth_type = base_text_of(row->mechanism),
        .auth_authen = base_text_of(row->login),
        .declared_size = base_text_of(row->size),
    };

    return policy_session_mail(world->session, &facts);
}

static void add_fields(struct world *world, const char *fields)
{
    struct base_text rest = base_text_of(fields == NULL ? "From: a@b.example\n" : fields);

    while (rest.length > 0) {
        struct base_text value = base_text_split(&rest, '\n');
        struct base_text name = base_text_split(&value, ':');

        policy_session_field(world->session, name, value);
    }
}

#define GO_ON(verdict, call)                             \
    do {                                                 \
        (verdict) = (call);                              \
        if ((verdict)->action != POLICY_ACTION_CONTINUE) \
            return (verdict);                            \
    } while (0)

/* The first verdict that refuses, or that of end of message. */
static const struct policy_verdict *run(struct world *world, const struct row *row)
{
    const struct policy_verdict *verdict;
    unsigned recipients = row->recipients == 0 ? 1 : row->recipients;

    GO_ON(verdict, come(world, row));
    if (row->helo == NULL || row->helo[0] != '\0')
        GO_ON(verdict, greet(world, row));
    GO_ON(verdict, mail(world, row));
    for (unsigned i = 0; i < recipients; i++)
        GO_ON(verdict, policy_session_rcpt(world->session, BASE_TEXT("<b@example.org>")));
    GO_ON(verdict, policy_session_data(world->session));
    add_fields(world, row->fields);
    GO_ON(verdict, policy_session_eoh(world->session));
    policy_session_body(world->session, BASE_TEXT("Hello.\r\n"));
    return policy_session_eom(world->session, NULL, NULL);
}

static void test_conditions(void **state)
{
    struct world world;

    (void)state;
    world_init(&world);
    enforce_set_zone(&world, ENFORCE_ZONE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct policy_verdict *verdict;
        char got[32] = "";

        world_configure(&world, rows[i].conf);
        verdict = run(&world, &rows[i]);
        if (verdict->code[0] != '\0')
            snprintf(got, sizeof(got), "%s %s", verdict->code, verdict->enhanced);
        if (strcmp(got, rows[i].want == NULL ? "" : rows[i].want) != 0)
            fail_msg("row %zu: %s: \"%s\" %s", i, rows[i].conf, got, verdict->text);
    }
    world_deinit(&world);
}

static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } faults[] = {
        {MAIL "cert-subject = { \"c.example\" } }",
         "rule \"r\": `cert-subject` alone says nothing: add `cert-issuer`"},
        {MAIL "port = { \"0\" } }", "`port`: \"0\" is no port"},
        {MAIL "port = { \"65536\" } }", "is no port"},
        {MAIL "port = { \"smtp\" } }", "is no port"},
        {MAIL "tls-below = \"1.4\" }", "tls-below"},
        {MAIL "tls-below = \"TLSv1.2\" }", "tls-below"},
        {MAIL "cipher-bits-below = 0 }", "cipher-bits-below"},
        {MAIL "auth-mechanism = { \"!PLAIN\", \"LOGIN\" } }", "write ! before all"},
        {MAIL "auth-mechanism = { \"PLAIN\", \"!LOGIN\" } }", "write ! before all"},
        {MAIL "auth-mechanism = { } }", "`auth-mechanism` is empty"},
        {HELO "authenticated = yes }",
         "`authenticated` is not known yet at stage \"helo\": use `stage = mail`"},
        {HELO "tls-below = 1.2 }", "not known yet"},
        {MAIL "recipients-over = 1 }", "not known yet"},
        {HELO "size-over = 1 }", "not known yet"},
        {MAIL "header-missing = { \"Date\" } }", "not known yet"},
        {EOH "header-missing = { \"Date:\" } }", "is no name of a field"},
        {EOH "header-missing = { \"\" } }", "is no name of a field"},
        {EOH "header-count = { \"Date\" } }", "is not \"FIELD > NUMBER\""},
        {EOH "header-count = { \"Date > x\" } }", "is not \"FIELD > NUMBER\""},
        {EOH "header-count = { \"> 1\" } }", "is not \"FIELD > NUMBER\""},
        {EOH "header-count = { \"a b > 1\" } }", "is not \"FIELD > NUMBER\""},
        {MAIL "helo = { own } }", "helo"},
        {MAIL "iprev = { missing } }", "iprev"},
        {MAIL "client-name = { \"a..b\" } }", "client-name"},
    };
    struct world world;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct base_error error = {""};

        if (world_snapshot(&world, faults[i].conf, &error) != NULL ||
            strstr(error.text, faults[i].want) == NULL)
            fail_msg("row %zu: %s: %s", i, faults[i].conf, error.text);
    }
    world_deinit(&world);
}

#define TWO(first, second) \
    "rule \"a\" { action = reject  " first " }\nrule \"b\" { action = reject  " second " }\n"

/* What is proved of two rules at load: the second one is never reached, or it may be. */
static void test_shadows(void **state)
{
    static const struct {
        const char *conf;
        bool want_fault;
    } pairs[] = {
        {TWO("stage = mail  authenticated = yes", "stage = mail  authenticated = yes"), true},
        {TWO("stage = mail  authenticated = yes", "stage = mail  authenticated = no"), false},
        {TWO("stage = mail  tls-below = 1.2", "stage = mail  tls-below = 1.2"), true},
        {TWO("stage = mail  tls-below = 1.1", "stage = mail  tls-below = 1.2"), false},
        {TWO("stage = mail  cipher-bits-below = 128", "stage = mail  cipher-bits-below = 112"),
         true},
        {TWO("stage = mail  cipher-bits-below = 112", "stage = mail  cipher-bits-below = 128"),
         false},
        {TWO("stage = mail  auth-mechanism = { \"SCRAM-*\" }",
             "stage = mail  auth-mechanism = { \"SCRAM-SHA-1\" }"),
         true},
        {TWO("stage = mail  auth-mechanism = { \"SCRAM-SHA-1\" }",
             "stage = mail  auth-mechanism = { \"SCRAM-*\" }"),
         false},
        {TWO("stage = mail  auth-mechanism = { \"!PLAIN\", \"!LOGIN\" }",
             "stage = mail  auth-mechanism = { \"!PLAIN\" }"),
         false},
        {TWO("stage = mail  port = { \"25\", \"587\" }", "stage = mail  port = { \"587\" }"), true},
        {TWO("stage = mail  port = { \"587\" }", "stage = mail  port = { \"25\", \"587\" }"),
         false},
        {TWO("stage = mail  helo = { syntax, literal }", "stage = mail  helo = { literal }"), true},
        {TWO("stage = helo  helo = { missing }", "stage = mail  helo = { missing }"), false},
        {TWO("stage = mail  helo = { missing, syntax, bare-address, unqualified, literal, "
             "wrong-literal, own-name }",
             "stage = mail  authenticated = no"),
         false},
        {TWO("stage = mail  iprev = { pass, fail, temperror, permerror, none }",
             "stage = mail  authenticated = no"),
         false},
        {TWO("stage = mail  client-name = { \".example.org\" }",
             "stage = mail  client-name = { \"a.example.org\" }"),
         true},
        {TWO("stage = mail  local-sender-unauthenticated = yes",
             "stage = eoh  local-sender-unauthenticated = yes"),
         false},
        {TWO("stage = eoh  local-sender-unauthenticated = yes",
             "stage = eoh  local-sender-unauthenticated = yes  author = { one }"),
         true},
        {TWO("stage = mail  size-over = 1000", "stage = eom  size-over = 1000"), false},
        {TWO("stage = mail  size-over = 1000", "stage = mail  size-over = 2000"), true},
        {TWO("stage = mail  size-over = 2000", "stage = mail  size-over = 1000"), false},
        {TWO("stage = rcpt  recipients-over = 5", "stage = rcpt  recipients-over = 9"), true},
        {TWO("stage = rcpt  recipients-over = 9", "stage = rcpt  recipients-over = 5"), false},
        {TWO("stage = eoh  header-missing = { \"Date\", \"To\" }",
             "stage = eoh  header-missing = { \"Date\" }"),
         true},
        {TWO("stage = eoh  header-missing = { \"Date\" }",
             "stage = eoh  header-missing = { \"Date\", \"To\" }"),
         false},
    };
    struct world world;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct base_error error = {""};
        struct policy_snapshot *snapshot = world_snapshot(&world, pairs[i].conf, &error);

        if ((snapshot == NULL) != pairs[i].want_fault)
            fail_msg("row %zu: %s: %s", i, pairs[i].conf, error.text);
        policy_snapshot_unref(&snapshot);
    }
    world_deinit(&world);
}

/* What the client is told. */
static void test_texts(void **state)
{
    static const struct {
        struct row row;
        const char *want;
    } texts[] = {
        {{.conf = MAIL "helo = { missing } }", .helo = ""},
         "Say HELO or EHLO with the name of your host"},
        {{.conf = MAIL "helo = { syntax } }", .helo = "a_b"},
         "HELO is neither a host name nor an address literal"},
        {{.conf = MAIL "helo = { bare-address } }", .helo = "192.0.2.9"},
         "HELO is an address without brackets"},
        {{.conf = MAIL "helo = { unqualified } }", .helo = "localhost"},
         "HELO is no full host name"},
        {{.conf = MAIL "helo = { literal } }", .helo = "[192.0.2.8]"},
         "HELO is an address literal"},
        {{.conf = MAIL "helo = { literal, wrong-literal } }", .helo = "[192.0.2.8]"},
         "HELO is the address literal of another host"},
        {{.conf = MAIL "helo = { literal, wrong-literal } }", .helo = "[192.0.2.9]"},
         "HELO is an address literal"},
        {{.conf = MAIL "helo = { own-name, unqualified } }", .helo = "example.org"},
         "HELO is our own name"},
        {{.conf = MAIL "iprev = { pass } }", .client = "192.0.2.10"},
         "Reverse DNS is not accepted here"},
        {{.conf = MAIL "iprev = { fail } }", .client = "192.0.2.11"},
         "Reverse DNS: the name has another address"},
        {{.conf = MAIL "tls-below = 1.2 }"}, "TLS is required: use STARTTLS, or the port for TLS"},
        {{.conf = MAIL "tls-below = 1.2 }", .tls = "TLSv1"},
         "This version of TLS, or its cipher, is too old"},
        {{.conf = RCPT "recipients-over = 1  action = tempfail }", .recipients = 2},
         "Too many recipients"},
        {{.conf = MAIL "size-over = 10 }", .size = "11"}, "Message is larger than 10 octets"},
        {{.conf = EOH "header-missing = { \"From\", \"Date\" } }"},
         "The message has no Date field"},
        {{.conf = EOH "header-count = { \"From > 0\" } }"}, "The message has too many From fields"},
        {{.conf = EOH "header-count = { \"* > 0\" } }"}, "The message has too many header fields"},
        {{.conf = MAIL "local-sender-unauthenticated = yes }", .from = "<a@example.org>"},
         "Authenticate to send mail in the name of a domain of ours"},
        {{.conf = MAIL "auth-mechanism = { \"PLAIN\" } }", .login = "a", .mechanism = "PLAIN"},
         "This authentication mechanism is not accepted here"},
    };
    struct world world;

    (void)state;
    world_init(&world);
    enforce_set_zone(&world, ENFORCE_ZONE);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct policy_verdict *verdict;

        world_configure(&world, texts[i].row.conf);
        verdict = run(&world, &texts[i].row);
        if (strcmp(verdict->text, texts[i].want) != 0)
            fail_msg("row %zu: %s: \"%s\"", i, texts[i].row.conf, verdict->text);
    }
    world_deinit(&world);
}

/* Those before the limit are kept. */
static void test_recipients(void **state)
{
    const struct row row = {RCPT "recipients-over = 2  action = tempfail }", .want = NULL};
    struct world world;

    (void)state;
    world_init(&world);
    world_configure(&world, row.conf);
    come(&world, &row);
    greet(&world, &row);
    mail(&world, &row);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                         i < 2 ? POLICY_ACTION_CONTINUE : POLICY_ACTION_TEMPFAIL);
    assert_int_equal(policy_session_decision(world.session)->recipients, 2);
    assert_int_equal(policy_session_decision(world.session)->recipients_refused, 3);
    assert_int_equal(world_finish(&world)->action, POLICY_ACTION_CONTINUE);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_shadows),
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_faults),
        cmocka_unit_test(test_recipients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
