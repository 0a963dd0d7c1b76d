"""conf/examples: each as it stands, behind a Postfix with the lines that it documents."""
import ssl

import dkim

from cases import case, require
from examples import ExampleWorld
from inbound import (AUTHRES, DISPOSITION, FORGER, FRIEND, connect, converse, from_friend, receive,
                     results_of, top_field)
from message import message, token
from procs import wait_until
from secure import PASSWORDS
from signers import dkimpy
from smtp import Smtp
from world import SELECTORS

ALICE, USER, BOB = "alice@example.org", "user@example.org", "bob@example.net"
CUSTOMER = "192.0.2.70"


def require_refused(outcome, stage, start):
    reply = outcome.refusal
    text = "%d %s" % (reply.code, reply.lines[-1] if reply.lines else "")
    require(outcome.stage == stage and text.startswith(start), "not %s at %s but %s", start, stage,
            outcome)


def secure(world, port, version=None, login="alice", by="auth_plain"):
    """A client in TLS, logged in if it has a login."""
    context = world.mta.certificates.client(None, version)
    if port == "smtps":
        client = Smtp(world.ports[port], wrapped=context)
    else:
        client = Smtp(world.ports[port])
        reply = client.starttls(context)
        require(reply.is_ok, "STARTTLS: %s", reply)
    if login:
        reply = getattr(client, by)(login, PASSWORDS[login])
        require(reply.code == 235, "AUTH: %s", reply)
    return client


def submit(world, octets, sender=ALICE, port="login", **options):
    with secure(world, port, **options) as client:
        return converse(client, sender, octets, [BOB])


def require_signed(world, word, domain):
    arrived = world.arrived(word)
    world.judges.require(arrived, domain, judges=("dkimpy", "libopendkim"))
    return arrived


def require_judged(world, word, **wanted):
    """One field of ours on top of what the gateway or server itself wrote, saying this."""
    arrived = world.arrived(word)
    results = results_of(arrived, world.example_id)
    require(len(results) == 1, "%s", arrived.all(AUTHRES))
    got = {method: results[0].get(method) for method in wanted}
    require(got == wanted, "%s, not %s", got, wanted)
    return arrived


def logins(world):
    """What the two hosts that take logins have in common."""
    for port in ("login", "smtps"):
        word = token()
        outcome = submit(world, message(word, ALICE), port=port)
        require(not outcome.stage, "%s: %s", port, outcome)
        require_signed(world, word, "example.org")
        outcome = submit(world, message(token(), ALICE), port=port, login=None)
        require_refused(outcome, "mail", "530 5.7.0 ")
    outcome = submit(world, message(token(), ALICE), version=ssl.TLSVersion.TLSv1_1)
    require_refused(outcome, "mail", "550 5.7.10 ")
    word = token()
    outcome = submit(world, message(word, ALICE), version=ssl.TLSVersion.TLSv1_2)
    require(not outcome.stage, "TLS 1.2: %s", outcome)
    outcome = submit(world, message(token(), ALICE), by="auth_cram_md5")
    require(outcome.stage == "mail", "CRAM-MD5: %s", outcome)
    outcome = submit(world, message(token(), ALICE), "mallory@example.org")
    require_refused(outcome, "mail", "553 5.7.1 ")
    for author in ("mallory@example.org", "%s, mallory@example.org" % ALICE):
        outcome = submit(world, message(token(), author))
        require(outcome.stage == "end" and outcome.end.code == 553, "as %s: %s", author, outcome)
    with Smtp(world.ports["login"]) as client:
        reply = client.command("MAIL FROM:<%s>" % ALICE)
        require(reply.code == 530, "without TLS: %s", reply)


def limited(world, count):
    """Of so many recipients of one login, and not of one more."""
    with secure(world, "login", login="mallory") as client:
        require(client.command("MAIL FROM:<mallory@example.org>").is_ok, "MAIL")
        replies = [client.command("RCPT TO:<u%d@example.net>" % n) for n in range(count + 1)]
        require(all(reply.is_ok for reply in replies[:count]), "%s", replies[count - 1])
        require(str(replies[count]).startswith("450 4.7.1 ") and "per login" in str(replies[count]),
                "one more than %d: %s", count, replies[count])
        client.command("RSET")


