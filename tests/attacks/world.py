"""The world of the attacks: a bank whose name is worth forging, a thief with a domain, keys and an
SPF record of his own, and a receiver who runs the packaged rules."""

import json
import os
import re
import subprocess

from attacks import signer

POSTSEAL = os.path.abspath("postseal")
SAMPLE = os.path.join(os.environ.get("srcdir", "."), "conf", "postseal.conf.sample")
# 2026-11-22T12:00:00Z
TIME = "2026-11-22T12:00:00Z"
NOW = 1795348800

BANK, THIEF = "bank.example", "thief.example"
BANK_IP, THIEF_IP = "192.0.2.10", "203.0.113.66"
RCPT = "<user@example.org>"

HEAD = """authserv-id = "mx.example.org"
local-domains = { "example.org" }
"""

# The bank asks for rejection; the thief has done all that a sender can do, for his own name.
ZONE = """
bank.example. TXT "v=spf1 ip4:192.0.2.10 -all"
mx.bank.example. TXT "v=spf1 ip4:192.0.2.10 -all"
bounce.bank.example. TXT "v=spf1 ip4:192.0.2.10 -all"
shared.bank.example. TXT "v=spf1 ip4:192.0.2.10 ip4:203.0.113.66 -all"
_dmarc.bank.example. TXT "v=DMARC1; p=reject"
thief.example. TXT "v=spf1 ip4:203.0.113.66 -all"
mail.thief.example. TXT "v=spf1 ip4:203.0.113.66 -all"
bank.example.thief.example. TXT "v=spf1 ip4:203.0.113.66 -all"
_dmarc.thief.example. TXT "v=DMARC1; p=none"
xn--bcher-kva.example. TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.xn--bcher-kva.example. TXT "v=DMARC1; p=reject"
"""


class World:
    """Keys made on the spot, and what the command says of a mail."""

    def __init__(self, folder, postseal=POSTSEAL, sample=SAMPLE):
        self.folder = folder
        self.postseal = postseal
        self.hand = signer.Key(1024)
        self.short = signer.Key(512)
        self.conf_count = 0
        os.mkdir(os.path.join(folder, "keys"))
        self.rsa = self.make_key("k1", "rsa")
        self.ed = self.make_key("e1", "ed25519")
        with open(sample, encoding="utf-8") as file:
            self.sample = file.read()
        self.zone = ZONE + self.record("e1._domainkey.thief.example", self.ed)
        self.zone += self.record("e1._domainkey.bank.example", self.ed)
        self.zone += self.record("k1._domainkey.bank.example", self.rsa)
        self.zone += self.record("e1._domainkey.xn--bcher-kva.example", self.ed)
        for domain in (BANK, THIEF):
            self.zone += self.txt("h1._domainkey." + domain, self.hand.record())

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def make_key(self, selector, kind):
        """The published record's data."""
        done = subprocess.run([self.postseal, "key", "new", "-d", BANK, "-s", selector, "--type", kind,
                               "--key-dir", self.path("keys")], check=True, capture_output=True)
        return done.stdout.decode().split(" TXT ", 1)[1]

    @staticmethod
    def record(owner, data):
        return "%s. TXT %s\n" % (owner, data)

    @staticmethod
    def txt(owner, text):
        """A TXT record of as many strings as it takes."""
        parts = [text[at:at + 250] for at in range(0, len(text), 250)] or [""]
        return "%s. TXT %s\n" % (owner, " ".join('"%s"' % part for part in parts))

    def sign(self, message, domain, selector="e1", *more):
        """As `postseal dkim sign` does it."""
        done = subprocess.run(
            [self.postseal, "dkim", "sign", "-d", domain, "-s", selector, "-k",
             self.path("keys/%s/%s.pem" % (BANK, selector)), "--time", TIME, *more, "-"],
            input=message, check=True, capture_output=True)
        return done.stdout

    def hand_sign(self, message, domain, **how):
        return signer.sign(message, how.pop("key", self.hand), domain, **how)

    def configuration(self, more=""):
        self.conf_count += 1
        text = HEAD + more + self.sample
        return self.path("conf%d" % self.conf_count, text.encode())

    def evaluate(self, mail, conf=None, zone=None):
        """The object of `postseal eval --json`; `conf`, `zone`: files that have what the mail adds,
        and perhaps more."""
        conf = conf or self.configuration(mail.conf)
        zone = zone or self.path("zone", (self.zone + mail.zone).encode())
        words = [self.postseal, "eval", "--json", "-c", conf, "--zone", zone, "--time", TIME,
                 "--ip", mail.ip, "--helo", mail.helo, "--from", mail.sender]
        for rcpt in mail.rcpts:
            words += ["--rcpt", rcpt]
        done = subprocess.run(words + ["-"], input=mail.message, capture_output=True, check=False,
                              timeout=120)
        if done.returncode != 0:
            raise AssertionError("eval: exit status %d: %s" % (done.returncode,
                                                               done.stderr.decode()))
        return json.loads(done.stdout)


class Mail:
    """One message with its envelope; `zone` and `conf` are added to what all have."""

    def __init__(self, message, ip=THIEF_IP, helo="mail.thief.example",
                 sender="<x@thief.example>", rcpts=(RCPT,), zone="", conf=""):
        self.message = message
        self.ip = ip
        self.helo = helo
        self.sender = sender
        self.rcpts = rcpts
        self.zone = zone
        self.conf = conf


def text(author=b"ceo@bank.example", more=b"", body=b"Please pay.\n", from_field=None):
    """An unsigned message; `from_field` is the whole field, its name included."""
    field = b"From: " + author if from_field is None else from_field
    return (field + b"\nTo: user@example.org\nSubject: invoice\n" + more +
            b"Date: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <1@mail.example>\n\n" + body)


# --- a strict reader of RFC 8601 fields ---

TOKEN = r'[^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]+'
QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"'
DOMAIN = r'(?:[^\x00-\x20\x7f()<>@,;:\\"\[\]?=]*@)?[A-Za-z0-9._-]+(?![^\s;])'
PVALUE = r"(?:%s|%s|%s)" % (QUOTED, DOMAIN, TOKEN)
HEAD_PATTERN = re.compile(r"\s*(%s)(\s+\(test zone\))?" % TOKEN)
RESULT = re.compile(
    r";\s*([a-z]+)=([a-z]+)((?:\s+reason=(?:%s|%s))?)((?:\s+[a-z]+\.[a-z-]+=%s)*)" % (
        QUOTED, TOKEN, PVALUE), re.S)


def read_authres(value):
    """(authserv-id, [(method, result)]); anything that does not fit is an AssertionError."""
    for line in value.split("\n"):
        if len(line) > 998:
            raise AssertionError("a line of %d octets" % len(line))
    flat = re.sub(r"\r?\n[ \t]", " ", value)
    head = HEAD_PATTERN.match(flat)
    if head is None or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", flat):
        raise AssertionError("not readable: %r" % value)
    at, results = head.end(), []
    while at < len(flat.rstrip()):
        found = RESULT.match(flat, at)
        if found is None:
            raise AssertionError("not readable from %r on" % flat[at:])
        results.append((found.group(1), found.group(2)))
        at = found.end()
    return head.group(1), results
