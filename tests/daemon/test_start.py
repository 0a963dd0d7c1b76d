#!/usr/bin/env python3
"""How postseald starts and ends: what it refuses, in which words and with which status, the
background, the socket, the pid file. `tests/daemon/test_start.py CASE` runs one case."""
import os
import signal
import socket
import stat
import subprocess
import sys

from daemon import (IS_ROOT, PATIENCE, POSTSEALD, SIGN, Daemon, check, miltload, run_cases,
                    wait_until)

USAGE, UNAVAILABLE, CONFIG = 64, 69, 78


def command_line(place):
    for words, status, text in (
            (["--help"], 0, "usage: postseald"),
            (["--version"], 0, "postseald 0."),
            (["--nonsense"], USAGE, "--nonsense: unknown option"),
            (["file.conf"], USAGE, "-c FILE"),
            (["-c"], USAGE, "is missing"),
            (["--time", "noon"], USAGE, "RFC 3339"),
            (["-c", place.path + "/none.conf"], CONFIG, "none.conf: No such file"),
    ):
        done = subprocess.run([POSTSEALD, *words], capture_output=True, text=True, check=False,
                              timeout=PATIENCE)
        check(done.returncode == status, "%s: status %d" % (words, done.returncode))
        output = done.stdout if status == 0 else done.stderr
        check(text in output, "%s: %s" % (words, output))
        check(status == 0 or len(done.stderr.splitlines()) == 1, "%s: %s" % (words, output))


def refused(place):
    """One line each, before anything listens."""
    daemon = Daemon(place)
    file_there = place.file("run/plain", "not a socket\n")
    others = place.folder("others")
    os.chmod(others, 0o770)
    alien = place.folder("alien")
    os.chown(alien, *((1, 1) if IS_ROOT else place.ids))
    os.symlink(place.folder("real"), place.path + "/link")
    cases = [
        ({"state_dir": file_there}, "", {}, CONFIG, "state-dir: %s is no directory" % file_there),
        ({"state_dir": place.path + "/link"}, "", {}, CONFIG, "is no directory"),
        ({"state_dir": others}, "", {}, CONFIG, "chmod go-w " + others),
        ({"state_dir": place.path + "/none/state"}, "", {}, UNAVAILABLE, "install -d -o "),
        ({"state_dir": "state"}, "", {}, CONFIG, "a.conf:8: "),
        ({}, "nonsense = 1\n", {}, CONFIG, "a.conf:10: "),
        ({}, 'sign "example.org" { keys = { "none" } }\n', {}, CONFIG, "a.conf:10: "),
        ({"listen": "tcp:25"}, "", {}, CONFIG, "a.conf:2: "),
        ({"listen": "unix:" + file_there}, "", {}, CONFIG, "is no socket"),
        ({"listen": "unix:%s/none/s" % place.path}, "", {}, UNAVAILABLE, "No such file"),
        ({"listen_group": "no-such-group"}, "", {}, CONFIG, "a.conf:3: "),
        ({"listen": "inet:1@0.0.0.0"}, "listen-exposed = yes\n", {}, CONFIG, "no loopback"),
        ({}, "", {"NOTIFY_SOCKET": "/nowhere"}, CONFIG, "service manager"),
    ]
    if IS_ROOT:
        # Root makes none behind a link, and does not say that one is there.
        os.mkdir(place.path + "/roots")
        os.symlink(place.path + "/roots", place.path + "/to-roots")
        cases += [({"state_dir": alien}, "", {}, CONFIG, "belongs to uid 1"),
                  ({"state_dir": place.path + "/to-roots/state"}, "", {}, UNAVAILABLE,
                   "install -d -o ")]
        cases += [({"user": "no-such-user"}, "", {}, CONFIG, 'no user "no-such-user"'),
                  ({"user": "root"}, "", {}, CONFIG, "is root"),
                  ({"group": "no-such-group"}, "", {}, CONFIG, 'no group "no-such-group"')]
    for options, more, env, status, text in cases:
        daemon.configure(more or SIGN, **options)
        got, errors = daemon.run("-f", env=env)
        lines = [line for line in errors.splitlines() if line]
        check(got == status and text in errors and len(lines) == 1,
              "%s %s: status %d, %s" % (options, more, got, errors))
        check(os.listdir(place.run) == ["plain"], "%s: left: %s" % (options, os.listdir(place.run)))
    check(os.path.exists(file_there), "a file that is no socket was removed")


