"""Many sessions at once."""
import signal
import threading
import time

from cases import case, require
from message import message, token
from smtp import Smtp

ALICE, BOB = "alice@example.org", "bob@example.net"
SESSIONS = 50


class Load:
    """Sessions that each send messages one after the other on one connection, until told to stop
    or until `count` are sent. words: {word: the reply to its message}."""

    def __init__(self, port, sessions=SESSIONS, count=None):
        self.port, self.count = port, count
        self.words = {}
        self.errors = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        try:
            sent = 0
            while not self._stop.is_set() and (self.count is None or sent < self.count):
                with Smtp(self.port) as client:
                    while not self._stop.is_set() and (self.count is None or sent < self.count):
                        word = token()
                        reply = client.mail(ALICE, [BOB], message(word))
                        self.words[word] = reply
                        sent += 1
                        if not reply.is_ok:
                            time.sleep(0.05)
                            break
        except Exception as error:  # pylint: disable=broad-except  # told by join()
            self.errors.append(repr(error))

    def stop(self):
        self._stop.set()

    def is_running(self):
        return any(thread.is_alive() for thread in self._threads)

    def join(self, seconds=120):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        require(not self.is_running(), "sessions hang")
        require(not self.errors, "%d sessions failed: %s", len(self.errors), self.errors[:1])

    def accepted(self):
        return [word for word, reply in self.words.items() if reply.is_ok]

    def refused(self):
        return [reply for reply in self.words.values() if not reply.is_ok]


def require_all_signed(world, words):
    """Every one of these arrived once and is signed; nothing else is there."""
    world.wait_until_delivered()
    arrived = world.mailbox.all()
    ids = [copy.all("Message-ID")[0].strip("<>").partition("@")[0] for copy in arrived]
    require(len(ids) == len(set(ids)), "some were delivered twice")
    lost = set(words) - set(ids)
    require(not lost, "%d of %d accepted messages were lost", len(lost), len(words))
    more = set(ids) - set(words)
    require(not more, "%d refused messages were delivered", len(more))
    unsigned = [copy for copy in arrived if not copy.is_signed]
    require(not unsigned, "%d of %d are unsigned", len(unsigned), len(arrived))
    world.judges.require_many(arrived)


@case()
def hundred_reloads_under_load(context):
    """100 HUPs while 50 sessions send: the same process, no message lost, refused or unsigned."""
    world = context.own()
    child = world.daemon.child
    load = Load(world.ports["submission"])
    for _ in range(100):
        world.daemon.hup()
        time.sleep(0.05)
    load.stop()
    load.join()
    require(world.daemon.child is child and child.poll() is None, "the process has ended")
    require(not load.refused(), "%d of %d were refused: %s", len(load.refused()), len(load.words),
            load.refused()[:1] and load.refused()[0])
    reloads = len(world.daemon.log_lines("configuration [0-9]+ is in force"))
    require(reloads > 3, "the log tells of %d reloads", reloads)
    require(len(load.words) > SESSIONS, "only %d messages were sent", len(load.words))
    require_all_signed(world, load.accepted())
    world.daemon.stop()


@case()
def term_under_load(context):
    """Accepted is only what was signed; the rest is a temporary failure."""
    world = context.own()
    load = Load(world.ports["submission"])
    time.sleep(2)
    require(load.accepted(), "nothing was accepted before TERM")
    status = world.daemon.stop(signal.SIGTERM, 40)
    load.stop()
    load.join()
    require(status == 0, "it ended with status %d", status)
    require(load.refused(), "nothing was refused after TERM")
    wrong = [reply for reply in load.refused() if reply.code != 451]
    require(not wrong, "%d were answered %s", len(wrong), wrong[:1] and wrong[0])
    require_all_signed(world, load.accepted())


@case()
def sixty_four_sessions(context):
    """At the same time, over a unix socket and over TCP."""
    for listen in ("unix", "inet"):
        world = context.own(listen=listen)
        load = Load(world.ports["submission"], sessions=64, count=5)
        load.join()
        require(not load.refused(), "%s: %d were refused", listen, len(load.refused()))
        require_all_signed(world, load.accepted())


@case()
def thousand_messages_leave_no_memory_behind(context):
    """On one connection; resident memory after the last 800 is that after the first 200, nearly."""
    world = context.own()
    port = world.ports["submission"]
    Load(port, sessions=4, count=50).join()
    before = world.daemon.memory_kib()
    Load(port, sessions=4, count=200).join()
    grown = world.daemon.memory_kib() - before
    require(grown < 2048, "it grew by %d KiB", grown)
