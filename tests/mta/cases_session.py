"""Facts of the session: which macros each server really sends at which stage, when postseald asks
for them (the table in postseald(8)); and the rules that hang on such facts."""
import ssl
import time

from cases import case, require
from cases_login import open_secure
from message import message, token
from procs import wait_until
from secure import PASSWORDS, SecurePostfix, SecureSendmail
from smtp import Smtp
from tap import Tap

ALICE, BOB, CAROL = "alice@example.org", "bob@example.net", "carol@example.net"
STRANGER = "someone@stranger.example"
SERVERS = {"postfix": SecurePostfix, "sendmail": SecureSendmail}

CONNECT = {"j", "{daemon_name}", "{daemon_port}", "v"}
TLS = {"{tls_version}", "{cipher}", "{cipher_bits}"}
NAMES = {"{cert_subject}", "{cert_issuer}"}
LOGIN = {"postfix": {"{auth_type}", "{auth_authen}"},
         "sendmail": {"{auth_type}", "{auth_authen}", "{auth_ssf}"}}
# Of a client that says AUTH=<> in MAIL.
NO_AUTHOR = {"postfix": set(), "sendmail": {"{auth_author}"}}
TRUSTED = {"postfix": NAMES,
           "sendmail": NAMES | {"{cn_subject}", "{cn_issuer}", "{verify}"}}
UNTRUSTED = {"postfix": set(), "sendmail": TRUSTED["sendmail"]}
# The queue id: at MAIL, at the first and the second RCPT; at end of message.
QUEUE_ID = {"postfix": (set(), set(), {"i"}), "sendmail": ({"i"}, {"i"}, {"i"})}
END = {"postfix": {"i"}, "sendmail": {"{msg_id}"}}


def on_both(function):
    """A case of each server; it makes its own world."""
    for name in SERVERS:
        def run(context, name=name):
            function(context, name)
        run.__name__ = name + "_" + function.__name__
        case()(run)
    return function


class Tapped:
    """A world with a tap between the server and postseald."""

    def __init__(self, context, name):
        self.name = name
        self.tap = None

        def make(place, milter, options=None, name="tapped"):
            self.tap = Tap(place, milter)
            return SERVERS[self.name](place, self.tap.listen, options, name)

        self.world = context.own(server=make)

    def send(self, client, parameters=""):
        """A message for two; the session as it was seen."""
        reply = client.mail(ALICE, [BOB, CAROL], message(token()), parameters)
        require(reply.is_ok, "answered %s", reply)
        client.quit()

    def require(self, **wanted):
        """Per stage: the set of macros of each of its commands."""
        mail, first, second = QUEUE_ID[self.name]
        wanted = {"connect": [CONNECT], "rcpt": [first, second], "eom": [END[self.name]], **wanted}
        wanted["mail"] = [mail | {"{mail_addr}"} | wanted.get("mail", set())]
        for stage, sets in wanted.items():
            seen = [set(macros) for macros in self.tap.macros(stage)]
            require(seen == sets, "%s: %s, not %s", stage, seen, sets)

    def values(self, stage):
        return self.tap.macros(stage)[-1]


@on_both
def session_macros(context, name):
    """Each way in: plain; STARTTLS with a trusted certificate and a login; no EHLO within TLS; TLS
    from the first octet with a certificate that is not trusted."""
    tapped = Tapped(context, name)
    world = tapped.world
    tapped.send(Smtp(world.ports["inbound"]), " SIZE=100")
    tapped.require(helo=[set()])
    require(tapped.values("connect")["{daemon_port}"] == str(world.ports["inbound"]), "port: %s",
            tapped.values("connect"))
    client = open_secure(world, "login", "client")
    require(client.auth_plain("alice", PASSWORDS["alice"]).code == 235, "no login")
    tapped.send(client, " AUTH=" + CAROL)
    tapped.require(helo=[set(), TLS | TRUSTED[name]],
                   mail=TLS | TRUSTED[name] | LOGIN[name] | {"{auth_author}"})
    require(tapped.values("mail").get("{verify}", "OK") == "OK", "%s", tapped.values("mail"))
    tapped.send(open_secure(world, "login", "client", helo=""), " AUTH=<>")
    tapped.require(helo=[set()], mail=TLS | TRUSTED[name] | NO_AUTHOR[name])
    tapped.send(open_secure(world, "smtps", "stranger"))
    tapped.require(helo=[TLS | UNTRUSTED[name]], mail=TLS | UNTRUSTED[name])
    require(tapped.values("mail").get("{verify}", "FAIL") == "FAIL", "%s", tapped.values("mail"))
    require(not world.daemon.log_lines("does not send"), "%s",
            world.daemon.log_lines("does not send"))


