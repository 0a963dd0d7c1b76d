#!/usr/bin/env python3
"""Whose a report of a failure is: the login's whose message it names, or, where the rate says so,
whose envelope sender it comes back to. `tests/daemon/test_bounces.py CASE` runs one case."""
import json
import subprocess
import sys

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


if __name__ == "__main__":
    sys.exit(run_cases([attributed]))
