"""The same daemon behind Sendmail 8.17: a smoke test."""
import signers
from cases import case, require
from inbound import (AUTHRES, DISPOSITION, LOOPBACKS, PACKAGED_RULES, RULES, TEXT, from_friend, pairs,
                     receive, results_of, sender_of, top_field)
from message import message, token
from sendmail import Sendmail
from smtp import Smtp, send

ALICE, BOB = "alice@example.org", "bob@example.net"


def sendmail_world(context, server=Sendmail, **options):
    return context.own(server=server, **options)


@case()
def sendmail_signs(context):
    """Both signatures, on several messages of one connection, over a unix socket."""
    world = sendmail_world(context)
    words = [token() for _ in range(3)]
    with Smtp(world.ports["submission"]) as client:
        for word in words:
            reply = client.mail(ALICE, [BOB], message(word, subject="one\r\n two"))
            require(reply.is_ok, "answered %s", reply)
            require(client.command("RSET").is_ok, "RSET was refused")
    for word in words:
        world.judges.require(world.mailbox.one(word))


@case()
def sendmail_over_inet(context):
    """Signs over TCP; a stranger's mail is relayed unsigned; inbound with our From as well."""
    world = sendmail_world(context, listen="inet")
    for port, author, is_signed in (("submission", ALICE, True),
                                    ("submission", "eve@stranger.example", False),
                                    ("inbound", ALICE, False)):
        word = token()
        reply = send(world.ports[port], ALICE, [BOB], message(word, author))
        require(reply.is_ok, "answered %s", reply)
        arrived = world.mailbox.one(word)
        require(arrived.is_signed == is_signed, "%s from %s: signed is %s", port, author,
                arrived.is_signed)
        if is_signed:
            world.judges.require(arrived)


@case()
def sendmail_removes_forged_results(context):
    """Eight with our name between strangers': Sendmail counts fields in its own way."""
    world = sendmail_world(context)
    fields = []
    for number in range(8):
        for name, kind in (("mx%d.stranger.example" % number, "kept"), ("mx.example.org", "forged")):
            line = "Authentication-Results: %s; spf=pass reason=%s%d" % (name, kind, number)
            fields.append(line.encode())
    word = token()
    reply = send(world.ports["inbound"], ALICE, [BOB], message(word, fields=fields))
    require(reply.is_ok, "answered %s", reply)
    left = [value for value in world.mailbox.one(word).all("Authentication-Results")
            if "kept" in value or "forged" in value]
    wanted = ["mx%d.stranger.example; spf=pass reason=kept%d" % (n, n) for n in range(8)]
    require(left == wanted, "left is %s", left)


@case()
def sendmail_without_daemon_is_a_temporary_failure(context):
    world = sendmail_world(context)
    word = token()
    require(send(world.ports["submission"], ALICE, [BOB], message(word)).is_ok, "refused")
    world.daemon.stop(9)
    reply = send(world.ports["submission"], ALICE, [BOB], message(token()))
    require(reply.code == 451, "answered %s", reply)
    world.judges.require(world.mailbox.one(word))


LOCAL = "127.0.0.1"  # friend.example names it, bank.example does not


@case()
def sendmail_judges(context):
    """The packaged rules: accepted with the result on top of all, refused with codes and text."""
    world = sendmail_world(context, more=PACKAGED_RULES)
    word = token()
    fields = [b"Authentication-Results: mx.example.org; dkim=pass (forged)"]
    octets = signers.dkimpy(world.keys, from_friend(word, fields=fields))
    outcome = receive(world, "ann@friend.example", octets, LOCAL)
    require(not outcome.stage, "%s", outcome)
    arrived = world.mailbox.one(word)
    require(results_of(arrived) == [{"spf": "pass", "dkim": "pass", "dmarc": "pass"}], "%s",
            arrived.all(AUTHRES))
    require(top_field(arrived) == AUTHRES, "on top is %s", top_field(arrived))
    for sender, author, stage, start, name in (
            ("e@nothing.example", "a@bank.example", "end", "550 5.7.26 ", "bank.example"),
            ("x@nomail.example", "x@nomail.example", "mail", "550 5.7.23 ", "nomail.example"),
            ("a@friend.example", "a@down.example", "end", "451 4.7.5 ", "down.example"),
            ("a@friend.example", "a@bank.example, e@x.example", "end", "550 5.7.1 ", "From")):
        outcome = receive(world, sender, message(token(), author), LOCAL)
        text = str(outcome.refusal)
        require(outcome.stage == stage and text.startswith(start) and name in text, "%s: %s", author,
                outcome)
    word = token()
    outcome = receive(world, "e@nothing.example", message(word, "a@shop.example"), LOCAL)
    require(world.mailbox.one(word).all(DISPOSITION) == ['quarantine; reason="dmarc mark"'], "%s",
            outcome)


@case()
def sendmail_brings_explanations(context):
    """SPF's, octet by octet: signs of a format, and 200 of 600 octets."""
    world = sendmail_world(context, more=RULES)
    for domain, start, length in (("explains", "100% %s%n%% %d for " + LOCAL, None),
                                  ("talks", "A-talks-", 200)):
        outcome = receive(world, "x@%s.example" % domain, from_friend(token()), LOCAL)
        text = str(outcome.refusal)
        require(outcome.stage == "mail" and text.startswith("550 5.7.23 "), "%s", outcome)
        explanation = text.partition(" explained by %s.example: " % domain)[2]
        require(explanation.startswith(start) and len(explanation) == (length or len(start)), "%s",
                text)


@case()
def sendmail_rules_at_every_stage(context):
    """What each action does; at connect Sendmail has words of its own."""
    world = sendmail_world(context, more=RULES)
    gone = []
    for key in (*pairs(), *LOOPBACKS):
        stage, action = key
        word = token()
        held = len(world.mta.held())
        sender = "x@nothing.example" if key in LOOPBACKS else sender_of(*key)
        outcome = receive(world, sender, message(word, "x@nothing.example"),
                          LOOPBACKS.get(key, LOCAL))
        if action in ("reject", "tempfail"):
            start = "550 5.7.1 " if action == "reject" else "451 4.7.1 "
            where = {"rcpt": "rcpt", "data": "data", "eoh": "end", "eom": "end"}.get(stage, "mail")
            text = TEXT
            if stage == "connect":
                start, text = ("550 5.0.0 ", "") if action == "reject" else ("451 4.3.2 ", "")
            got = str(outcome.refusal)
            require(outcome.stage == where and got.startswith(start) and got.endswith(text),
                    "%s: %s", key, outcome)
            lines = world.daemon.log_lines('rule="%s at %s"' % (action, stage))
            require(len(lines) == 1, "%s: %d lines in the log", key, len(lines))
            continue
        require(not outcome.stage, "%s: %s", key, outcome)
        if action == "mark":
            marks = world.mailbox.one(word).all(DISPOSITION)
            require(marks == ['quarantine; reason="mark at %s"' % stage], "%s: %s", key, marks)
        else:
            gone.append(word)
            require(len(world.mta.held()) == held + (action == "hold-queue"), "%s: %d held", key,
                    len(world.mta.held()))
    require(not any(world.mailbox.find(word) for word in gone), "one was delivered")
