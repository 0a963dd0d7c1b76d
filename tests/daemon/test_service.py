#!/usr/bin/env python3
"""Under a service manager, and with syslog: what postseald tells them, by the sockets that they
have. `tests/daemon/test_service.py CASE` runs one case."""
import ctypes
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

from daemon import (BUILD, IS_ROOT, PATIENCE, POSTSEALD, SIGN, Daemon, Mta, check, run_cases,
                    wait_until)

CONFIG = 78
POSTSEAL = os.path.join(BUILD, "postseal")
CREDENTIALS = struct.Struct("iii")
NEW_MOUNTS, NEW_USER = 0x20000, 0x10000000
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
DEVICES = (b"null", b"zero", b"random", b"urandom")


class Receiver:
    """A socket for datagrams, at a path that everybody can write to."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        os.unlink(self.path)

    def take(self):
        """(text, process id of who sent it)."""
        data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(CREDENTIALS.size))
        return data.decode(), CREDENTIALS.unpack(ancillary[0][2])[0]

    def is_empty(self):
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


class Managed(Daemon):
    """As a service manager starts it: neither -f nor a test zone. No question to DNS is asked."""

    def __init__(self, place, manager, **environment):
        super().__init__(place)
        self.configure(SIGN)
        self.environment = dict(place.environment, NOTIFY_SOCKET=manager.path, **environment)

    def configure(self, more, **options):
        super().configure('nameservers = { "127.0.0.1@9" }\n' + more, **options)

    def start(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([POSTSEALD, "-c", self.config], stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            env=self.environment)
        return self


def require_told(manager, daemon, *wanted):
    """The next message, whose lines these patterns match; it comes from the main process."""
    text, pid = manager.take()
    lines = text.splitlines()
    check(len(lines) == len(wanted) and all(map(re.fullmatch, wanted, lines)),
          "%s, not %s" % (lines, list(wanted)))
    check(pid == daemon.process.pid, "process %d, not %d" % (pid, daemon.process.pid))
    return lines


def now_usec():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def require_reload(manager, daemon, begin_usec, generation):
    lines = require_told(manager, daemon, "RELOADING=1", r"MONOTONIC_USEC=\d+")
    check(begin_usec <= int(lines[1].partition("=")[2]) <= now_usec(), lines[1])
    require_told(manager, daemon, "READY=1", "STATUS=configuration %d" % generation)


def notified(place):
    """Ready when it listens; every reload, by a signal or by the command, refused or not, begins
    and ends; stopping while a message is finished. No word of a watchdog that nobody asked for."""
    with Receiver(place.path + "/notify") as manager:
        daemon = Managed(place, manager).start()
        require_told(manager, daemon, "READY=1", "STATUS=configuration 1")
        mta = Mta(daemon)
        mta.envelope()
        begin_usec = now_usec()
        daemon.send_signal(signal.SIGHUP)
        require_reload(manager, daemon, begin_usec, 2)
        begin_usec = now_usec()
        done = subprocess.run([POSTSEAL, "reload", "-c", daemon.config], check=False,
                              capture_output=True, timeout=PATIENCE, env=place.environment)
        check(done.returncode == 0, done.stderr)
        require_reload(manager, daemon, begin_usec, 3)
        daemon.configure("nonsense = 1\n")
        begin_usec = now_usec()
        daemon.send_signal(signal.SIGHUP)
        require_reload(manager, daemon, begin_usec, 3)
        wait_until(lambda: "1 messages under way" in status(daemon), "the message")
        daemon.send_signal(signal.SIGTERM)
        require_told(manager, daemon, "STOPPING=1", "STATUS=finishing the messages under way")
        check(mta.content()[-1] == b"c", "the message was not finished")
        mta.socket.close()
        check(daemon.stop() == 0, "exit status")
        check(manager.is_empty(), "more was said")


def status(daemon):
    daemon.send_signal(signal.SIGUSR1)
    time.sleep(0.01)
    return daemon.log()


def watched(place):
    """A watchdog hears twice as often as it asks for; one that is another process's nothing."""
    with Receiver(place.path + "/notify") as manager:
        daemon = Managed(place, manager, WATCHDOG_USEC="600000").start()
        require_told(manager, daemon, "READY=1", "STATUS=configuration 1")
        times = []
        for _ in range(4):
            require_told(manager, daemon, "WATCHDOG=1")
            times.append(time.monotonic())
        waits = [b - a for a, b in zip(times, times[1:])]
        # The machine may be busy; the shortest of them is what it does.
        check(min(waits) < 0.6, "every %s s" % waits)
        daemon.send_signal(signal.SIGTERM)
        text = ""
        while not text.startswith("STOPPING=1"):
            text, _ = manager.take()
        check(daemon.stop() == 0, "exit status")
    with Receiver(place.path + "/notify") as manager:
        daemon = Managed(place, manager, WATCHDOG_USEC="20000", WATCHDOG_PID="1").start()
        require_told(manager, daemon, "READY=1", "STATUS=configuration 1")
        time.sleep(0.1)
        check(manager.is_empty(), "told the watchdog of another")
        check(daemon.stop() == 0, "exit status")


