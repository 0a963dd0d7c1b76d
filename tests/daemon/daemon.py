"""What the tests of the daemon share: a folder of its own, a configuration, postseald in it, and
miltload in the part of the MTA. No network, no root: as root the daemon becomes `nobody`."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.getcwd()
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
DATA = os.path.join(SOURCE, "tests", "data", "daemon")
POSTSEALD = os.path.join(BUILD, "postseald")
MILTLOAD = os.path.join(BUILD, "tests", "bench", "miltload")
LOGIN = ["-m", "M:{auth_authen}=joe"]
IS_ROOT = os.geteuid() == 0
# Instrumented builds are slower, and the machine may be busy.
PATIENCE = 60

# For instrumented builds; others do not look at them. The libraries have no frame pointers.
SANITIZERS = {
    "ASAN_OPTIONS": "fast_unwind_on_malloc=0",
    "LSAN_OPTIONS": "print_suppressions=0:suppressions=%s/lsan.supp",
    "TSAN_OPTIONS": "halt_on_error=0:suppressions=%s/tsan.supp",
}


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def wait_until(condition, what, limit=PATIENCE):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Failure("waited %d s for %s" % (limit, what))
        time.sleep(0.01)


class Place:
    """A temporary folder that the daemon's user can work in."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="postseald-")
        os.chmod(self.path, 0o755)
        entry = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
        self.user = entry.pw_name
        self.ids = (entry.pw_uid, entry.pw_gid)
        self.group = subprocess.run(["id", "-gn", self.user], stdout=subprocess.PIPE, check=True,
                                    text=True).stdout.strip()
        self.daemons = []
        self.run = self.folder("run")
        self.keys = self.folder("keys")
        for name in ("rsa", "ed"):
            self.add_key("example.org", name)
        # The daemon's user need not be able to read the source tree.
        self.zone = shutil.copy(os.path.join(DATA, "zone"), self.path)
        for name in ("lsan.supp", "tsan.supp"):
            shutil.copy(os.path.join(SOURCE, "tests", name), self.path)
        self.environment = dict({name: value % self.path if "%" in value else value
                                 for name, value in SANITIZERS.items()}, **os.environ)

    def folder(self, *names):
        path = os.path.join(self.path, *names)
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.chown(path, *self.ids)
        return path

    def add_key(self, domain, name):
        path = os.path.join(self.folder("keys", domain), name + ".pem")
        shutil.copyfile(os.path.join(DATA, name + ".pem"), path)
        os.chmod(path, 0o600)
        os.chown(path, *self.ids)

    def file(self, name, content):
        path = os.path.join(self.path, name)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


SIGN = 'sign "example.org" { keys = { "rsa", "ed" } }\n'


