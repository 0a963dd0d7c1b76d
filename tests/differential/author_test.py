#!/usr/bin/env python3
"""The strict reader of From fields beside three lenient ones, over the honest fields of
tests/data/author-honest, over hostile ones, and over random ones (seeded; `--seed N --count N`).

Where a lenient reader sees an author of another domain, the strict reader must not say "one": such
a field is `invalid` (or `multiple`, `none`), never judged by one domain while people are shown the
other. What is allowed, and why:

  shown   The other address stands in a display name or comment, and the fact display-address says
          so: everyday mail of lists, which a rule may ask about.
  route   The first token of <@relay.example,@hub.example:user@domain> is a relay; RFC 5322 section
          4.4 has it ignored, and mail readers do.

A reader that sees no address, or one of a single label or number ("alice@home", "v@2.0", and what
is left of "alice@host .example.org" for those that cut at blanks), shows no other author's domain.
Domains are compared: DMARC judges nothing else.
"""

import argparse
import email.utils
import os
import random
import re
import subprocess
import sys

HONEST = os.path.join(os.environ.get("srcdir", "."), "tests/data/author-honest")
READER = os.path.abspath("tests/differential/author_read")

# Fields by which somebody would have one domain judged and another one seen.
HOSTILE = [
    b"<alice@a.example> <bob@b.example>",
    b"alice@a.example <bob@b.example>",
    b"alice@a.example bob@b.example",
    b"<alice@a.example>, <bob@b.example>",
    b"Alice <alice@a.example>\r bob@b.example",
    b"Alice <alice@a.example>\0<bob@b.example>",
    b"<alice@a.example@b.example>",
    b"<<alice@a.example>bob@b.example>",
    b"<alice@a.example>bob@b.example",
    b"\"<alice@a.example>\"@b.example",
    b"\"alice@a.example \"@b.example",
    b"alice@a.example,@b.example",
    b"alice@a.example:bob@b.example;",
    b"alice@a.example(\"\n)<bob@b.example>",
    b"\"alice@a.example\\\" <bob@b.example>",
    b"=?utf-8?q?alice=40a.example?= <bob@b.example>",
    b"=?utf-8?q?alice=40a=2Eexample=3E?= <bob@b.example>",
    b"=?utf-8?q?alice?=@b.example",
    b"alice@a.example\\<bob@b.example>",
    b"alice@(b.example)a.example",
    b"alice@a.(x)example",
    b"alice@a .example.b.example",
    b"alice@[a.example]",
    b"alice@a.example\xe3\x80\x82b.example",
    b"alice@a.example;bob@b.example",
    b"alice%a.example@b.example",
    b"Group: <alice@a.example>, bob@b.example;",
    b"(<alice@a.example>) bob@b.example",
    b"bob@b.example (<alice@a.example>)",
    b"\"Bob\" <bob@b.example> <alice@a.example>",
]

# What random fields are made of.
PIECES = [
    b"alice", b"bob", b"a.example", b"b.example", b"alice@a.example", b"bob@b.example",
    b"<alice@a.example>", b"<bob@b.example>", b"@", b"<", b">", b"(", b")", b"\"", b"\\", b",",
    b";", b":", b".", b"[", b"]", b" ", b"\t", b"\n ", b"\n", b"\r", b"\0", b"=?utf-8?q?x?=",
    b"=?utf-8?q?x=40a=2Eexample?=", b"=?utf-8?b?eEBhLmV4YW1wbGU=?=", b"\xc3\xa9", b"\xff", b"'",
    b"x.", b"=?", b"?=", b"%", b"!",
]


def unescape(text):
    return re.sub(rb"\\(n|t|\\|x[0-9a-f]{2})",
                  lambda m: {b"n": b"\n", b"t": b"\t", b"\\": b"\\"}.get(m[1])
                  or bytes([int(m[1][1:], 16)]), text)


def read_honest():
    with open(HONEST, "rb") as stream:
        rows = [line.rstrip(b"\n").split(b" ", 2) for line in stream
                if not line.startswith(b"#") and line != b"\n"]
    return [unescape(row[2]) for row in rows]


def random_field(source, honest):
    """Pieces in a row, or an honest field with one to three of them put in, or parts taken out."""
    if source.random() < 0.5:
        return b"".join(source.choice(PIECES) for _ in range(source.randint(1, 12)))
    field = source.choice(honest)
    for _ in range(source.randint(1, 3)):
        at = source.randint(0, len(field))
        end = at + (source.randint(0, 4) if source.random() < 0.5 else 0)
        field = field[:at] + source.choice([b""] + PIECES) + field[end:]
    return field


def strict(fields):
    done = subprocess.run([READER], input=b"".join(it.hex().encode() + b"\n" for it in fields),
                          capture_output=True, check=True, timeout=120)
    return [tuple(line.split(" ")) for line in done.stdout.decode().splitlines()]


def domain_of(address):
    """What looks like a host name behind the last "@", as A-label; None: no mail address."""
    local, at, rest = address.rpartition("@")
    # The wide full stops are dots for IDNA (UTS 46 section 4.5).
    domain = re.match("[\\w.\u3002\uff0e\uff61-]*", rest)[0].rstrip(".-")
    if not at or not re.search(r"[^\s()<>\[\]:;@\\,]$", local):
        return None
    try:
        domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        return None
    labels = domain.split(".")
    return domain if len(labels) > 1 and all(labels) and not labels[-1].isdigit() else None


def last_angle(text):
    """What stands in the last <...>; without one, all of it."""
    found = re.findall(r"<([^<>]*)>", text)
    return domain_of(found[-1]) if found else domain_of(text.strip())


def first_token(text):
    """The first word that has an "@"."""
    for token in re.split(r"[\s,;<>()\"]+", text):
        if "@" in token:
            return domain_of(token)
    return None


def stock(text):
    """Python's own parser: the first address of the list."""
    for _, address in email.utils.getaddresses([text]):
        if address:
            return domain_of(address)
    return None


READERS = {"last angle": last_angle, "first token": first_token, "stock": stock}


def excuse(name, text, display):
    if display == "other-domain":
        return "shown"
    if name == "first token" and re.search(r"<\s*[@,]", text):
        return "route"
    return None


def compare(fields):
    """Returns (how many had one domain, faults)."""
    ones, faults = 0, []
    for field, (outcome, domain, display) in zip(fields, strict(fields), strict=True):
        if outcome != "one":
            continue
        ones += 1
        text = re.sub(r"\r?\n(?=[ \t])", "", field.decode("utf-8", "replace"))
        for name, reader in READERS.items():
            seen = reader(text)
            if seen not in (None, domain) and not excuse(name, text, display):
                faults.append(f"{field!r}: one, {domain}; {name}: {seen}; shown: {display}")
    return ones, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=9989)
    parser.add_argument("--count", type=int, default=40000)
    options = parser.parse_args()
    source = random.Random(options.seed)
    honest = read_honest()
    fields = honest + HOSTILE + [random_field(source, honest) for _ in range(options.count)]
    faults = []
    for field, answer in zip(honest, strict(honest), strict=True):
        if answer[0] == "invalid":
            faults.append(f"{field!r}: an honest field is invalid")
    ones, more = compare(fields)
    faults += more
    # Else the comparison would prove nothing.
    if ones < len(fields) // 20:
        faults.append(f"only {ones} of {len(fields)} fields have one author domain")
    for fault in faults[:40]:
        print(fault)
    print(f"author: {len(fields)} fields, {ones} with one domain, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
