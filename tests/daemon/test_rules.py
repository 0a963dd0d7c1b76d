#!/usr/bin/env python3
"""A verdict of each stage as the MTA gets it, and its log line. `tests/daemon/test_rules.py CASE` runs
one case."""
import sys

from daemon import LOGIN, Daemon, check, miltload, run_cases, wait_until

REFUSAL = "replycode:550 5.7.1 50%% no %%s"


def verdicts(place):
    message = place.file("message", "From: joe@example.net\nSubject: x\n\nhello\n")
    text = 'text = "50% no %s"'
    for stage, action, more, replies, modifications, logged in (
            ("connect", "reject", text, {REFUSAL + "@connect": 2}, {}, "reject"),
            ("helo", "reject", text, {REFUSAL + "@helo": 2}, {}, "reject"),
            ("mail", "reject", text, {REFUSAL + "@mail": 2}, {}, "reject"),
            ("rcpt", "reject", text,
             {"recipient " + REFUSAL: 2, "all recipients rejected@rcpt": 2}, {}, "reject"),
            ("data", "reject", text, {REFUSAL + "@data": 2}, {}, "reject"),
            ("eoh", "reject", text, {REFUSAL + "@eoh": 2}, {}, "reject"),
            ("eom", "reject", text, {REFUSAL: 2}, {}, "reject"),
            ("mail", "discard", "", {"discard@mail": 2}, {}, "discard"),
            ("data", "discard", "", {"discard@data": 2}, {}, "discard"),
            ("eom", "discard", "", {"discard": 2}, {}, "discard"),
            ("mail", "hold-queue", "", {"continue": 2}, {"QUARANTINE": 2}, "hold-queue"),
            ("data", "mark", "", {"continue": 2}, {"INSHEADER": 2}, "mark"),
            ("eom", "mark", "", {"continue": 2}, {"INSHEADER": 2}, "mark"),
            ("eom", "accept", "", {"continue": 2}, {}, "accept"),
            ("eom", "reject", "mode = observe", {"continue": 2}, {}, "continue"),
    ):
        name = "%s-%s" % (stage, action)
        rule = 'rule "r" { stage = %s action = %s %s }\n' % (stage, action, more)
        daemon = Daemon(place, rule, name=name).start()
        summary = miltload(daemon, "-n", "2", "-k", "2", "-f", message, *LOGIN)
        check(summary["replies"] == replies, "%s: %s" % (name, summary["replies"]))
        check(summary["modifications"] == modifications,
              "%s: %s" % (name, summary["modifications"]))
        wait_until(lambda: len(daemon.messages()) >= 2, "two lines of " + name)
        lines = daemon.messages()
        check([line["action"] for line in lines] == [logged, logged], "%s: %s" % (name, lines))
        check(logged != "reject" or lines[0]["text"] == "50% no %s", "%s: %s" % (name, lines))
        check(daemon.stop() == 0, name)


def observed(place):
    """mode = observe refuses nothing."""
    message = place.file("message", "From: joe@example.net\n\nhello\n")
    for stage in ("connect", "helo", "mail", "rcpt", "data", "eoh", "eom"):
        daemon = Daemon(place, 'mode = observe\nrule "r" { stage = %s action = reject }\n' % stage,
                        name=stage).start()
        summary = miltload(daemon, "-n", "1", "-f", message, *LOGIN)
        check(summary["replies"] == {"continue": 1}, "%s: %s" % (stage, summary["replies"]))
        wait_until(lambda: len(daemon.messages()) == 1, "the line of " + stage)
        check("would" in daemon.messages()[0], "%s: %s" % (stage, daemon.messages()))
        check(daemon.stop() == 0, stage)


if __name__ == "__main__":
    sys.exit(run_cases([verdicts, observed]))