class Daemon:
    def __init__(self, place, more=SIGN, listen=None, name="a"):
        self.place = place
        self.name = name
        self.listen = listen or "unix:%s/%s.sock" % (place.run, name)
        self.pid_file = "%s/%s.pid" % (place.run, name)
        self.state_dir = os.path.join(place.path, name + "-state")
        self.log_path = os.path.join(place.path, name + ".log")
        self.process = None
        place.daemons.append(self)
        self.configure(more)

    @property
    def socket(self):
        return self.listen[len("unix:"):]

    def configure(self, more, **options):
        values = {"authserv-id": "mx.example.org", "listen": self.listen,
                  "listen-group": self.place.group, "user": self.place.user,
                  "group": self.place.group, "pid-file": self.pid_file, "log-target": "stderr",
                  "state-dir": self.state_dir, "key-dir": self.place.keys}
        values.update({key.replace("_", "-"): value for key, value in options.items()})
        text = "".join('%s = "%s"\n' % item for item in values.items()) + more
        self.config = self.place.file(self.name + ".conf", text)

    def command(self, *more):
        return [POSTSEALD, "-c", self.config, "--zone", self.place.zone, *more]

    def run(self, *more, env=None, cwd=None):
        """Runs it to its end: (exit status, standard error)."""
        done = subprocess.run(self.command(*more), stderr=subprocess.PIPE, text=True, check=False,
                              stdout=subprocess.DEVNULL, timeout=PATIENCE, cwd=cwd,
                              env=dict(self.place.environment, **(env or {})))
        return done.returncode, done.stderr

    def start(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(self.command("-f"), stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            env=self.place.environment)
        wait_until(lambda: self.has_logged("listens on") or self.process.poll() is not None,
                   "the daemon")
        check(self.process.poll() is None, "the daemon does not start: " + self.log())
        return self

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def has_logged(self, text):
        return text in self.log()

    def messages(self):
        """The lines of messages, each a dict."""
        result = []
        for line in self.log().splitlines():
            if " info: id=" in line:
                pairs = re.findall(r'([a-z0-9_-]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
                result.append({key: json.loads(value) if value.startswith('"') else value
                               for key, value in pairs})
        return result

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.process = None
        for word in ("Sanitizer", "runtime error", "panic:"):
            check(word not in self.log(), "%s: the daemon's log:\n%s" % (self.name, self.log()))
        return status

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def miltload(daemon, *arguments, is_good=True):
    """The summary as a dict."""
    done = subprocess.run([MILTLOAD, *arguments, daemon.listen], stdout=subprocess.PIPE, text=True,
                          check=False, timeout=2 * PATIENCE)
    summary = json.loads(done.stdout)
    check(not is_good or done.returncode == 0,
          "miltload %s: %s" % (" ".join(arguments), summary["errors"]))
    return summary


def start_miltload(daemon, *arguments):
    return subprocess.Popen([MILTLOAD, *arguments, daemon.listen], stdout=subprocess.PIPE,
                            text=True)


class Mta:
    """The MTA's side of one session, command by command, as postseald negotiates it when it signs
    on a UNIX socket: nothing is answered before the end of the message."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(daemon.socket)
        self.send(b"O", struct.pack("!III", 6, 0x1ff, 0x1fffff))
        check(self.read()[0] == b"O", "no answer to the negotiation")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", 1 + len(data)) + command + data)

    def read(self):
        head = self.exactly(4)
        data = self.exactly(struct.unpack("!I", head)[0])
        return data[:1], data[1:]

    def exactly(self, number):
        data = b""
        while len(data) < number:
            more = self.socket.recv(number - len(data))
            if not more:
                raise Failure("the filter closed the connection")
            data += more
        return data

    def connect(self):
        self.send(b"C", b"client.example.net\0004" + struct.pack("!H", 4000) + b"192.0.2.1\0")
        self.send(b"H", b"client.example.net\0")

    def envelope(self):
        self.connect()
        self.mail()

    def mail(self):
        self.send(b"D", b"M{auth_authen}\0joe\0")
        self.send(b"M", b"<joe@example.org>\0")
        self.send(b"R", b"<a@example.com>\0")

    def begin_content(self, body=b"hello\r\n", until=b"B"):
        for command, data in ((b"", b""), (b"L", b"From\0 joe@example.org\0"), (b"N", b""),
                              (b"B", body)):
            if command:
                self.send(command, data)
            if command == until:
                break

    def content(self, body=b"hello\r\n"):
        """The reply codes of the answer."""
        self.begin_content(body)
        self.send(b"E")
        codes = []
        while not codes or codes[-1] in (b"i", b"m", b"p"):
            code, self.last = self.read()
            codes.append(code)
        return codes


def run_cases(cases):
    """Runs functions of a Place, each in its own; the exit status for make check."""
    failures = 0
    wanted = sys.argv[1:]
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        place = Place()
        begin = time.monotonic()
        try:
            case(place)
            print("ok    %s (%.1f s)" % (case.__name__, time.monotonic() - begin), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failures += 1
            print("FAIL  %s: %s: %s" % (case.__name__, type(error).__name__, error))
            for name in sorted(os.listdir(place.path)):
                if name.endswith(".log"):
                    with open(os.path.join(place.path, name), errors="replace") as file:
                        print("--- %s\n%s" % (name, file.read()[-3000:]))
        finally:
            for daemon in place.daemons:
                daemon.kill()
            place.remove()
    return 1 if failures else 0
