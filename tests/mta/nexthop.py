"""Sendmail that hands mail for others on to a next hop by SMTP, and that next hop: what Sendmail's SMTP
mailer writes is seen as the world would see it."""
import os
import socketserver
import threading

from message import token
from sendmail import Sendmail


class Handler(socketserver.StreamRequestHandler):
    """Takes everything."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def content(self):
        octets = b""
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                return
            octets += line[1:] if line.startswith(b".") else line
        self.server.keep(octets)
        self.say("250 2.0.0 Taken")

    def handle(self):
        self.say("220 next.example ESMTP")
        for line in iter(self.rfile.readline, b""):
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-next.example\r\n250 8BITMIME")
            elif verb == b"DATA":
                self.say("354 Go on")
                self.content()
            else:
                self.say("221 2.0.0 Bye" if verb == b"QUIT" else "250 2.0.0 Ok")
            if verb == b"QUIT":
                break


class NextHop(socketserver.ThreadingTCPServer):
    """Keeps what it takes as a file each in `folder`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, octets):
        path = os.path.join(self.folder, token())
        with open(path, "wb") as file:
            file.write(octets)
        os.rename(path, os.path.join(self.folder, "done." + os.path.basename(path)))


class RelayingSendmail(Sendmail):
    """Mail for all but example.org and example.net goes on, and arrives in the same mailbox."""

    def __init__(self, place, milter, options=None, name="sendmail"):
        super().__init__(place, milter, options, name)
        self.next_hop = NextHop(self.mailbox.folder)
        self.further = ("define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl\n"
                        "define(`ESMTP_MAILER_ARGS', `TCP $h %d')dnl\n"
                        % self.next_hop.server_address[1])

    def stop(self):
        super().stop()
        self.next_hop.shutdown()
        self.next_hop.server_close()
