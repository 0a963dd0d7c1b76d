"""The MTA's side of the milter protocol, version 6, as Postfix speaks it: a session command by
command, and whole messages with what the MTA would tell its client and do to the message."""
import socket
import struct

from daemon import PATIENCE, Failure

# What Postfix offers: all actions, all protocol steps.
ACTIONS, STEPS = 0x1ff, 0x1fffff
LEADING_BLANK = 0x100000
# Per command: the step bit that leaves it out, and the one that leaves its answer out.
BITS = {"C": (0x1, 0x1000), "H": (0x2, 0x2000), "M": (0x4, 0x4000), "R": (0x8, 0x8000),
        "T": (0x200, 0x10000), "L": (0x20, 0x80), "N": (0x40, 0x40000), "B": (0x10, 0x80000),
        "E": (0, 0), "U": (0x100, 0x20000)}
STAGES = {"C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data", "L": "header",
          "N": "eoh", "B": "body", "E": "eom",
          "U": "unknown"}
ACTION_WORDS = {b"c": "continue", b"r": "reject", b"t": "tempfail", b"a": "accept",
                b"d": "discard", b"y": "reply", b"s": "skip"}


class Answer:
    """What the MTA was told at one stage; `text` is a reply of the filter's own, as the client
    sees it."""

    def __init__(self, stage, action, text=""):
        self.stage = stage
        self.action = action
        self.text = text

    @property
    def is_final(self):
        return self.action not in ("continue", "skip")

    def brief(self):
        """"mail 550 5.7.23", "eom continue", "eom discard"."""
        return "%s %s" % (self.stage, " ".join(self.text.split(" ")[:2]) or self.action)


class Result:
    """A whole message: the answer that decided it, the edits, and the answer of each recipient."""

    def __init__(self):
        self.answer = None
        self.inserts = []
        self.deletes = []
        self.quarantine = None
        self.recipients = []


class Session:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.result = Result()
        self.write("O", struct.pack("!III", 6, ACTIONS, STEPS))
        code, data = self.read()
        if code != b"O":
            raise Failure("no answer to the negotiation: %r" % code)
        self.steps = struct.unpack("!III", data[:12])[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", 1 + len(data)) + command.encode() + data)

    def exactly(self, number):
        parts = []
        while number > 0:
            part = self.socket.recv(number)
            if not part:
                raise Failure("the filter closed the connection")
            parts.append(part)
            number -= len(part)
        return b"".join(parts)

    def read(self):
        data = self.exactly(struct.unpack("!I", self.exactly(4))[0])
        return data[:1], data[1:]

    def note_edit(self, code, data):
        """An edit of end of message; False: this is the answer itself."""
        if code == b"p":
            return True
        if code in (b"i", b"m"):
            index = struct.unpack("!I", data[:4])[0]
            name, value = data[4:].split(b"\0")[:2]
            if code == b"i":
                self.result.inserts.append((index, name.decode(), value))
            else:
                self.result.deletes.append((name.decode(), index))
            return True
        if code == b"q":
            self.result.quarantine = data.rstrip(b"\0").decode()
            return True
        return False

    def say(self, command, data=b"", macros=None):
        """The Answer; "continue" where the filter has asked not to be waited for."""
        stage = STAGES[command]
        left_out, silent = BITS[command]
        go_on = Answer(stage, "continue")
        if self.steps & left_out:
            return go_on
        if macros:
            self.write("D", command.encode() +
                       b"".join(b"%s\0%s\0" % (name.encode(), value.encode())
                                for name, value in macros.items()))
        self.write(command, data)
        if self.steps & silent:
            return go_on
        while True:
            code, rest = self.read()
            if not self.note_edit(code, rest):
                break
        if code not in ACTION_WORDS:
            raise Failure("%s: the filter says %r" % (stage, code))
        text = rest.rstrip(b"\0").decode().replace("%%", "%") if code == b"y" else ""
        action = ACTION_WORDS[code]
        if code == b"y":
            action = "reject" if text.startswith("5") else "tempfail"
        return Answer(stage, action, text)

    # --- the stages ---

    def connect(self, ip="192.0.2.1", host="client.example"):
        family = b"6" if ":" in ip else b"4"
        address = b"IPv6:" + ip.encode() if ":" in ip else ip.encode()
        return self.say("C", host.encode() + b"\0" + family + struct.pack("!H", 4000) + address +
                        b"\0", {"j": "mta.example.org", "{daemon_name}": "smtpd"})

    def helo(self, name="client.example"):
        return self.say("H", name.encode("utf-8", "surrogateescape") + b"\0")

    def command(self, line):
        """A command that the MTA does not know."""
        return self.say("U", line.encode() + b"\0")

    def mail(self, path, macros=None):
        return self.say("M", path.encode("utf-8", "surrogateescape") + b"\0", macros)

    def rcpt(self, path):
        return self.say("R", path.encode() + b"\0")

    def field(self, name, value):
        if not self.steps & LEADING_BLANK and value.startswith(b" "):
            value = value[1:]
        return self.say("L", name + b"\0" + value + b"\0")

    def body(self, octets):
        for at in range(0, len(octets), 65535):
            answer = self.say("B", octets[at:at + 65535])
            if answer.is_final or answer.action == "skip":
                return answer
        return Answer("body", "continue")

    def abort(self):
        self.write("A")

    # --- a message ---

    def message(self, sender, rcpts, fields, body=b"Hello.\r\n", macros=None):
        """From MAIL to the answer that decides it, as an MTA goes on after each."""
        self.result = Result()
        self.result.answer = self.run(sender, rcpts, fields, body, macros)
        if self.result.answer.stage != "eom":
            self.abort()
        return self.result

    def run(self, sender, rcpts, fields, body, macros):
        answer = self.mail(sender, macros)
        if answer.is_final:
            return answer
        for rcpt in rcpts:
            answer = self.rcpt(rcpt)
            self.result.recipients.append(answer)
            if answer.action in ("discard", "accept"):
                return answer
        if rcpts and all(answer.is_final for answer in self.result.recipients):
            return answer
        answer = self.say("T")
        return answer if answer.is_final else self.content(fields, body)

    def content(self, fields, body):
        for name, value in fields:
            answer = self.field(name, value)
            if answer.is_final:
                return answer
        answer = self.say("N")
        if not answer.is_final:
            answer = self.body(body)
        return answer if answer.is_final else self.say("E", b"", {"i": "4ABC"})


def split_message(octets):
    """([(name, value with its leading blank, folds as LF)], body with CRLF), as Postfix cuts a
    message in two: the header ends before the first line that is no field."""
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    fields, at = [], 0
    while at < len(lines) and lines[at]:
        name, colon, value = lines[at].partition(b":")
        if lines[at][:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + lines[at])
        elif colon and name and all(0x20 < c < 0x7f for c in name):
            fields.append((name, value))
        else:
            break
        at += 1
    if at < len(lines) and not lines[at]:
        at += 1
    body = b"\r\n".join(lines[at:])
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return fields, body
