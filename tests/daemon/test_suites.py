#!/usr/bin/env python3
"""A random tenth of the public SPF and DKIM suites through the daemon: it says of each message
what the command says. Skipped (77) where the suites are not; SEED=n repeats a run."""
import json
import os
import random
import sys

from daemon import SOURCE, Failure, run_cases
from inbound import Inbound, authres, compare

SUITES = os.path.join(SOURCE, "..", "shared", "suites")
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
# After the last t= of the DKIM suite, before any x=.
SUITE_TIME = "2026-01-01T00:00:00Z"
FAULTS = ("TIMEOUT", "SERVFAIL", "NXDOMAIN", "NODATA", "BOGUS")


def load(*names):
    with open(os.path.join(SUITES, *names), "rb") as file:
        return file.read()


def rows_of(*names):
    return [json.loads(line) for line in load(*names).splitlines() if line.strip()]


def escape(octets):
    return "".join("\\%03d" % octet for octet in octets)


def name_text(name):
    labels = [escape(label.encode("latin-1")) for label in name.split(".")]
    return ".".join(labels if name.endswith(".") else labels + [""])


def txt_data(data):
    strings = [data] if isinstance(data, str) else data
    parts = []
    for octets in (string.encode("latin-1") for string in strings):
        parts += [octets[at:at + 255] for at in range(0, len(octets), 255)] or [b""]
    return " ".join('"%s"' % escape(part) for part in parts or [b""])


def record_line(owner, record):
    kind, *data = record
    if kind in FAULTS:
        return "$FAULT %s %s %s\n" % (owner, data[0] if data else "ANY", kind)
    if data[0] in FAULTS:
        return "$FAULT %s %s %s\n" % (owner, kind, data[0])
    if kind in ("TXT", "SPF"):
        text = txt_data(data[0])
    elif kind == "MX":
        text = "%d %s" % (data[0], name_text(data[1]))
    else:
        text = data[0] if kind in ("A", "AAAA") else name_text(data[0])
    return "%s 300 IN %s %s\n" % (owner, kind, text)


def zone_text(zone):
    return "".join(record_line(name_text(owner), record)
                   for owner, records in zone.items() for record in records)


def sample(rows):
    return random.Random(SEED).sample(rows, max(1, len(rows) // 10))


def judge(daemon, octets, name, **envelope):
    """The faults of one row."""
    faults = []
    before = len(daemon.messages())
    result = daemon.send(octets, **envelope)
    got = daemon.evaluate(octets, **envelope)
    lines = daemon.messages()[before:]
    if len(lines) != 1:
        return ["%s: %d lines in the log" % (name, len(lines))]
    compare(result, got, lines[0], faults)
    if result.answer.brief() == "eom continue":
        authres(result)
    return ["%s: %s" % (name, fault) for fault in faults]


def finish(daemon, faults):
    if daemon.stop() != 0:
        faults.append("exit status")
    return faults


def conclude(count, faults):
    print("%d rows, SEED=%d" % (count, SEED))
    if faults:
        raise Failure("SEED=%d\n%s" % (SEED, "\n".join(faults)))


MESSAGE = b"From: x@author.example\nTo: user@example.org\nSubject: x\n\nbody\n"


def spf(place):
    """Each zone of the suite that a row was drawn from has a daemon of its own."""
    faults = []
    zones = json.loads(load("spf", "rfc7208.zones.json"))
    rows = sample([row for row in rows_of("spf", "rfc7208.cases.jsonl")
                   if "\0" not in row["helo"] + row["mailfrom"]])
    for index in sorted({row["zone"] for row in rows}):
        daemon = Inbound(place, zone_text(zones[index]["zone"]), name="z%d" % index).start()
        for row in (row for row in rows if row["zone"] == index):
            faults += judge(daemon, MESSAGE, row["id"], ip=row["ip"], helo=row["helo"],
                            sender="<%s>" % row["mailfrom"])
        faults = finish(daemon, faults)
    conclude(len(rows), faults)


def dkim(place):
    faults = []
    zones = {}
    rows = sample(rows_of("dkim", "cases.jsonl"))
    for number, row in enumerate(rows):
        zone = row["zone"]
        if isinstance(zone, str):
            zones[zone] = zones.get(zone) or json.loads(load("dkim", zone))
            zone = zones[zone]
        daemon = Inbound(place, zone_text(zone), time=SUITE_TIME, name="d%d" % number).start()
        faults += judge(daemon, load("dkim", row["message"]), row["id"], sender="<>")
        faults = finish(daemon, faults)
    conclude(len(rows), faults)


if __name__ == "__main__":
    if not os.path.isdir(SUITES):
        print("skipped: the suites are not there")
        sys.exit(77)
    sys.exit(run_cases([spf, dkim]))
