"""A judged message in, by the packaged rules: what the client is told, what the mailbox gets."""
import socket
import time

import signers
from cases import Skip, case, require
from inbound import (AUTHRES, BOB, DISPOSITION, FORGER, FRIEND, connect, converse, from_friend, receive,
                     results_of, top_field, unquoted)
from message import message, token
from smtp import send


def require_refused(outcome, stage, start, *words):
    """Refused there, the reply beginning with these codes and naming these words."""
    reply = outcome.refusal
    text = "%d %s" % (reply.code, reply.lines[-1] if reply.lines else "")
    require(outcome.stage == stage and text.startswith(start), "refused at %s with %s",
            outcome.stage or "no stage", outcome)
    for word in words:
        require(word in text, "%r is not in %s", word, text)


def require_results(arrived, **wanted):
    """One field of ours, on top of all, saying this."""
    found = results_of(arrived)
    require(len(found) == 1, "%d fields of ours", len(found))
    require(top_field(arrived) == AUTHRES, "on top is %s", top_field(arrived))
    got = {method: found[0].get(method) for method in wanted}
    require(got == wanted, "%s, not %s", got, wanted)


def require_accepted(world, outcome, word, **wanted):
    require(not outcome.stage, "answered %s", outcome)
    arrived = world.mailbox.one(word)
    require_results(arrived, **wanted)
    return arrived


def log_line(world, pattern):
    lines = world.daemon.log_lines(pattern)
    require(len(lines) == 1, "%d lines in the log with %s", len(lines), pattern)
    return lines[0]


# --- each verdict --------------------------------------------------------------------------------


@case("inbound")
def inbound_good_is_accepted(world):
    """Signed by its author's domain, from a client that may send for it."""
    word = token()
    octets = signers.dkimpy(world.keys, from_friend(word))
    arrived = require_accepted(world, receive(world, "ann@friend.example", octets), word, spf="pass",
                               dkim="pass", dmarc="pass")
    require(not arrived.all(DISPOSITION), "it is marked")


@case("inbound")
def inbound_forged_is_refused(world):
    """5.7.26 after the dot, with the domain's name; the twin passes by SPF alone."""
    word, honest = token(), token()
    require_refused(receive(world, "eve@nothing.example", message(word, "a@bank.example"), FORGER),
                    "end", "550 5.7.26 ", "DMARC", "bank.example")
    require('rule=dmarc' in log_line(world, "msgid=.*%s" % word), "the log does not name the rule")
    require_accepted(world, receive(world, "ann@friend.example", from_friend(honest)), honest,
                     spf="pass", dkim="none", dmarc="pass")
    require(not world.mailbox.find(word), "it was delivered all the same")


@case("inbound")
def domain_without_mail_is_refused_at_mail(world):
    """v=spf1 -all; the line in the log names the rule and the stage's text."""
    sender = "%s@nomail.example" % token()
    require_refused(receive(world, sender, message(token(), sender)), "mail", "550 5.7.23 ",
                    "nomail.example")
    line = log_line(world, "from=%s" % sender)
    for word in ("action=reject", "code=550", "enhanced=5.7.23", 'rule="no mail from here"',
                 "spf=fail"):
        require(word in line, "%s is not in the log: %s", word, line)


@case("inbound")
def failed_dns_is_refused_for_now(world):
    """The author domain's DNS answers SERVFAIL."""
    word = token()
    outcome = receive(world, "ann@down.example", message(word, "ann@down.example"))
    require_refused(outcome, "end", "451 4.7.5 ", "DMARC", "down.example")


@case("inbound")
def not_one_author_is_refused(world):
    """Two From fields, two domains in one, none at all; From: friend.example hides nowhere."""
    kinds = (([b"From: eve@stranger.example"], "ann@friend.example"),
             ([], "ann@friend.example, eve@stranger.example"), ([], "friends:;"), ([], "<>"))
    for fields, author in kinds:
        outcome = receive(world, "ann@friend.example", message(token(), author, fields=fields))
        require_refused(outcome, "end", "550 5.7.1 ", "From")
    word = token()
    outcome = receive(world, "ann@friend.example",
                      message(word, "ann@friend.example, bob@friend.example"))
    require_accepted(world, outcome, word, dmarc="pass")


@case("inbound")
def quarantine_is_marked(world):
    """p=quarantine: delivered, with our mark; a mark that the stranger brought is gone."""
    word = token()
    fields = [b"X-Postseal-Disposition: none; reason=forged", b"x-postseal-disposition: clean"]
    outcome = receive(world, "eve@nothing.example", message(word, "a@shop.example", fields=fields),
                      FORGER)
    arrived = require_accepted(world, outcome, word, spf="none", dmarc="fail")
    marks = arrived.all(DISPOSITION)
    require(marks == ['quarantine; reason="dmarc mark"'], "marks: %s", marks)


