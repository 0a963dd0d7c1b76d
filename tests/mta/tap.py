"""What really goes over the wire: a proxy between a mail server and postseald that notes the macros
sent with each command of the milter protocol."""
import socket
import struct
import threading

STAGES = {"C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data", "L": "header",
          "N": "eoh", "B": "body", "E": "eom"}


class Tap:
    """Listens on 127.0.0.1; `sessions` is a list of [(stage, {macro: value}), ...], one list a
    connection of the server, a pair for each command."""

    def __init__(self, place, milter):
        self.port = place.free_port()
        self.listen = "inet:%d@127.0.0.1" % self.port
        self.sessions = []
        self._milter = milter
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._server.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            session = []
            self.sessions.append(session)
            daemon = self._connect()
            threading.Thread(target=self._copy, args=(client, daemon, session),
                             daemon=True).start()
            threading.Thread(target=self._copy, args=(daemon, client, None), daemon=True).start()

    def _connect(self):
        kind, _, rest = self._milter.partition(":")
        if kind == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(rest)
            return sock
        return socket.create_connection(("127.0.0.1", int(rest.split("@")[0])))

    @staticmethod
    def _copy(source, target, session):
        pending, macros = b"", {}
        try:
            while True:
                octets = source.recv(65536)
                if not octets:
                    break
                target.sendall(octets)
                if session is None:
                    continue
                pending += octets
                while len(pending) >= 4 and len(pending) >= 4 + struct.unpack("!I", pending[:4])[0]:
                    length = struct.unpack("!I", pending[:4])[0]
                    packet, pending = pending[4:4 + length], pending[4 + length:]
                    Tap._note(packet, session, macros)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _note(packet, session, macros):
        command = chr(packet[0])
        if command == "D":
            words = packet[2:].split(b"\0")
            macros[chr(packet[1])] = {name.decode(): value.decode("utf-8", "replace")
                                      for name, value in zip(words[0:-1:2], words[1:-1:2])}
        elif command in STAGES:
            session.append((STAGES[command], macros.pop(command, {})))

    def last(self):
        """The last session in which a message came to its end: servers are probed, too."""
        return [session for session in self.sessions if ("eom" in dict(session))][-1]

    def macros(self, stage):
        """Of the commands of one stage in that session, in their order."""
        return [macros for name, macros in self.last() if name == stage]
