#!/usr/bin/env python3
"""The control socket: who may say what, many and slow and hostile clients, reloads, and what a kill
leaves behind. `tests/daemon/test_control.py CASE` runs one case."""
import grp
import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from daemon import (BUILD, IS_ROOT, LOGIN, PATIENCE, SIGN, Daemon, Failure, Mta, check, run_cases,
                    start_miltload, wait_until)

UNAVAILABLE, CONFIG = 69, 78
POSTSEAL = os.path.join(BUILD, "postseal")
# Users and groups that need no entry: neither root, nor the daemon's, nor anybody else's.
STRANGER, OTHER_GROUP = 54321, 54322


class Client:
    """One connection."""

    def __init__(self, daemon, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX)
        # With a time-out Python would not wait for a place in the kernel's queue.
        self.socket.connect(os.path.join(daemon.state_dir, "control"))
        self.socket.settimeout(timeout)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, line):
        self.socket.sendall(line if isinstance(line, bytes) else line.encode() + b"\n")

    def line(self):
        """None at the end."""
        while b"\n" not in self.rest:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                check(self.rest == b"", "half a line: %r" % self.rest)
                return None
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def answer(self):
        """(rows, last line); (rows, None) if the connection ended."""
        rows = []
        while True:
            row = self.line()
            if row is None or "ok" in row:
                return rows, row
            rows.append(row)

    def ask(self, line):
        self.say(line)
        return self.answer()


def ask(daemon, line):
    with Client(daemon) as client:
        return client.ask(line)


def require_code(answer, code, text=""):
    _, last = answer
    check(last is not None and not last["ok"] and last["code"] == code and text in last["error"],
          "not \"%s\" (%s): %s" % (code, text, answer))


def require_ok(answer):
    rows, last = answer
    check(last is not None and last["ok"], "not ok: %s" % (answer,))
    return rows


def status(daemon):
    return require_ok(ask(daemon, "status"))[0]


def commands(place):
    daemon = Daemon(place).start()
    names = [row["command"] for row in require_ok(ask(daemon, "help"))]
    check({"help", "status", "reload", "log"} <= set(names), names)
    row = status(daemon)
    check(row["pid"] == daemon.process.pid and row["test_zone"] == place.zone, row)
    check(row["configuration"] == {"file": daemon.config, "generation": 1, "mode": "enforce"}, row)
    with Mta(daemon) as mta:
        mta.envelope()
        wait_until(lambda: status(daemon)["messages"]["under_way"] == 1, "the message")
        check(status(daemon)["sessions"]["open"] == 1, "no session")
        mta.content()
    wait_until(lambda: status(daemon)["sessions"]["open"] == 0, "the end of the session")
    row = status(daemon)
    check(row["sessions"]["total"] == 1 and row["messages"] == {"under_way": 0, "total": 1}, row)
    with Client(daemon) as client:
        # Two in one piece, one in three.
        client.say(b"status\nhelp\nsta")
        require_ok(client.answer())
        require_ok(client.answer())
        for piece in (b"t", b"us", b"\n"):
            client.say(piece)
        require_ok(client.answer())
        require_code(client.ask("status now"), "usage", "usage: status")
        require_code(client.ask("statuss"), "unknown", "statuss")
        require_code(client.ask("log loud"), "usage", "loud")
        check(require_ok(client.ask('"log"')) == [{"log_level": "info"}], "the level")
        check(require_ok(client.ask("log debug")) == [{"log_level": "debug"}], "the level")
    check(status(daemon)["log_level"] == "debug", "the level did not change")
    check(daemon.has_logged("control: user %d, process %d: log debug" % (os.geteuid(),
                                                                         os.getpid())), "the log")
    require_ok(ask(daemon, "reload"))
    check(status(daemon)["log_level"] == "info", "the level survived the reload")
    check(daemon.stop() == 0, "exit status")
    check(not os.path.exists(daemon.state_dir + "/control"), "the socket is left")


