#!/usr/bin/env python3
"""What `postseal status` counts: rules, verdicts, results, DNS. `tests/daemon/test_counters.py CASE`
runs one case."""
import json
import os
import re
import socket
import subprocess
import sys

from daemon import PATIENCE, SOURCE, check, run_cases, wait_until
from inbound import POSTSEAL, Inbound

ZONE = """$ORIGIN .
fail.example. TXT "v=spf1 -all"
_dmarc.fail.example. TXT "v=DMARC1; p=reject"
_dmarc.sub.two.example. TXT "v=DMARC1; p=none"
mail.sub.two.example. A 192.0.2.1
slow.example. TXT "v=spf1 include:gone.example -all"
$FAULT gone.example. TXT TIMEOUT
$FAULT broken.example. TXT SERVFAIL
many.example. TXT "v=spf1 a:a.example a:b.example a:c.example a:d.example a:e.example a:f.example -all"
a.example. A 192.0.2.100
b.example. A 192.0.2.100
c.example. A 192.0.2.100
d.example. A 192.0.2.100
e.example. A 192.0.2.100
f.example. A 192.0.2.100
"""


def ask(daemon):
    done = subprocess.run([POSTSEAL, "status", "--json", "-c", daemon.config], check=False,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)
    check(done.returncode == 0, "status: %d %s" % (done.returncode, done.stderr))
    return json.loads(done.stdout)


def rule(status, name, stage=None):
    """(matched, decided, would, spared, overdue) of the only rule of that name and stage."""
    rows = [row for row in status["rules"] if row["rule"] == name and stage in (None, row["stage"])]
    check(len(rows) == 1, "%d rules \"%s\"" % (len(rows), name))
    return tuple(rows[0][key] for key in ("matched", "decided", "would", "spared", "overdue"))


def require(got, want, what):
    check(got == want, "%s: %s, not %s" % (what, got, want))


def message(author="x@fail.example"):
    return ("From: %s\r\nSubject: x\r\n\r\nhello\r\n" % author).encode()


def send(daemon, count=1, author="x@fail.example", **more):
    """Each in a session of its own."""
    for _ in range(count):
        before = len(daemon.messages())
        result = daemon.send(message(author), **more)
        wait_until(lambda: len(daemon.messages()) > before, "the line of the message")
    return result


RULES = """local-domains = { "example.org" }
rule "watch" { stage = mail direction = inbound spf = { fail } action = reject mode = observe }
rule "to nobody" { stage = rcpt direction = inbound recipient = { "nobody@example.org" }
    action = reject }
rule "watch rcpt" { stage = rcpt sender-domain = { "fail.example" } action = tempfail
    mode = observe }
rule "dmarc" { stage = eom direction = inbound dmarc = { fail } action = reject }
rule "never" { stage = eom direction = outbound action = reject mode = observe }
rule "gone" { stage = eom direction = outbound action = reject mode = off }
"""


