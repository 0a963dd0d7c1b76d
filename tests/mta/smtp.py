"""An SMTP client that does what a test needs and an honest client does not: raw octets, pipelining,
a connection dropped in the middle of a message."""
import base64
import hmac
import re
import socket


class Reply:
    """One reply: its code, its lines without the code."""

    def __init__(self, lines):
        self.raw = lines
        self.code = int(lines[-1][:3]) if lines and lines[-1][:3].isdigit() else 0
        self.lines = [line[4:] for line in lines]

    @property
    def is_ok(self):
        return 200 <= self.code < 400

    def __str__(self):
        return "%d %s" % (self.code, " | ".join(self.lines)) if self.code else "(connection closed)"


class Smtp:
    """One connection; says EHLO unless told otherwise. `wrapped`: TLS from the first octet, by this
    context of module ssl."""

    def __init__(self, port, helo="client.example.com", timeout=60, source="127.0.0.1",
                 wrapped=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wrapped:
            self.sock = wrapped.wrap_socket(self.sock)
        self._buffer = b""
        self.banner = self.read()
        self.ehlo = self.command("EHLO " + helo) if helo else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def quit(self):
        self.command("QUIT")
        self.close()

    def send(self, octets):
        try:
            self.sock.sendall(octets)
        except OSError:
            pass  # the reply that comes or does not come tells

    def _line(self):
        while b"\n" not in self._buffer:
            try:
                octets = self.sock.recv(65536)
            except OSError:
                octets = b""
            if not octets:
                return None
            self._buffer += octets
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def read(self):
        lines = []
        while True:
            line = self._line()
            if line is None:
                return Reply([])
            lines.append(line)
            if line[3:4] != "-":
                return Reply(lines)

    def command(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.read()

    def pipeline(self, lines):
        """All commands in one write, then all replies."""
        self.send(b"".join(line.encode() + b"\r\n" for line in lines))
        return [self.read() for _ in lines]

    def xclient(self, **values):
        """XCLIENT, and EHLO again as the protocol wants it."""
        reply = self.command("XCLIENT " + " ".join("%s=%s" % pair for pair in values.items()))
        return self.command("EHLO client.example.com") if reply.is_ok else reply

    def starttls(self, context, helo="client.example.com"):
        """STARTTLS, and EHLO again unless told otherwise: its reply, or that which refused it."""
        reply = self.command("STARTTLS")
        if reply.is_ok:
            self.sock = context.wrap_socket(self.sock)
            self._buffer = b""
        return self.command("EHLO " + helo) if reply.is_ok and helo else reply

    def auth_plain(self, login, password):
        """RFC 4616."""
        octets = b"\0".join((b"", login.encode(), password.encode()))
        return self.command(b"AUTH PLAIN " + base64.b64encode(octets))

    def auth_cram_md5(self, login, password):
        """RFC 2195."""
        reply = self.command("AUTH CRAM-MD5")
        if reply.code != 334:
            return reply
        challenge = base64.b64decode(reply.lines[0])
        answer = "%s %s" % (login, hmac.new(password.encode(), challenge, "md5").hexdigest())
        return self.command(base64.b64encode(answer.encode()))

    def content(self, octets):
        """What follows DATA, dots stuffed."""
        if not octets.endswith(b"\r\n"):
            octets += b"\r\n"
        self.send(re.sub(rb"(?m)^\.", b"..", octets) + b".\r\n")
        return self.read()

    def mail(self, sender, recipients, octets, parameters=""):
        """A whole message: the first reply that is not positive, or that to the final dot. Refused
        recipients do not matter while one is left."""
        reply = self.command("MAIL FROM:<%s>%s" % (sender, parameters))
        if not reply.is_ok:
            return reply
        replies = [self.command("RCPT TO:<%s>" % address) for address in recipients]
        if not any(reply.is_ok for reply in replies):
            return replies[-1]
        reply = self.command("DATA")
        return self.content(octets) if reply.is_ok else reply


def send(port, sender, recipients, octets, parameters="", xclient=None):
    """One message on a connection of its own."""
    with Smtp(port) as client:
        if xclient:
            reply = client.xclient(**xclient)
            if not reply.is_ok:
                return reply
        reply = client.mail(sender, recipients, octets, parameters)
        client.command("QUIT")
        return reply