def reloads(place):
    """Good, bad, good again, each answered when it is done, while messages are under way."""
    daemon = Daemon(place).start()
    load = start_miltload(daemon, "-c", "8", "-n", "600", "-k", "7", "-f",
                          place.file("message", "From: joe@example.org\nSubject: x\n\nhello\n"),
                          *LOGIN)
    generation = 1
    for number in range(12):
        if number % 3 == 1:
            daemon.configure("nonsense = 1\n")
            rows, last = ask(daemon, "reload")
            require_code((rows, last), "refused",
                         "configuration %d stays in force: %s:10: " % (generation, daemon.config))
            check("nonsense" in last["error"], last)
        else:
            daemon.configure(SIGN)
            generation += 1
            check(require_ok(ask(daemon, "reload")) == [{"generation": generation, "warnings": []}], "generation")
        check(status(daemon)["configuration"]["generation"] == generation, "generation")
    output, _ = load.communicate(timeout=2 * PATIENCE)
    summary = json.loads(output)
    check(summary["errors"] == {} and summary["replies"] == {"continue": 600}, summary)
    # SIGHUP does the same still.
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: status(daemon)["configuration"]["generation"] == generation + 1, "SIGHUP")
    check(daemon.stop() == 0, "exit status")


def many_reloads(place):
    """Many clients ask for a reload at once and some do not wait: all others are answered."""
    daemon = Daemon(place).start()
    clients = [Client(daemon) for _ in range(24)]
    for client in clients:
        client.say("reload")
    for client in clients[::3]:
        client.socket.close()
    for number, client in enumerate(clients):
        if number % 3:
            require_ok(client.answer())
            client.socket.close()
    wait_until(lambda: status(daemon)["configuration"]["generation"] == 25, "the reloads")
    check(daemon.stop() == 0, "exit status")


def stop_under_reloads(place):
    """Clients that ask for one reload after the other do not keep the daemon from its end."""
    daemon = Daemon(place).start()
    done = []

    def spam():
        try:
            while True:
                done.append(ask(daemon, "reload")[1]["ok"])
        except (OSError, TypeError, Failure):
            pass

    threads = [threading.Thread(target=spam) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(done) > 20, "some reloads")
    check(daemon.stop() == 0, "exit status")
    for thread in threads:
        thread.join()


class As:
    """A process of another user and other groups, in which `act(path of the socket)` runs; what it
    returns is read by result()."""

    def __init__(self, daemon, uid, gid, groups, act):
        ours, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(ours)
                os.setgroups(groups)
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                act(daemon.state_dir + "/control", lambda text: os.write(theirs, text.encode()))
                status = 0
            finally:
                os._exit(status)
        os.close(theirs)
        self.pipe = os.fdopen(ours)

    def end(self):
        text = self.pipe.read()
        self.pipe.close()
        os.waitpid(self.pid, 0)
        return text


def run_as(daemon, uid, gid, groups, line):
    """The last line of the answer, or the name of the error."""
    def act(path, tell):
        data = b""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
                sock.settimeout(PATIENCE)
                try:
                    sock.sendall(line.encode() + b"\n")
                except BrokenPipeError:
                    # Turned away before it said a word: why is there to be read.
                    pass
                while b'"ok":' not in data:
                    more = sock.recv(65536)
                    if not more:
                        break
                    data += more
        except OSError as error:
            if not data:
                data = type(error).__name__.encode()
        tell(data.decode().splitlines()[-1])

    return As(daemon, uid, gid, groups, act).end()


def is_ok(text):
    return text.startswith("{") and json.loads(text)["ok"]


def code(text):
    return json.loads(text)["code"] if text.startswith("{") else text


