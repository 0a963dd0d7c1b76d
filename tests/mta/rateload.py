"""Many sessions side by side that send, and that break off at every stage: what rates have to count
exactly. And what postseal says of a key."""
import collections
import json
import random
import socket
import struct
import subprocess
import threading
import time

from cases import require
from message import message, token
from procs import wait_until
from smtp import Smtp

ALICE, BOB = "alice@example.org", "bob@example.net"
SESSIONS, ATTEMPTS, LIMIT = 16, 5000, 1000
# Octets of a message, where `message_size_limit` says so.
SIZE_LIMIT = 100000
LINE = b"x" * 70 + b"\r\n"

RATES = """
rate "recipients" { key = { login } count = recipients limit = "%d/1h" }
rate "messages" { key = { client-ip } count = messages limit = "100000/1h" }
rule "no" { stage = eom author-domain = { "refused.example" } action = reject }
""" % LIMIT


def used(world, key, daemon=None):
    """What postseal rates says of the key: {rate: units in its first window}."""
    daemon = daemon or world.daemon
    done = subprocess.run([daemon.programs.postseal, "rates", "--json", "-c",
                           daemon.configuration, key], capture_output=True, text=True,
                          check=False, timeout=60)
    require(done.returncode == 0, "postseal rates: %s", done.stderr)
    return {row["rate"]: row["windows"][0]["used"] for row in json.loads(done.stdout)["rates"]}


def release(world, key):
    return subprocess.run([world.daemon.programs.postseal, "release", "-c",
                           world.daemon.configuration, key], capture_output=True, text=True,
                          check=False, timeout=60)


def log_in(client, login="alice"):
    """As Postfix tells of it: XCLIENT needs no password."""
    reply = client.xclient(LOGIN=login)
    require(reply.is_ok, "XCLIENT: %s", reply)


def reset(client):
    """The connection is lost: RST, not FIN."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()


class Sender:
    """Sessions, in turn with one of the ports, that send messages of one to twenty recipients until
    `attempts` were tried. Others of theirs, unless they are honest, are broken off: `ways` says
    how, `aborted` counts them."""

    # Before the end of a message, in each way in which a client, a network or the server can.
    ways = ("mail-rset", "rcpt-rset", "rcpt-ehlo", "rcpt-quit", "rcpt-close", "rcpt-reset",
            "data-close", "data-reset", "body-close", "body-reset", "large", "rule")
    # What refuses a recipient by its rate.
    refusal = "450 4.7.1 "

    def __init__(self, ports, is_honest, prepare=log_in):
        self.ports, self.is_honest, self.prepare = ports, is_honest, prepare
        self.accepted = self.refused = self.attempts = 0
        self.aborted = collections.Counter()
        self.errors = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                         for i in range(SESSIONS)]
        for thread in self._threads:
            thread.start()

    def join(self, seconds=300):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        require(not any(thread.is_alive() for thread in self._threads), "sessions hang")
        require(not self.errors, "%d sessions failed: %s", len(self.errors), self.errors[:1])

    def _take(self, count):
        with self._lock:
            count = min(count, ATTEMPTS - self.attempts)
            self.attempts += count
        return count

    def _run(self, number):
        dice = random.Random(number)
        try:
            while self.attempts < ATTEMPTS:
                with Smtp(self.ports[number % len(self.ports)]) as client:
                    self.prepare(client)
                    for _ in range(20):
                        if not self.is_honest and dice.random() < 0.4:
                            if not self._break_off(client, dice):
                                break
                            continue
                        self._send(client, self._take(dice.randint(1, 20)))
        except Exception as error:  # pylint: disable=broad-except  # told by join()
            self.errors.append(repr(error))

    def _recipients(self, client, count):
        require(client.command("MAIL FROM:<%s>" % ALICE).is_ok, "MAIL")
        replies = client.pipeline(["RCPT TO:<%s>" % BOB] * count) if count else []
        bad = [reply for reply in replies if not reply.is_ok and
               not str(reply).startswith(self.refusal)]
        require(not bad, "%s", bad[:1] and bad[0])
        return sum(reply.is_ok for reply in replies)

    def _send(self, client, count):
        if not count:
            return
        accepted = self._recipients(client, count)
        if accepted:
            require(client.command("DATA").is_ok, "DATA")
            reply = client.content(message(token(), ALICE))
            require(reply.is_ok, "end: %s", reply)
        else:
            client.command("RSET")
        with self._lock:
            self.accepted += accepted
            self.refused += count - accepted

    def _break_off(self, client, dice):
        """False: the connection is gone."""
        way = dice.choice(self.ways)
        stage, _, how = way.partition("-")
        accepted = self._recipients(client, 0 if stage == "mail" else dice.randint(1, 20))
        if stage not in ("mail", "rcpt"):
            if not accepted:
                client.command("RSET")
                return True
            require(client.command("DATA").is_ok, "DATA")
        with self._lock:
            self.aborted[way] += 1
        if stage == "rule":
            reply = client.content(message(token(), "eve@refused.example"))
            require(reply.code == 550, "refused.example: %s", reply)
        elif stage == "large":
            reply = client.content(message(token(), ALICE) + LINE * (2 * SIZE_LIMIT // len(LINE)))
            require(reply.code == 552, "large: %s", reply)
        elif stage == "data":
            client.send(b"Subject: never ends\r\n")
        elif stage == "body":
            client.send(message(token(), ALICE) + LINE * 20)
        return self._leave(client, how)

    @staticmethod
    def _leave(client, how):
        if how in ("rset", "quit"):
            client.command(how.upper())
        elif how == "ehlo":
            client.command("EHLO again.example.com")
        elif how == "reset":
            reset(client)
        return how not in ("quit", "close", "reset")


def exhaust(world, honest, ports=("submission",), counted=None, **options):
    """16 sessions, then one that takes what others gave back in the end. `counted`: what is counted
    now, if not what postseal says."""
    counted = counted or (lambda: used(world, "alice").get("recipients", 0))
    sender = Sender([world.ports[port] for port in ports], honest, **options)
    sender.join()
    accepted = sender.accepted
    require(accepted <= LIMIT, "%d accepted of %d", accepted, LIMIT)
    if not honest:
        require(set(sender.aborted) == set(sender.ways), "broken off: %s", sender.aborted)
    # What was broken off last is given back when the server says so.
    wait_until(lambda: counted() == accepted, 20, "the counter to be %d" % accepted)
    while accepted < LIMIT + 1:
        with Smtp(world.ports[ports[accepted % len(ports)]]) as client:
            sender.prepare(client)
            reply = client.mail(ALICE, [BOB], message(token(), ALICE))
            client.command("QUIT")
        if not reply.is_ok:
            require(str(reply).startswith(sender.refusal), "%s", reply)
            break
        accepted += 1
    require(accepted == LIMIT and counted() == LIMIT, "%d accepted, %d counted of %d", accepted,
            counted(), LIMIT)
    return sender
