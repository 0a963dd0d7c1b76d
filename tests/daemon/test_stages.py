#!/usr/bin/env python3
"""Rules at each stage through the daemon: what the MTA would tell its client, what it would do to
the message, and what the log says of it."""
import os
import subprocess
import sys

from daemon import BUILD, PATIENCE, check, run_cases, wait_until
from inbound import Inbound, authres
from milter import Result, Session, split_message

STAGES = ("connect", "helo", "mail", "rcpt", "data", "eoh", "eom")
# Each action has a client of its own.
CLIENTS = {"reject": "192.0.2.1", "tempfail": "192.0.2.2", "discard": "192.0.2.3",
           "accept": "192.0.2.4", "mark": "192.0.2.5", "hold-queue": "192.0.2.6",
           "continue": "192.0.2.7"}
NOBODY = "192.0.2.99"
REPLIES = {"reject": "550 5.7.1", "tempfail": "451 4.7.1", "discard": "discard"}
MESSAGE = b"From: x@author.example\nTo: user@example.org\nSubject: x\n\nbody\n"
LOCAL = 'local-domains = { "example.org" }\n'
ALL = 'rule "all" { stage = %s  direction = inbound  action = %s }\n'


ELSEWHERE = "203.0.113.99"


def rule(name, stage, action, *ips):
    return 'rule "%s" { stage = %s  client-net = { %s }  action = %s }\n' % (
        name, stage, ", ".join('"%s"' % ip for ip in ips), action)


def can_be(stage, action):
    return action != "discard" or stage not in ("connect", "helo", "rcpt")


def walk(daemon, ip):
    """As an MTA: (the answer that decided, the Result), from connect on."""
    with Session(daemon.socket) as session:
        for say in (lambda: session.connect(ip), session.helo):
            answer = say()
            if answer.is_final:
                return answer, Result()
        fields, body = split_message(MESSAGE)
        result = session.message("<x@sender.example>", ["<user@example.org>"], fields, body)
        return result.answer, result


def check_case(daemon, stage, action, ip):
    name = "%s %s" % (stage, action)
    answer, result = walk(daemon, ip)
    want = "%s %s" % (stage, REPLIES[action]) if action in REPLIES else "eom continue"
    check(answer.brief() == want, "%s: %s, not %s" % (name, answer.brief(), want))
    if action in REPLIES:
        check(not result.inserts and not result.deletes and result.quarantine is None,
              "%s: edits of what was refused" % name)
        return
    authres(result)
    marks = [value for _, field, value in result.inserts if field == "X-Postseal-Disposition"]
    check(marks == ([b' quarantine; reason="%s"' % name.encode()] if action == "mark" else []),
          "%s: %r" % (name, marks))
    check((result.quarantine is not None) == (action == "hold-queue"),
          "%s: quarantine %r" % (name, result.quarantine))


def check_log(daemon, stage, action, ip):
    def lines():
        return [line for line in daemon.messages() if line["client"] == ip]

    name = "%s %s" % (stage, action)
    wait_until(lambda: lines(), "a log line of %s" % name)
    line = lines()[0]
    check(len(lines()) == 1, "%s: %d log lines" % (name, len(lines())))
    want = action
    check(line["action"] == want, "%s: logged as %s" % (name, line))
    if want != "continue":
        check(line["rule"] == name, "%s: logged with rule %s" % (name, line.get("rule")))


def matrix(place):
    """Seven stages and seven actions. A rule behind that refuses shows that accept ends the rules
    and that continue does not. Each stage in a daemon of its own: what is not awaited there
    depends on the rules that there are."""
    for stage in STAGES:
        rules = "".join(rule("%s %s" % (stage, action), stage, action, ip)
                        for action, ip in CLIENTS.items() if can_be(stage, action))
        # For another client, too: of a rule that can never match nothing would be loaded.
        rules += rule("later", "eom", "reject", CLIENTS["accept"], ELSEWHERE)
        daemon = Inbound(place, "", rules, name=stage).start()
        for action, ip in CLIENTS.items():
            if can_be(stage, action):
                check_case(daemon, stage, action, ip)
        check_case(daemon, stage, "nothing", NOBODY)
        for action, ip in CLIENTS.items():
            if can_be(stage, action):
                check_log(daemon, stage, action, ip)
        check(daemon.stop() == 0, "exit status")