def peers(place):
    """Root, the daemon's user, members of control-group, and nobody else; by the kernel's word."""
    if not IS_ROOT:
        return
    group = next(entry for entry in grp.getgrall() if entry.gr_gid not in (0, place.ids[1]))
    daemon = Daemon(place)
    for name in (group.gr_name, None):
        options = {"control_group": name} if name else {}
        daemon.configure(SIGN, **options)
        daemon.start()
        entry = os.stat(daemon.state_dir + "/control")
        gid = group.gr_gid if name else place.ids[1]
        check(stat.S_IMODE(entry.st_mode) == 0o660 and entry.st_gid == gid and
              entry.st_uid == place.ids[0], "%o %d:%d" % (entry.st_mode, entry.st_uid,
                                                          entry.st_gid))
        # uid, gid, groups, may ask, may steer
        users = [(0, 0, [], True, True),
                 (place.ids[0], place.ids[1], [], True, False),
                 (STRANGER, OTHER_GROUP, [], False, False)]
        if name:
            users += [(STRANGER, gid, [], True, True),
                      (STRANGER, OTHER_GROUP, [1, gid, 2], True, True),
                      (place.ids[0], place.ids[1], [gid], True, True)]
        else:
            # The file's group lets them in, the peer's credentials do not.
            users += [(STRANGER, gid, [], False, False)]
        for uid, gid, groups, may_ask, may_steer in users:
            who = "%s %d:%d %s" % (name, uid, gid, groups)
            asked = run_as(daemon, uid, gid, groups, "status")
            check(is_ok(asked) == may_ask, "%s asks: %s" % (who, asked))
            check(may_ask or code(asked) in ("denied", "PermissionError"), "%s: %s" % (who, asked))
            for line in ("reload", "log info"):
                steered = run_as(daemon, uid, gid, groups, line)
                check(is_ok(steered) == may_steer, "%s: %s: %s" % (who, line, steered))
                check(may_steer or code(steered) in ("denied", "PermissionError"),
                      "%s: %s: %s" % (who, line, steered))
        check(daemon.stop() == 0, "exit status")


def one_user_not_all(place):
    """A user who takes all the connections that he can get leaves some for others, and for root."""
    if not IS_ROOT:
        return
    daemon = Daemon(place).start()
    release, hold = os.pipe()

    def act(path, tell):
        held = []
        os.close(hold)
        for _ in range(40):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(path)
            held.append(sock)
        tell("held\n")
        os.read(release, 1)

    taker = As(daemon, *place.ids, [], act)
    try:
        check(taker.pipe.readline() == "held\n", "could not connect")
        check(code(run_as(daemon, *place.ids, [], "status")) == "busy", "no bound")
        clients = [Client(daemon) for _ in range(24)]
        for client in clients:
            require_ok(client.ask("status"))
            client.socket.close()
    finally:
        os.close(hold)
        taker.end()
        os.close(release)
    check(daemon.stop() == 0, "exit status")


def slow(place):
    """Clients that do not read, or send half a line: nobody else waits for them."""
    daemon = Daemon(place).start()
    deaf = [Client(daemon) for _ in range(8)]
    for client in deaf:
        client.socket.setblocking(False)
        try:
            for _ in range(10000):
                client.socket.send(100 * b"help\n")
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
    half = [Client(daemon) for _ in range(8)]
    for client in half:
        client.say(b"stat")
    begin = time.monotonic()
    for _ in range(200):
        status(daemon)
    require_ok(ask(daemon, "reload"))
    check(time.monotonic() - begin < PATIENCE, "others waited")
    for client in half:
        client.say(b"us\n")
        require_ok(client.answer())
    check(daemon.process.poll() is None, "the daemon is gone")
    check(memory_kib(daemon) < 400000, "%d KiB" % memory_kib(daemon))
    for client in deaf + half:
        client.socket.close()
    check(daemon.stop() == 0, "exit status")


