#!/usr/bin/python3
"""rate_peers.py [--decisions N] [--rounds N]: CPU of a rate decision, one run, rounds taken in
turn: postseald counting in itself and in Redis, Rspamd's ratelimit with the same Redis,
policyd-rate-limit and postfwd. The servers' CPU alone (Redis's is shown by itself). A decision is a
message with one recipient; postseald and Rspamd have three rates and do all of a message's
callbacks for it, the policy servers have one and answer one request. Peers that are not installed
are left out and named. Run it in a build folder (srcdir says where the sources are; make
tests/bench/miltload postseald), as root."""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
# pylint: disable=wrong-import-position
from daemon import MILTLOAD, Daemon, Place, check, wait_until  # noqa: E402

SESSIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
RATE = """rate "a" { direction = outbound key = { "login" } count = recipients limit = "100000/1h"
    action = tempfail }
rate "b" { direction = outbound key = { "login" } count = messages limit = "100000/1h"
    action = tempfail }
rate "c" { direction = outbound key = { "client-ip" } count = recipients limit = "10000000/1h"
    action = tempfail }
"""


def family(pid):
    """The process and all below it."""
    pids = [pid]
    for line in subprocess.run(["ps", "-e", "-o", "pid=,ppid="], stdout=subprocess.PIPE,
                               check=True, text=True).stdout.splitlines():
        child, parent = map(int, line.split())
        if parent in pids:
            pids.append(child)
    return pids


def cpu_s(pid):
    total = 0
    for one in family(pid):
        try:
            with open("/proc/%d/stat" % one) as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Milter:
    def __init__(self, target, pid, logins):
        self.target = target
        self.pid = pid
        self.logins = logins

    def run(self, count):
        words = [MILTLOAD, "-c", str(SESSIONS), "-n", str(count), "--ip", "192.0.2.1",
                 "--max-time", "300", "-m", "M:{auth_authen}=joe", "-m", "M:{auth_type}=PLAIN",
                 "-f", self.logins, self.target]
        out = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=False,
                                        text=True).stdout)
        check(out["messages"] == count, str(out))


class Policy:
    """SESSIONS connections of Postfix's policy protocol."""

    def __init__(self, address, pid):
        self.address = address
        self.pid = pid

    def connect(self):
        if isinstance(self.address, str):
            conn = socket.socket(socket.AF_UNIX)
            conn.connect(self.address)
        else:
            conn = socket.create_connection(self.address)
        conn.settimeout(60)
        return conn

    def ask(self, first, count, faults):
        try:
            with self.connect() as conn:
                for i in range(first, first + count):
                    conn.sendall((
                        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
                        "client_address=192.0.2.1\nclient_name=client.example\n"
                        "helo_name=c.example\nsender=user%d@example.org\n"
                        "recipient=r@example.net\ninstance=%x.1\nsize=100\nsasl_method=plain\n"
                        "sasl_username=user%d\n\n" % (i % 1000, i, i % 1000)).encode())
                    data = b""
                    while not data.endswith(b"\n\n"):
                        part = conn.recv(4096)
                        if not part:
                            raise OSError("closed")
                        data += part
        except OSError as error:
            faults.append(str(error))

    def run(self, count):
        faults = []
        each = count // SESSIONS
        threads = [threading.Thread(target=self.ask, args=(i * each, each, faults))
                   for i in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not faults, str(faults[:2]))