def judged(world):
    """What the two hosts that take mail of strangers have in common."""
    word = token()
    octets = dkimpy(world.keys, from_friend(word))
    outcome = receive(world, "ann@friend.example", octets, FRIEND, [USER])
    require(not outcome.stage, "%s", outcome)
    arrived = require_judged(world, word, spf="pass", dkim="pass", dmarc="pass")
    require(not arrived.is_signed or len(arrived.signatures()) == 1, "signed by us")
    refusals = (("end", "550 5.7.26 ", "x@nothing.example", "ceo@bank.example"),
                ("end", "550 5.7.1 ", "ann@friend.example", "a@friend.example, b@bank.example"),
                ("end", "451 4.7.5 ", "x@nothing.example", "x@down.example"),
                ("mail", "550 5.7.23 ", "x@nomail.example", "x@nomail.example"))
    for stage, start, sender, author in refusals:
        outcome = receive(world, sender, message(token(), author), FORGER, [USER])
        require_refused(outcome, stage, start)
    word = token()
    outcome = receive(world, "x@nothing.example", message(word, "a@shop.example"), FORGER, [USER])
    require(not outcome.stage, "%s", outcome)
    arrived = require_judged(world, word, dmarc="fail")
    require(arrived.all(DISPOSITION) == ['quarantine; reason="dmarc mark"'], "%s",
            arrived.all(DISPOSITION))
    outcome = receive(world, "ann@friend.example", from_friend(token()), FRIEND, [USER],
                      helo=world.host)
    require(outcome.stage == "mail", "HELO of ours: %s", outcome)
    outcome = receive(world, "ann@friend.example", from_friend(token()), FRIEND,
                      ["x@elsewhere.example"])
    require(outcome.stage == "rcpt", "an open relay: %s", outcome)
    word = token()
    fields = [b"Authentication-Results: %s; dkim=pass (forged)" % name.encode()
              for name in (world.example_id, world.host)]
    outcome = receive(world, "ann@friend.example", from_friend(word, fields=fields), FRIEND, [USER])
    require(b"forged" not in world.arrived(word).octets, "a forged result is left")


def opened(context, name, host, options=None):
    world = ExampleWorld(context, name, host, options)
    world.keys = context.keys
    world.example_id = host
    return world


@case()
def example_single_server(context):
    """Strangers on 25, people on 587 and 465, programs by sendmail(1)."""
    world = opened(context, "single-server", "mx.example.org")
    try:
        judged(world)
        logins(world)
        limited(world, 100)
        word = token()
        world.mta.sendmail("cron@example.org", [BOB], message(word, "cron@example.org"))
        require_signed(world, word, "example.org")
        # A stranger in our name, with and without a policy that says no.
        outcome = receive(world, "x@nothing.example", message(token(), ALICE), FORGER, [USER])
        require_refused(outcome, "end", "550 5.7.26 ")
        word = token()
        outcome = receive(world, ALICE, from_friend(word), FORGER, [USER])
        require(outcome.stage == "end", "%s", outcome)
        word = token()
        octets = dkimpy(context.keys, from_friend(word))
        require(not receive(world, ALICE, octets, FORGER, [USER]).stage, "watched only")
        line = world.daemon.log_lines("msgid=.*" + word)[-1]
        require("ours without login" in line and "spf hard fail" in line, "%s", line)
    finally:
        world.close()


