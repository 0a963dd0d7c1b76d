"""Logins through real SASL and facts of real TLS, through both servers: what each says of them, and
what follows from it."""
import re
import ssl

from cases import both, require
from message import message, token
from secure import PASSWORDS
from smtp import Smtp

ALICE, BOB = "alice@example.org", "bob@example.net"
SECRET = PASSWORDS["alice"]
V1, V2, V3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def open_secure(world, port, certificate=None, version=None, helo="client.example.com"):
    """A client behind STARTTLS or in TLS from the first octet; no EHLO within when `helo` is ""."""
    context = world.mta.certificates.client(certificate, version)
    if port == "smtps":
        return Smtp(world.ports[port], helo=helo, wrapped=context)
    client = Smtp(world.ports[port])
    reply = client.starttls(context, helo)
    require(reply.is_ok, "STARTTLS: %s", reply)
    return client


def facts_of(world, client, sender=ALICE):
    """Sends a message; ({key: value} of its log line, what arrived)."""
    word = token()
    reply = client.mail(sender, [BOB], message(word))
    require(reply.is_ok, "answered %s", reply)
    arrived = world.mailbox.one(word)
    lines = world.daemon.log_lines(r"msgid=\"?<%s@" % word)
    require(len(lines) == 1, "%d log lines", len(lines))
    facts = {key: value.strip('"') for key, value in
             re.findall(r'([a-z-]+)=("(?:[^"\\]|\\.)*"|\S+)', lines[0])}
    return facts, arrived


def require_facts(facts, **wanted):
    """None: not there."""
    for key, value in wanted.items():
        got = facts.get(key.replace("_", "-"))
        require(got == value, "%s is %s, not %s: %s", key, got, value, facts)


@both
def login_in_tls(world):
    """PLAIN on both ports: outbound because of the login alone, and signed."""
    for port in ("login", "smtps"):
        with open_secure(world, port) as client:
            reply = client.auth_plain("alice", SECRET)
            require(reply.code == 235, "AUTH: %s", reply)
            facts, arrived = facts_of(world, client)
            require_facts(facts, dir="outbound", by="authenticated", login=world.mta.login,
                          mech="PLAIN", tls="TLSv1.3", cert=None, daemon=port.upper())
            world.judges.require(arrived)
            # The next message of the session is theirs, too.
            facts, arrived = facts_of(world, client)
            require_facts(facts, dir="outbound", login=world.mta.login)


@both
def login_that_fails(world):
    """A wrong password, an unknown name, none at all: a stranger, in TLS or not."""
    with open_secure(world, "login") as client:
        for login, password in (("alice", "wrong"), ("nobody", SECRET)):
            reply = client.auth_plain(login, password)
            require(reply.code == 535, "AUTH: %s", reply)
        facts, arrived = facts_of(world, client)
        require_facts(facts, dir="inbound", login=None, mech=None, tls="TLSv1.3")
        require(not arrived.is_signed, "it is signed")
    with Smtp(world.ports["login"]) as client:
        facts, arrived = facts_of(world, client)
        require_facts(facts, dir="inbound", login=None, tls=None)
        require(not arrived.is_signed, "it is signed")


@both
def login_by_challenge(world):
    """The mechanism is told of."""
    with open_secure(world, "login") as client:
        reply = client.auth_cram_md5("alice", SECRET)
        require(reply.code == 235, "AUTH: %s", reply)
        facts, _ = facts_of(world, client)
        require_facts(facts, dir="outbound", login=world.mta.login, mech="CRAM-MD5")


@both
def login_author_is_the_clients_word(world):
    """AUTH= of MAIL makes nobody authenticated."""
    with open_secure(world, "login") as client:
        word = token()
        reply = client.mail(ALICE, [BOB], message(word), " AUTH=alice@example.org")
        require(reply.is_ok, "answered %s", reply)
        require(not world.mailbox.one(word).is_signed, "it is signed")


@both
def tls_versions(world):
    """What a client of each age speaks; both ways into TLS."""
    for port in ("login", "smtps"):
        for version, name in ((V1, "TLSv1.1"), (V2, "TLSv1.2"), (V3, "TLSv1.3")):
            with open_secure(world, port, version=version) as client:
                facts, _ = facts_of(world, client)
                require_facts(facts, tls=name)
                require(int(facts["cipher-bits"]) >= 128, "bits: %s", facts)


@both
def tls_without_second_ehlo(world):
    """A client that says no EHLO within TLS is still in TLS."""
    with open_secure(world, "login", helo="") as client:
        facts, _ = facts_of(world, client)
        require_facts(facts, tls="TLSv1.3")


@both
def tls_certificates(world):
    """One of an authority that the server trusts, one of another of the same name."""
    is_postfix = world.mta.name == "postfix"
    for port in ("login", "smtps"):
        with open_secure(world, port, "client") as client:
            facts, _ = facts_of(world, client)
            require_facts(facts, cert="verified",
                          cert_subject="client.example.com" if is_postfix else
                          "/O=Client Org, Ltd./CN=client.example.com",
                          cert_issuer="Test Authority" if is_postfix else
                          "/O=Test/CN=Test Authority")
        with open_secure(world, port, "stranger") as client:
            facts, _ = facts_of(world, client)
            require(facts.get("cert") in (None, "unverified"), "a stranger's: %s", facts)
