#!/usr/bin/env python3
"""Messages through postseald with miltload as the MTA: what is signed verifies with another
implementation (dkimpy), large headers pass, what is not ours stays as it is."""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys

from daemon import DATA, LOGIN, SIGN, Daemon, Mta, check, miltload, run_cases, wait_until

# dkimpy is Debian's, for Debian's python3, which need not be the one that runs this.
VERIFY = r'''
import re, sys
import dkim
zone = open(sys.argv[1]).read()
records = {}
for owner, data in re.findall(r'^(\S+_domainkey) TXT (.*)$', zone, re.M):
    records[owner + ".example.org."] = "".join(re.findall(r'"([^"]*)"', data)).encode()
checker = dkim.DKIM(open(sys.argv[2], "rb").read())
count = int(sys.argv[3])
for index in range(count):
    if not checker.verify(idx=index, dnsfunc=lambda name, timeout=5: records[name.decode()]):
        sys.exit("signature %d does not verify" % index)
'''


def find_python():
    for python in ("/usr/bin/python3", shutil.which("python3"), sys.executable):
        if python and subprocess.run([python, "-c", "import dkim, nacl"], check=False,
                                     stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


PYTHON = find_python()


def header_of(path):
    with open(path, "rb") as file:
        return file.read().split(b"\r\n\r\n")[0] + b"\r\n"


def require_verifies(path, number=2):
    """Both signatures, if there is a dkimpy; in any case that they are there."""
    found = len(re.findall(rb"^DKIM-Signature:", header_of(path), re.M))
    check(found == number, "%d signatures, not %d" % (found, number))
    if PYTHON is None:
        print("note: python3-dkim is not there: signatures were counted, not verified")
        return
    done = subprocess.run([PYTHON, "-c", VERIFY, os.path.join(DATA, "zone"), path, str(number)],
                          stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 0, "dkimpy: " + done.stderr.strip())


def pass_through(daemon, text, *more):
    """The path of what the MTA would deliver, and miltload's summary."""
    place = daemon.place
    out = os.path.join(place.path, "out")
    if os.path.exists(out):
        os.remove(out)
    message = place.file("message", text if isinstance(text, bytes) else text.encode())
    return out, miltload(daemon, "-n", "1", "-f", message, "--apply", out, *more)


PLAIN = "From: Joe <joe@example.org>\nTo: a@example.com\nSubject:  two  blanks \nDate: now\n\nhi \n\n"


def signed(place):
    daemon = Daemon(place).start()
    texts = {
        "plain": PLAIN,
        "folded": "From: joe@example.org\nSubject: a\n\tb\n  c\n\nbody\n",
        "no blank after the colon": "From:joe@example.org\nSubject:x\n\nbody\n",
        "no body": "From: joe@example.org\n\n",
        "8 bit": "From: joe@example.org\nSubject: \xfc\n\n\xe4\n",
        "1,000 fields": "From: joe@example.org\n" + "".join(
            "X-Field-%d: value\n" % i for i in range(999)) + "\nbody\n",
        "a field of 100,000 octets": "From: joe@example.org\nSubject: " + 100000 * "x" + "\n\nb\n",
        "a folded field of 100,000 octets": "From: joe@example.org\nSubject: x"
                                            + 1000 * ("\n " + 98 * "y") + "\n\nb\n",
        "a body of 3 MB": "From: joe@example.org\n\n" + 60000 * (49 * "z" + "\n"),
    }
    for name, text in texts.items():
        out, summary = pass_through(daemon, text, *LOGIN)
        check(summary["replies"] == {"continue": 1}, "%s: %s" % (name, summary["replies"]))
        try:
            require_verifies(out)
        except Exception as error:
            raise type(error)("%s: %s" % (name, error)) from error
    check(daemon.stop() == 0, "exit status")


def simple_without_blanks(place):
    """An MTA that takes the blank off (no SMFIP_HDR_LEADSPC) gets the same octets back."""
    daemon = Daemon(place, 'sign "example.org" { keys = { "rsa" } '
                           'canonicalization = "simple/simple" }\n').start()
    for steps in ("0x1fffff", "0x0fffff"):
        out, summary = pass_through(daemon, PLAIN, "--protocol", steps, *LOGIN)
        check(summary["replies"] == {"continue": 1}, summary["replies"])
        require_verifies(out, 1)
        check(header_of(out).startswith(b"DKIM-Signature: v=1; "), "the blank: %r"
              % header_of(out)[:40])
    check(daemon.stop() == 0, "exit status")


def old_mta(place):
    """An MTA that knows none of the newer steps waits for every reply."""
    daemon = Daemon(place).start()
    out, summary = pass_through(daemon, PLAIN, "--protocol", "0x7f", *LOGIN)
    check(summary["replies"] == {"continue": 1}, summary["replies"])
    require_verifies(out)
    with socket.socket(socket.AF_UNIX) as mta:
        mta.connect(daemon.socket)
        # Version 6, SMFIF_ADDHDRS alone, every step.
        mta.sendall(struct.pack("!I", 13) + b"O" + struct.pack("!III", 6, 0x1, 0x1fffff))
        mta.settimeout(60)
        check(mta.recv(64) == b"", "an MTA that deletes nothing was answered")
    wait_until(lambda: daemon.has_logged("adding and deleting fields"), "a word about it")
    check(daemon.stop() == 0, "exit status")


def not_ours(place):
    """Mail of a domain without keys goes on as it is, a stranger's with our judgement on top."""
    daemon = Daemon(place).start()
    for text, more, edits in ((PLAIN, [], {"INSHEADER": 1}),
                              (PLAIN.replace("example.org", "example.net"), LOGIN, {})):
        out, summary = pass_through(daemon, text, *more)
        check(summary["modifications"] == edits and summary["replies"] == {"continue": 1}, summary)
        with open(out, "rb") as file:
            data = file.read()
        check(data.startswith(b"Authentication-Results:") == bool(edits), "judgement")
        check(data.endswith(text.encode().replace(b"\n", b"\r\n")), "changed")
        check(b"DKIM-Signature" not in data, "signed")
    check(daemon.stop() == 0, "exit status")


def forged(place):
    """Authentication-Results fields in our name are removed, all of them and only they."""
    daemon = Daemon(place).start()
    fields = "".join("Authentication-Results: %s; spf=pass (%d)\n" % (
        "mx.example.org" if i % 3 else "other.example", i) for i in range(12))
    for more in ([], LOGIN):
        out, summary = pass_through(daemon, fields + PLAIN, *more)
        check(summary["modifications"]["CHGHEADER"] == 8, summary["modifications"])
        left = re.findall(rb"spf=pass \((\d+)\)", header_of(out))
        check(left == [b"0", b"3", b"6", b"9"], left)
    require_verifies(out)
    check(daemon.stop() == 0, "exit status")


def one_line_each(place):
    """One log line a message: with queue id, aborted, and several on one connection."""
    daemon = Daemon(place).start()
    message = place.file("message", PLAIN)
    miltload(daemon, "-n", "3", "-k", "3", "-f", message, *LOGIN)
    lines = daemon.messages()
    check([line["queue"] for line in lines] == ["4Q0", "4Q1", "4Q2"], lines)
    check(len({line["id"] for line in lines}) == 3, "ids: %s" % lines)
    check(all(line["login"] == "joe" for line in lines), lines)
    # One that ends with the connection is not looked at by libmilter any more: the MTA waits.
    for number, stage in enumerate((b"", b"L", b"N", b"B")):
        with Mta(daemon) as mta:
            mta.envelope()
            mta.begin_content(until=stage)
            mta.send(b"A")
            wait_until(lambda: len(daemon.messages()) > 3 + number, "the line of an abort")
        line = daemon.messages()[-1]
        check(len(daemon.messages()) == 4 + number and "aborted" in str(line), line)
    check(daemon.stop() == 0, "exit status")


def strangers(place):
    """What port scanners do to the socket does no harm."""
    daemon = Daemon(place).start()
    for octets in (b"", b"\0", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\x01Q", b"\0\0\0\x01A",
                   b"\xff\xff\xff\xffO", b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
                   b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x01E",
                   b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x03M<\0\0\0\0\x01E"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(daemon.socket)
            stranger.sendall(octets)
    _, summary = pass_through(daemon, PLAIN, *LOGIN)
    check(summary["replies"] == {"continue": 1}, summary["replies"])
    check(daemon.stop() == 0, "exit status")


def parallel(place):
    """64 sessions at once, some of which stop in the middle."""
    daemon = Daemon(place, SIGN).start()
    message = place.file("message", PLAIN)
    for more in ([], ["--abort-at", "header"], ["--abort-always"]):
        summary = miltload(daemon, "-c", "64", "-n", "640", "-k", "5", "-f", message, *more, *LOGIN)
        check(sum(summary["replies"].values()) == 640, summary["replies"])
        check(summary["errors"] == {}, summary["errors"])
    check(daemon.stop() == 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([signed, simple_without_blanks, old_mta, not_ours, forged, one_line_each,
                        strangers, parallel]))