def state_dir(place):
    """Made for the daemon's user, whoever starts it, and used by one daemon at a time."""
    daemon = Daemon(place).start()
    status = os.stat(daemon.state_dir)
    check(stat.S_IMODE(status.st_mode) == 0o711, "mode %o" % stat.S_IMODE(status.st_mode))
    check((status.st_uid, status.st_gid) == place.ids, "owner %d:%d" % (status.st_uid,
                                                                        status.st_gid))
    other = Daemon(place, name="b")
    other.configure(SIGN, state_dir=daemon.state_dir)
    again, errors = other.run("-f")
    check(again == UNAVAILABLE and "used by a daemon that runs" in errors, "%d: %s" % (again,
                                                                                       errors))
    daemon.kill()
    other.start()
    check(other.stop() == 0, "exit status")
    # Below a folder of the daemon's user, it is the user who makes it.
    other.configure(SIGN, state_dir=place.run + "/state")
    other.start()
    check(os.stat(place.run + "/state").st_uid == place.ids[0], "not the user's")
    check(other.stop() == 0, "exit status")


def background(place):
    daemon = Daemon(place)
    daemon.configure(SIGN, log_target="syslog")
    status, errors = daemon.run(cwd=place.path)
    check(status == 0 and errors == "", "status %d: %s" % (status, errors))
    with open(daemon.pid_file) as file:
        pid = int(file.read())
    try:
        check(os.path.realpath("/proc/%d/cwd" % pid) == "/", "not in /")
        check(os.getsid(pid) not in (pid, os.getsid(0)), "still in a session of a terminal")
        check(miltload(daemon, "-n", "1")["replies"] == {"continue": 1}, "does not serve")
        again, errors = daemon.run()
        check(again == UNAVAILABLE and "somebody listens" in errors, "%d: %s" % (again, errors))
        other = Daemon(place, name="b")
        other.pid_file = daemon.pid_file
        other.configure(SIGN)
        again, errors = other.run()
        check(again == UNAVAILABLE and "held by a daemon" in errors, "%d: %s" % (again, errors))
        check(miltload(daemon, "-n", "1")["replies"] == {"continue": 1}, "serves no more")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(daemon.pid_file), "the end of the daemon")
    check(not os.path.exists(daemon.socket), "the socket is left")


def background_fails(place):
    """What goes wrong in the background is on the terminal, and in the status."""
    daemon = Daemon(place)
    os.remove(os.path.join(place.keys, "example.org", "ed.pem"))
    status, errors = daemon.run()
    check(status == CONFIG and "ed.pem" in errors, "%d: %s" % (status, errors))
    check(not os.path.exists(daemon.pid_file), "the pid file is left")


def unix_socket(place):
    daemon = Daemon(place)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(daemon.socket)
    stale.close()
    daemon.configure(SIGN, listen_mode="0620")
    daemon.start()
    status = os.stat(daemon.socket)
    check(stat.S_IMODE(status.st_mode) == 0o620, "mode %o" % stat.S_IMODE(status.st_mode))
    check(status.st_gid == place.ids[1], "group %d" % status.st_gid)
    if IS_ROOT:
        with open("/proc/%d/status" % daemon.process.pid) as file:
            fields = dict(line.split(":", 1) for line in file)
        check(fields["Uid"].split() == [str(place.ids[0])] * 4, "uid " + fields["Uid"])
        check(fields["Gid"].split() == [str(place.ids[1])] * 4, "gid " + fields["Gid"])
        check(fields["CapPrm"].strip().strip("0") == "", "capabilities " + fields["CapPrm"])
        check(fields["NoNewPrivs"].strip() == "1", "may gain privileges")
    check(miltload(daemon, "-n", "1")["replies"] == {"continue": 1}, "does not serve")
    check(daemon.stop() == 0, "exit status")
    check(os.listdir(place.run) == [], "left: %s" % os.listdir(place.run))


def inet_socket(place):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = Daemon(place, listen="inet:%d@127.0.0.1" % port).start()
    taken = Daemon(place, listen=daemon.listen, name="b")
    status, errors = taken.run("-f")
    check(status == UNAVAILABLE and "listen: inet:%d" % port in errors, "%d: %s" % (status, errors))
    load = miltload(daemon, "-n", "40", "-k", "10", "-c", "2")
    check(load["replies"] == {"continue": 40}, load["replies"])
    check(daemon.stop() == 0, "exit status")


def interrupted(place):
    daemon = Daemon(place).start()
    check(daemon.stop(signal.SIGINT) == 0, "exit status")


def fixed_time(place):
    daemon = Daemon(place)
    out = os.path.join(place.path, "out")
    daemon.command = lambda *more: [POSTSEALD, "-c", daemon.config, "--zone=" + place.zone,
                                    "--time=2001-09-09T01:46:40Z", *more]
    daemon.start()
    message = place.file("message", "From: joe@example.org\nSubject: x\n\nhello\n")
    miltload(daemon, "-n", "1", "-m", "M:{auth_authen}=joe", "-f", message, "--apply", out)
    with open(out) as file:
        check("t=1000000000;" in file.read(), "another time than --time")
    check(daemon.stop() == 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([command_line, refused, state_dir, background, background_fails, unix_socket,
                        inet_socket, interrupted, fixed_time]))
