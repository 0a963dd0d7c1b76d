"""Rules at every stage, through Postfix: what each action does there, and what the client is told."""
from cases import case, require
from inbound import (BOB, DISPOSITION, FORGER, FORWARDER, LOOPBACKS, RULES, TEXT, connect, converse,
                     from_friend, pairs, receive, sender_of)
from message import message, token
from procs import wait_until

CODES = {"reject": "550 5.7.1 ", "tempfail": "451 4.7.1 "}
# Where the client hears of what was decided at a stage.
HEARD_AT = {"mail": "mail", "rcpt": "rcpt", "data": "data", "eoh": "end", "eom": "end",
            "connect": "mail", "helo": "mail"}


def start_of(reply):
    return "%d %s" % (reply.code, reply.lines[-1] if reply.lines else "")


def require_refused(outcome, stage, start):
    require(outcome.stage == stage and start_of(outcome.refusal).startswith(start),
            "not %r at %s but %s", start, stage, outcome)


@case("rules")
def refusals_at_every_stage(world):
    """reject and tempfail from connect to end of message: codes and text as written, with their %;
    one line in the log with the rule's name each."""
    for key in [pair for pair in (*pairs(), *LOOPBACKS) if pair[1] in CODES]:
        stage, action = key
        word = token()
        address = LOOPBACKS.get(key, FORGER)
        sender = "%s@x.example" % word if key in LOOPBACKS else \
            sender_of(*key).replace("x@", word + "@")
        outcome = receive(world, sender, message(word, "x@nothing.example"), address)
        require_refused(outcome, HEARD_AT[stage], CODES[action] + TEXT)
        require(len(outcome.refusal.lines) == 1, "%d lines", len(outcome.refusal.lines))
        who = "client=%s " % address if key in LOOPBACKS else "from=%s@" % word
        wait_until(lambda w=who: world.daemon.log_lines(w), 10, "a log line with " + who)
        lines = world.daemon.log_lines(who)
        wanted = 'rule="%s at %s"' % (action, stage)
        require(len(lines) == 1 and wanted in lines[0] and "action=%s " % action in lines[0],
                "%d lines: %s", len(lines), lines)
        require(stage in ("rcpt", "connect") or "aborted=" not in lines[0], "%s", lines[0])


@case("rules")
def discarded_at_every_stage(world):
    """The client hears 250, the mailbox gets nothing."""
    words = []
    for stage, action in [pair for pair in pairs() if pair[1] == "discard"]:
        words.append(token())
        outcome = receive(world, sender_of(stage, action), message(words[-1], "x@nothing.example"),
                          FORGER)
        require(not outcome.stage and outcome.end.code == 250, "%s: %s", stage, outcome)
        lines = world.daemon.log_lines('dir=inbound .*rule="discard at %s"' % stage)
        require(len(lines) == 1 and "action=discard" in lines[0], "%s: %s", stage, lines)
    last = token()
    require(not receive(world, "x@nothing.example", message(last, "x@nothing.example")).stage, "last")
    world.mailbox.one(last)
    for word in words:
        require(not world.mailbox.find(word), "a discarded message was delivered")


@case("rules")
def marked_at_every_stage(world):
    """Delivered with our field, whichever stage said so."""
    for key in [pair for pair in (*pairs(), *LOOPBACKS) if pair[1] == "mark"]:
        word = token()
        sender = "x@nothing.example" if key in LOOPBACKS else sender_of(*key)
        outcome = receive(world, sender, message(word, "x@nothing.example"),
                          LOOPBACKS.get(key, FORGER))
        require(not outcome.stage, "%s: %s", key, outcome)
        marks = world.mailbox.one(word).all(DISPOSITION)
        require(marks == ['quarantine; reason="mark at %s"' % key[0]], "%s: %s", key, marks)