def continue_goes_on(place):
    """`continue` is no end of the rules, accept is, and the first enforced one decides."""
    net = CLIENTS["continue"]
    for first, want in (("continue", "eom 451 4.7.1"), ("accept", "eom continue"),
                        ("mark", "eom continue")):
        for stage in ("connect", "mail", "eoh", "eom"):
            rules = rule("first", stage, first, net) + rule("second", "eom", "tempfail", net,
                                                                ELSEWHERE)
            daemon = Inbound(place, "", rules, name=first + stage).start()
            answer, _ = walk(daemon, net)
            # A mark is latched: rules of later stages still decide.
            is_latched = first == "mark" and stage != "eom"
            check(answer.brief() == ("eom 451 4.7.1" if is_latched else want),
                  "%s at %s: %s" % (first, stage, answer.brief()))
            daemon.stop()


def hold_is_not_softened(place):
    """A mark behind hold-queue does not release the message."""
    net = NOBODY
    daemon = Inbound(place, "", rule("hold", "mail", "hold-queue", net) +
                     rule("mark", "eom", "mark", net)).start()
    _, result = walk(daemon, net)
    check(result.quarantine is not None, "not held")
    check(daemon.stop() == 0, "exit status")


def refused_at_load(place):
    """What a stage cannot do, or does not know yet, is an error at load."""
    for text in (rule("r", "connect", "discard", NOBODY), rule("r", "helo", "discard", NOBODY),
                 'rule "r" { stage = helo  sender-domain = { "a.example" }  action = reject }\n',
                 'rule "r" { stage = mail  recipient = { "a.example" }  action = reject }\n',
                 'rule "r" { stage = data  author = { none }  action = reject }\n',
                 'rule "r" { stage = eoh  dmarc = { fail }  action = reject }\n',
                 'rule "r" { stage = eom  action = reject  code = "450" }\n',
                 'rule "r" { stage = eom  action = tempfail  enhanced-code = "5.7.1" }\n'):
        status, errors = Inbound(place, "", text).run("-f")
        check(status == 78 and 'rule "r"' in errors, "%s: %d %s" % (text, status, errors))


def reserved(place):
    """Postmaster and abuse stay reachable where recipients are known (RFC 5321 section 4.5.1)."""
    ours = ["<postmaster@example.org>", "<Abuse@EXAMPLE.org>", "<postmaster>"]
    other = "<user@example.org>"
    refused, open_ = "rcpt 550 5.7.1", "rcpt continue"
    for stage, switch, rcpts, want in (
            ("rcpt", "", ours + [other], ([open_] * 3 + [refused], "eom continue")),
            ("rcpt", "", ["<postmaster@other.example>"], ([refused], refused)),
            ("rcpt", "", ['<"postmaster"@example.org>'], ([open_], "eom continue")),
            ("rcpt", "", ["<abuse>"], ([refused], refused)),
            ("rcpt", "reserved-mailboxes = no\n", ours, ([refused] * 3, refused)),
            ("eom", "", ours, ([open_] * 3, "eom continue")),
            ("eom", "", ours + [other], ([open_] * 4, "eom 550 5.7.1")),
            ("eom", "", [other] + ours, ([open_] * 4, "eom 550 5.7.1")),
            ("eom", "recipients-kept = 2\n", ours + [other], ([open_] * 4, "eom 550 5.7.1")),
            ("eom", "reserved-mailboxes = no\n", ours, ([open_] * 3, "eom 550 5.7.1")),
            ("data", "", ours, ([open_] * 3, "eom continue")),
            ("data", "", ours + [other], ([open_] * 4, "data 550 5.7.1")),
            ("eoh", "", ours, ([open_] * 3, "eom continue")),
            ("mail", "", ours, ([], "mail 550 5.7.1"))):
        daemon = Inbound(place, "", LOCAL + switch + ALL % (stage, "reject")).start()
        result = daemon.send(MESSAGE, rcpts=rcpts)
        got = ([answer.brief() for answer in result.recipients], result.answer.brief())
        check(got == want, "%s %s %s: %r" % (stage, switch.strip(), rcpts, got))
        check(daemon.stop() == 0, "exit status")