@case("inbound")
def observed_rule_refuses_nothing(world):
    """SPF's fail is only watched by the packaged rules: accepted, and in the log."""
    word = token()
    outcome = receive(world, "x@stranger.example", message(word, "x@stranger.example"), FORGER)
    require_accepted(world, outcome, word, spf="fail", dmarc="none")
    require('observed="spf hard fail"' in log_line(world, "msgid=.*%s" % word), "not in the log")


@case("inbound")
def reserved_mailboxes_stay_reachable(world):
    """postmaster and abuse of our domains get what others do not; of other domains they are no
    more than anybody."""
    for recipient, is_reserved in (("postmaster@example.org", True), ("abuse@example.org", True),
                                   ("Postmaster@example.org", True), ("postmaster", True),
                                   ("postmistress@example.org", False),
                                   ("abuse@example.net", False)):
        word = token()
        outcome = receive(world, "e@nothing.example", message(word, "a@bank.example"), FORGER,
                          [recipient])
        require(bool(outcome.stage) != is_reserved, "%s: %s", recipient, outcome)
        if is_reserved and "@" in recipient:
            require_results(world.mailbox.one(word), dmarc="fail")
    both = receive(world, "e@nothing.example", message(token(), "a@bank.example"), FORGER,
                   ["postmaster@example.org", BOB])
    require_refused(both, "end", "550 5.7.26 ")


# --- Authentication-Results ----------------------------------------------------------------------


@case("inbound")
def forged_results_between_strangers(world):
    """Nine with our name between eight of others: ours go, theirs stay, the true one is on top."""
    fields = [b"Authentication-Results: mx.example.org; dmarc=pass (forged8)"]
    for number in range(8):
        for name, what in (("mx%d.stranger.example" % number, "kept"), ("mx.example.org", "forged")):
            line = "Authentication-Results: %s; dkim=pass (%s%d)" % (name, what, number)
            fields.append(line.encode())
    word = token()
    outcome = receive(world, "ann@friend.example", from_friend(word, fields=fields))
    arrived = require_accepted(world, outcome, word, spf="pass", dkim="none", dmarc="pass")
    others = [value for value in arrived.all(AUTHRES) if "stranger" in value]
    wanted = ["mx%d.stranger.example; dkim=pass (kept%d)" % (n, n) for n in range(8)]
    require(others == wanted, "left is %s", others)
    require(b"forged" not in arrived.octets, "a forged one is left")


@case("inbound")
def strangers_words_stay_in_their_place(world):
    """HELO, reverse-path and i= that would write results of their own."""
    word = token()
    sender = '"x; dkim=pass header.d=bank.example"@nothing.example'
    outcome = receive(world, sender, from_friend(word), FRIEND,
                      helo="a.example;dmarc=pass")
    require(outcome.stage == "end", "answered %s", outcome)
    word = token()
    outcome = receive(world, sender, message(word, "x@nothing.example"), FRIEND)
    arrived = require_accepted(world, outcome, word, spf="none", dkim="none", dmarc="none")
    result = arrived.all(AUTHRES)[0]
    require("header.d=" not in unquoted(result), "%s", result)


# --- several messages ----------------------------------------------------------------------------


@case("inbound")
def each_kind_on_one_connection(world):
    """Twice around, RSET between them: no verdict reaches the next message."""
    kinds = (
        ("good", "ann@friend.example", "ann@friend.example", [], "", 250),
        ("forged", "ann@friend.example", "a@bank.example", [], "end", 550),
        ("no mail", "x@nomail.example", "ann@friend.example", [], "mail", 550),
        ("good again", "ann@friend.example", "ann@friend.example", [], "", 250),
        ("marked", "ann@friend.example", "a@shop.example", [], "", 250),
        ("DNS down", "ann@friend.example", "a@down.example", [], "end", 451),
        ("two From", "ann@friend.example", "ann@friend.example", [b"From: a@bank.example"], "end",
         550),
        ("null", "", "ann@friend.example", [b"Authentication-Results: mx.example.org; none (forged)"],
         "end", 550),
        ("good at last", "ann@friend.example", "ann@friend.example", [], "", 250),
    )
    delivered = []
    with connect(world) as client:
        for name, sender, author, fields, stage, code in kinds * 2:
            word = token()
            outcome = converse(client, sender, message(word, author, fields=fields))
            require(outcome.stage == stage and outcome.refusal.code == code, "%s: %s", name, outcome)
            require(client.command("RSET").is_ok, "RSET after %s", name)
            if not stage:
                delivered.append((name, word))
    for name, word in delivered:
        arrived = world.mailbox.one(word)
        require(bool(arrived.all(DISPOSITION)) == (name == "marked"), "%s: %s", name, arrived.fields)
        require_results(arrived, spf="pass", dmarc="fail" if name == "marked" else "pass")


