#!/usr/bin/env python3
"""Two daemons that count in one Redis: together they admit what one would, whatever is aborted.
Skipped, and said so, where there is no redis-server."""
import random
import signal
import subprocess
import sys
import threading

from daemon import PATIENCE, check, run_cases, wait_until
from inbound import POSTSEAL
from milter import Session
from sharedstore import LIMIT, Clock, is_missing, start, stop

SESSIONS = 16
FIELDS = [(b"From", b" joe@example.org"), (b"Subject", b" x")]
LOGIN = {"{auth_authen}": "joe", "{auth_type}": "PLAIN"}


class Load:
    """Sessions side by side, each of them over and over with one of the daemons."""

    def __init__(self, daemons, recipients, abort=None):
        self.daemons = daemons
        self.recipients = recipients
        self.abort = abort or (lambda: None)
        self.lock = threading.Lock()
        self.accepted = self.refused = self.left = 0
        self.faults = []

    def message(self, session, stage):
        """Recipients that were accepted with their message. Aborted before `stage`."""
        session.result.inserts.clear()
        check(not session.mail("<joe@example.org>", LOGIN).is_final, "MAIL is refused")
        answers = []
        for i in range(self.recipients):
            answers.append(session.rcpt("<r%d@example.net>" % i))
            if stage == "rcpt" and i == 1:
                return None
        good = [answer for answer in answers if not answer.is_final]
        for answer in answers:
            check(not answer.is_final or answer.text.startswith("450 4.7.1 "), answer.text)
        if stage == "data" or not good or session.say("T").is_final or stage == "eoh":
            return None if stage else (0, len(answers))
        for name, value in FIELDS:
            check(not session.field(name, value).is_final, "a field is refused")
        check(not session.say("N").is_final, "the header is refused")
        check(not session.body(b"hello\r\n").is_final, "the body is refused")
        if stage == "eom":
            return None
        check(not session.say("E", b"", {"i": "4ABC"}).is_final, "the message is refused")
        return len(good), len(answers) - len(good)

    def run_session(self, daemon):
        with Session(daemon.socket) as session:
            session.connect("127.0.0.1", "localhost")
            session.helo()
            while True:
                with self.lock:
                    if self.left <= 0:
                        return
                    self.left -= self.recipients
                stage = self.abort()
                counts = self.message(session, stage)
                if counts is None or counts[0] == 0:
                    session.abort()
                with self.lock:
                    self.accepted += counts[0] if counts else 0
                    self.refused += counts[1] if counts else 0

    def guarded(self, daemon):
        try:
            self.run_session(daemon)
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append("%s: %s" % (type(error).__name__, error))

    def run(self, recipients):
        self.left = recipients
        threads = [threading.Thread(target=self.guarded, args=(self.daemons[i % 2],))
                   for i in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not self.faults, "; ".join(self.faults[:3]))


def exact(place):
    """5,000 recipients: exactly as many as the limit are accepted, by both together."""
    _, daemons = start(place, "5s")
    load = Load(daemons, 5)
    load.run(5 * LIMIT)
    check((load.accepted, load.accepted + load.refused) == (LIMIT, 5 * LIMIT),
          "%d accepted, %d refused" % (load.accepted, load.refused))
    stop(daemons)


def aborted(place):
    """What ends before its end counts for nobody, wherever it ends."""
    _, daemons = start(place, "5s")
    numbers = random.Random(7)
    stages = ["rcpt", "data", "eoh", "eom", None]
    first = Load(daemons, 2, lambda: numbers.choice(stages))
    first.run(LIMIT)
    check(0 < first.accepted < LIMIT, "%d accepted" % first.accepted)
    second = Load(daemons, 5)
    second.run(2 * LIMIT)
    check(first.accepted + second.accepted == LIMIT,
          "%d and %d accepted" % (first.accepted, second.accepted))
    stop(daemons)


def postseal(daemon, *words):
    return subprocess.run([POSTSEAL, words[0], "-c", daemon.config, *words[1:]], check=False,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)


def released(place):
    """By either host, also by one that has never heard of the key."""
    redis, daemons = start(place, "5s", limit="10/1d")
    for daemon in (daemons[1], daemons[0]):
        load = Load([daemons[0], daemons[0]], 1)
        load.run(30)
        check(load.accepted == 10, "%d accepted" % load.accepted)
        check(redis.counted("joe") == 10, "%d counted" % redis.counted("joe"))
        done = postseal(daemon, "release", "joe")
        check(done.returncode == 0, "release: %s" % done.stderr)
        check(redis.counted("joe") == 0, "%d counted" % redis.counted("joe"))
    check(postseal(daemons[0], "release", "jim").returncode == 65, "jim is released")
    stop(daemons)


def host_is_dead(place):
    """Killed with recipients that it has reserved: they count until the lease is over, and then no
    more, while what was accepted stays."""
    clock = Clock(place)
    redis, daemons = start(place, "5s", clock.environment, limit="10/1d", more='rate-lease = "1m"\n')
    load = Load([daemons[0], daemons[0]], 1)
    load.run(2)
    with Session(daemons[0].socket) as session:
        session.connect("127.0.0.1", "localhost")
        session.helo()
        session.mail("<joe@example.org>", LOGIN)
        for i in range(8):
            check(not session.rcpt("<r%d@example.net>" % i).is_final, "RCPT is refused")
        check((redis.counted("joe"), redis.reserved()) == (10, 1), "nothing is reserved")
        daemons[0].send_signal(signal.SIGKILL)
        daemons[0].process.wait()
    check(redis.counted("joe") == 10, "the lease is over too soon")
    # A minute passes: a host that was there all the time would know that it does not.
    stop(daemons[1:])
    clock.set(70)
    daemons[1].start()
    wait_until(lambda: redis.reserved() == 0, "the reservation to fall due")
    check(redis.counted("joe") == 2, "%d counted" % redis.counted("joe"))
    load = Load([daemons[1], daemons[1]], 1)
    load.run(20)
    check(load.accepted == 8, "%d accepted" % load.accepted)
    stop(daemons[1:])


if __name__ == "__main__":
    sys.exit(77 if is_missing() else run_cases([exact, aborted, released,
                                                host_is_dead]))