@case("rules")
def held_at_every_stage(world):
    """The client hears 250, the message lies in the hold queue, the log says by which rule."""
    for key in [pair for pair in (*pairs(), *LOOPBACKS) if pair[1] == "hold-queue"]:
        word = token()
        before = set(world.mta.held())
        sender = "x@nothing.example" if key in LOOPBACKS else sender_of(*key)
        outcome = receive(world, sender, message(word, "x@nothing.example"),
                          LOOPBACKS.get(key, FORGER))
        require(not outcome.stage, "%s: %s", key, outcome)
        held = set(world.mta.held()) - before
        require(len(held) == 1, "%s: %d new in the hold queue", key, len(held))
        lines = [line for line in world.daemon.log_lines("queue=%s " % held.pop())
                 if 'rule="hold-queue at %s"' % key[0] in line]
        require(len(lines) == 1, "%s: %d lines in the log", key, len(lines))
        require(not world.mailbox.find(word), "%s: delivered", key)


@case("rules")
def spf_explanation_reaches_the_client(world):
    """As the stranger wrote it, signs of a format among it."""
    outcome = receive(world, "x@explains.example", from_friend(token()), FORGER)
    require_refused(outcome, "mail", "550 5.7.23 ")
    text = outcome.refusal.lines[-1]
    require(text.endswith("explains.example: 100% %s%n%% %d for " + FORGER), "%s", text)


@case("rules")
def long_explanation_is_cut(world):
    """Of 600 octets 200 come, on one line."""
    outcome = receive(world, "x@talks.example", from_friend(token()), FORGER)
    require_refused(outcome, "mail", "550 5.7.23 ")
    text = outcome.refusal.lines[-1]
    require(len(outcome.refusal.lines) == 1, "%s", outcome)
    explanation = text.partition(" explained by talks.example: ")[2]
    require(explanation.startswith("A-talks-") and len(explanation) == 200, "%s", text)


@case("rules")
def helo_is_judged_by_spf_at_helo(world):
    """By the name in HELO, whatever the sender; another name goes on."""
    word = token()
    for address, helo, is_refused in ((FORGER, "nomail.example", True),
                                      (FORGER, "nothing.example", False)):
        outcome = receive(world, "x@nothing.example", message(word, "x@nothing.example"), address,
                          helo=helo)
        if is_refused:
            require_refused(outcome, HEARD_AT["helo"], "550 5.7.23 ")
            require(helo in outcome.refusal.lines[-1], "%s", outcome)
        else:
            require(not outcome.stage, "%s", outcome)


@case("rules")
def forwarder_is_trusted(world):
    """SPF of what he forwards fails, is recorded, and refuses nothing."""
    word = token()
    outcome = receive(world, "x@explains.example", from_friend(word), FORWARDER)
    require(not outcome.stage, "%s", outcome)
    results = world.mailbox.one(word).all("Authentication-Results")[0]
    require("spf=fail" in results and "policy.trusted-forwarder=" + FORWARDER in results, "%s",
            results)
    lines = world.daemon.log_lines("from=x@explains.example .*spf=fail")
    require(any("trusted-forwarders" in line for line in lines), "%s", lines)


@case("rules")
def spf_errors(world):
    """temperror 451 4.7.24 and permerror 550 5.7.24, at MAIL, with the domain."""
    for domain, start in (("down.example", "451 4.7.24 "), ("broken.example", "550 5.7.24 ")):
        outcome = receive(world, "x@" + domain, from_friend(token()), FORGER)
        require_refused(outcome, "mail", start)
        require(domain in outcome.refusal.lines[-1], "%s", outcome)


