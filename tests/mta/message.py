"""Messages to send, and reading those that arrived."""
import itertools
import os
import re

_counter = itertools.count(1)


def token():
    """A word that is in one message of this run only."""
    return "case%d-%06d" % (os.getpid(), next(_counter))


def message(word, author="alice@example.org", body=b"Hello,\r\n\r\nthis is the text.\r\n",
            fields=(), subject="A message"):
    """`fields` are whole lines of octets, put before From."""
    head = [field + b"\r\n" for field in fields]
    head += [line.encode() + b"\r\n" for line in (
        "From: " + author,
        "To: Bob <bob@example.net>",
        "Subject: " + subject,
        "Date: Sun, 01 Nov 2026 12:00:00 +0000",
        "Message-ID: <%s@client.example.com>" % word,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )]
    return b"".join(head) + b"\r\n" + body


class Arrived:
    """A delivered message: octets with CRLF, its fields in order."""

    def __init__(self, octets):
        self.octets = re.sub(rb"\r?\n", b"\r\n", octets)
        head, _, self.body = self.octets.partition(b"\r\n\r\n")
        self.fields = []
        for line in head.split(b"\r\n"):
            if line[:1] in b" \t" and self.fields:
                name, value = self.fields[-1]
                self.fields[-1] = (name, value + b"\r\n" + line)
            else:
                name, _, value = line.partition(b":")
                self.fields.append((name.strip().decode("latin1"), value))

    def whole(self):
        """As it could be sent on, without what the delivery put on top."""
        added = ("return-path", "x-original-to", "delivered-to")
        head = b"".join(name.encode("latin1") + b":" + value + b"\r\n"
                        for name, value in self.fields if name.lower() not in added)
        return head + b"\r\n" + self.body

    def all(self, name):
        """Values of the fields of that name, from the top, unfolded, outer blanks gone."""
        return [re.sub(rb"\r\n[ \t]+", b" ", value).strip().decode("utf-8", "replace")
                for field, value in self.fields if field.lower() == name.lower()]

    def signatures(self):
        """Each DKIM-Signature as {tag: value}."""
        result = []
        for value in self.all("DKIM-Signature"):
            tags = (tag.partition("=") for tag in value.split(";"))
            result.append({name.strip(): re.sub(r"\s+", "", text) for name, _, text in tags if name})
        return result

    @property
    def is_signed(self):
        return bool(self.all("DKIM-Signature"))
