"""Processes, ports and the folder of one test run. Servers are ended by their process id; should the
runner itself die, the kernel ends them (PR_SET_PDEATHSIG)."""
import atexit
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(AssertionError):
    """A test's finding: what was expected and what came."""


def wait_until(condition, seconds, what, interval=0.02):
    """The first true value of condition(); Failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("waited %d s for %s" % (seconds, what))
        time.sleep(interval)


def can_connect(port, host="127.0.0.1"):
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, port)) == 0


class Place:
    """A temporary folder, readable by the servers' users, and everything that runs in it."""

    def __init__(self, keep=False):
        self.path = tempfile.mkdtemp(prefix="postseal-mta-")
        os.chmod(self.path, 0o755)
        self.keep = keep
        self.detached = False
        self._children = []
        self._ports = set()
        atexit.register(self.close)

    def folder(self, *names, mode=0o755, owner=None):
        path = os.path.join(self.path, *names)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if owner:
            shutil.chown(path, *owner)
        return path

    def free_port(self):
        """A port below those that the kernel gives to clients, so that none of ours is taken while
        we are about to listen."""
        for _ in range(1000):
            port = random.randrange(10000, 30000)
            if port in self._ports:
                continue
            with socket.socket() as sock:
                try:
                    sock.bind(("127.0.0.1", port))
                except OSError:
                    continue
            self._ports.add(port)
            return port
        raise Failure("no free port")

    def start(self, arguments, log, **options):
        """A server in a session of its own, its output appended to `log`."""
        die_with_us = None if self.detached else _die_with_parent
        with open(log, "ab") as out:
            child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     start_new_session=True, preexec_fn=die_with_us, **options)
        self._children.append(child)
        return child

    def stop(self, child, signal_number=signal.SIGTERM, seconds=20):
        """Ends it and returns its status; kills it (and says so) when it does not end."""
        if child in self._children:
            self._children.remove(child)
        if child.poll() is None:
            child.send_signal(signal_number)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                print("process %d did not end within %d s" % (child.pid, seconds), file=sys.stderr)
        return child.returncode

    def pids(self):
        return [child.pid for child in self._children]

    def close(self):
        if self.detached:
            return
        for child in list(reversed(self._children)):
            self.stop(child)
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_on_signals():
    """TERM, INT and HUP end the run through atexit: servers are stopped, folders removed."""

    def leave(number, _frame):
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        sys.exit(128 + number)

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, leave)