class Family:
    """A process and all below it, a child or not."""

    def __init__(self, pid):
        self.pid = pid

    def kill(self):
        for pid in family(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_up(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def start(processes, words, is_ready, what):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL)
    processes.append(Family(process.pid))
    wait_until(is_ready, what)
    return process


def start_redis(place, processes):
    path = os.path.join(place.folder("redis"), "s")
    os.chmod(os.path.dirname(path), 0o755)
    port = free_port()
    return start(processes, ["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                             "--unixsocket", path, "--unixsocketperm", "777", "--dir",
                             os.path.dirname(path), "--save", ""],
                 lambda: is_up(port), "redis-server"), path, port


def own(place, redis_path, logins):
    secret = place.file("secret", "0123456789abcdef0123456789abcdef\n")
    os.chmod(secret, 0o600)
    os.chown(secret, *place.ids)
    alone = Daemon(place, RATE, name="alone").start()
    shared = Daemon(place, RATE + 'rate-store = "unix:%s"\nrate-secret = "file:%s"\n'
                    'rate-timeout = "5s"\n' % (redis_path, secret), name="shared").start()
    without = Daemon(place, "", name="without").start()
    return {"postseald without rates": Milter(without.listen, without.process.pid, logins),
            "postseald, in itself": Milter(alone.listen, alone.process.pid, logins),
            "postseald, in Redis": Milter(shared.listen, shared.process.pid, logins)}


def rspamd(place, processes, port, logins):
    folder = place.folder("rspamd")
    os.chmod(folder, 0o777)
    path = os.path.join(folder, "sock")
    config = place.file("rspamd.conf", """
options { pidfile = "%(f)s/pid"; filters = ""; cache_file = "%(f)s/cache"; history_file = "";
  local_addrs = []; dns { nameserver = ["127.0.0.1:9:1"]; } }
logging { type = "file"; filename = "%(f)s/log"; level = "error"; }
worker "rspamd_proxy" { bind_socket = "%(f)s/sock mode=0666"; milter = yes; timeout = 60s;
  count = 1; upstream "local" { default = yes; self_scan = yes; } }
actions { reject = 1000; add_header = 900; greylist = null; }
modules { path = "$PLUGINSDIR/ratelimit.lua"; }
redis { servers = "127.0.0.1:%(p)d"; }
ratelimit { enabled = true; rates {
  user { bucket = { burst = 1000000; rate = "100000 / 1m"; } }
  bounce_to { bucket = { burst = 1000000; rate = "100000 / 1m"; } }
  to_ip_from { bucket = { burst = 1000000; rate = "100000 / 1m"; } } } }
""" % {"f": folder, "p": port})
    words = ["rspamd", "-i", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", config]
    process = start(processes, words, lambda: os.path.exists(path), "rspamd")
    return Milter("unix:" + path, process.pid, logins)


def policyd(place, processes):
    folder = place.folder("policyd")
    os.chmod(folder, 0o777)
    config = place.file("policyd.yaml", """debug: False
user: nobody
group: nogroup
pidfile: "%(f)s/pid"
sqlite_config:
  database: "%(f)s/db"
backend: 0
socket_permission: 0666
SOCKET: "%(f)s/sock"
limits:
    - [100000, 3600]
limit_by_sasl: True
limit_by_sender: False
limit_by_ip: False
limited_networks: []
success_action: "dunno"
fail_action: "defer_if_permit limit"
db_error_action: "dunno"
report: False
count_mode: 0
""" % {"f": folder})
    path = os.path.join(folder, "sock")
    process = start(processes, ["policyd-rate-limit", "--file", config],
                    lambda: os.path.exists(path), "policyd-rate-limit")
    return Policy(path, process.pid)


def postfwd(place, processes):
    port = free_port()
    rules = place.file("postfwd.cf", "id=R01; action=rate(sasl_username/100000/3600/450 4.7.1 "
                       "limit)\n")
    # Only as a daemon does it listen.
    pid_file = os.path.join(place.folder("postfwd"), "pid")
    os.chmod(os.path.dirname(pid_file), 0o777)
    subprocess.run(["postfwd1", "--daemon", "-f", rules, "-i", "127.0.0.1", "-p", str(port), "-u",
                    "nobody", "-g", "nogroup", "--perfmon", "--pidfile", pid_file],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wait_until(lambda: is_up(port) and os.path.exists(pid_file), "postfwd1")
    with open(pid_file) as file:
        pid = int(file.read())
    processes.append(Family(pid))
    return Policy(("127.0.0.1", port), pid)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=4800)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    place = Place()
    processes = []
    logins = place.file("message.eml", "From: joe@example.org\r\nSubject: x\r\n\r\nhello\r\n")
    try:
        redis, redis_path, redis_port = start_redis(place, processes)
        peers = own(place, redis_path, logins)
        for name, program, make in (
                ("Rspamd ratelimit, in Redis", "rspamd",
                 lambda: rspamd(place, processes, redis_port, logins)),
                ("policyd-rate-limit", "policyd-rate-limit", lambda: policyd(place, processes)),
                ("postfwd", "postfwd1", lambda: postfwd(place, processes))):
            if shutil.which(program) is None:
                print("left out: %s is not installed" % program)
                continue
            peers[name] = make()
        figures = {name: ([], []) for name in peers}
        for _ in range(options.rounds):
            for name, peer in peers.items():
                before = cpu_s(peer.pid), cpu_s(redis.pid)
                peer.run(options.decisions)
                figures[name][0].append(1000 * (cpu_s(peer.pid) - before[0]) / options.decisions)
                figures[name][1].append(1000 * (cpu_s(redis.pid) - before[1]) / options.decisions)
        for name, (own_ms, redis_ms) in figures.items():
            print("%-28s %.3f ms of CPU a decision, of Redis %.3f"
                  % (name, statistics.median(own_ms), statistics.median(redis_ms)))
    finally:
        for daemon in place.daemons:
            daemon.kill()
        for process in processes:
            process.kill()
        place.remove()


if __name__ == "__main__":
    main()