def rules(place):
    """Each rule's numbers, over a reload that keeps some of them."""
    daemon = Inbound(place, ZONE, RULES).start()
    require([row["rule"] for row in ask(daemon)["rules"]],
            ["watch", "to nobody", "watch rcpt", "dmarc", "never"], "the rules")
    send(daemon, 3, sender="<a@fail.example>",
         rcpts=("<user@example.org>", "<nobody@example.org>", "<other@example.org>"))
    status = ask(daemon)
    require(rule(status, "watch"), (3, 0, 3, 0, 0), "watch")
    # Of three recipients one is refused, and the rule behind it never sees that one.
    require(rule(status, "to nobody"), (3, 3, 0, 0, 0), "to nobody")
    require(rule(status, "watch rcpt"), (6, 0, 6, 0, 0), "watch rcpt")
    require(rule(status, "dmarc"), (3, 3, 0, 0, 0), "dmarc")
    require(rule(status, "never"), (0, 0, 0, 0, 0), "never")
    require(status["verdicts"], [{"direction": "inbound", "stage": "eom", "action": "reject",
                                  "count": 3}], "verdicts")
    require(status["recipients_refused"], 3, "recipients refused")
    require((status["spf"]["fail"], status["spf"]["pass"], status["dmarc"]["fail"],
             status["dkim"]["none"]), (3, 0, 3, 3), "results")
    # Postmaster stays reachable.
    send(daemon, sender="<a@fail.example>", rcpts=("<postmaster@example.org>",))
    require(rule(ask(daemon), "dmarc"), (4, 3, 0, 1, 0), "dmarc for postmaster")
    # Name and stage stay: so do the numbers, whatever else has changed.
    daemon.configure(RULES.replace('"watch"', '"look"').replace('"never" { stage = eom',
                                                                '"never" { stage = mail')
                     .replace("dmarc = { fail } action = reject", "dmarc = { fail } action = mark"))
    done = subprocess.run([POSTSEAL, "reload", "-c", daemon.config], check=False, text=True,
                          capture_output=True, timeout=PATIENCE, env=place.environment)
    require((done.returncode, done.stdout), (0, "configuration 2 is in force\n"), "reload")
    send(daemon, sender="<a@fail.example>")
    status = ask(daemon)
    require(rule(status, "look"), (1, 0, 1, 0, 0), "a new name")
    require(rule(status, "dmarc"), (5, 4, 0, 1, 0), "the old name and stage")
    require(rule(status, "never", "mail"), (0, 0, 0, 0, 0), "the old name, a new stage")
    require(sorted((row["action"], row["count"]) for row in status["verdicts"]),
            [("continue", 1), ("mark", 1), ("reject", 3)], "verdicts")
    done = subprocess.run([POSTSEAL, "status", "-c", daemon.config], check=True, text=True,
                          capture_output=True, timeout=PATIENCE, env=place.environment)
    for line in ("spf           fail 5", "dmarc         fail 5", "dkim          none 5",
                 "  %9d  %-9s %-8s %s" % (3, "inbound", "eom", "reject"),
                 "  %9d %9d %9d  %-8s %-8s %-10s %s" % (5, 4, 0, "eom", "enforce", "mark",
                                                        "dmarc (spared 1)"),
                 "  %9d %9d %9d  %-8s %-8s %-10s %s" % (8, 0, 8, "rcpt", "observe", "tempfail",
                                                        "watch rcpt")):
        check(line in done.stdout.splitlines(), "no \"%s\" in:\n%s" % (line, done.stdout))
    check(daemon.stop() == 0, "exit status")


def observing(place):
    """With mode = observe at the top level no rule decides, and each says what it would have done."""
    daemon = Inbound(place, ZONE, "mode = observe\n" + RULES.replace("mode = observe", "")).start()
    result = send(daemon, 2, sender="<a@fail.example>", rcpts=("<nobody@example.org>",))
    check(result.answer.action == "continue", "refused: %s" % result.answer.brief())
    status = ask(daemon)
    require(status["configuration"]["mode"], "observe", "mode")
    for name in ("watch", "to nobody", "dmarc"):
        require(rule(status, name), (2, 0, 2, 0, 0), name)
    require(status["would"], [{"direction": "inbound", "stage": "mail", "action": "reject",
                               "count": 2}], "would")
    require(status["verdicts"], [{"direction": "inbound", "stage": "eom", "action": "continue",
                                  "count": 2}], "verdicts")
    check(daemon.stop() == 0, "exit status")


