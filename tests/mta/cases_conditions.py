"""Every condition on session and shape of the message that an administrator can write, through both
servers: a client of an address of its own for each rule, what holds and what does not."""
import ssl

from cases import require
from cases_session import BOB, CAROL, SERVERS, STRANGER, answer, on_both, require_answers
from message import message, token
from procs import wait_until
from secure import PASSWORDS
from smtp import Smtp

# name: (the last part of the client's address, stage, conditions, more)
RULES = {
    "bits": (31, "mail", "cipher-bits-below = 129", ""),
    "many bits": (32, "mail", "cipher-bits-below = 1000", ""),
    "tls": (33, "mail", 'tls-below = "1.3"', ""),
    "suffix": (34, "mail", 'cert-subject = { ".example.com" }  cert-issuer = { "test authority" }', ""),
    "issuer": (35, "mail", 'cert-issuer = { "Test Authority" }', ""),
    "port": (36, "connect", 'port = { "%(inbound)d" }', ""),
    "daemon": (37, "connect", 'daemon = { "LOGIN" }', ""),
    "size": (38, "eom", "size-over = 2000", ""),
    "declared": (39, "mail", "size-over = 1KiB", ""),
    "missing": (40, "eoh", 'header-missing = { "Date", "Message-ID", "From" }', ""),
    "count": (41, "eoh", 'header-count = { "Received > 2", "* > 20" }', ""),
    "helo": (42, "helo", "helo = { own-name, syntax, literal, bare-address, unqualified }", ""),
    "no helo": (43, "mail", "helo = { wrong-literal, missing }", ""),
    "recipients": (44, "rcpt", "recipients-over = 2", ""),
    "name": (45, "mail", 'client-name = { "localhost", ".example" }', ""),
    "no login": (46, "mail", "authenticated = no", 'code = "530"  enhanced-code = "5.7.0"'),
    "others": (47, "mail", 'auth-mechanism = { "!SCRAM-*", "!PLAIN" }', ""),
    "no tls": (48, "mail", 'auth-mechanism = { "PLAIN", "LOGIN" }  tls-below = "1.2"', ""),
}


def configuration(ports):
    return "".join('rule "%s" { stage = %s  client-net = { "127.0.0.%d" }  %s  action = reject %s }\n'
                   % (name, stage, last, conditions % ports if "%" in conditions else conditions, more)
                   for name, (last, stage, conditions, more) in RULES.items())


class Client:
    """Sessions with the server, from the address of a rule."""

    def __init__(self, world):
        self.world = world

    def plain(self, name, port="inbound", helo="client.example.com"):
        return Smtp(self.world.ports[port], helo=helo, source="127.0.0.%d" % RULES[name][0])

    def secure(self, name, certificate=None, version=None, login=None):
        client = self.plain(name, "login")
        reply = client.starttls(self.world.mta.certificates.client(certificate, version))
        require(reply.is_ok, "STARTTLS: %s", reply)
        if login:
            require(getattr(client, login)("alice", PASSWORDS["alice"]).code == 235, "no login")
        return client

    def without(self, name, field):
        octets = b"".join(line for line in message(token(), STRANGER).splitlines(True)
                          if not line.startswith(field + b":"))
        return answer(self.plain(name), octets=octets)

    def with_fields(self, name, fields):
        return answer(self.plain(name), octets=message(token(), STRANGER, fields=fields))


def rows_of_tls(client):
    return [
        ("bits", answer(client.secure("bits")), "delivered", ""),
        ("bits, no TLS", answer(client.plain("bits")), "550", "5.7.10"),
        ("many bits", answer(client.secure("many bits")), "550", "5.7.10"),
        ("TLS 1.1", answer(client.secure("tls", version=ssl.TLSVersion.TLSv1_1)), "550", "too old"),
        ("TLS 1.2", answer(client.secure("tls", version=ssl.TLSVersion.TLSv1_2)), "550", "too old"),
        ("TLS 1.3", answer(client.secure("tls")), "delivered", ""),
        ("no TLS", answer(client.plain("tls")), "550", "TLS is required"),
        ("suffix", answer(client.secure("suffix", "client")), "550", "5.7.1"),
        ("suffix, another's", answer(client.secure("suffix", "stranger")), "delivered", ""),
        ("suffix, none", answer(client.secure("suffix")), "delivered", ""),
        ("issuer", answer(client.secure("issuer", "other")), "550", "5.7.1"),
        ("issuer, another", answer(client.secure("issuer", "stranger")), "delivered", ""),
        ("no login", answer(client.secure("no login")), "530", "5.7.0"),
        ("a login", answer(client.secure("no login", login="auth_plain")), "delivered", ""),
        ("PLAIN is meant", answer(client.secure("others", login="auth_plain")), "delivered", ""),
        ("CRAM-MD5 is another", answer(client.secure("others", login="auth_cram_md5")), "550", "5.7.9"),
        ("no mechanism", answer(client.secure("others")), "delivered", ""),
        ("PLAIN in TLS", answer(client.secure("no tls", login="auth_plain")), "delivered", ""),
    ]


