#!/usr/bin/env python3
"""The bulk-sender meter in the daemon: what is counted, said and shown, and kept over a restart.
`tests/daemon/test_bulk.py CASE` runs one case."""
import json
import os
import shutil
import subprocess
import sys

from daemon import PATIENCE, check, run_cases, wait_until
from inbound import POSTSEAL, Inbound
from milter import split_message
from sharedstore import Redis

LOGIN = {"{auth_type}": "PLAIN", "{auth_authen}": "joe"}
CONF = """bulk-limit = 10
bulk-provider "mail.example" { domains = { ".mail.example" } limit = 3 }
rule "unsubscribe" { stage = eom direction = outbound bulk = yes
    one-click-unsubscribe = { none } action = reject }
"""
PLAIN = b"From: joe@news.example.org\r\nSubject: x\r\n\r\nhello\r\n"
OFFER = (b"List-Unsubscribe: <https://example.org/u>\r\n"
         b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")


def bulk(daemon, *more):
    done = subprocess.run([POSTSEAL, "bulk", "-c", daemon.config, *more], check=False,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)
    check(done.returncode == 0, "bulk: %d %s" % (done.returncode, done.stderr))
    return done.stdout


def rows(daemon, *more):
    return [tuple(row[key] for key in ("author_domain", "provider", "recipients", "limit"))
            for row in json.loads(bulk(daemon, "--json", *more))["bulk"]]


def require(got, want, what):
    check(got == want, "%s: %s, not %s" % (what, got, want))


def send(daemon, count, octets=PLAIN, domain="gmail.com", macros=LOGIN):
    """One message with so many recipients: the action at its end."""
    fields, body = split_message(octets)
    before = len(daemon.messages())
    with daemon.session() as session:
        result = session.message("<joe@example.org>",
                                 ["<u%d@%s>" % (i, domain) for i in range(count)], fields, body,
                                 macros)
    wait_until(lambda: len(daemon.messages()) > before, "the line of the message")
    return result.answer.action


def warnings(daemon):
    return [line.split("percent=")[1] for line in daemon.log().splitlines()
            if "event=bulk-warning" in line]


def counted(place):
    """Accepted recipients, by provider; nothing of what a rule refuses or of what comes in."""
    daemon = Inbound(place, "", CONF).start()
    require(bulk(daemon), "no recipients at large mailbox providers in the last 24 hours\n", "bulk")
    require(send(daemon, 4), "continue", "four")
    require(send(daemon, 5, domain="googlemail.com"), "continue", "five more")
    require(send(daemon, 2, domain="a.mail.example"), "continue", "elsewhere")
    require(send(daemon, 3, macros=None), "continue", "a stranger's")
    require(send(daemon, 1), "reject", "the tenth")
    want = [("example.org", "google", 9, 10), ("example.org", "mail.example", 2, 3)]
    require(rows(daemon), want, "rows")
    require(send(daemon, 2, OFFER + PLAIN), "continue", "with one-click")
    want[0] = ("example.org", "google", 11, 10)
    require(rows(daemon, "EXAMPLE.org"), want, "rows of the domain")
    require(rows(daemon, "example.net"), [], "rows of another")
    require(bulk(daemon).splitlines(),
            ["example.org  google  11 of 10 (110%), a bulk sender",
             "example.org  mail.example  2 of 3 (66%)"], "for a person")
    require(warnings(daemon),
            ["80 recipients=9 limit=10", "50 recipients=2 limit=3", "100 recipients=11 limit=10"],
            "warnings")
    rates = subprocess.run([POSTSEAL, "rates", "--json", "-c", daemon.config], check=True,
                           capture_output=True, text=True, timeout=PATIENCE,
                           env=daemon.place.environment)
    require(json.loads(rates.stdout)["rates"], [], "the meter is no rate")
    subprocess.run([POSTSEAL, "release", "-c", daemon.config, "example.org|google"], check=True,
                   capture_output=True, timeout=PATIENCE, env=daemon.place.environment)
    require(rows(daemon), want[1:], "released")
    require(daemon.stop(), 0, "exit status")


def kept(place):
    """Counts and what was warned of, over a restart."""
    daemon = Inbound(place, "", CONF).start()
    send(daemon, 6)
    require(daemon.stop(), 0, "exit status")
    daemon.start()
    require(rows(daemon), [("example.org", "google", 6, 10)], "rows")
    send(daemon, 1)
    require(rows(daemon), [("example.org", "google", 7, 10)], "rows")
    require(warnings(daemon), [], "nothing new to say")
    require(daemon.stop(), 0, "exit status")


def evaluated(place):
    """The same facts by the command, which begins with empty counts."""
    daemon = Inbound(place, "", CONF)
    words = [POSTSEAL, "eval", "--json", "-c", daemon.config, "--zone", daemon.zone, "--ip",
             "192.0.2.1", "--login", "joe", "--from", "<joe@example.org>"]
    for i in range(10):
        words += ["--rcpt", "<u%d@gmail.com>" % i]
    done = subprocess.run(words + ["-"], input=PLAIN, capture_output=True, check=False,
                          timeout=PATIENCE)
    check(done.returncode == 0, "eval: %s" % done.stderr.decode())
    result = json.loads(done.stdout)
    require(result["verdict"]["rule"], "unsubscribe", "rule")
    require(result["bulk"], {"author_domain": "example.org", "one_click_unsubscribe": "none",
                             "author_aligned": "spf",
                             "providers": [{"provider": "google", "recipients": 10, "used": 10,
                                            "limit": 10, "bulk": True}]}, "bulk")


def shared(place):
    """Two daemons that count in one Redis: one sum, and one warning of each kind."""
    if shutil.which("redis-server") is None:
        print("shared: skipped, no redis-server")
        return
    redis = Redis(place).start()
    secret = place.file("secret", "0123456789abcdef0123456789abcdef\n")
    os.chmod(secret, 0o600)
    os.chown(secret, *place.ids)
    conf = CONF + 'rate-store = "unix:%s"\nrate-secret = "file:%s"\nrate-timeout = "2s"\n' % (
        redis.path, secret)
    daemons = [Inbound(place, "", conf, name=name).start() for name in "ab"]
    for i in range(9):
        require(send(daemons[i % 2], 1), "continue", "message %d" % i)
    for daemon in daemons:
        require(send(daemon, 1), "reject", "the tenth")
        require(send(daemon, 1, OFFER + PLAIN), "continue", "with one-click")
    # Asked for the counts, a daemon has said what it has to say.
    require(max(rows(daemon)[0][2] for daemon in daemons), 11, "recipients")
    said = sorted(sum((warnings(daemon) for daemon in daemons), []))
    check([line.split()[0] for line in said] == ["100", "50", "80"] and
          said[0].endswith("0 limit=10"), "warnings: %s" % said)
    for daemon in daemons:
        require(daemon.stop(), 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([counted, kept, evaluated, shared]))
