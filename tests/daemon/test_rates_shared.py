#!/usr/bin/env python3
"""Two daemons that count in one Redis: together they admit what one would, whatever is aborted, and
whatever happens to the server. Skipped, and said so, where there is no redis-server."""
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

from daemon import PATIENCE, Daemon, check, run_cases, wait_until
from milter import Session

LIMIT = 1000
SESSIONS = 16
FIELDS = [(b"From", b" joe@example.org"), (b"Subject", b" x")]
LOGIN = {"{auth_authen}": "joe", "{auth_type}": "PLAIN"}


class Redis:
    """A server of its own on a UNIX socket; what it knows is gone with it."""

    def __init__(self, place):
        self.folder = place.folder("redis")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "s")
        self.process = None
        place.daemons.append(self)

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--unixsocketperm", "777",
             "--dir", self.folder, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.cli("PING") == "PONG", "redis-server")
        return self

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", self.path, *words], capture_output=True,
                              text=True, check=False, timeout=PATIENCE).stdout.strip()

    def send_signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
            self.process.wait()


def configuration(place, redis, timeout):
    secret = place.file("secret", "0123456789abcdef0123456789abcdef\n")
    os.chmod(secret, 0o600)
    os.chown(secret, *place.ids)
    return """rate-store = "unix:%s"
rate-secret = "file:%s"
rate-hosts = 2
rate-timeout = "%s"
rate "per login" { direction = outbound key = { "login" } count = recipients limit = "%d/1d"
    action = tempfail }
""" % (redis.path, secret, timeout, LIMIT)


class Load:
    """Sessions side by side, each of them over and over with one of the daemons."""

    def __init__(self, daemons, recipients, abort=None):
        self.daemons = daemons
        self.recipients = recipients
        self.abort = abort or (lambda: None)
        self.lock = threading.Lock()
        self.accepted = self.refused = self.left = self.slow = 0
        self.faults = []

    def message(self, session, stage):
        """Recipients that were accepted with their message. Aborted before `stage`."""
        session.result.inserts.clear()
        check(not session.mail("<joe@example.org>", LOGIN).is_final, "MAIL is refused")
        answers = []
        for i in range(self.recipients):
            begin = time.monotonic()
            answers.append(session.rcpt("<r%d@example.net>" % i))
            if time.monotonic() - begin > 1:
                self.slow += 1
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

    def run(self, recipients, meanwhile=lambda: None):
        self.left = recipients
        threads = [threading.Thread(target=self.guarded, args=(self.daemons[i % 2],))
                   for i in range(SESSIONS)]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()
        check(not self.faults, "; ".join(self.faults[:3]))


def start(place, timeout):
    redis = Redis(place).start()
    text = configuration(place, redis, timeout)
    return redis, [Daemon(place, text, name=name).start() for name in ("a", "b")]


def stop(daemons):
    for daemon in daemons:
        check(daemon.stop() == 0, "a daemon does not end well")


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


def broken(place):
    """The server is frozen, goes on, is flushed, is killed and comes back empty while mail comes
    in: every message is answered, none waits for long, and what was admitted is hardly more than
    the limit: by what was on its way in each host when the other last heard of it."""
    redis, daemons = start(place, "50ms")
    load = Load(daemons, 1)

    def at(accepted):
        wait_until(lambda: load.accepted + load.refused >= accepted or load.left <= 0, "the load")

    def is_closed(daemon):
        return (daemon.log().count("until it answers again") ==
                daemon.log().count("rate-store: it answers again"))

    def faults():
        at(100)
        redis.send_signal(signal.SIGSTOP)
        at(250)
        redis.send_signal(signal.SIGCONT)
        at(350)
        check(redis.cli("FLUSHALL") == "OK", "FLUSHALL")
        at(450)
        redis.kill()
        at(550)
        redis.start()

    load.run(3 * LIMIT, faults)
    wait_until(lambda: all(is_closed(daemon) for daemon in daemons), "the breakers to close")
    last = Load(daemons, 1)
    last.run(LIMIT + 200)
    total = load.accepted + last.accepted
    check(all("one part in 2" in daemon.log() for daemon in daemons), "a breaker never opened")
    check(total <= LIMIT + 4 * 2 * SESSIONS, "%d accepted" % total)
    check(total >= LIMIT // 2, "only %d accepted" % total)
    # As many as were on their way when it stopped answering, and those that opened the breaker.
    check(load.slow <= 3 * 2 * SESSIONS, "%d waited" % load.slow)
    stop(daemons)


if __name__ == "__main__":
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        print("skipped: no redis-server here (Debian: redis-server)")
        sys.exit(77)
    sys.exit(run_cases([exact, aborted, broken]))