def memory_kib(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def thousands(place):
    """One after the other, and at once: those for whom there is no room are told so."""
    daemon = Daemon(place).start()
    for _ in range(1000):
        with Client(daemon):
            pass
    answered = busy = 0
    clients = []
    for _ in range(900):
        client = Client(daemon)
        clients.append(client)
        try:
            client.say("help")
        except (BrokenPipeError, ConnectionResetError):
            pass
    for client in clients:
        _, last = client.answer()
        check(last is not None, "no answer")
        answered += last["ok"]
        busy += not last["ok"] and last["code"] == "busy"
    check(answered >= 32 and answered + busy == 900, "%d answered, %d busy" % (answered, busy))
    for client in clients:
        client.socket.close()
    wait_until(lambda: ask(daemon, "status")[1]["ok"], "a place")
    descriptors = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    check(descriptors < 100, "%d descriptors are open" % descriptors)
    check(daemon.stop() == 0, "exit status")


def hostile(place):
    """Garbage, lines without an end, NUL, requests without an end."""
    daemon = Daemon(place).start()
    random.seed(20261122)
    require_code(ask(daemon, b"x" * 5000), "limit", "4096")
    require_code(ask(daemon, b"x" * 4096 + b"\n"), "limit", "4096")
    require_code(ask(daemon, b"x" * 4095 + b"\n"), "unknown")
    for line in (b"\n", b"\0\n", b"\xff\xfe\n", b"status\0\n", b'"\n', b'"a"b\n', b"a\\b\n",
                 b"\x1b[2J\n", b" " * 4000 + b"\n", b"a " * 20 + b"\n"):
        require_code(ask(daemon, line), "usage")
    with Client(daemon) as client:
        for number in range(1000):
            require_ok(client.ask("log")) if number % 2 else require_code(client.ask(""), "usage")
        require_code(client.ask("status"), "limit", "1000")
        check(client.line() is None, "still open")
    for number in range(100):
        with Client(daemon) as client:
            try:
                client.say(bytes(random.randrange(256) for _ in range(random.randrange(1, 9000))))
                if number % 2:
                    client.socket.shutdown(socket.SHUT_WR)
                    while client.answer()[1] is not None:
                        pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    check(status(daemon)["configuration"]["generation"] == 1, "something was reloaded")
    check(daemon.stop() == 0, "exit status")


def leavers(place):
    """Those who ask what the main thread must answer, and go away before it has: they leave
    nothing behind, and keep nobody from a reload, a signal or the end."""
    daemon = Daemon(place).start()
    for number in range(5000):
        try:
            with Client(daemon) as client:
                client.say(("rates", "bulk")[number % 2])
        except OSError:
            pass
    wait_until(lambda: ask(daemon, "reload")[1]["ok"], "a place")
    leaving = [True]

    def leave():
        while leaving:
            try:
                with Client(daemon) as client:
                    client.say("rates")
            except OSError:
                pass

    threads = [threading.Thread(target=leave) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.has_logged("configuration 3 is in force"), "SIGHUP")
        check(daemon.stop() == 0, "exit status")
    finally:
        leaving.clear()
        for thread in threads:
            thread.join()


def one_octet_a_time(place):
    """A request that comes octet by octet is one request; others are served in between. What is
    cut from a word in an error stays UTF-8."""
    daemon = Daemon(place).start()
    with Client(daemon) as client:
        for number, octet in enumerate(b"status\nlog info\n"):
            client.say(bytes([octet]))
            check(status(daemon)["pid"] == daemon.process.pid, "after %d octets" % number)
        require_ok(client.answer())
        require_ok(client.answer())
        for line in ("a" + 99 * "\u00e9", "log a" + 99 * "\u20ac", "log " + 99 * "\U0001f600"):
            rows, last = client.ask(line)
            check(rows == [] and not last["ok"] and last["error"], "%s" % last)
    check(daemon.stop() == 0, "exit status")


def links(place):
    """A link where the socket is to be: it is neither followed nor taken away."""
    daemon = Daemon(place).start()
    check(daemon.stop() == 0, "exit status")
    path = daemon.state_dir + "/control"
    target = place.file("target", "precious")
    for where in (target, place.path + "/nowhere", "/dev/null"):
        os.symlink(where, path)
        result, errors = daemon.run("-f")
        check(result == UNAVAILABLE and "no socket is there: move it away" in errors,
              "%s: %d: %s" % (where, result, errors))
        check(os.readlink(path) == where and not os.path.exists(place.path + "/nowhere"), where)
        os.remove(path)
    with open(target) as file:
        check(file.read() == "precious", "the target was written")
    # One that is put there while it runs is not removed at the end.
    daemon.start()
    os.rename(path, path + "-was")
    os.symlink(target, path)
    check(daemon.stop() == 0, "exit status")
    check(os.readlink(path) == target, "the link is gone")


def killed(place):
    """The socket of a daemon that was killed is no hindrance; that of one that lives is."""
    daemon = Daemon(place).start()
    other = Daemon(place, name="b")
    other.configure(SIGN, state_dir=daemon.state_dir)
    result, errors = other.run("-f")
    check(result == UNAVAILABLE and "used by a daemon that runs" in errors and
          len(errors.splitlines()) == 1, "%d: %s" % (result, errors))
    require_ok(ask(daemon, "status"))
    daemon.kill()
    path = daemon.state_dir + "/control"
    check(os.path.exists(path), "a kill that cleans up")
    daemon.start()
    require_ok(ask(daemon, "status"))
    daemon.kill()
    os.remove(path)
    with open(path, "w"):
        pass
    result, errors = daemon.run("-f")
    check(result == UNAVAILABLE and "no socket is there: move it away" in errors,
          "%d: %s" % (result, errors))
    check(os.path.exists(path), "a file was removed")
    os.remove(path)
    daemon.configure(SIGN, control_group="no-such-group")
    result, errors = daemon.run("-f")
    check(result == CONFIG and 'no group "no-such-group"' in errors, "%d: %s" % (result, errors))


def postseal(daemon, *words, timeout=PATIENCE):
    """(exit status, standard output, standard error)."""
    done = subprocess.run([POSTSEAL, *words, "-c", daemon.config], capture_output=True, text=True,
                          check=False, timeout=timeout, env=daemon.place.environment)
    return done.returncode, done.stdout, done.stderr


def command(place):
    """postseal status, reload, log: what they print, and their exit status."""
    daemon = Daemon(place)
    for words in (["status"], ["reload"], ["log"]):
        got, out, errors = postseal(daemon, *words)
        check(got == UNAVAILABLE and out == "" and errors == (
            "postseal: %s/control: there is no such socket: is postseald running?\n" %
            daemon.state_dir), "%s: %d %s" % (words, got, errors))
    daemon.start()
    got, out, errors = postseal(daemon, "status")
    check(got == 0 and errors == "", "%d %s" % (got, errors))
    for line in ("process %d, since 20" % daemon.process.pid, "test zone     " + place.zone,
                 "configuration 1, %s, mode = enforce" % daemon.config,
                 "sessions      0 open of 2000, 0 since the start, 0 refused",
                 "messages      0 under way, 0 since the start", "log level     info"):
        check(line in out, "no \"%s\" in:\n%s" % (line, out))
    got, out, errors = postseal(daemon, "status", "--json")
    check(got == 0 and json.loads(out)["configuration"]["generation"] == 1, out + errors)
    check(postseal(daemon, "reload") == (0, "configuration 2 is in force\n", ""), "reload")
    daemon.configure(SIGN, listen="unix:" + place.run + "/other.sock", mta_timeout="3h")
    check(postseal(daemon, "reload") == (
        0, "configuration 3 is in force\n",
        "postseal: warning: listen has changed: that takes a restart, the old value stays in force\n"
        "postseal: warning: mta-timeout has changed: that takes a restart, the old value stays in "
        "force\n"), "the warnings")
    check(postseal(daemon, "log") == (0, "info\n", ""), "log")
    check(postseal(daemon, "log", "debug") == (0, "debug\n", ""), "log debug")
    got, out, errors = postseal(daemon, "log", "loud")
    check(got == 64 and out == "" and errors.startswith('postseal: log: "loud" is no level'),
          "%d %s" % (got, errors))
    path = daemon.state_dir + "/control"
    place.file("a.conf", "nonsense = 1\n")
    got, out, errors = postseal(daemon, "reload", "--socket", path)
    check(got == CONFIG and out == "" and len(errors.splitlines()) == 1 and
          errors.startswith("postseal: reload: configuration 3 stays in force: ") and
          "nonsense" in errors, "%d %s" % (got, errors))
    got, out, errors = postseal(daemon, "status")
    check(got == CONFIG and "nonsense" in errors and "the daemon was not asked" in errors,
          "%d %s" % (got, errors))
    daemon.send_signal(signal.SIGSTOP)
    got, out, errors = postseal(daemon, "status", "-s", path, "--timeout", "1")
    check(got == UNAVAILABLE and "does not answer in time" in errors, "%d %s" % (got, errors))
    daemon.send_signal(signal.SIGCONT)
    got, out, errors = postseal(daemon, "status", "-s", path, "--timeout", "soon")
    check(got == 64 and "write seconds" in errors, "%d %s" % (got, errors))
    check(daemon.stop() == 0, "exit status")


class Impostor(threading.Thread):
    """Takes requests at a socket, each on a connection of its own, and answers what it is told."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.answer = b""
        self.start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                try:
                    connection.recv(4096)
                    connection.sendall(self.answer)
                except OSError:
                    pass


def impostor(place):
    """What answers is not postseald: no command dies of it, or hands on what a terminal would
    obey."""
    daemon = Daemon(place)
    path = place.path + "/impostor"
    server = Impostor(path)
    words = ("status", "rates", "bulk", "reload", "log")
    numbers = (0, -1, 1, 2 ** 63 - 1, -2 ** 63, 10 ** 30, 1.5, "x", None, [], {})
    members = {"status": ("uptime", "since", "started", "pid", "sessions", "messages", "dns", "rules"),
               "rates": ("keys", "wait", "octets", "windows", "key", "state"),
               "bulk": ("limit", "recipients", "author_domain", "provider"),
               "reload": ("generation", "warnings"), "log": ("log_level",)}
    rows = {word: [json.dumps({name: value for name in members[word]}).encode() + b"\n"
                   for value in numbers] for word in words}
    rows["bulk"] += [json.dumps({"recipients": 2 ** 63 - 1, "limit": limit}).encode() + b"\n"
             for limit in (-1, 0, 1)]
    every = [json.dumps({"windows": [{"used": 2 ** 63 - 1, "sent": 0, "limit": "\x1b[2J"}],
                         "key": "\x1b]0;x\x07", "rate": "\x9b2J", "state": "\x1b[2J",
                         "author_domain": "\x1b[2J", "provider": "\x1b[2J",
                         "log_level": "\x1b[2J", "warnings": ["\x1b[2J\n"]}).encode() + b"\n"]
    others = [b"", b"\n", b"{", b"[]\n", b"null\n", b'{"ok":1}\n', b'{"ok":true}', b"\0\n",
                b"{\"ok\":false}\n", b'{"ok":false,"code":"\\u001b[2J","error":"\\u001b[2J"}\n',
                b'{"ok":false,"code":%s,"error":7}\n' % (b'"' + b"x" * 9999 + b'"'),
                b"[" * 100000 + b"\n", b'{"a":' * 3000 + b"\n", b"x" * (1 << 20)]
    for word in words:
        answers = [2 * row + b'{"ok":true}\n' for row in rows[word] + every]
        for answer in answers + others:
            server.answer = answer
            for more in ((), ("--json",)) if word not in ("reload", "log") else ((),):
                done = subprocess.run([POSTSEAL, word, *more, "-s", path, "-c", daemon.config],
                                      capture_output=True, check=False, timeout=PATIENCE,
                                      env=place.environment)
                what = "%s %s: %r" % (word, more, answer[:200])
                check(done.returncode in (0, 1, 64, 65, 69, 78), "%s: %d %s" % (
                    what, done.returncode, done.stderr))
                check(b"\x1b" not in done.stdout + done.stderr, "%s: %r %r" % (
                    what, done.stdout, done.stderr))


def not_allowed(place):
    """What the command says to those who may not."""
    if not IS_ROOT:
        return
    daemon = Daemon(place).start()
    program = shutil.copy(POSTSEAL, place.path)
    for uid, gid, words, want in (
            (STRANGER, OTHER_GROUP, "status", "be root, or a member of control-group"),
            (STRANGER, place.ids[1], "status", "only root, the daemon's user and members of"),
            (*place.ids, "reload", "reload is for root and for members of control-group")):
        def act(path, tell):
            done = subprocess.run([program, words, "-s", path],
                                  capture_output=True, text=True, check=False, timeout=PATIENCE,
                                  cwd="/")
            tell("%d %s" % (done.returncode, done.stderr))

        text = As(daemon, uid, gid, [], act).end()
        check(text.startswith("%d postseal: " % UNAVAILABLE) and want in text, text)
    check(daemon.stop() == 0, "exit status")


def stopping(place):
    """While messages are finished the state can be asked for; a reload is refused."""
    daemon = Daemon(place).start()
    with Mta(daemon) as mta, Client(daemon) as client:
        mta.envelope()
        wait_until(lambda: status(daemon)["messages"]["under_way"] == 1, "the message")
        daemon.send_signal(signal.SIGTERM)
        wait_until(lambda: daemon.has_logged("stopping:"), "the beginning of the end")
        require_code(client.ask("reload"), "stopping")
        check(status(daemon)["stopping"], "no word of it")
        check(mta.content() == [b"i", b"i", b"c"], "not signed")
        check(client.line() is None, "still open")
    check(daemon.stop() == 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([commands, reloads, many_reloads, stop_under_reloads, peers,
                        one_user_not_all, slow, thousands, hostile, leavers, one_octet_a_time,
                        links, killed, command, impostor, not_allowed,
                        stopping]))