@case()
def session_macros_of_sendmail_command(context):
    """Postfix's local pickup has a queue id at once and comes to port 0."""
    tapped = Tapped(context, "postfix")
    word = token()
    tapped.world.mta.sendmail(ALICE, [BOB], message(word))
    tapped.world.mailbox.one(word)
    seen = [(stage, set(macros)) for stage, macros in tapped.tap.last()
            if stage not in ("header", "body")]
    require(seen == [("connect", CONNECT), ("helo", set()), ("mail", {"i", "{mail_addr}"}),
                     ("rcpt", {"i"}),
                     ("eoh", {"i"}), ("eom", {"i"})], "%s", seen)
    require(tapped.tap.macros("connect")[0]["{daemon_port}"] == "0", "a port")
    require(not tapped.world.daemon.log_lines("does not send"), "it is warned of")


RULES = """
rule "old tls" { stage = mail  authenticated = yes  tls-below = "1.2"  action = reject }
rule "old mechanism" { stage = mail  auth-mechanism = { "!PLAIN", "!SCRAM-*" }  action = reject }
rule "partner" { stage = mail  daemon = { "SMTPS" }  cert-subject = { "client.example.com" }
    cert-issuer = { "Test Authority" }  action = accept }
rule "no partner" { stage = mail  daemon = { "SMTPS" }  authenticated = no  action = reject
    text = "Partners only" }
rule "helo" { stage = mail  helo = { own-name, wrong-literal }  action = reject }
rule "large" { stage = mail  size-over = 100000  action = reject }
rule "many" { stage = rcpt  recipients-over = 2  action = tempfail }
rule "ours" { stage = eoh  local-sender-unauthenticated = yes  action = reject }
rule "shape" { stage = eoh  header-count = { "Subject > 1" }  action = reject }
"""


def answer(client, sender=STRANGER, recipients=(BOB,), octets=None, parameters=""):
    """The whole first reply that is not positive, or "delivered"."""
    reply = client.mail(sender, recipients, octets or message(token(), sender), parameters)
    client.quit()
    return "delivered" if reply.is_ok else str(reply)


def require_answers(rows):
    for what, got, code, word in rows:
        require(got.startswith(code) and word in got, "%s: %s", what, got)


@on_both
def session_rules_of_tls(context, name):
    """Versions, mechanisms, certificates."""
    world = context.own(server=SERVERS[name], more=RULES)

    def login(version=None, cram=False):
        client = open_secure(world, "login", version=version)
        how = client.auth_cram_md5 if cram else client.auth_plain
        require(how("alice", PASSWORDS["alice"]).code == 235, "no login")
        return answer(client, ALICE)

    def partner(certificate):
        return answer(open_secure(world, "smtps", certificate))

    require_answers([
        ("TLS 1.1", login(ssl.TLSVersion.TLSv1_1), "550", "5.7.10"),
        ("TLS 1.2", login(ssl.TLSVersion.TLSv1_2), "delivered", ""),
        ("TLS 1.3", login(), "delivered", ""),
        ("CRAM-MD5", login(cram=True), "550", "5.7.9"),
        ("TLS 1.1, a stranger", answer(open_secure(world, "login", version=ssl.TLSVersion.TLSv1_1)),
         "delivered", ""),
        ("a partner", partner("client"), "delivered", ""),
        ("another subject", partner("other"), "550", "Partners only"),
        ("another issuer", partner("stranger"), "550", "Partners only"),
        ("no certificate", partner(None), "550", "Partners only"),
    ])


@on_both
def session_rules_of_the_message(context, name):
    """HELO, size, recipients, whose domain it is, fields."""
    world = context.own(server=SERVERS[name], more=RULES)
    port = world.ports["inbound"]
    two_subjects = message(token(), STRANGER).replace(b"Subject:", b"Subject: a\r\nSubject:", 1)
    require_answers([
        ("an honest HELO", answer(Smtp(port)), "delivered", ""),
        ("our own name", answer(Smtp(port, helo="mx.example.org")), "550", "our own name"),
        ("our own domain", answer(Smtp(port, helo="example.org")), "550", "our own name"),
        ("its literal", answer(Smtp(port, helo="[127.0.0.1]")), "delivered", ""),
        ("another's literal", answer(Smtp(port, helo="[192.0.2.7]")), "550", "another host"),
        ("declared size", answer(Smtp(port), parameters=" SIZE=100001"), "552", "5.3.4"),
        ("declared less", answer(Smtp(port), parameters=" SIZE=100000"), "delivered", ""),
        ("our domain in From", answer(Smtp(port), octets=message(token(), ALICE)), "55", "5.7.1"),
        ("two subjects", answer(Smtp(port), octets=two_subjects), "55", "5.6.0"),
    ])
    word = token()
    with Smtp(port) as client:
        require(client.command("MAIL FROM:<%s>" % STRANGER).is_ok, "MAIL")
        replies = [str(client.command("RCPT TO:<%s>" % rcpt)) for rcpt in (BOB, CAROL, ALICE)]
        require(replies[0].startswith("250") and replies[1].startswith("250"), "%s", replies)
        require(replies[2].startswith("452") and "4.5.3" in replies[2], "%s", replies)
        client.command("DATA")
        require(client.content(message(word, STRANGER)).is_ok, "the others are not delivered")
    world.mailbox.wait(word)