@case("rules")
def one_refused_recipient_leaves_the_others(world):
    """First, in the middle and last; alone he is all there is."""
    carol, dave = "carol@example.net", "dave@example.net"
    for recipients in ([carol, BOB, dave], [BOB, carol, dave], [BOB, dave, carol]):
        word = token()
        outcome = receive(world, "x@nothing.example", message(word, "x@nothing.example"), FORGER,
                          recipients)
        for address, reply in zip(recipients, outcome.rcpt):
            if address == carol:
                require(start_of(reply) == "553 5.7.9 Carol reads no mail", "%s", reply)
            else:
                require(reply.is_ok, "%s: %s", address, reply)
        require(outcome.end.is_ok, "%s", outcome)
        copies = world.mailbox.wait(word, 2)
        got = sorted(to for copy in copies for to in copy.all("Delivered-To"))
        require(got == [BOB, dave], "delivered to %s", got)
        line = world.daemon.log_lines("msgid=.*%s" % word)
        require("rcpts=2" in line[0] and "refused=1" in line[0], "%s", line)
    outcome = receive(world, "x@nothing.example", message(token(), "x@nothing.example"), FORGER, [carol])
    require(outcome.rcpt[0].code == 553 and outcome.data is None, "%s", outcome)


@case("rules")
def reserved_mailboxes_pass_rules_at_rcpt(world):
    word = token()
    recipients = ["abuse@example.org", BOB, "postmaster@example.org", "abuse@example.net"]
    outcome = receive(world, "x@noabuse.example", message(word, "x@nothing.example"), FORGER, recipients)
    require([reply.is_ok for reply in outcome.rcpt] == [True, False, True, False], "%s", outcome)
    world.mailbox.wait(word, 2)


@case("rules")
def accept_spares_later_rules(world):
    """accept at MAIL: no later rule decides, the result field is there; others meet the rule."""
    word = token()
    outcome = receive(world, "ann@friend.example", from_friend(word))
    require(not outcome.stage, "%s", outcome)
    require("spf=pass" in world.mailbox.one(word).all("Authentication-Results")[0], "no result")
    require_refused(receive(world, "x@other.example", from_friend(token())), "end", "550 5.7.1 ")


@case("rules")
def refusals_do_not_reach_the_next_message(world):
    """Every stage and action on one connection, a good message after each, RSET in between."""
    good = []
    with connect(world, FORGER) as client:
        for stage, action in pairs():
            outcome = converse(client, sender_of(stage, action), message(token(), "x@nothing.example"))
            refused = HEARD_AT[stage] if action in CODES else ""
            require(outcome.stage == refused, "%s at %s: %s", action, stage, outcome)
            require(client.command("RSET").is_ok, "RSET was refused")
            good.append(token())
            outcome = converse(client, "x@nothing.example", message(good[-1], "x@nothing.example"))
            require(not outcome.stage, "after %s at %s: %s", action, stage, outcome)
    for word in good:
        require(not world.mailbox.one(word).all(DISPOSITION), "marked")


@case()
def rules_over_inet(context):
    """The same over TCP, where other stages are answered."""
    world = context.own(listen="inet", more=RULES)
    refusals_do_not_reach_the_next_message(world)


@case()
def observe_mode_refuses_nothing(context):
    """The same rules with mode = observe: everything arrives, the log says what would have been."""
    world = context.own(more="mode = observe\n" + RULES)
    for key in [pair for pair in (*pairs(), *LOOPBACKS) if pair[1] != "mark"]:
        stage, action = key
        word = token()
        sender = "x@nothing.example" if key in LOOPBACKS else sender_of(*key)
        outcome = receive(world, sender, message(word, "x@nothing.example"),
                          LOOPBACKS.get(key, FORGER))
        require(not outcome.stage, "%s: %s", key, outcome)
        arrived = world.mailbox.one(word)
        require(arrived.all("Authentication-Results"), "%s: no result", key)
        line = world.daemon.log_lines("msgid=.*%s" % word)[0]
        require("would=%s" % action in line and 'would-rule="%s at %s"' % (action, stage) in line,
                "%s: %s", key, line)


@case("rules")
def server_log_is_clean(world):
    for line in world.mta.log().splitlines():
        require("panic" not in line and "milter" not in line.partition("warning:")[2], "%s", line)
