"""A mail server with postseald attached, keys made for it, and a zone in which they are published."""
import itertools
import os
import re
import signal
import socket
import subprocess
import time

from dkimcheck import Judges
from mta import HOST, Postfix
from procs import Failure, wait_until

USER, GROUP = "nobody", "nogroup"
SELECTORS = {"rsa": "t-rsa", "ed25519": "t-ed"}
# Ours, and one that other programs sign for.
KEY_DOMAINS = ("example.org", "friend.example")

ZONE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/mta/example.zone")

CONFIGURATION = """# What tests/mta gives to postseald.
authserv-id = "{host}"
listen = "{listen}"
listen-mode = "0660"
listen-group = "postfix"
user = "{user}"
group = "{group}"
key-dir = "{keys}"
state-dir = "{state}"
log-target = "stderr"
local-domains = {{ "example.org" }}
originating-daemons = {{ "ORIGINATING" }}
inbound-daemons = {{ "REINJECT" }}
signing-networks = {{ "local" }}
{more}
sign "example.org" {{ keys = {{ "{rsa}", "{ed25519}" }} }}
"""


class Programs:
    """Where the two programs are; `wrapper` is put before postseald (setarch -R for TSan)."""

    def __init__(self, folder, wrapper=()):
        self.postseald = os.path.join(folder, "postseald")
        self.postseal = os.path.join(folder, "postseal")
        self.wrapper = list(wrapper)

    def missing(self):
        return [path for path in (self.postseald, self.postseal) if not os.access(path, os.X_OK)]


class Keys:
    """The keys of a run and the zone with their records, made once."""

    def __init__(self, place, programs):
        self.folder = place.folder("keys", owner=(USER, GROUP), mode=0o750)
        self.zone = os.path.join(place.path, "zone")
        # key new takes the owner of what it writes from the configuration.
        configuration = os.path.join(place.path, "keys.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write('user = "%s"\ngroup = "%s"\nkey-dir = "%s"\n' % (USER, GROUP, self.folder))
        records = ""
        for domain, (kind, selector) in itertools.product(KEY_DOMAINS, SELECTORS.items()):
            command = [programs.postseal, "key", "new", "-c", configuration, "-d", domain, "-s",
                       selector, "-t", kind]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            if done.returncode:
                raise Failure("%s: %s" % (" ".join(command), done.stderr))
            records += done.stdout
        with open(ZONE, encoding="utf-8") as file:
            records = file.read() + records
        with open(self.zone, "w", encoding="utf-8") as file:
            file.write(records)

    def path(self, domain, kind):
        return os.path.join(self.folder, domain, SELECTORS[kind] + ".pem")


class Postseald:
    """The daemon under test; without a zone it asks the DNS that `more` names. `clock`: the time at
    which it stands still."""

    def __init__(self, place, programs, keys, listen="unix", more="", name="postseald",
                 has_zone=True, clock=None):
        self.place, self.programs, self.keys = place, programs, keys
        self.has_zone, self.clock = has_zone, clock
        self.folder = place.folder(name, owner=(USER, "postfix"), mode=0o750)
        if listen == "unix":
            self.listen = "unix:" + os.path.join(self.folder, "postseal.sock")
        else:
            self.listen = "inet:%d@127.0.0.1" % place.free_port()
        self.configuration = os.path.join(self.folder, "postseal.conf")
        self.log_path = os.path.join(place.path, name + ".log")
        self.write(more)
        self.child = None
        self.arguments = []

    def write(self, more=""):
        text = CONFIGURATION.format(host=HOST, listen=self.listen, user=USER, group=GROUP,
                                    keys=self.keys.folder, more=more,
                                    state=os.path.join(self.folder, "state"), **SELECTORS)
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        command = [*self.programs.wrapper, self.programs.postseald, "-f", "-c", self.configuration]
        if self.has_zone:
            command += ["--zone", self.keys.zone]
        if self.clock:
            command += ["--time", self.clock]
        command += self.arguments
        self.child = self.place.start(command, self.log_path)
        wait_until(self._is_up, 30, "postseald to listen")
        return self

    def _is_up(self):
        if self.child.poll() is not None:
            raise Failure("postseald does not start (status %d): %s" % (self.child.returncode,
                                                                        self.log()[-2000:]))
        return self._can_connect()

    def _can_connect(self):
        kind, _, rest = self.listen.partition(":")
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as sock:
                return sock.connect_ex(rest) == 0
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", int(rest.split("@")[0]))) == 0

    def hup(self):
        self.child.send_signal(signal.SIGHUP)

    def stop(self, signal_number=signal.SIGTERM, seconds=30):
        status = self.place.stop(self.child, signal_number, seconds)
        self.child = None
        return status

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, pattern):
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def memory_kib(self):
        with open("/proc/%d/status" % self.child.pid, encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


class World:
    """One of each, started; close() stops them."""

    def __init__(self, place, programs, keys, name, listen="unix", more="", options=None,
                 server=Postfix, has_zone=True, clock=None):
        self.place = place
        self.keys = keys
        self.daemon = Postseald(place, programs, keys, listen, more, name + "-postseald", has_zone,
                                clock)
        self.daemon.start()
        self.mta = server(place, self.daemon.listen, options, name).start()
        self.judges = Judges(place, programs.postseal, keys.zone)

    @property
    def mailbox(self):
        return self.mta.mailbox

    @property
    def ports(self):
        return self.mta.ports

    def wait_until_delivered(self, seconds=60):
        wait_until(lambda: not self.mta.queued(), seconds, "an empty queue", 0.05)

    def close(self):
        self.mta.stop()
        if self.daemon.child:
            self.daemon.stop()


def elapsed(begin):
    return time.monotonic() - begin
