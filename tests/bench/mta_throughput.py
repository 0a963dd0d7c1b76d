#!/usr/bin/python3
"""mta_throughput.py [--build DIR] [--messages N] [--rounds N]: messages a second through a real Postfix
(smtp-source to discard, 4 KiB, 10 sessions) with no filter, with a filter that does nothing, and with
postseald signing, on unix and inet sockets; all in one run, rounds taken in turn, medians compared.
Exit status 1 when postseald falls below 0.8 of the no-op filter on unix, or its inet figure below two
thirds of its unix figure. Needs root."""
import argparse
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mta"))
# pylint: disable=wrong-import-position
from dkimcheck import Judges  # noqa: E402
from message import message, token  # noqa: E402
from mta import Postfix  # noqa: E402
from procs import Failure, Place, can_connect, end_on_signals, wait_until  # noqa: E402
from smtp import send  # noqa: E402
from world import Keys, Postseald, Programs  # noqa: E402

UNIX_FLOOR = 0.8
INET_FLOOR = 2 / 3


def start_noop(place, kind):
    program = os.path.join(place.path, "noop")
    if not os.path.exists(program):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "noop.c")
        subprocess.run(["cc", "-O2", "-o", program, source, "-lmilter", "-lpthread"], check=True)
    if kind == "unix":
        path = os.path.join(place.folder("noop-run"), "noop.sock")
        listen = "unix:" + path
        place.start([program, listen], os.path.join(place.path, "noop.log"))
        wait_until(lambda: os.path.exists(path), 20, "the no-op filter")
    else:
        port = place.free_port()
        listen = "inet:%d@127.0.0.1" % port
        place.start([program, listen], os.path.join(place.path, "noop.log"))
        wait_until(lambda: can_connect(port), 20, "the no-op filter")
    return listen


def require_signs(server, judges):
    """What is measured must do its work."""
    word = token()
    reply = send(server.ports["submission"], "alice@example.org", ["bob@example.net"],
                 message(word))
    if not reply.is_ok:
        raise Failure("a message was answered %s" % reply)
    judges.require(server.mailbox.one(word), judges=("dkimpy",))


def measure(server, messages):
    """Messages a second, from the first command to the last reply."""
    command = ["/usr/sbin/smtp-source", "-s", "10", "-m", str(messages), "-l", "4096",
               "-f", "alice@example.org", "-t", "bob@discard.example",
               "127.0.0.1:%d" % server.ports["submission"]]
    begin = time.monotonic()
    subprocess.run(command, check=True, timeout=600)
    rate = messages / (time.monotonic() - begin)
    wait_until(lambda: not server.queued(), 120, "an empty queue", 0.1)
    return rate


def main():
    parser = argparse.ArgumentParser(description="Throughput through a real Postfix.")
    parser.add_argument("--build", default="build", help="folder of postseald and postseal")
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if os.getuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    end_on_signals()
    place = Place()
    programs = Programs(os.path.abspath(options.build))
    keys = Keys(place, programs)
    listens = {"no filter": None}
    for kind in ("unix", "inet"):
        listens["no-op " + kind] = start_noop(place, kind)
    for kind in ("unix", "inet"):
        daemon = Postseald(place, programs, keys, kind, name="postseald-" + kind).start()
        listens["postseald " + kind] = daemon.listen
    servers = {name: Postfix(place, listen, name="postfix-" + name.replace(" ", "-")).start()
               for name, listen in listens.items()}
    judges = Judges(place, programs.postseal, keys.zone)
    for name, server in servers.items():
        if name.startswith("postseald"):
            require_signs(server, judges)
    rates = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, server in servers.items():
            rates[name].append(measure(server, options.messages))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, values in rates.items():
        print("%-16s %7.0f messages/s  (%s)" % (name, medians[name],
                                               " ".join("%.0f" % value for value in values)))
    unix = medians["postseald unix"] / medians["no-op unix"]
    inet = medians["postseald inet"] / medians["postseald unix"]
    print("postseald/no-op on unix: %.2f (floor %.2f)" % (unix, UNIX_FLOOR))
    print("postseald inet/unix: %.2f (floor %.2f)" % (inet, INET_FLOOR))
    place.close()
    sys.exit(0 if unix >= UNIX_FLOOR and inet >= INET_FLOOR else 1)


if __name__ == "__main__":
    main()
