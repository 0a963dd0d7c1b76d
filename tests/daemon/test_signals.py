#!/usr/bin/env python3
"""postseald under load and signals: reloads lose nothing, the end finishes what is under way, and
too much is put off. `tests/daemon/test_signals.py CASE` runs one case."""
import json
import os
import signal
import sys
import time

from daemon import (LOGIN, PATIENCE, SIGN, Daemon, Failure, Mta, check, miltload, run_cases,
                    start_miltload, wait_until)


def finish(load):
    output, _ = load.communicate(timeout=2 * PATIENCE)
    return json.loads(output), load.returncode


def require_all_signed(summary, number):
    check(summary["errors"] == {}, "errors: %s" % summary["errors"])
    check(summary["replies"] == {"continue": number}, "replies: %s" % summary["replies"])
    check(summary["modifications"] == {"INSHEADER": 2 * number},
          "modifications: %s" % summary["modifications"])


def message(place):
    return place.file("message", "From: joe@example.org\nTo: a@example.com\nSubject: x\n\n"
                      + 20 * "a line of the body\n")


def reloads(place):
    """100 HUPs while 64 sessions send: nothing lost, refused or unsigned, the same process."""
    daemon = Daemon(place).start()
    load = start_miltload(daemon, "-c", "64", "-n", "3000", "-k", "7", "-f", message(place), *LOGIN)
    for number in range(100):
        before = daemon.log().count("is in force")
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.01)
        if number % 25 == 24:
            wait_until(lambda: daemon.log().count("is in force") > before, "a reload")
        check(daemon.process.poll() is None, "the process ended")
    summary, _ = finish(load)
    require_all_signed(summary, 3000)
    check(daemon.stop() == 0, "exit status")
    refused = [m for m in daemon.messages() if m["action"] != "continue" or "signed" not in m]
    check(not refused, "refused or unsigned: %s" % refused[:3])


def bad_reload(place):
    """The old configuration stays, and the log says why."""
    daemon = Daemon(place).start()
    for text, fault in (("nonsense = 1\n", "nonsense"),
                        ('sign "example.org" { keys = { "none" } }\n', "none")):
        daemon.configure(text)
        before = daemon.log().count("reload refused")
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.log().count("reload refused") > before, "the refusal")
        line = daemon.log().strip().splitlines()[-1]
        check("configuration 1 stays in force" in line and fault in line, line)
        require_all_signed(miltload(daemon, "-n", "1", "-f", message(place), *LOGIN), 1)
    daemon.configure("", pid_file=place.run + "/b.pid")
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.has_logged("is in force"), "the reload")
    check(daemon.has_logged("pid-file has changed"), "no word about the restart")
    summary = miltload(daemon, "-n", "1", "-f", message(place), *LOGIN)
    check(summary["modifications"] == {}, "signed without a sign block")
    check(daemon.stop() == 0, "exit status")


def required_tests(place):
    """Neither a start nor a reload takes a configuration whose tests fail."""
    given = 'given "x" { ip = "192.0.2.1" from = "a@example.com" }\n'
    place.file("required.tests", given + 'expect "x" { action = continue }\n')
    rule = 'rule "all" { stage = mail  action = reject }\n'
    need = 'require-tests = { "required.tests" }\n'
    daemon = Daemon(place, SIGN + need + rule)
    status, errors = daemon.run("-f")
    check(status == 78 and "1 of 1 tests of" in errors and "want continue, got reject" in errors,
          "%d %s" % (status, errors))
    daemon.configure(SIGN + need)
    daemon.start()
    daemon.configure(SIGN + need + rule)
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.has_logged("reload refused"), "the refusal")
    check(daemon.has_logged('required.tests:2: "x": action: want continue, got reject'),
          daemon.log())
    require_all_signed(miltload(daemon, "-n", "1", "-f", message(place), *LOGIN), 1)
    place.file("required.tests", given + 'expect "x" { rule = "all" }\n')
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.has_logged("is in force"), "the reload")
    check(daemon.stop() == 0, "exit status")


def pinned(place):
    """A session keeps the configuration that it began with, also when a reload comes between two of
    its stages."""
    daemon = Daemon(place).start()
    with Mta(daemon) as mta:
        mta.envelope()
        daemon.configure("")
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.has_logged("is in force"), "the reload")
        check(mta.content() == [b"i", b"i", b"c"], "no signature of the old configuration")
    check(daemon.stop() == 0, "exit status")


