#!/usr/bin/env python3
"""What is known to hurt the libraries below, and what is merely too much, through the daemon: it
keeps running, answers the next message, and says what it left out."""
import base64
import os
import socket
import struct
import sys
import time

from daemon import Failure, check, run_cases, wait_until
from inbound import Inbound, authres

GOOD = b"From: x@author.example\nTo: user@example.org\nSubject: x\n\nbody\n"
HASH = base64.b64encode(bytes(32)).decode()
# SPKI of an RSA key of 1,024 bits; nobody has its other half.
KEY = base64.b64encode(bytes.fromhex("30819f300d06092a864886f70d010101050003818d0030818902818100") +
                       b"\xc1" + bytes(range(1, 128)) + bytes.fromhex("0203010001")).decode()


def strings(text):
    return " ".join('"%s"' % text[at:at + 250] for at in range(0, len(text), 250))


def signature(tags="", names="from:to:subject", domain="signer.example", selector="s"):
    return ("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=%s; %sh=%s; bh=%s; "
            "b=%s\n" % (domain, selector, tags, names, HASH,
                        base64.b64encode(bytes(128)).decode())).encode("utf-8", "surrogateescape")


def message(*fields, body=b"body\n"):
    return b"".join(fields) + b"From: x@author.example\nTo: user@example.org\n\n" + body


ZONE = "\n".join([
    "s._domainkey.signer.example. TXT " + strings("v=DKIM1; p=" + KEY),
    "long._domainkey.signer.example. TXT " + strings("v=DKIM1; n=" + "x" * 1500 + "; p=" + KEY),
    "huge._domainkey.signer.example. TXT " + strings("v=DKIM1; p=" + "QUJD" * 4000),
    "odd._domainkey.signer.example. TXT " + strings("v=DKIM1; p=!!!!"),
    'nul._domainkey.signer.example. TXT "v=DKIM1\\000; p="',
    "loop._domainkey.signer.example. CNAME loop2._domainkey.signer.example.",
    "loop2._domainkey.signer.example. CNAME loop._domainkey.signer.example.",
] + ["many._domainkey.signer.example. TXT " + strings("v=DKIM1; n=%d; p=%s" % (i, KEY))
     for i in range(40)] + [
    # SPF: sizes at which a compiler of records runs over, and where it stops looking.
    "exp1.example. TXT " + strings("v=spf1 exp=text1.example -all x=1"),
    "text1.example. TXT " + strings("%{i}" * 127),
    "exp2.example. TXT " + strings("v=spf1 -all exp=text2.example"),
    "text2.example. TXT " + strings("%{i}" * 300 + "x" * 3000),
    "long.example. TXT " + strings("v=spf1 " + "%{i}" * 127 + "a:" + "x" * 4500 + " -all"),
    "long2.example. TXT " + strings("v=spf1 exists:" + "%{i}." * 127 + "example -all"),
    "long3.example. TXT " + strings("v=spf1 " + "ip6:2001:db8::1 " * 400 + "-all"),
    "digits.example. TXT " + strings("v=spf1 ip4:1.2.3.4/4294967295 a/99999999999999999999 -all"),
    "macro.example. TXT " + strings("v=spf1 exists:%{l999999999999r+-,/_=}.%{d0}.example -all"),
    "self.example. TXT " + strings("v=spf1 include:self.example redirect=self.example"),
    'zero.example. TXT "v=spf1 a\\000:b -all"',
    "wide.example. TXT " + strings("v=spf1 mx ptr mx:wide.example -all"),
    "reverse.example. TXT " + strings("v=spf1 ptr ptr:example -all"),
] + ["wide.example. MX 1 h%d.wide.example." % i for i in range(60)] +
    ["1.2.0.192.in-addr.arpa. PTR h%d.reverse.example." % i for i in range(60)] + [
    "_dmarc.author.example. TXT " + strings("v=DMARC1; p=none; rua=" + "mailto:x@a.example," * 900),
]) + "\n"

VERDICTS = {"exp1": "fail", "exp2": "fail", "long": "permerror", "long2": "fail", "long3": "fail",
            "digits": "permerror", "macro": "permerror", "self": "permerror",
            "zero": "permerror", "wide": "permerror", "reverse": "permerror"}


