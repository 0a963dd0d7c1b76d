#!/usr/bin/env python3
"""Two daemons that count in one Redis, to which things happen in the middle of load: it is frozen,
killed, flushed. No message waits longer than the time-out, none is lost, and the limit is exceeded
by no more than what the breaker's rule allows: each host admits its part, rounded up, of what was
left when it last heard of the key. Skipped, and said so, where there is no redis-server."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

from daemon import PATIENCE, Daemon, check, run_cases, wait_until
from inbound import POSTSEAL
from milter import Session
from sharedstore import LIMIT, Clock, Redis, configuration, is_missing, start, stop

SESSIONS = 16
HOSTS = 2
FIELDS = [(b"From", b" joe@example.org"), (b"Subject", b" x")]
# So long that a busy machine is not taken for a server that does not answer, and that two of them
# cannot be taken for one.
TIMEOUT = 1.0
NOISE = 0.8


class Load:
    """Sessions of both daemons that send messages to one recipient each until they are told to
    stop. What became of each is noted: (daemon, begin, end, accepted, session)."""

    def __init__(self, daemons, login):
        self.daemons, self.login = daemons, login
        self.done = []
        self.faults = []
        self.is_ending = False
        self.threads = [threading.Thread(target=self._guarded, args=(i % HOSTS, i), daemon=True)
                        for i in range(SESSIONS)]
        for thread in self.threads:
            thread.start()

    def _guarded(self, number, which):
        try:
            with Session(self.daemons[number].socket) as session:
                session.connect("127.0.0.1", "localhost")
                session.helo()
                while not self.is_ending:
                    begin = time.monotonic()
                    is_accepted = self.message(session, self.login)
                    self.done.append((number, begin, time.monotonic(), is_accepted, which))
                    # One who is refused comes back later: the machine is not all theirs.
                    time.sleep(0 if is_accepted else 0.02)
        except Exception as error:  # pylint: disable=broad-except  # told by end()
            self.faults.append("%s: %s" % (type(error).__name__, error))

    @staticmethod
    def message(session, login):
        """Whether it was accepted."""
        session.result.inserts.clear()
        macros = {"{auth_authen}": login, "{auth_type}": "PLAIN"}
        check(not session.mail("<joe@example.org>", macros).is_final, "MAIL is refused")
        answer = session.rcpt("<x@example.net>")
        if answer.is_final:
            check(answer.text.startswith("450 4.7.1 "), answer.text)
            session.abort()
            return False
        check(not session.say("T").is_final, "DATA is refused")
        for name, value in FIELDS:
            check(not session.field(name, value).is_final, "a field is refused")
        check(not session.say("N").is_final, "the header is refused")
        check(not session.body(b"hello\r\n").is_final, "the body is refused")
        check(not session.say("E", b"", {"i": "4ABC"}).is_final, "the message is refused")
        return True

    def accepted(self, host=None, since=0.0, begun_before=float("inf")):
        return sum(row[3] for row in list(self.done) if since <= row[1] < begun_before and
                   host in (None, row[0]))

    def wait_accepted(self, count):
        wait_until(lambda: self.accepted() >= count or self.faults, "%d to be accepted" % count)
        check(not self.faults, "; ".join(self.faults[:3]))

    def wait_refused(self, count=3 * SESSIONS):
        """By both, from now on."""
        begin = time.monotonic()
        wait_until(lambda: self.faults or all(
            sum(not row[3] for row in list(self.done) if row[1] > begin and row[0] == host) >= count
            for host in range(HOSTS)), "%s to be refused by both" % self.login)

    def wait_finished(self, at):
        """What was under way then."""
        wait_until(lambda: self.faults or len({row[4] for row in list(self.done)
                                               if row[1] >= at}) == SESSIONS,
                   "what was under way to end")

    def end(self):
        """No message without an answer, none that has waited longer than the time-out."""
        self.is_ending = True
        for thread in self.threads:
            thread.join(PATIENCE)
        check(not self.faults, "; ".join(self.faults[:3]))
        check(not any(thread.is_alive() for thread in self.threads), "a message has no answer")
        slowest = max(end - begin for _, begin, end, _, _ in self.done)
        check(slowest < TIMEOUT + NOISE, "a message took %.1f s" % slowest)


def known(daemon, login):
    """What the host has last heard of the login."""
    done = subprocess.run([POSTSEAL, "rates", "-c", daemon.config, "--json", login], check=True,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)
    rows = json.loads(done.stdout)["rates"]
    return rows[0]["windows"][0]["used"] if rows else 0


def breaks(daemon):
    return daemon.log().count("until it answers again")


def returns(daemon):
    return daemon.log().count("rate-store: it answers again")


def exhaust_parts(load, daemons, break_off):
    """Breaks the server off, and waits until both hosts have nothing left to admit. The parts that
    they had, by the rule, and how many had been accepted, or were under way."""
    before = [breaks(daemon) for daemon in daemons]
    begin = time.monotonic()
    break_off()
    at = time.monotonic()
    wait_until(lambda: all(breaks(daemon) > count for daemon, count in zip(daemons, before)),
               "the breakers to open")
    parts = [-(-(LIMIT - known(daemon, load.login)) // HOSTS) for daemon in daemons]
    load.wait_refused()
    load.wait_finished(at)
    begun = load.accepted(begun_before=at)
    for host, part in enumerate(parts):
        admitted = load.accepted(host, at)
        check(admitted <= part, "host %d admitted %d, its part is %d" % (host, admitted, part))
        # Those under way when it broke are of the same part.
        admitted = load.accepted(host, begin)
        check(admitted >= part - SESSIONS, "host %d admitted only %d of its %d" % (host, admitted,
                                                                                   part))
    return begun, sum(parts)


def wait_for_return(redis, daemons):
    """They hear of the server, and it of all that they have admitted."""
    wait_until(lambda: all(returns(daemon) == breaks(daemon) for daemon in daemons),
               "the breakers to close", 10)
    # All hosts may admit again when none is behind.
    time.sleep(4)
    wait_until(lambda: redis.reserved() <= SESSIONS, "the reservations to end")


def finish(redis, load, most):
    load.wait_refused()
    load.end()
    wait_until(lambda: redis.reserved() == 0, "the reservations to end")
    total = load.accepted()
    check(LIMIT <= total <= most, "%d accepted, at most %d are right" % (total, most))
    return total


def frozen(place):
    """SIGSTOP: it takes connections, and says nothing. Nothing is forgotten, so that all that was
    accepted is counted in the end."""
    redis, daemons = start(place, "%dms" % (TIMEOUT * 1000))
    load = Load(daemons, "joe")
    load.wait_accepted(200)
    begun, parts = exhaust_parts(load, daemons, lambda: redis.send_signal(signal.SIGSTOP))
    redis.send_signal(signal.SIGCONT)
    wait_for_return(redis, daemons)
    total = finish(redis, load, max(LIMIT, begun + parts))
    check(redis.counted("joe") == total, "%d counted, %d accepted" % (redis.counted("joe"), total))
    stop(daemons)


def killed(place):
    """It comes back without its keys, and is told by the hosts. What was answered last before its
    end nobody may have heard: no more than that is missing."""
    redis, daemons = start(place, "%dms" % (TIMEOUT * 1000))
    load = Load(daemons, "joe")
    load.wait_accepted(200)
    begun, parts = exhaust_parts(load, daemons, redis.kill)
    redis.start()
    wait_for_return(redis, daemons)
    total = finish(redis, load, max(LIMIT + SESSIONS, begun + parts))
    counted = redis.counted("joe")
    check(total - SESSIONS <= counted <= total + SESSIONS, "%d counted, %d accepted" % (counted,
                                                                                         total))
    stop(daemons)


def flushed(place):
    """Its keys, and then its scripts, are gone while it goes on answering: no breaker opens."""
    redis, daemons = start(place, "%dms" % (TIMEOUT * 1000))
    load = Load(daemons, "joe")
    load.wait_accepted(200)
    check(redis.cli("FLUSHALL") == "OK", "FLUSHALL")
    load.wait_accepted(400)
    check(redis.cli("SCRIPT", "FLUSH") == "OK", "SCRIPT FLUSH")
    load.wait_accepted(600)
    check(redis.cli("FLUSHALL") == "OK", "FLUSHALL")
    finish(redis, load, LIMIT + 2 * SESSIONS)
    check(not any(breaks(daemon) for daemon in daemons), "a breaker opened")
    stop(daemons)


def stuttering(place):
    """Frozen again as soon as it is back, before it has heard all and while hosts may be behind:
    the breakers open again, and each time no more is admitted than the parts."""
    redis, daemons = start(place, "%dms" % (TIMEOUT * 1000))
    load = Load(daemons, "joe")
    load.wait_accepted(200)
    most = LIMIT
    for _ in range(3):
        before = [breaks(daemon) for daemon in daemons]
        redis.send_signal(signal.SIGSTOP)
        begun = load.accepted() + SESSIONS
        wait_until(lambda b=before: all(breaks(daemon) > n for daemon, n in zip(daemons, b)),
                   "the breakers to open", 15)
        most = max(most, begun + sum(-(-(LIMIT - known(daemon, "joe")) // HOSTS)
                                     for daemon in daemons))
        redis.send_signal(signal.SIGCONT)
        wait_until(lambda: all(returns(daemon) == breaks(daemon) for daemon in daemons),
                   "the breakers to close", 10)
    wait_for_return(redis, daemons)
    total = finish(redis, load, most)
    check(redis.counted("joe") == total, "%d counted, %d accepted" % (redis.counted("joe"), total))
    stop(daemons)


def send_all(daemon, attempts):
    """How many of the messages are accepted."""
    accepted = 0
    with Session(daemon.socket) as session:
        session.connect("127.0.0.1", "localhost")
        session.helo()
        for _ in range(attempts):
            accepted += Load.message(session, "joe")
    return accepted


def clock_is_set(place):
    """The server's, an hour forward, back, and further back: the key is neither freed nor locked
    out by it."""
    clock = Clock(place)
    redis, daemons = start(place, "5s", clock.environment, limit="20/10s")
    before = int(redis.cli("TIME").split()[0])
    check(send_all(daemons[0], 30) == 20, "not 20 accepted")
    begin = time.monotonic()
    for seconds in (3600, 0, -3600, 0):
        clock.set(seconds)
        now = int(redis.cli("TIME").split()[0])
        check(abs(now - before - seconds) < 60, "the clock is not set")
        counts = [send_all(daemon, 5) for daemon in daemons]
        if time.monotonic() - begin < 9:
            check(counts == [0, 0], "%s accepted at %d s" % (counts, seconds))
    check(time.monotonic() - begin < 9, "the machine is too slow for this test")
    time.sleep(max(0, begin + 11 - time.monotonic()))
    check(send_all(daemons[1], 30) == 20, "locked out")
    check(not any(breaks(daemon) for daemon in daemons), "a breaker opened")
    stop(daemons)


def is_replica(place):
    """It becomes one, and takes no writes: that is a failure, not a decision. What is admitted
    meanwhile is counted when it takes them again."""
    redis, daemons = start(place, "5s", limit="40/1d")
    check(send_all(daemons[0], 10) == 10, "not accepted")
    check(redis.cli("REPLICAOF", "127.0.0.1", "1") == "OK", "REPLICAOF")
    # Half of the thirty that were left.
    check(send_all(daemons[0], 20) == 15, "its part is not 15")
    check("READONLY" in daemons[0].log(), "it is not said why")
    check(redis.cli("REPLICAOF", "NO", "ONE") == "OK", "REPLICAOF NO ONE")
    wait_until(lambda: returns(daemons[0]) == 1, "the breaker to close", 10)
    wait_until(lambda: redis.counted("joe") == 25, "all to be counted")
    check(send_all(daemons[1], 20) == 15, "not 15 more are accepted")
    stop(daemons)


def password_is_changed(place):
    """On the server, and then in the file: between the two the host does without the store, after a
    reload it is there again. One that cannot be read is refused, and what was stays."""
    redis = Redis(place).start()
    path = place.file("password", "first\n")
    os.chmod(path, 0o600)
    os.chown(path, *place.ids)
    check(redis.cli("CONFIG", "SET", "requirepass", "first") == "OK", "CONFIG")
    redis.password = "first"
    daemon = Daemon(place, configuration(place, redis, "5s", "100/1d") +
                    'rate-password = "file:%s"\n' % path).start()
    check(send_all(daemon, 5) == 5, "not accepted")
    check(redis.counted("joe") == 5, "%d counted" % redis.counted("joe"))
    check(redis.cli("CONFIG", "SET", "requirepass", "second") == "OK", "CONFIG")
    redis.password = "second"
    check(redis.cli("CLIENT", "KILL", "TYPE", "normal") != "", "CLIENT KILL")
    check(send_all(daemon, 5) == 5, "not accepted without the store")
    wait_until(lambda: breaks(daemon) == 1, "the breaker to open")
    check("WRONGPASS" in daemon.log(), "it is not said why")
    os.unlink(path)
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.has_logged("reload refused"), "the reload")
    with open(path, "w", encoding="ascii") as file:
        file.write("second\n")
    os.chmod(path, 0o600)
    os.chown(path, *place.ids)
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.has_logged("is in force"), "the reload")
    wait_until(lambda: returns(daemon) == 1, "the breaker to close", 10)
    wait_until(lambda: redis.counted("joe") == 10, "ten to be counted")
    stop([daemon])


if __name__ == "__main__":
    sys.exit(77 if is_missing() else run_cases([frozen, killed, flushed, stuttering,
                                                clock_is_set, is_replica,
                                                password_is_changed]))
