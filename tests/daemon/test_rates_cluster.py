#!/usr/bin/env python3
"""Two daemons that count in a Redis cluster of a master and its replica: the daemons follow the slot
when it moves, and find the other node when the one that they know is gone. The limit stays exact
while nothing is lost. Skipped, and said so, where there is no redis-server."""
import os
import random
import socket
import subprocess
import sys
import time

from daemon import PATIENCE, Daemon, check, run_cases, wait_until
from sharedstore import configuration, is_missing, stop
from test_rates_broken import breaks, returns, send_all

PASSWORD = "correct horse battery staple"


def free_port():
    """So low that the port of the cluster's own bus, 10000 above, is one; both are free."""
    for _ in range(1000):
        port = random.randrange(11000, 30000)
        try:
            for number in (port, port + 10000):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


class Node:
    """One server of the cluster."""

    def __init__(self, place, name):
        self.port = free_port()
        self.folder = place.folder("redis-" + name)
        self.process = None
        place.daemons.append(self)

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder,
             "--save", "", "--appendonly", "no", "--cluster-enabled", "yes", "--requirepass",
             PASSWORD, "--masterauth", PASSWORD, "--cluster-node-timeout", "2000",
             "--repl-diskless-sync-delay", "0"],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.cli("PING") == "PONG", "redis-server")
        return self

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True,
                              text=True, check=False, timeout=PATIENCE,
                              env=dict(os.environ, REDISCLI_AUTH=PASSWORD)).stdout.strip()

    def says(self, word, *words):
        return word in self.cli(*words)

    def must(self, *words):
        answer = self.cli(*words)
        check(answer == "OK", "%s: %s" % (" ".join(words), answer))

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start_cluster(place):
    """The master, and the replica that has all it has."""
    master, replica = [Node(place, name).start() for name in ("a", "b")]
    master.must("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    replica.must("CLUSTER", "MEET", "127.0.0.1", str(master.port))
    wait_until(lambda: replica.says("cluster_known_nodes:2", "CLUSTER", "INFO") and
               replica.says("cluster_state:ok", "CLUSTER", "INFO"), "the nodes to meet")
    name = master.cli("CLUSTER", "MYID")
    wait_until(lambda: replica.says(name, "CLUSTER", "NODES"), "the master's name")
    replica.must("CLUSTER", "REPLICATE", name)
    wait_until(lambda: replica.says("master_link_status:up", "INFO", "replication"), "the replica")
    for node in (master, replica):
        wait_until(lambda n=node: all(n.says(str(other.port), "CLUSTER", "SLOTS")
                                      for other in (master, replica)), "the nodes to be known")
    return master, replica


class Store:
    """What configuration() wants to know."""

    def __init__(self, node):
        self.url = "redis://127.0.0.1:%d" % node.port


def start_daemons(place, nodes, limit):
    """Each knows one of the nodes."""
    secret = place.file("password", PASSWORD + "\n")
    os.chmod(secret, 0o600)
    os.chown(secret, *place.ids)
    return [Daemon(place, configuration(place, Store(node), "2s", limit) +
                   'rate-password = "file:%s"\n' % secret, name=name).start()
            for name, node in zip(("a", "b"), nodes)]


def moved(place):
    """The slot goes to the other node while both live; daemons that know either node
    go where it is, without a failure, and nothing is forgotten."""
    master, replica = start_cluster(place)
    daemons = start_daemons(place, (master, replica), "40/1d")
    check([send_all(daemon, 10) for daemon in daemons] == [10, 10], "20 are not accepted")
    wait_until(lambda: offset_of(master) == offset_of(replica), "the replica to know all")
    replica.must("CLUSTER", "FAILOVER", "TAKEOVER")
    wait_until(lambda: master.says("role:slave", "INFO", "replication"), "the slot to move")
    check([send_all(daemon, 15) for daemon in daemons] == [15, 5], "not 20 more are accepted")
    check(not any(breaks(daemon) for daemon in daemons), "a breaker opened")
    stop(daemons)


def taken_over(place):
    """The only node that the configuration names is killed, the other takes its slot: daemons know
    of it from the cluster, and find it with the probes."""
    master, replica = start_cluster(place)
    asked = calls_of(master, "cluster|slots")
    daemons = start_daemons(place, (master, master), "40/1d")
    check([send_all(daemon, 10) for daemon in daemons] == [10, 10], "20 are not accepted")
    # Both have asked for the nodes of the cluster, in their first second or so.
    wait_until(lambda: calls_of(master, "cluster|slots") >= asked + 2, "both to have asked")
    wait_until(lambda: offset_of(master) == offset_of(replica), "the replica to know all")
    master.kill()
    # It takes a while until they notice; what they admit is of their part.
    admitted = [send_all(daemon, 5) for daemon in daemons]
    check(admitted == [5, 5], "%s admitted" % admitted)
    replica.must("CLUSTER", "FAILOVER", "TAKEOVER")
    wait_until(lambda: all(breaks(daemon) and returns(daemon) == breaks(daemon)
                           for daemon in daemons), "the breakers to close")
    # All hosts may admit again when none is behind.
    time.sleep(4)
    last = [send_all(daemon, 20) for daemon in daemons]
    check(sum(last) == 10, "%s accepted at last" % last)
    stop(daemons)


def offset_of(node):
    for line in node.cli("INFO", "replication").splitlines():
        if line.startswith("master_repl_offset:"):
            return int(line.partition(":")[2])
    return None


def calls_of(node, command):
    for line in node.cli("INFO", "commandstats").splitlines():
        if line.startswith("cmdstat_%s:calls=" % command):
            return int(line.partition("=")[2].partition(",")[0])
    return 0


if __name__ == "__main__":
    sys.exit(77 if is_missing() else run_cases([moved, taken_over]))