def failed(place):
    """What does not start is never ready."""
    with Receiver(place.path + "/notify") as manager:
        daemon = Managed(place, manager)
        daemon.configure("nonsense = 1\n")
        check(daemon.start().process.wait(PATIENCE) == CONFIG, "exit status")
        check("nonsense" in daemon.log(), daemon.log())
        check(manager.is_empty(), "something was said")


def enter(folder, has_namespace_of_users):
    """In a child: from here on `folder` is /dev. False: not here."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(NEW_MOUNTS | (NEW_USER if has_namespace_of_users else 0)):
        return False
    if has_namespace_of_users:
        for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)),
                           ("gid_map", "%d %d 1" % (gid, gid))):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)

    def mount(source, target, flags, kind=None):
        return libc.mount(source, target, kind, ctypes.c_ulong(flags), None) == 0

    # Nothing of it may be seen outside.
    if mount(b"none", b"/", RECURSIVE | PRIVATE):
        return (all(mount(b"/dev/" + name, os.path.join(folder.encode(), name), BIND)
                    for name in DEVICES) and mount(folder.encode(), b"/dev", BIND | RECURSIVE))
    # A chroot, whose / is no mount, but its /dev may be one.
    if not mount(b"none", b"/dev", RECURSIVE | PRIVATE):
        return False
    devices = {name: os.stat(b"/dev/" + name).st_rdev for name in DEVICES}
    if not mount(b"none", b"/dev", 0, b"tmpfs"):
        return False
    for name, number in devices.items():
        os.mknod(b"/dev/" + name, 0o666 | stat.S_IFCHR, number)
        os.chmod(b"/dev/" + name, 0o666)
    os.symlink(folder + "/log", "/dev/log")
    return True


def can_enter(folder):
    child = os.fork()
    if child == 0:
        is_good = False
        try:
            is_good = enter(folder, not IS_ROOT)
        finally:
            os._exit(0 if is_good else 1)
    return os.waitpid(child, 0)[1] == 0


class Logging(Daemon):
    """Into syslog; `before` runs in its process."""

    def __init__(self, place, before=None, **options):
        super().__init__(place)
        self.before = before
        self.configure(SIGN, log_target="syslog", **options)

    def start(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(self.command("-f"), stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            env=self.place.environment, preexec_fn=self.before)
        return self


def require_line(log, wanted_pid, priority, text):
    """A line so far away as that: RFC 3164, as libc writes it."""
    lines = []
    while True:
        line, pid = log.take()
        lines.append(line)
        if text in line:
            break
        check(len(lines) < 50, "no \"%s\" in %s" % (text, lines))
    match = re.fullmatch(r"<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d postseald\[(\d+)\]: (.*?)[\n\0]?",
                         line)
    check(match is not None and "\n" not in match[3], repr(line))
    check(int(match[1]) == priority, "%s: priority %s, not %d" % (line, match[1], priority))
    check(int(match[2]) == wanted_pid == pid, "%s: not %d" % (line, wanted_pid))


def syslog_in(place, path, before):
    mail, local3 = 2 << 3, 19 << 3
    error, warning, info = 3, 4, 6
    with Receiver(path) as log:
        daemon = Logging(place, before).start()
        own = daemon.process.pid
        require_line(log, own, mail | warning, "test zone")
        with Mta(daemon) as mta:
            mta.envelope()
            mta.begin_content(until=b"L")
            mta.send(b"L", b"Message-ID\0 <%s\x1b[2J\n forged%%s%%n>\0")
            mta.send(b"N")
            mta.send(b"E")
            while mta.read()[0] not in (b"c", b"a"):
                pass
        require_line(log, own, mail | info, "from=joe@example.org")
        daemon.configure("nonsense = 1\n", log_target="syslog")
        daemon.send_signal(signal.SIGHUP)
        require_line(log, own, mail | error, "reload refused")
        # Another facility, by a reload.
        daemon.configure(SIGN, log_target="syslog", log_facility="local3")
        daemon.send_signal(signal.SIGHUP)
        require_line(log, own, local3 | info, "configuration 2 is in force")
        check(daemon.stop() == 0, "exit status")
        require_line(log, own, local3 | info, "stopped")
        with open(daemon.log_path) as file:
            check(file.read() == "", "standard error was used as well")


def syslog(place):
    """Facility, priority, name and process, by libc's own way to /dev/log: a /dev of the daemon's
    own, or, in a chroot where nobody can have one and nobody listens, a socket of ours there."""
    folder = place.path + "/dev"
    os.mkdir(folder)
    for name in DEVICES:
        with open(os.path.join(folder.encode(), name), "w"):
            pass
    if can_enter(folder):
        syslog_in(place, folder + "/log", lambda: enter(folder, not IS_ROOT))
    elif os.access("/dev", os.W_OK) and not os.path.lexists("/dev/log"):
        syslog_in(place, "/dev/log", None)
    else:
        print("syslog: skipped, no mount namespace can be had here, and /dev/log is taken")


if __name__ == "__main__":
    sys.exit(run_cases([notified, watched, failed, syslog]))
