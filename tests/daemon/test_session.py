#!/usr/bin/env python3
"""Facts of the session as macros and parameters of the milter protocol: what is asked for, what is
made of it, what is said of those that are missing. `tests/daemon/test_session.py CASE` runs one."""
import re
import sys

from daemon import Daemon, check, run_cases, wait_until
from milter import Session

FIELDS = [(b"From", b" a@sender.example"), (b"Subject", b" x")]
TLS = {"{tls_version}": "TLSv1.3", "{cipher}": "AES", "{cipher_bits}": "256"}
OLD_TLS = {"{tls_version}": "TLSv1", "{cipher}": "RC4", "{cipher_bits}": "40"}
CERTIFICATE = {"{cert_subject}": "/CN=client.example", "{cert_issuer}": "/CN=CA",
               "{cn_subject}": "client.example", "{cn_issuer}": "CA"}


def send(daemon, mail=None, helo=None, connect=None, arguments=b"", ip="192.0.2.1"):
    """The answer that decides one message of one session, briefly."""
    with Session(daemon.socket) as session:
        session.say("C", b"client.example\x004\x0f\xa0" + ip.encode() + b"\0",
                    {"j": "mta.example.org", "v": "Postfix 3.7.11", **(connect or {})})
        session.say("H", b"client.example\0", helo)
        answer = session.say("M", b"<a@sender.example>\0" + arguments, mail)
        if answer.is_final:
            return answer.brief()
        session.say("R", b"<b@example.com>\0")
        session.say("T")
        return session.content(FIELDS, b"Hello.\r\n").brief()


def missing(place):
    """Each is named once, however many sessions there are, and only where it is needed."""
    rule = 'rule "r" { stage = mail  port = { "587" }  action = reject }\n'
    for number, (more, connect, helo, wanted) in enumerate((
            (rule, {}, {}, {"{daemon_name}", "{daemon_port}"}),
            (rule, {"{daemon_name}": "a"}, {}, {"{daemon_port}"}),
            (rule, {"{daemon_name}": "a", "{daemon_port}": "25"}, {}, set()),
            ("", {"{daemon_name}": "a"}, {}, set()),
            ("", {"{daemon_name}": "a", "v": "8.17.1.9"}, {**TLS, **CERTIFICATE}, {"{verify}"}),
            ("", {"{daemon_name}": "a", "v": "8.17.1.9"},
             {**TLS, **CERTIFICATE, "{verify}": "OK"}, set()),
            ("", {"{daemon_name}": "a"}, {**TLS, **CERTIFICATE}, set()),
    )):
        daemon = Daemon(place, more, name="missing%d" % number).start()
        for _ in range(3):
            check(send(daemon, connect=connect, helo=helo) == "eom continue", "row %d" % number)
        wait_until(lambda d=daemon: len(d.messages()) == 3, "the lines")
        named = re.findall(r"does not send the macro (\S+), .*main\.cf: .*; sendmail\.mc: define",
                           daemon.log())
        check(sorted(named) == sorted(wanted), "row %d: %s" % (number, named))
        check(daemon.stop() == 0, "stop")


def rules(place):
    """Macros at HELO and at MAIL, and SIZE=, decide."""
    daemon = Daemon(place, """
        rule "tls" { stage = mail  authenticated = yes  tls-below = 1.2  action = reject }
        rule "plain" { stage = mail  auth-mechanism = { "CRAM-MD5" }  action = reject }
        rule "size" { stage = mail  size-over = 1000  action = reject }
        rule "port" { stage = mail  port = { "2525" }  daemon = { "odd" }  action = reject }
        rule "partner" { stage = mail  cert-subject = { ".example" }  cert-issuer = { "CA" }
            action = reject  code = "551" }
        """).start()
    login = {"{auth_type}": "PLAIN", "{auth_authen}": "joe"}
    sendmail = {"v": "8.17.1.9", "{daemon_name}": "MTA"}
    for number, (want, arguments) in enumerate((
            ("eom continue", {}),
            ("mail 550 5.7.10", {"mail": login}),
            ("mail 550 5.7.10", {"mail": login, "helo": OLD_TLS}),
            ("eom continue", {"mail": login, "helo": TLS}),
            # No EHLO after STARTTLS.
            ("eom continue", {"mail": {**login, **TLS}}),
            ("mail 550 5.7.10", {"mail": {**login, **OLD_TLS}}),
            ("mail 550 5.7.9", {"mail": {**login, **TLS, "{auth_type}": "CRAM-MD5"}}),
            ("mail 552 5.3.4", {"arguments": b"BODY=8BITMIME\0SIZE=1001\0"}),
            ("mail 552 5.3.4", {"arguments": b"size=99999999999\0"}),
            ("eom continue", {"arguments": b"SIZE=1000\0"}),
            ("eom continue", {"arguments": b"XSIZE=1001\0SIZE=x\0SIZE\0"}),
            ("mail 550 5.7.1", {"connect": {"{daemon_port}": "2525", "{daemon_name}": "odd"}}),
            ("eom continue", {"connect": {"{daemon_port}": "25", "{daemon_name}": "odd"}}),
            ("mail 551 5.7.1", {"connect": sendmail,
                                "helo": {**TLS, **CERTIFICATE, "{verify}": "OK"}}),
            ("eom continue", {"connect": sendmail,
                              "helo": {**TLS, **CERTIFICATE, "{verify}": "FAIL"}}),
            ("eom continue", {"connect": sendmail, "helo": {**TLS, **CERTIFICATE}}),
    )):
        got = send(daemon, **arguments)
        check(got == want, "row %d: %s" % (number, got))
    wait_until(lambda: len(daemon.messages()) == 16, "the lines")
    line = daemon.messages()[4]
    check((line["tls"], line["cipher"], line["mech"], line["login"]) ==
          ("TLSv1.3", "AES", "PLAIN", "joe"), "the log: %s" % line)
    check(daemon.stop() == 0, "stop")


ZONE = """$ORIGIN .
$TTL 300
1.2.0.192.good.example A 127.0.0.2
1.2.0.192.bad.example A 203.0.113.1
2.2.0.192.bad.example A 127.255.255.254
"""


def lists(place):
    """A hit is told of; what does not work is no hit, and is said once."""
    place.zone = place.file("lists.zone", ZONE)
    daemon = Daemon(place, """
        dnsbl "good.example" { }
        dnsbl "bad.example" { }
        rule "bad" { stage = connect  dnsbl = { "bad.example" }  action = reject }
        rule "good" { stage = rcpt  dnsbl = { "good.example" }  mode = observe  action = reject }
        """).start()
    for ip in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"):
        check(send(daemon, ip=ip) == "eom continue", ip)
    wait_until(lambda: len(daemon.messages()) == 4, "the lines")
    lines = daemon.messages()
    check([line.get("dnsbl") for line in lines] == ["good.example/127.0.0.2"] * 2 + [None] * 2,
          "%s" % lines)
    check([line.get("observed") for line in lines] == ["good"] * 2 + [None] * 2, "%s" % lines)
    said = re.findall(r'dnsbl "(\S+)" answers (\S+), which is no code', daemon.log())
    check(said == [("bad.example", "203.0.113.1")], "%s" % said)
    check(daemon.stop() == 0, "stop")


if __name__ == "__main__":
    sys.exit(run_cases([missing, rules, lists]))