def recipients_of_rules(place):
    """A rule's recipient is the same mailbox in every way of writing it."""
    rules = 'rule "r" { stage = rcpt  recipient = { "user@example.org" }  action = reject }\n'
    daemon = Inbound(place, "", rules).start()
    rcpts = ["<user@example.org>", "<USER@Example.ORG>", '<"user"@example.org>',
             '<"us\\er"@example.org>', "<user@example.org.>", "<@a.example:user@example.org>",
             "user@example.org", "<users@example.org>"]
    result = daemon.send(MESSAGE, rcpts=rcpts)
    check([answer.action for answer in result.recipients] == ["reject"] * 7 + ["continue"],
          [answer.brief() for answer in result.recipients])
    check(result.answer.brief() == "eom continue", result.answer.brief())
    check(daemon.stop() == 0, "exit status")


def observe(place):
    """Top-level mode = observe: only our field, and the log says what would have been."""
    for stage, action in ((stage, action) for stage in ("mail", "rcpt", "data", "eoh", "eom")
                          for action in ("reject", "tempfail", "discard", "mark", "hold-queue")
                          if can_be(stage, action)):
        daemon = Inbound(place, "", "mode = observe\n" + ALL % (stage, action)).start()
        result = daemon.send(MESSAGE)
        name = "%s %s" % (stage, action)
        check(result.answer.brief() == "eom continue", "%s: %s" % (name, result.answer.brief()))
        authres(result)
        check(len(result.inserts) == 1 and not result.deletes and result.quarantine is None,
              "%s: %r" % (name, result.inserts))
        line = daemon.messages()[0]
        check(line["action"] == "continue", "%s: %s" % (name, line))
        check(line.get("would", "").startswith(action), "%s: %s" % (name, line))
        check(line.get("rule", "") == "", line)
        check(daemon.stop() == 0, "exit status")


def observe_first(place):
    """The first rule that would have refused is the one that is logged."""
    rules = ('rule "first" { stage = mail  direction = inbound  action = reject }\n'
             'rule "second" { stage = eom  direction = inbound  action = mark }\n')
    daemon = Inbound(place, "", "mode = observe\n" + rules).start()
    daemon.send(MESSAGE)
    check(daemon.messages()[0]["would"].startswith("reject"), daemon.messages())
    check(daemon.stop() == 0, "exit status")


def one_connection(place):
    """A message of each kind after the other on one connection: nothing of one is left over."""
    zone = 'silent.example. TXT "v=spf1 -all"\n'
    rules = ('rule "spf" { stage = mail  spf = { fail }  action = reject }\n'
             'rule "rcpt" { stage = rcpt  recipient = { "no@example.org" }  action = reject }\n'
             'rule "marked" { stage = mail  sender-domain = { "marked.example" }  action = mark }\n'
             'rule "taken" { stage = mail  sender-domain = { "taken.example" }  action = accept }\n'
             'rule "author" { stage = eom  author = { none, multiple }  action = reject }\n')
    daemon = Inbound(place, zone, rules).start()
    good = [(b"From", b" x@author.example")]
    user = ["<user@example.org>"]
    with daemon.session() as session:
        for sender, rcpts, fields, want, marks in (
                ("<x@fine.example>", user, good, "eom continue", 0),
                ("<x@silent.example>", user, good, "mail 550 5.7.23", 0),
                ("<x@fine.example>", user, good, "eom continue", 0),
                ("<x@marked.example>", user, good, "eom continue", 1),
                ("<x@fine.example>", user, good, "eom continue", 0),
                ("<x@taken.example>", user, good * 2, "eom continue", 0),
                ("<x@fine.example>", user, good * 2, "eom 550 5.7.1", 0),
                ("<x@fine.example>", ["<no@example.org>"], good, "rcpt 550 5.7.1", 0),
                ("<x@fine.example>", ["<no@example.org>"] + user, good, "eom continue", 0)):
            result = session.message(sender, rcpts, fields)
            check(result.answer.brief() == want, "%s: %s" % (sender, result.answer.brief()))
            got = [name for _, name, _ in result.inserts]
            check(got.count("X-Postseal-Disposition") == marks, "%s: %s" % (sender, got))
            check(got.count("Authentication-Results") == (want == "eom continue"), got)
    check(daemon.stop() == 0, "exit status")


