#!/usr/bin/env python3
"""Whose a report of a failure is: the login's whose message it names, or, where the rate says so,
whose envelope sender it comes back to. `tests/daemon/test_bounces.py CASE` runs one case."""
import json
import subprocess
import sys
import time

from daemon import PATIENCE, check, run_cases, wait_until
from inbound import POSTSEAL, Inbound
from milter import split_message

CONF = """rate "by id" { key = { login } count = bounces limit = "9/1h" }
rate "by sender" { key = { login } count = bounces bounces-by = sender limit = "4/1h" }
"""
MAIL = b"From: joe@example.org\r\nMessage-ID: <one@example.org>\r\nSubject: x\r\n\r\nhello\r\n"
REPORT = (b"From: mailer-daemon@example.net\r\nContent-Type: multipart/report\r\n\r\n"
          b"Final-Recipient: rfc822; x@example.net\r\nAction: %s\r\n%s\r\n")


def send(daemon, octets, sender, rcpt, login=None):
    """The action of the answer that decides it, once it is logged."""
    fields, body = split_message(octets)
    macros = {"{auth_type}": "PLAIN", "{auth_authen}": login} if login else None
    before = len(daemon.messages())
    with daemon.session() as session:
        result = session.message(sender, [rcpt], fields, body, macros)
    wait_until(lambda: len(daemon.messages()) > before, "the line of the message")
    return result.answer.action


def counted(daemon):
    """Rate to what the login joe has used."""
    done = subprocess.run([POSTSEAL, "rates", "--json", "-c", daemon.config], check=True,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)
    return {row["rate"]: row["windows"][0]["used"] for row in json.loads(done.stdout)["rates"]}


def require(got, want, what):
    check(got == want, "%s: %s, not %s" % (what, got, want))


def attributed(place):
    daemon = Inbound(place, "", CONF).start()
    require(send(daemon, MAIL, "<joe@example.org>", "<x@example.net>", "joe"), "continue", "mail")
    for action, named, rcpt, want in (
            (b"failed", b"Message-ID: <one@example.org>", "joe@example.org", (1, 1)),
            (b"failed", b"", "joe@example.org", (1, 2)),
            (b"failed", b"", "joe+x=example.net@example.org", (1, 3)),
            (b"delayed", b"", "joe@example.org", (1, 3)),
            (b"failed", b"", "jane@example.org", (1, 3)),
            (b"failed", b"", "joe@example.org", (1, 4))):
        require(send(daemon, REPORT % (action, named), "<>", "<%s>" % rcpt), "continue", "report")
        require(counted(daemon), {"by id": want[0], "by sender": want[1]},
                "%s %s to %s" % (action, named, rcpt))
    require(send(daemon, MAIL, "<joe@example.org>", "<x@example.net>", "joe"), "tempfail", "joe")
    require(send(daemon, MAIL, "<joe@example.org>", "<x@example.net>", "jane"), "continue", "jane")
    require(daemon.stop(), 0, "exit status")


RATIO = """rate "ratio" { direction = outbound key = { login } count = bounces limit = "20%/6h"
    at-least = 5 warn-at = "50%" action = hold }
"""
FAILED = b"Final-Recipient: rfc822; x@example.net\r\nAction: failed\r\n\r\n"


def send_many(daemon, identity, count):
    """A message of joe's to so many; the actions of the answers to RCPT."""
    fields, body = split_message(MAIL.replace(b"<one@", b"<%s@" % identity))
    before = len(daemon.messages())
    with daemon.session() as session:
        result = session.message("<joe@example.org>", ["<u%d@example.net>" % i for i in range(count)],
                                 fields, body, {"{auth_type}": "PLAIN", "{auth_authen}": "joe"})
    wait_until(lambda: len(daemon.messages()) > before, "the line of the message")
    return result.answer


def report_of(daemon, identity, failures):
    octets = REPORT % (b"failed", FAILED * (failures - 1) + b"Message-ID: <%s@example.org>" % identity)
    require(send(daemon, octets, "<>", "<joe@example.org>"), "continue", "report")


def ratio(daemon):
    """(bounced, sent, state) of joe, and the line that people see."""
    def ask(*words):
        return subprocess.run([POSTSEAL, "rates", "-c", daemon.config, *words], check=True, text=True,
                              capture_output=True, timeout=PATIENCE,
                              env=daemon.place.environment).stdout
    rows = json.loads(ask("--json"))["rates"]
    line = [line for line in ask().splitlines() if line.startswith("joe ")]
    return [(row["windows"][0]["used"], row["windows"][0]["sent"], row["state"]) for row in rows], line


def share_of_what_was_sent(place):
    """Held with the bounce that makes more than a fifth of what was sent; that, and what was sent,
    is known after a kill; released, what was sent still counts."""
    daemon = Inbound(place, "", RATIO).start()
    require(send_many(daemon, b"one", 4).action, "continue", "mail to 4")
    report_of(daemon, b"one", 4)
    report_of(daemon, b"one", 3)
    require(ratio(daemon)[0], [(4, 4, "free")], "all of four")
    require(send_many(daemon, b"two", 20).action, "continue", "mail to 20")
    report_of(daemon, b"two", 1)
    require(ratio(daemon), ([(5, 24, "held")],
                            ['joe  "ratio"  5 of 24 sent, 20.8% of 20%/6h  held until it is released']),
            "five of 24")
    check(daemon.has_logged('event=rate-warning'), "no warning")
    require(send_many(daemon, b"three", 1).action, "tempfail", "held")
    time.sleep(1.2)
    daemon.kill()
    daemon.start()
    require(ratio(daemon)[0], [(5, 24, "held")], "after a kill")
    require(send_many(daemon, b"three", 1).action, "tempfail", "held after a kill")
    subprocess.run([POSTSEAL, "release", "-c", daemon.config, "joe"], check=True, timeout=PATIENCE,
                   stdout=subprocess.DEVNULL, env=daemon.place.environment)
    require(send_many(daemon, b"four", 6).action, "continue", "released")
    report_of(daemon, b"four", 6)
    require(ratio(daemon)[0], [(6, 30, "free")], "six of thirty")
    require(daemon.stop(), 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([attributed, share_of_what_was_sent]))