# --- signatures of others ------------------------------------------------------------------------


def require_signed(world, octets, word, twin_result="fail"):
    """Verified from a client that SPF does not know; the twin with a changed body is refused."""
    outcome = receive(world, "list@nothing.example", octets, FORGER)
    require_accepted(world, outcome, word, spf="none", dkim="pass", dmarc="pass")
    changed = octets.replace(b"this is the text", b"this is the test")
    require(changed != octets, "there is no such text")
    outcome = receive(world, "list@nothing.example", changed, FORGER)
    require_refused(outcome, "end", "550 5.7.26 ", "DMARC")
    require("dkim=%s/" % twin_result in world.daemon.log_lines("msgid=.*%s" % word)[-1],
            "the log has no dkim=%s", twin_result)


@case("inbound")
def verifies_dkimpy(world):
    for kind, canonicalization in (("rsa", "simple/simple"), ("rsa", "relaxed/relaxed"),
                                   ("ed25519", "relaxed/relaxed"), ("ed25519", "simple/simple")):
        word = token()
        require_signed(world, signers.dkimpy(world.keys, from_friend(word), kind, canonicalization),
                       word)


@case("inbound")
def verifies_opendkim(world):
    if not signers.has_opendkim():
        raise Skip("needs opendkim-tools")
    program = signers.OpenDkim(world.place, world.keys)
    try:
        for kind, canonicalization in (("rsa", "simple/simple"), ("rsa", "relaxed/relaxed"),
                                       ("ed25519", "relaxed/simple")):
            word = token()
            octets = program.sign(from_friend(word), word, kind, canonicalization)
            require(b"DKIM-Signature" in octets, "OpenDKIM, %s: %s", kind, octets[:200])
            require_signed(world, octets, word)
    finally:
        program.stop()


@case()
def verifies_our_own_signatures(context):
    """Out through one instance, in through another: both signatures verify there."""
    sender, receiver = context.shared("unix"), context.shared("inbound")
    word = token()
    require(send(sender.ports["submission"], "alice@example.org", [BOB], message(word)).is_ok, "refused")
    octets = sender.mailbox.one(word).whole()
    require(octets.count(b"DKIM-Signature:") == 2, "not signed twice")
    outcome = receive(receiver, "list@nothing.example", octets, FORGER)
    arrived = require_accepted(receiver, outcome, word, spf="none", dkim="pass", dmarc="pass")
    require(arrived.all(AUTHRES)[0].count("dkim=pass") == 2, "%s", arrived.all(AUTHRES)[0])
    outcome = receive(receiver, "list@nothing.example", octets.replace(b"Subject: A", b"Subject: B"),
                      FORGER)
    require_refused(outcome, "end", "550 5.7.26 ", "example.org")


# --- DNS that never answers ----------------------------------------------------------------------


@case()
def silent_dns_holds_no_command_for_long(context):
    """A resolver that says nothing: every command is answered within dns-timeout-envelope, the
    message within dns-timeout; what was asked is temperror."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        world = context.own(has_zone=False, more="""
nameservers = { "127.0.0.1@%d" }
dns-timeout-envelope = "500ms"
dns-timeout = "1s"
rule "spf later" { stage = mail  sender-domain = { "down.example" }  spf = { temperror }
    action = tempfail }
rule "look" { stage = mail  direction = inbound  spf = { pass }  mode = observe  action = reject }
rule "dmarc later" { stage = eom  direction = inbound  dmarc = { temperror }  action = tempfail }
""" % silent.getsockname()[1])
        with connect(world, helo="mail.down.example") as client:
            for sender, stage, start in (("a@down.example", "mail", "451 4.7.24 "),
                                         ("a@friend.example", "end", "451 4.7.5 ")):
                begin = time.monotonic()
                outcome = converse(client, sender, from_friend(token()))
                took = time.monotonic() - begin
                require_refused(outcome, stage, start)
                require(0.3 < took < 3, "%s took %.1f s", sender, took)
            begin = time.monotonic()
            reply = client.command("MAIL FROM:<a@friend.example>")
            took = time.monotonic() - begin
            require(reply.is_ok and took < 2.5, "MAIL took %.1f s: %s", took, reply)
            begin = time.monotonic()
            reply = client.command("RCPT TO:<%s>" % BOB)
            took = time.monotonic() - begin
            require(reply.is_ok and took < 1.5, "RCPT took %.1f s: %s", took, reply)
