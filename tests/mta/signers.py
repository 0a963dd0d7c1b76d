"""Mail signed by other programs, in the name of friend.example."""
import base64
import os
import shutil
import signal
import subprocess

import dkim

from mta import Postfix
from procs import can_connect, wait_until
from smtp import send
from world import SELECTORS

DOMAIN = "friend.example"
NAMES = [b"from", b"to", b"subject", b"date", b"message-id"]


def _ed25519_seed(path):
    done = subprocess.run(["openssl", "pkey", "-in", path, "-outform", "DER"], check=True,
                          capture_output=True)
    return base64.b64encode(done.stdout[-32:])


def dkimpy(keys, octets, kind="rsa", canonicalization="relaxed/simple"):
    path = keys.path(DOMAIN, kind)
    if kind == "rsa":
        with open(path, "rb") as file:
            private = file.read()
        algorithm = b"rsa-sha256"
    else:
        private = _ed25519_seed(path)
        algorithm = b"ed25519-sha256"
    header, _, body = canonicalization.encode().partition(b"/")
    return dkim.sign(octets, SELECTORS[kind].encode(), DOMAIN.encode(), private,
                     canonicalize=(header, body), signature_algorithm=algorithm,
                     include_headers=NAMES) + octets


OPENDKIM = """Mode s
Domain {domain}
Selector {selector}
KeyFile {key}
RequireSafeKeys no
SignatureAlgorithm {algorithm}
Canonicalization {canonicalization}
Socket {socket}
Background no
Syslog no
"""


def has_opendkim():
    return shutil.which("opendkim") is not None


class OpenDkim:
    """A Postfix of its own with the milter of that name."""

    def __init__(self, place, keys):
        self.place, self.keys = place, keys
        self.port = place.free_port()
        self.socket = "inet:%d@127.0.0.1" % self.port
        self.mta = Postfix(place, self.socket, name="opendkim").start()

    def sign(self, octets, word, kind="rsa", canonicalization="relaxed/simple"):
        """The message as its Postfix delivers it."""
        configuration = os.path.join(self.place.path, "opendkim.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(OPENDKIM.format(domain=DOMAIN, selector=SELECTORS[kind],
                                       key=self.keys.path(DOMAIN, kind), algorithm=kind + "-sha256",
                                       canonicalization=canonicalization, socket=self.socket))
        log = os.path.join(self.place.path, "opendkim.log")
        child = self.place.start(["opendkim", "-f", "-x", configuration], log)
        try:
            wait_until(lambda: can_connect(self.port) or child.poll() is not None, 20, "OpenDKIM")
            reply = send(self.mta.ports["submission"], "ann@" + DOMAIN, ["bob@example.net"], octets)
            return self.mta.mailbox.one(word).whole() if reply.is_ok else str(reply).encode()
        finally:
            self.place.stop(child, signal.SIGKILL)  # TERM would take it seconds

    def stop(self):
        self.mta.stop()
