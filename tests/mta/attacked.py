"""What tests/attacks says of an attack by `postseal eval`, and the same mail through a real server:
postsealds whose zones hold the rows' records, one Postfix that has a listener for each, and what
should lie in the mailbox."""
import os
import re
import sys

from message import Arrived
from mta import Postfix
from smtp import Smtp
from world import GROUP, USER, Postseald

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(_HERE, ".."))

from attacks import table  # noqa: E402  pylint: disable=wrong-import-position
from attacks.attacks_test import check  # noqa: E402,F401  pylint: disable=wrong-import-position
from attacks.world import TIME, World as Said  # noqa: E402  pylint: disable=wrong-import-position

SAMPLE = os.path.join(_HERE, "../../conf/postseal.conf.sample")
_DAEMON = """listen = "%s"
listen-mode = "0660"
listen-group = "postfix"
user = "%s"
group = "%s"
state-dir = "%s"
log-target = "stderr"
"""


class Piece:
    """One mail of a row: `want` as tests/attacks has it, `hub` where it is to be sent."""

    def __init__(self, row, kind, mail, want):
        self.name = row.name
        self.kind = kind
        self.mail = mail
        self.want = want
        self.hub = self.refusal = self.queue_id = None
        self.stage = ""

    def __str__(self):
        return "%s (%s)" % (self.name, self.kind)


def owners(zone):
    """{owner: its lines}, with faults as lines."""
    found = {}
    for line in zone.splitlines():
        words = line.split()
        if words:
            found.setdefault(words[words[0] == "$FAULT"].lower(), set()).add(line)
    return found


class Hub:
    """A postseald whose zone and configuration hold what several mails add, none of which says
    another thing of the same name."""

    def __init__(self, base, conf):
        self.conf = conf
        self.records = owners(base)
        self.lines = base
        self.daemon = self.zone = None

    def take(self, mail):
        """False when the mail's records are not for this zone."""
        added = owners(mail.zone)
        if mail.conf != self.conf or any(self.records.get(owner, lines) != lines
                                         for owner, lines in added.items()):
            return False
        for owner, lines in added.items():
            if owner not in self.records:
                self.lines += "".join(line + "\n" for line in sorted(lines))
        self.records.update(added)
        return True

    def start(self, place, programs, said, name):
        self.zone = os.path.join(place.path, name + ".zone")
        with open(self.zone, "w", encoding="utf-8") as file:
            file.write(self.lines)
        self.daemon = Daemon(place, programs, said, self, name)
        self.daemon.start()


class Daemon(Postseald):
    def __init__(self, place, programs, said, hub, name):
        self.said, self.hub = said, hub
        super().__init__(place, programs, hub, name=name)
        self.arguments = ["--time", TIME]

    def write(self, more=""):
        conf = self.said.configuration(self.hub.conf + _DAEMON % (
            self.listen, USER, GROUP, os.path.join(self.folder, "state")))
        os.replace(conf, self.configuration)


class Server(Postfix):
    """A listener a hub, on ports "hub0", "hub1", ... No client is one whose header Postfix would
    tidy up, as it does for those on its own machine."""

    def __init__(self, place, hubs, name):
        super().__init__(place, None, {
            "inet_protocols": "all", "local_header_rewrite_clients": "", "relay_domains": "other.example"}, name)
        self.hubs = hubs
        for number in range(len(hubs)):
            self.ports["hub%d" % number] = place.free_port()

    def _master_cf(self):
        lines = ["127.0.0.1:%d inet n - n - - smtpd\n  -o smtpd_milters=%s\n" % (
            self.ports["hub%d" % number], self.milter_spec(hub.daemon.listen))
            for number, hub in enumerate(self.hubs)]
        return super()._master_cf() + "".join(lines)


class Attacked:
    """All rows, spread over hubs; the server."""

    def __init__(self, place, programs):
        self.said = Said(place.folder("attacks"), programs.postseal, SAMPLE)
        self.pieces = []
        self.hubs = []
        for row in table.rows(self.said):
            self.pieces.append(Piece(row, "attack", row.attack, row.want))
            self.pieces.append(Piece(row, "twin", row.twin, row.twin_want))
        for piece in self.pieces:
            piece.hub = self._hub_for(piece.mail)
        for number, hub in enumerate(self.hubs):
            hub.start(place, programs, self.said, "hub%d" % number)
        self.server = Server(place, self.hubs, "attacked").start()

    def _hub_for(self, mail):
        for hub in self.hubs:
            if hub.take(mail):
                return hub
        self.hubs.append(Hub(self.said.zone, mail.conf))
        self.hubs[-1].take(mail)
        return self.hubs[-1]

    def close(self):
        self.server.stop()
        for hub in self.hubs:
            if hub.daemon.child:
                hub.daemon.stop()

    def judge(self, piece, mail):
        """What eval says, with the configuration and the zone of the piece's daemon."""
        return self.said.evaluate(mail, piece.hub.daemon.configuration, piece.hub.zone)

    def reports(self):
        """What sanitizers said in the daemons' logs."""
        return [line for hub in self.hubs
                for line in hub.daemon.log_lines(r"ERROR: \w+Sanitizer|runtime error:")]

    def send(self, piece):
        """Sets the stage and reply of a refusal, or the queue id."""
        mail = piece.mail
        port = self.server.ports["hub%d" % self.hubs.index(piece.hub)]
        with Smtp(port, timeout=20) as client:
            address = "IPV6:" + mail.ip if ":" in mail.ip else mail.ip
            steps = [("xclient", "XCLIENT NAME=[UNAVAILABLE] ADDR=" + address),
                     ("helo", "EHLO " + mail.helo), ("mail", "MAIL FROM:" + mail.sender)]
            steps += [("rcpt", "RCPT TO:" + rcpt) for rcpt in mail.rcpts] + [("data", "DATA")]
            for stage, line in steps:
                reply = client.command(line)
                if not reply.is_ok:
                    piece.stage, piece.refusal = stage, reply
                    return
            reply = client.content(re.sub(rb"\r?\n", b"\r\n", mail.message))
            if reply.is_ok:
                piece.queue_id = reply.lines[-1].split()[-1]
            else:
                piece.stage, piece.refusal = "eom", reply
            client.command("QUIT")

    def delivered(self):
        """{queue id: Arrived}"""
        found = {}
        for arrived in self.server.mailbox.all():
            match = re.search(rb"\bid ([0-9A-Za-z]+)", arrived.octets)
            found[match[1].decode()] = arrived
        return found


def with_edits(message, edits):
    """The fields, [(name, value)], and the body that a message has after them."""
    arrived = Arrived(message)
    fields = list(arrived.fields)
    for edit in edits:
        if edit["op"] == "insert":
            value = re.sub(r"\r?\n", "\r\n", edit["value"]).encode()
            fields.insert(0, (edit["name"], value))
            continue
        at = [number for number, (name, _) in enumerate(fields)
              if name.lower() == edit["name"].lower()][edit["index"] - 1]
        del fields[at]
    return fields, arrived.body


def without_delivery(arrived):
    """The fields without what the server put on top."""
    added = ("return-path", "x-original-to", "delivered-to")
    fields = [(name, value) for name, value in arrived.fields if name.lower() not in added]
    own = next(number for number, (name, _) in enumerate(fields) if name == "Received")
    return fields[:own] + fields[own + 1:], arrived.body