@case()
def example_gateway(context):
    """Mail for two domains, judged and handed to the server behind."""
    world = opened(context, "gateway", "gw.example.org",
                   lambda behind: {"virtual_mailbox_domains": ""})
    try:
        judged(world)
        require(not world.mta.mailbox.all(), "it kept mail")
        outcome = receive(world, ALICE, message(token(), ALICE), FORGER, [USER])
        require_refused(outcome, "mail", "550 5.7.1 Mail of this domain")
        for helo in ("[192.0.2.1]", "198.51.100.7", "a_b"):
            outcome = receive(world, "ann@friend.example", from_friend(token()), FRIEND, [USER],
                              helo=helo)
            require(outcome.stage == "mail", "HELO %s: %s", helo, outcome)
        second_gateway(world)
        for client_domain, stage in (("lists.example.com", ""), ("lists.example.net", "end")):
            word = token()
            fields = [b"List-Id: <dev.lists.example.com>"]
            octets = by_list(world, message(word, "ceo@bank.example", fields=fields), client_domain)
            outcome = receive(world, "x@nothing.example", octets, FORGER, [USER])
            require(outcome.stage == stage, "%s: %s", client_domain, outcome)
        with connect(world, FRIEND) as client:
            client.command("MAIL FROM:<ann@friend.example>")
            replies = [client.command("RCPT TO:<u%d@example.org>" % n) for n in range(101)]
            require(all(reply.is_ok for reply in replies[:100]), "%s", replies[99])
            require(replies[100].code == 452, "the 101st: %s", replies[100])
        with connect(world, "198.51.100.99") as client:
            for number in range(60):
                reply = client.command("MAIL FROM:<x%d@example.org>" % number)
                require(reply.code == 550, "number %d: %s", number, reply)
        outcome = receive(world, "ann@friend.example", from_friend(token()), "198.51.100.99", [USER])
        require(str(outcome.refusal).startswith("450 4.7.1 "), "refused 60 times: %s", outcome)
    finally:
        world.close()


def by_list(world, octets, domain):
    with open(world.keys.path("example.org", "rsa"), "rb") as file:
        return dkim.sign(octets, SELECTORS["rsa"].encode(), domain.encode(), file.read()) + octets


def second_gateway(world):
    """Not judged again, marked for what it found."""
    for result, marks in ((b"fail", ['quarantine; reason="says gw2"']), (b"pass", [])):
        word = token()
        fields = [b"Authentication-Results: gw2.example.org; dmarc=" + result]
        octets = message(word, "ceo@bank.example", fields=fields)
        outcome = receive(world, "x@nothing.example", octets, "192.0.2.26", [USER])
        require(not outcome.stage, "%s", outcome)
        arrived = world.arrived(word)
        require(arrived.all(DISPOSITION) == marks, "%s", arrived.all(DISPOSITION))
        require(len(arrived.all(AUTHRES)) == 1, "%s", arrived.all(AUTHRES))


@case()
def example_relay(context):
    """Customers with a login and customers' servers; nobody else."""
    world = opened(context, "relay", "relay.example.net", lambda behind: {
        "virtual_mailbox_domains": "",
        "default_transport": "smtp:[127.0.0.1]:%d" % behind.ports["inbound"]})
    try:
        logins(world)
        limited(world, 200)
        # Each domain in its own name, others in the operator's.
        for author, domain in (("x@example.com", "example.com"), ("x@sub.example.org", "example.org"),
                               ("x@elsewhere.example", "example.net")):
            word = token()
            outcome = receive(world, author, message(word, author), CUSTOMER, [BOB])
            require(not outcome.stage, "%s: %s", author, outcome)
            require_signed(world, word, domain)
        outcome = receive(world, "ann@friend.example", from_friend(token()), FRIEND, [USER])
        require_refused(outcome, "mail", "550 5.7.1 This host takes mail of its customers only")
        outcome = receive(world, "x@example.com", message(token(), "<>"), CUSTOMER, [BOB])
        require_refused(outcome, "end", "550 5.7.1 ")
        with connect(world, CUSTOMER) as client:
            reply = client.command("MAIL FROM:<x@example.com> SIZE=60000000")
            require(reply.code == 552, "60 MB: %s", reply)
        wait_until(lambda: not world.mta.queued(), 30, "an empty queue")
    finally:
        world.close()