class Target:
    """A daemon that must stay the same process and judge a good message behind each bad one."""

    def __init__(self, place, more=""):
        self.daemon = Inbound(place, ZONE, more).start()
        self.pid = self.daemon.process.pid

    def survive(self, name):
        process = self.daemon.process
        check(process.poll() is None and process.pid == self.pid,
              "%s: the daemon ended: %s" % (name, self.daemon.log()[-2000:]))
        result = self.daemon.send(GOOD)
        check(result.answer.brief() == "eom continue", "%s: then %s" % (name,
                                                                        result.answer.brief()))
        authres(result)

    def throw(self, name, octets, want="eom continue", **envelope):
        """The Result, and the log line's dict."""
        before = len(self.daemon.messages())
        begin = time.monotonic()
        result = self.daemon.send(octets, **envelope)
        took = time.monotonic() - begin
        check(want is None or result.answer.brief() == want,
              "%s: %s" % (name, result.answer.brief()))
        check(took < 20, "%s: %.1f s" % (name, took))
        wait_until(lambda: len(self.daemon.messages()) > before, "the line of " + name)
        line = self.daemon.messages()[before]
        if result.answer.brief() == "eom continue":
            check("dmarc=pass" not in authres(result), name)
        self.survive(name)
        return result, line

    def end(self):
        check(self.daemon.stop() == 0, "exit status")


def spf_records(place):
    target = Target(place, 'rule "r" { stage = mail  spf = { fail }  action = reject }\n')
    for name, want in VERDICTS.items():
        for ip in ("192.0.2.1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"):
            result, line = target.throw(name, GOOD, None, ip=ip, sender="<%s@%s.example>" % (
                "l" * 60, name))
            check(line["spf"] == want, "%s: %s" % (name, line))
            if result.answer.stage == "mail":
                check(result.answer.brief() == "mail 550 5.7.23", result.answer.text)
                check(len(result.answer.text) < 500 and "\n" not in result.answer.text,
                      result.answer.text)
    target.end()


def names_of_signatures(place):
    """h= that lists each field of the message and some more, also DKIM-Signature itself."""
    target = Target(place)
    own = ["from", "to", "dkim-signature"]
    for repeat in (1, 2, 3):
        for more in range(6):
            names = ":".join(own * repeat + ["from"] * more)
            _, line = target.throw("h=" + names, message(signature(names=names)))
            check(line["dkim"].startswith("fail/"), line)
    for names in (":".join(own), ":".join(own + ["dkim-signature"] * 3)):
        octets = message(*[signature(names=names) for _ in range(9)])
        target.throw("nine with h=" + names, octets)
    target.end()


def signatures(place):
    target = Target(place)
    for name, field in (
            ("no tags", b"DKIM-Signature:\n"), ("only blanks", b"DKIM-Signature:  \n \n"),
            ("semicolons", b"DKIM-Signature: ;;;;\n"), ("no value", b"DKIM-Signature: v\n"),
            ("8 bit", b"DKIM-Signature: v=1; d=\xff\xfe; s=\x80\n"),
            ("q= of another method", signature("q=http; ")),
            ("q= of methods", signature("q=dns/txt:http:" + "x" * 900 + "; ")),
            ("a long z=", signature("z=" + "From:x|" * 8000 + "; ")),
            ("l= too large", signature("l=99999999999999999999; ")),
            ("l= negative", signature("l=-1; ")),
            ("t= and x= too large", signature("t=999999999999; x=9999999999999; ")),
            ("a long i=", signature("i=" + "x" * 5000 + "@signer.example; ")),
            ("a long d=", signature(domain="x." * 500 + "example")),
            ("labels too long in d=", signature(domain="x" * 64 + ".example")),
            ("a long s=", signature(selector="s" * 3000)),
            ("a backslash in s=", signature(selector="s\\000")),
            ("empty labels", signature(domain="a..b", selector="s..t")),
            ("2,000 names in h=", signature(names=":".join("x%d" % i for i in range(2000)))),
            ("a name with ';' in h=", signature(names="from:x;y")),
            ("a key beyond the buffer", signature(selector="long")),
            ("a key of 16,000 octets", signature(selector="huge")),
            ("a key that is no base64", signature(selector="odd")),
            ("a NUL in a key", signature(selector="nul")),
            ("a loop of CNAMEs", signature(selector="loop")),
            ("forty keys", signature(selector="many")),
            ("a bare CR", b"DKIM-Signature: v=1;\ra=rsa-sha256; d=signer.example\n")):
        _, line = target.throw(name, message(field))
        check(not line["dkim"].startswith("pass"), "%s: %s" % (name, line))
    target.throw("';' in the name of a field", message(b"X;Y: z\n", b";: z\n", signature()))
    target.throw("no fields", b"\nbody\n")
    target.throw("only a signature", signature(names="from:dkim-signature") + b"\n")
    target.end()