def status(place):
    daemon = Daemon(place).start()
    require_all_signed(miltload(daemon, "-n", "3", "-f", message(place), *LOGIN), 3)
    daemon.send_signal(signal.SIGUSR1)
    wait_until(lambda: daemon.has_logged("3 messages since the start"), "the status line")
    check(daemon.stop() == 0, "exit status")


def term_under_way(place):
    """TERM: what is under way is finished and signed, new mail on open sessions is put off, nobody
    new comes in; then the process ends without waiting for anything else."""
    daemon = Daemon(place).start()
    with Mta(daemon) as busy, Mta(daemon) as idle:
        busy.envelope()
        idle.connect()
        busy.send(b"L", b"Subject\0 x\0")
        wait_until(lambda: is_under_way(daemon), "the message")
        daemon.send_signal(signal.SIGTERM)
        wait_until(lambda: daemon.has_logged("stopping:"), "the beginning of the end")
        idle.mail()
        check(idle.content() == [b"y"] and idle.last.startswith(b"451 4.3.2 "),
              "new mail while stopping: %r" % idle.last)
        try:
            Mta(daemon)
            raise Failure("a new session was accepted")
        except OSError:
            pass
        check(busy.content() == [b"i", b"i", b"c"], "the message under way: %r" % busy.last)
        begin = time.monotonic()
        check(daemon.stop(0) == 0, "exit status")
        check(time.monotonic() - begin < 5, "%.1f s to end" % (time.monotonic() - begin))
    actions = sorted(m["action"] for m in daemon.messages())
    check(actions == ["continue", "tempfail"], actions)
    check(os.listdir(place.run) == [], "left: %s" % os.listdir(place.run))


def is_under_way(daemon):
    daemon.send_signal(signal.SIGUSR1)
    time.sleep(0.05)
    return daemon.has_logged(" 1 messages under way")


def term_limit(place):
    """A message that never ends does not keep the process longer than shutdown-timeout."""
    daemon = Daemon(place)
    daemon.configure(SIGN + "shutdown-timeout = 1s\n")
    daemon.start()
    with Mta(daemon) as mta:
        mta.envelope()
        wait_until(lambda: is_under_way(daemon), "the message")
        begin = time.monotonic()
        check(daemon.stop() == 0, "exit status")
        check(0.9 < time.monotonic() - begin < 10, "%.1f s" % (time.monotonic() - begin))
    check(daemon.has_logged("1 messages unfinished"), "no word about it")


def term_idle(place):
    """Idle sessions do not keep it at all."""
    daemon = Daemon(place).start()
    with Mta(daemon) as mta:
        mta.envelope()
        check(mta.content() == [b"i", b"i", b"c"], "not signed")
        begin = time.monotonic()
        check(daemon.stop() == 0, "exit status")
        check(time.monotonic() - begin < 5, "%.1f s to end" % (time.monotonic() - begin))


def term_under_load(place):
    """Whatever miltload counts as accepted carries its signatures."""
    daemon = Daemon(place).start()
    load = start_miltload(daemon, "-c", "50", "-n", "100000", "-k", "20", "--max-time", "20",
                          "--timeout", "5", "-f", message(place), *LOGIN)
    wait_until(lambda: len(daemon.messages()) > 200, "the load")
    status_ = daemon.stop()
    load.terminate()
    load.wait()
    check(status_ == 0, "exit status %s" % status_)
    for entry in daemon.messages():
        if entry["action"] == "continue":
            check(entry.get("signed", "").count(",") == 1, "accepted unsigned: %s" % entry)
        else:
            check(entry["action"] == "tempfail" and "451" in str(entry), entry)


def too_many_sessions(place):
    daemon = Daemon(place)
    daemon.configure(SIGN + "sessions-max = 2\n")
    daemon.start()
    with Mta(daemon) as one, Mta(daemon) as two:
        three = miltload(daemon, "-n", "1", "-f", message(place), *LOGIN)
        check(list(three["replies"]) == ["replycode:451 4.3.2 Too many sessions, please try again "
                                         "later@connect"], three["replies"])
        for mta in (one, two):
            mta.envelope()
            check(mta.content() == [b"i", b"i", b"c"], "not signed")
    wait_until(lambda: miltload(daemon, "-n", "1", "-f", message(place), *LOGIN)["replies"] ==
               {"continue": 1}, "room again")
    check(daemon.has_logged("sessions-max = 2 is reached"), "no word about it")
    check(daemon.stop() == 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([reloads, bad_reload, required_tests, pinned, status, term_under_way,
                        term_limit, term_idle, term_under_load, too_many_sessions]))
