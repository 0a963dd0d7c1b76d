"""A redis-server of a test's own, and two daemons behind one mail server that count in it."""
import hashlib
import hmac
import os
import shutil
import signal
import struct
import subprocess

from cases import Skip, require
from mta import Postfix
from procs import wait_until
from world import GROUP, USER, Postseald

SECRET = "0123456789abcdef0123456789abcdef"

# All that a key's first window counts; rates here are of an hour, in which no test ends.
COUNTED = """local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end
local sum = 0
for _, count in ipairs(cmsgpack.unpack(packed).w[1][3]) do sum = sum + count end
return sum"""

# Keys that would stay for ever.
ETERNAL = """local names = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TTL', name) < 0 then names[#names + 1] = name end
end
return table.concat(names, ' ')"""


def server_program():
    for name in ("redis-server", "valkey-server"):
        if shutil.which(name) and shutil.which("redis-cli"):
            return name
    raise Skip("needs redis-server")


class Redis:
    """On a UNIX socket; what it knows is gone with it."""

    def __init__(self, place, name="redis"):
        self.place, self.name = place, name
        self.folder = place.folder(name)
        self.path = os.path.join(self.folder, "socket")
        self.secret = os.path.join(self.folder, "secret")
        with open(self.secret, "w", encoding="ascii") as file:
            file.write(SECRET + "\n")
        os.chmod(self.secret, 0o600)
        shutil.chown(self.secret, USER, GROUP)
        self.child = None

    def start(self):
        self.child = self.place.start(
            [server_program(), "--port", "0", "--unixsocket", self.path, "--unixsocketperm", "777",
             "--dir", self.folder, "--save", "", "--appendonly", "no",
             "--rdbcompression", "no"],
            os.path.join(self.place.path, self.name + ".log"))
        wait_until(lambda: self.cli("PING") == "PONG", 20, "redis-server")
        return self

    def stop(self):
        if self.child:
            self.place.stop(self.child, signal.SIGKILL)
            self.child = None

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", self.path, *words], capture_output=True,
                              text=True, check=False, timeout=30).stdout.strip()

    def counted(self, rate, key):
        """Under the name that policy/rate/shared_call.c gives to the key."""
        octets = b"".join(struct.pack("=Q", len(part)) + part
                          for part in (rate.encode(), key.encode()))
        digest = hmac.new(SECRET.encode(), octets, hashlib.sha256).hexdigest()[:32]
        return int(self.cli("EVAL", COUNTED, "1", "{postseal}:k:" + digest))

    def reserved(self):
        """Messages whose end it does not know."""
        return int(self.cli("ZCARD", "{postseal}:due"))

    def require_clean(self, *words):
        """All that lies there goes one day, and none of it tells who sent."""
        eternal = self.cli("EVAL", ETERNAL, "0")
        require(not eternal, "without an end: %s", eternal[:200])
        names = self.cli("KEYS", "*")
        require(len(names.splitlines()) > 2, "no keys: %s", names)
        dump = subprocess.run(["redis-cli", "-s", self.path, "--rdb",
                               os.path.join(self.folder, "dump")], capture_output=True, check=False,
                              timeout=30)
        require(dump.returncode == 0, "dump: %s", dump.stderr)
        with open(os.path.join(self.folder, "dump"), "rb") as file:
            octets = file.read()
        for word in words:
            require(word.encode() not in octets, "it knows %s", word)

    def configuration(self, timeout="5s", hosts=2):
        return """rate-store = "unix:%s"
rate-secret = "file:%s"
rate-hosts = %d
rate-timeout = "%s"
""" % (self.path, self.secret, hosts, timeout)


def two_daemons(context, redis, more, **options):
    """A world with one mail server that has the first daemon at "submission" and the second, which
    is world.second, at "submission-2"."""
    second = Postseald(context.place, context.programs, context.keys, more=more,
                       name="second-postseald").start()

    class TwoFilters(Postfix):
        """Another service of the same server, with another filter."""

        def __init__(self, place, milter, options, name):
            super().__init__(place, milter, options, name)
            self.ports["submission-2"] = place.free_port()

        def _listeners(self):
            return super()._listeners() + self._listener(
                "submission-2", milter_macro_daemon_name="ORIGINATING",
                smtpd_milters=self.milter_spec(second.listen))

    world = context.own(more=more, server=TwoFilters, **options)
    world.second = second
    context.also(second.stop, second)
    context.also(redis.stop)
    return world