def rows_of_the_session(client):
    received = b"Received: from a by b; Sun, 01 Nov 2026 12:00:00 +0000"
    rows = [
        ("port", answer(client.plain("port")), "55", "5."),
        ("another port", answer(client.plain("port", "login")), "delivered", ""),
        ("daemon", answer(client.plain("daemon", "login")), "55", "5."),
        ("another daemon", answer(client.plain("daemon")), "delivered", ""),
        ("a large message", answer(client.plain("size"), octets=message(
            token(), STRANGER, body=b"a line\r\n" * 300)), "552", "5.3.4"),
        ("a small one", answer(client.plain("size")), "delivered", ""),
        ("declared", answer(client.plain("declared"), parameters=" SIZE=1025"), "552", "5.3.4"),
        ("declared less", answer(client.plain("declared"), parameters=" SIZE=1024"), "delivered", ""),
        ("no Date", client.without("missing", b"Date"), "550", "no Date field"),
        ("no Message-ID", client.without("missing", b"Message-ID"), "550", "no Message-ID field"),
        ("no From", client.without("missing", b"From"), "550", "no From field"),
        ("no Subject", client.without("missing", b"Subject"), "delivered", ""),
        ("two Received", client.with_fields("count", [received] * 2), "delivered", ""),
        ("three", client.with_fields("count", [received] * 3), "550", "too many Received"),
        ("20 fields", client.with_fields("count", [b"X-A: b"] * 12), "delivered", ""),
        ("21 fields", client.with_fields("count", [b"X-A: b"] * 13), "550", "too many header"),
        ("no name", answer(client.plain("name")), "delivered", ""),
        ("its own literal", answer(client.plain("no helo", helo="[127.0.0.43]")), "delivered", ""),
        ("another's", answer(client.plain("no helo", helo="[127.0.0.1]")), "550", "another host"),
        ("no HELO", answer(client.plain("no helo", helo=None)), "550", "Say HELO"),
    ]
    for helo, word in (("mx.example.org", "our own name"), ("MX.Example.ORG.", "our own name"),
                       ("example.org", "our own name"), ("localhost", "no full host name"),
                       ("[127.0.0.42]", "an address literal"), ("[1.2.3]", "neither"),
                       ("127.0.0.42", "without brackets"), ("a_b.example", "neither")):
        rows.append((helo, answer(client.plain("helo", helo=helo)), "550", word))
    rows.append(("sub.example.org", answer(client.plain("helo", helo="sub.example.org")),
                 "delivered", ""))
    return rows


@on_both
def conditions(context, name):
    """Each of them where it holds and where it does not."""
    world = context.own(server=SERVERS[name])
    world.daemon.write(configuration(world.ports))
    world.daemon.hup()
    wait_until(lambda: world.daemon.log_lines("configuration 2 is in force"), 20, "the rules")
    client = Client(world)
    require_answers(rows_of_tls(client) + rows_of_the_session(client))
    if name == "sendmail":  # Postfix offers no login outside of TLS here.
        outside = client.plain("no tls", "login")
        require(outside.auth_plain("alice", PASSWORDS["alice"]).code == 235, "no login")
        require_answers([("PLAIN outside of TLS", answer(outside), "550", "5.7.10")])
    word = token()
    with client.plain("recipients") as session:
        session.command("MAIL FROM:<%s>" % STRANGER)
        codes = [session.command("RCPT TO:<%s>" % one).code for one in (BOB, CAROL, STRANGER, BOB)]
        require(codes[:2] == [250, 250] and codes[2] in (550, 554) and codes[3] == 550, "%s", codes)
        session.command("DATA")
        require(session.content(message(word, STRANGER)).is_ok, "the others are not delivered")
    world.mailbox.wait(word)