def stages(place):
    """Greetings, marks and holds, accept, messages that are broken off."""
    more = """rule "helo" { stage = helo client-net = { "192.0.2.9" } action = reject }
rule "ok" { stage = mail sender-domain = { "friend.example" } action = accept }
rule "mark" { stage = mail sender-domain = { "mark.example" } action = mark }
rule "hold" { stage = eom sender-domain = { "hold.example" } action = hold-queue }
"""
    daemon = Inbound(place, ZONE, more).start()
    with daemon.session(ip="192.0.2.1") as session:
        session.mail("<a@gone.example>")
        wait_until(lambda: ask(daemon)["messages"]["under_way"] == 1, "the message")
    wait_until(lambda: ask(daemon)["aborted"] == 1, "the broken message")
    for sender in ("friend", "mark", "hold"):
        send(daemon, sender="<a@%s.example>" % sender)
    before = len(daemon.messages())
    try:
        daemon.session(ip="192.0.2.9")
    except Exception:  # pylint: disable=broad-except
        pass
    wait_until(lambda: len(daemon.messages()) > before, "the greeting")
    status = ask(daemon)
    for name in ("helo", "ok", "mark", "hold"):
        require(rule(status, name), (1, 1, 0, 0, 0), name)
    require(sorted((row["stage"], row["action"], row["count"]) for row in status["verdicts"]),
            [("eom", "hold-queue", 1), ("helo", "reject", 1), ("mail", "accept", 1),
             ("mail", "mark", 1)], "verdicts")
    check(daemon.stop() == 0, "exit status")


def compared(place):
    """dmarc-method = compare: how often the list says otherwise."""
    daemon = Inbound(place, ZONE, "dmarc-method = compare\n").start()
    send(daemon, 2, author="x@mail.sub.two.example")
    send(daemon, author="x@fail.example")
    require(ask(daemon)["dmarc_compare"], {"messages": 3, "differ": 2, "differ_in_result": 2},
            "compare")
    check(daemon.stop() == 0, "exit status")


def dns(place):
    daemon = Inbound(place, ZONE, "dns-questions = 10\n").start()
    require(ask(daemon)["dns"], {"resolver": "zone", "questions": 0, "cache_hits": 0, "timeouts": 0,
                                 "failures": 0, "capped": 0}, "before")
    send(daemon, sender="<a@slow.example>")
    send(daemon, sender="<a@broken.example>")
    status = ask(daemon)["dns"]
    check(status["questions"] >= 4 and status["timeouts"] == 1 and status["failures"] == 1 and
          status["capped"] == 0, status)
    send(daemon, author="x@a.b.c.d.e.f.g.h.i.j.k.none.example", sender="<a@many.example>")
    check(ask(daemon)["dns"]["capped"] > 0, ask(daemon)["dns"])
    check(daemon.stop() == 0, "exit status")


def documented(place):
    """Every member of the status, and every command, has its paragraph, and no other has one."""
    def block(page, begin, ends):
        with open(os.path.join(SOURCE, "doc", page)) as file:
            text = file.read().split(begin + "\n", 1)[1]
        return re.split(ends, text, maxsplit=1)[0]

    daemon = Inbound(place, ZONE, RULES).start()
    send(daemon, sender="<a@fail.example>")
    status = ask(daemon)
    text = block("postseal.1", ".Sh STATUS", r"\n\.Sh ")
    items = [name for line in re.findall(r"^\.It Cm (.*)", text, re.M) for name in line.split(" , ")]
    require(sorted(items), sorted(status), "postseal(1), STATUS")
    words = set(re.findall(r"[a-z_]+", text))
    for name in ("configuration", "sessions", "messages", "memory", "dns", "dmarc_compare"):
        check(set(status[name]) <= words, "postseal(1), STATUS: %s: %s" % (name, status[name]))
    for name in ("rules", "verdicts"):
        check(set(status[name][0]) <= words, "postseal(1), STATUS: %s: %s" % (name, status[name]))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.state_dir + "/control")
        sock.sendall(b"help\n")
        sock.shutdown(socket.SHUT_WR)
        rows = [json.loads(line) for line in sock.makefile() if '"ok"' not in line]
    text = block("postseald.8", ".Ss Control socket", r"\n\.Ss ")
    require(sorted(re.findall(r"^\.It Ic (\S+)", text, re.M)), sorted(row["command"] for row in rows),
            "postseald(8), Control socket")
    check(daemon.stop() == 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([rules, observing, stages, compared, dns, documented]))