def too_much(place):
    """Past each cap by far: it is left out, and the line names what."""
    target = Target(place)
    header, many = "header past", "signatures past dkim-signatures"
    names = ":".join("x%d" % (i % 30) for i in range(190)) + ":from"
    for name, octets, want in (
            ("500 signatures of one key", message(*[signature()] * 500), many),
            ("500 signatures, no key", message(*[signature(selector="n%d" % i)
                                                 for i in range(500)]), many),
            ("10,000 fields", message(signature(), b"X: y\n" * 10000), header),
            ("3,000 fields, ten signatures of 190 names",
             message(*[signature(names=names)] * 10, b"X1: y\n" * 3000), header),
            ("a field of 300,000 octets", message(b"X: " + b"y" * 300000 + b"\n"), header),
            ("a field of 3,000 lines", message(signature(), b"X: y\n" + b" z\n" * 3000), None),
            ("5,000 forged results", message(b"Authentication-Results: mx.example.org; none\n" *
                                             5000), header)):
        result, line = target.throw(name, octets, None)
        got = line.get("left-out", "")
        check((want in got) if want else not got, "%s: left out: %r" % (name, got))
        # What was cut may have held the author: refused by no rule here, but never passed.
        check(line["dmarc"] != "pass" if "dmarc" in line else True, line)
        if "forged" in name:
            indexes = [index for _, index in result.deletes]
            check(indexes == list(range(5000, 0, -1)), "%d deleted" % len(indexes))
    target.end()


def envelopes(place):
    target = Target(place)
    for sender in ("", "<", ">", "<>", "<<>>", "<" * 3000, "<@>", "<a@" + "b." * 400 + "c>",
                   "<" + "a" * 70000 + "@b.example>", '<"' + "\\" * 999 + '"@b.example>',
                   "<\udcff\udcfe@\udcff>", "<%s@%n.example>", "<a@b.example> SIZE=1"):
        target.throw("MAIL FROM %r" % sender[:20], GOOD, sender=sender)
    for helo in ("", ".", "..", "x" * 3000, "\udcff", "[::1]", "%s%n", "a\tb", "-"):
        target.throw("HELO %r" % helo[:20], GOOD, helo=helo)
        target.throw("HELO %r" % helo[:20], GOOD, helo=helo, sender="<>")
    _, line = target.throw("12,000 recipients", GOOD,
                           rcpts=["<u%d@example.org>" % i for i in range(12000)])
    check("recipients past recipients-kept" in line["left-out"], line)
    check(line["rcpts"] == "12000", line)
    target.end()


def bodies(place):
    target = Target(place)
    for name, body in (("NULs", b"\0" * 100000), ("no end", b"x"), ("CRs", b"\r" * 70000),
                       ("one line of 1 MiB", b"x" * (1 << 20) + b"\n"),
                       ("empty lines", b"\n" * 70000), ("nothing", b"")):
        target.throw(name, message(signature(), signature("l=5; "), body=body))
    target.end()


def raw(daemon, *packets, is_framed=True):
    """Packets that no MTA sends; how the connection ends does not matter."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(0.2)
        peer.connect(daemon.socket)
        try:
            for packet in packets:
                peer.sendall(struct.pack("!I", len(packet)) + packet if is_framed else packet)
            while peer.recv(65536):
                pass
        except OSError:
            pass


def protocol(place):
    """Connections that are no MTA's: in any order, cut short, or with lengths that lie."""
    target = Target(place)
    hello = b"O" + struct.pack("!III", 6, 0x1ff, 0x1fffff)
    connect = b"Cx\0004" + struct.pack("!H", 25) + b"192.0.2.1\0"
    for packets in ([b""], [b"E"], [hello, b"E"], [hello, b"M<>\0"], [hello, b"A", b"A"],
                    [hello, connect, b"R<x>\0", b"E"], [hello, b"L\0\0"], [hello, b"B"],
                    [hello, connect, b"M<>\0", b"M<>\0", b"N", b"N", b"E", b"E"],
                    [hello, b"C"], [hello, b"Cx\0" + b"4"], [hello, b"M"], [hello, b"D"],
                    [hello, hello, connect], [b"O"], [b"\xff"]):
        raw(target.daemon, *packets)
    for octets in (b"", b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO", b"GET / HTTP/1.0\r\n\r\n",
                   os.urandom(4096)):
        raw(target.daemon, octets, is_framed=False)
    target.survive("packets that no MTA sends")
    target.end()


def is_quiet(_place):
    """The keys and records above are what they seem: a mistake here would test nothing."""
    if len(base64.b64decode(KEY)) != 162 or len(ZONE) < 50000:
        raise Failure("the test's own data")


if __name__ == "__main__":
    sys.exit(run_cases([is_quiet, spf_records, names_of_signatures, signatures, too_much,
                        envelopes, bodies, protocol]))