def bypass(place):
    """What a client of `bypass = all` sends is none of ours; the log has a line of the session."""
    text = ('rule "pass" { stage = connect  client-net = { "%s" }  action = accept  bypass = all }\n'
            'rule "no" { stage = eom  action = reject }\n' % ELSEWHERE)
    daemon = Inbound(place, "", text).start()
    with Session(daemon.socket) as session:
        answer = session.connect(ELSEWHERE)
        check(answer.action == "accept", answer.action)
    wait_until(daemon.messages, "a log line of the session")
    line = daemon.messages()[0]
    check((line["action"], line["rule"], line["client"]) == ("accept", "pass", ELSEWHERE), line)
    answer, _ = walk(daemon, NOBODY)
    check(answer.brief() == "eom 550 5.7.1", answer.brief())
    check(any("bypass = all" in text for text in daemon.log().splitlines()), "no warning")
    check(daemon.stop() == 0, "exit status")


def commands(place):
    """A command that the MTA does not know is answered for itself, wherever it comes; the message
    around it goes on."""
    text = ('rule "expn" { stage = unknown  command = { "EXPN" }  action = reject\n'
            '    text = { "%{command} is", "100% off" } }\n'
            'rule "help" { stage = unknown  command = { "HELP" }  action = reject\n'
            '    mode = observe }\n'
            'rule "note" { stage = mail  action = replace-header  header = "X-Note: %{sender}" }\n')
    daemon = Inbound(place, "", text).start()
    with Session(daemon.socket) as session:
        session.connect(NOBODY)
        session.helo()
        session.mail("<x@sender.example>")
        told = "502-5.5.1 %s is\r\n502 5.5.1 100%% off"
        for line, want in (("EXPN all", told % "EXPN all"), ("HELP", ""), ("FOO", ""),
                           ("EXPN", told % "EXPN")):
            answer = session.command(line)
            check(answer.text == want and answer.is_final == (want != ""),
                  "%s: %s %r" % (line, answer.action, answer.text))
        session.rcpt("<user@example.org>")
        fields, body = split_message(b"X-Note: forged\r\n" + MESSAGE)
        session.content(fields, body)
        result = session.result
        check(("X-Note", 1) in result.deletes, "%s" % result.deletes)
        check([value for _, name, value in result.inserts if name == "X-Note"]
              == [b" x@sender.example"], "%s" % result.inserts)
    wait_until(daemon.messages, "a log line")
    check(len(daemon.messages()) == 1 and daemon.messages()[0]["observed"] == "help",
          "%s" % daemon.messages())
    check(daemon.stop() == 0, "exit status")
    # Nothing of them is sent where no rule asks.
    daemon = Inbound(place, "", "").start()
    with Session(daemon.socket) as session:
        check(session.steps & 0x100 != 0, "unknown commands are asked for")
    check(daemon.stop() == 0, "exit status")


def command_agrees(place):
    """`postseal check` takes what the daemon takes."""
    daemon = Inbound(place, "", ALL % ("eom", "reject"))
    done = subprocess.run([os.path.join(BUILD, "postseal"), "check", daemon.config], check=False,
                          capture_output=True, timeout=PATIENCE)
    check(done.returncode == 0, done.stderr.decode())


if __name__ == "__main__":
    sys.exit(run_cases([matrix, continue_goes_on, hold_is_not_softened, refused_at_load, reserved,
                        recipients_of_rules, observe, observe_first, one_connection,
                        bypass, commands, command_agrees]))
