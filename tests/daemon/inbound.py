"""Judged mail through the daemon: a zone and rules of the test's own, and what `postseal eval`
says of the same message."""
import json
import os
import re
import subprocess

from daemon import BUILD, PATIENCE, Daemon, check
from milter import Session, split_message

POSTSEAL = os.path.join(BUILD, "postseal")
TIME = "2026-11-22T12:00:00Z"
NAME = "Authentication-Results"


class Inbound(Daemon):
    """No keys, the zone given as text, a clock that stands still."""

    def __init__(self, place, zone, more="", time=TIME, name="a"):
        self.time = time
        self.zone = place.file(name + ".zone", zone)
        super().__init__(place, more, name=name)

    def command(self, *more):
        words = super().command(*more)
        at = words.index("--zone")
        return words[:at] + ["--zone", self.zone, "--time", self.time] + words[at + 2:]

    @property
    def pid(self):
        return self.process.pid

    def session(self, ip="192.0.2.1", helo="client.example", host="client.example"):
        """A Session past HELO; its answers must be those of an untroubled start."""
        session = Session(self.socket)
        for answer in (session.connect(ip, host), session.helo(helo)):
            check(not answer.is_final, answer.brief())
        return session

    def send(self, octets, ip="192.0.2.1", helo="client.example", sender="<x@sender.example>",
             rcpts=("<user@example.org>",)):
        """One session with one message: its Result."""
        fields, body = split_message(octets)
        with self.session(ip, helo) as session:
            return session.message(sender, rcpts, fields, body)

    def evaluate(self, octets, ip="192.0.2.1", helo="client.example",
                 sender="<x@sender.example>", rcpts=("<user@example.org>",)):
        """The same by the command."""
        words = [POSTSEAL, "eval", "--json", "-c", self.config, "--zone", self.zone, "--time",
                 self.time, "--ip", ip, "--client-name", "client.example", "--helo", helo,
                 "--from", sender]
        for rcpt in rcpts:
            words += ["--rcpt", rcpt]
        done = subprocess.run(words + ["-"], input=octets, capture_output=True, check=False,
                              timeout=PATIENCE)
        check(done.returncode == 0, "eval: %s" % done.stderr.decode())
        return json.loads(done.stdout)


def brief(got):
    """Of the command's object: what Answer.brief() says of the daemon's."""
    verdict = got["verdict"]
    words = [verdict["code"], verdict["enhanced"]] if verdict["code"] else [verdict["action"]]
    return " ".join([verdict["stage"]] + words)


def compare(result, got, line, faults):
    """The daemon's Result and log line against the command's object."""
    def expect(what, daemon, command):
        if daemon != command:
            faults.append("%s: the daemon %r, the command %r" % (what, daemon, command))

    expect("answer", result.answer.brief(), brief(got))
    expect("insertions",
           [(name, value.decode("utf-8", "replace")) for _, name, value in result.inserts],
           [(edit["name"], edit["value"]) for edit in got["edits"] if edit["op"] == "insert"])
    expect("deletions", result.deletes,
           [(edit["name"], edit["index"]) for edit in got["edits"] if edit["op"] == "delete"])
    for key, member in (("spf", "spf"), ("helo-spf", "helo_spf"), ("dmarc", "dmarc")):
        expect(key, line.get(key), got[member]["result"] if got[member] else None)
    if got["dkim"] or line.get("dkim") != "none":
        expect("dkim", re.findall(r"(?:^|,)([a-z]+)/", line.get("dkim", "")),
               [one["result"] for one in got["dkim"]])
    expect("rule", line.get("rule", ""), got["verdict"]["rule"])


def authres(result):
    """The one field of ours that the message gained, on top of all: its value."""
    check(result.inserts and result.inserts[-1][:2] == (0, NAME), "what is on top: %r" %
          (result.inserts,))
    values = [value for _, name, value in result.inserts if name == NAME]
    check(len(values) == 1, "%d fields of ours" % len(values))
    return values[0].decode()
