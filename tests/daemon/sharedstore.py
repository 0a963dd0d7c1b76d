"""A redis-server of a test's own, and two daemons that count in it."""
import hashlib
import hmac
import os
import shutil
import signal
import struct
import subprocess

from daemon import PATIENCE, Daemon, check, wait_until

LIMIT = 1000
SECRET = "0123456789abcdef0123456789abcdef"
RATE = "per login"

# All that a key's first window counts; rates here are of a day.
COUNTED = """local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end
local sum = 0
for _, count in ipairs(cmsgpack.unpack(packed).w[1][3]) do sum = sum + count end
return sum"""


def is_missing():
    """Says so, if it is."""
    if shutil.which("redis-server") and shutil.which("redis-cli"):
        return False
    print("skipped: no redis-server here (Debian: redis-server)")
    return True


class Redis:
    """On a UNIX socket; what it knows is gone with it. `environment`: what it is given more."""

    def __init__(self, place, environment=None):
        self.folder = place.folder("redis")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "s")
        self.url = "unix:" + self.path
        self.environment = environment or {}
        self.password = ""
        self.process = None
        place.daemons.append(self)

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--unixsocketperm", "777",
             "--dir", self.folder, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env=dict(os.environ, **self.environment))
        wait_until(lambda: self.cli("PING") == "PONG", "redis-server")
        return self

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", self.path, *words], capture_output=True,
                              text=True, check=False, timeout=PATIENCE,
                              env=dict(os.environ, REDISCLI_AUTH=self.password)).stdout.strip()

    def counted(self, key):
        """Under the name that policy/rate/shared_call.c gives to the key."""
        octets = b"".join(struct.pack("=Q", len(part)) + part
                          for part in (RATE.encode(), key.encode()))
        digest = hmac.new(SECRET.encode(), octets, hashlib.sha256).hexdigest()[:32]
        return int(self.cli("EVAL", COUNTED, "1", "{postseal}:k:" + digest))

    def reserved(self):
        """Messages whose end it does not know."""
        return int(self.cli("ZCARD", "{postseal}:due"))

    def send_signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
            self.process.wait()


# What the server is told of the time, so many seconds more than it is.
SET_CLOCK = r"""#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
    char text[32] = "";
    int fd = open(getenv("CLOCK_OFFSET"), O_RDONLY);

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = 0;
    close(fd);
    return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *time_r)
{
    int status = (int)syscall(SYS_clock_gettime, id, time_r);

    if (id == CLOCK_REALTIME)
        time_r->tv_sec += offset();
    return status;
}

int gettimeofday(struct timeval *restrict time_r, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time_r->tv_sec = now.tv_sec;
    time_r->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *time_r)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (time_r)
        *time_r = now.tv_sec;
    return now.tv_sec;
}
"""


class Clock:
    """Of a server: its environment, and how to set it."""

    def __init__(self, place):
        self.path = place.file("offset", "0")
        self.library = os.path.join(place.path, "clock.so")
        source = place.file("clock.c", SET_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.library, source], check=True,
                       timeout=PATIENCE)

    @property
    def environment(self):
        return {"LD_PRELOAD": self.library, "CLOCK_OFFSET": self.path}

    def set(self, seconds):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(self.path + ".new", self.path)


def configuration(place, redis, timeout, limit="%d/1d" % LIMIT, more=""):
    secret = place.file("secret", SECRET + "\n")
    os.chmod(secret, 0o600)
    os.chown(secret, *place.ids)
    return """rate-store = "%s"
rate-secret = "file:%s"
rate-hosts = 2
rate-timeout = "%s"
rate "%s" { direction = outbound key = { "login" } count = recipients limit = "%s"
    action = tempfail }
""" % (redis.url, secret, timeout, RATE, limit) + more


def start(place, timeout, environment=None, **options):
    """The server, and two daemons."""
    redis = Redis(place, environment).start()
    text = configuration(place, redis, timeout, **options)
    return redis, [Daemon(place, text, name=name).start() for name in ("a", "b")]


def stop(daemons):
    for daemon in daemons:
        check(daemon.stop() == 0, "a daemon does not end well")