@on_both
def session_rules_of_dns(context, name):
    """The client is 127.0.0.1, which is on a list, and has no name here."""
    rows = (
        ('dnsbl "bl.stranger.example" { codes = { "127.0.0.2-4" }  txt = yes }\n'
         'rule "r" { stage = rcpt  dnsbl = { "bl.stranger.example" }  action = reject }\n',
         "550", "listed by bl.stranger.example: because"),
        ('dnsbl "bl.stranger.example" { codes = { "127.0.0.9" } }\n'
         'rule "r" { stage = rcpt  dnsbl = { "bl.stranger.example" }  action = reject }\n',
         "delivered", ""),
        ('dnsbl "broken.stranger.example" { }\n'
         'rule "r" { stage = rcpt  dnsbl = { "broken.stranger.example" }  action = reject }\n',
         "delivered", ""),
        ('dnsbl "bl.stranger.example" { }\ndnswl "bl.stranger.example" { }\n'
         'rule "w" { stage = mail  dnswl = { "bl.stranger.example" }  action = accept }\n'
         'rule "r" { stage = rcpt  dnsbl = { "bl.stranger.example" }  action = reject }\n',
         "delivered", ""),
        ('rule "r" { stage = rcpt  iprev = { none }  action = reject }\n', "550", "5.7.25"),
    )
    world = context.own(server=SERVERS[name])
    for number, (more, code, word) in enumerate(rows):
        world.daemon.write(more)
        world.daemon.hup()
        said = "configuration %d is in force" % (number + 2)
        wait_until(lambda said=said: world.daemon.log_lines(said), 20, said)
        time.sleep(0.1)
        require_answers([(more, answer(Smtp(world.ports["inbound"])), code, word)])
    require(len(world.daemon.log_lines("its answers are not used")) == 1, "said %s",
            world.daemon.log_lines("its answers are not used"))


# What servers take for a mailbox of that domain, or refuse.
DISGUISES = (
    "<{0}@{1}>", "{0}@{1}", "<\\{0}@{1}>", "<(c){0}@{1}>", "<{0}(c(d))@{1}>", "<{0}@(c){1}>",
    "<{0}@{1}(c)>", "<{0} @{1}>", "<{0}@ {1}>", "< {0}@{1} >", "<{0}@\\{1}>", "<Al <{0}@{1}>>",
    "<@a,@b:{0}@{1}>", "<(c)@a, @b: {0}@{1}>", '<"{0}"@{1}>', '<"\\{0}"@{1}>', '<""{0}@{1}>',
    '<{0}@"{1}">', "<{0}@{1}.>", "<a:;{0}@{1}>", "<a:{0}@{1};>")
# Of these the server alone can tell.
RIDDLES = ("<x <{0}@{1}>,>", "<<{0}@{1}>;>", "<<{0}@{1}>(>")

DISGUISED = """
sender-login-maps = {{ "file:{map}" }}
rule "ours" {{ stage = mail  local-sender-unauthenticated = yes  action = reject }}
rule "a login's" {{ stage = mail  sender-owned = no  action = reject }}
rule "not for carol" {{ stage = rcpt  recipient = {{ "carol@example.net" }}  action = reject }}
"""


@on_both
def session_disguised_addresses(context, name):
    """However an address is written that the server takes for a mailbox, so do the rules."""
    path = context.place.folder("disguised-" + name) + "/logins"
    with open(path, "w", encoding="utf-8") as file:
        file.write("alice@example.com alice\n")
    world = context.own(server=SERVERS[name], more=DISGUISED.format(map=path))

    def first_refusal(sender, recipient):
        with Smtp(world.ports["inbound"]) as client:
            reply = client.command("MAIL FROM:" + sender)
            return client.command("RCPT TO:" + recipient) if reply.is_ok else reply

    senders = [text.format("alice", domain) for text in DISGUISES + RIDDLES
               for domain in ("example.org", "example.com")]
    senders += ['<"a\tb"@example.org>', '<"a\x01b"@example.org>', "<a\x7f@example.org>"]
    senders += ["<alice>", "<\\alice>", "<alice%example.org>", "<example.org!alice>"]
    for sender in senders:
        reply = first_refusal(sender, "<%s>" % BOB)
        require(reply.code in (501, 550, 553), "from %s: %s", sender, reply)
    for text in DISGUISES:
        recipient = text.format("carol", "example.net")
        reply = first_refusal("<%s>" % STRANGER, recipient)
        require(reply.code in (501, 550), "to %s: %s", recipient, reply)
    require(first_refusal("<%s>" % STRANGER, "<%s>" % BOB).is_ok, "nothing is let through")
    # The log names the address that was meant.
    require(len(world.daemon.log_lines("from=alice@example.org ")) > 10, "%s", world.daemon.log())
