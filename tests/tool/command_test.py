#!/usr/bin/env python3
"""The command from end to end, as an administrator types it: make keys, publish them in a zone,
sign, verify, evaluate, check. Run by `make check` in the folder of the build."""

import grp
import json
import os
import pwd
import re
import stat
import subprocess
import sys
import tempfile
import unittest

POSTSEAL = os.path.abspath("postseal")
SRCDIR = os.path.abspath(os.environ.get("srcdir", "."))
TIME = "2026-11-22T12:00:00Z"

MESSAGE = b"""From: Alice <alice@example.org>
To: bob@example.net
Subject: figures
 of March
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <1@example.org>
Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.org
Authentication-Results: other.example; spf=pass smtp.mailfrom=example.org

Hello  Bob,

.
"""

CONFIGURATION = """authserv-id = "mx.example.org"
user = "{user}"
group = "{group}"
key-dir = "{folder}/keys"
sign "example.org" {{ keys = {{ "rsa1", "ed1" }} }}
"""


def postseal(*words, stdin=None):
    """(status, output, errors)"""
    done = subprocess.run([POSTSEAL, *words], input=stdin, capture_output=True, check=False,
                          timeout=120)
    return done.returncode, done.stdout, done.stderr.decode()


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="postseal-tool-")
        os.chdir(cls.folder.name)
        os.mkdir("keys", 0o755)
        cls.save("message", MESSAGE)
        cls.save("postseal.conf", CONFIGURATION.format(
            user=pwd.getpwuid(os.geteuid()).pw_name, group=grp.getgrgid(os.getegid()).gr_name,
            folder=cls.folder.name).encode())
        zone = b""
        for selector, kind in (("rsa1", "rsa"), ("ed1", "ed25519")):
            status, out, errors = postseal("key", "new", "-d", "Example.org", "-s", selector,
                                           "--type", kind, "-c", "postseal.conf")
            if status:
                raise AssertionError(errors)
            zone += out
        cls.save("zone", zone)

    @classmethod
    def tearDownClass(cls):
        os.chdir("/")
        cls.folder.cleanup()

    @staticmethod
    def save(name, octets):
        with open(name, "wb") as file:
            file.write(octets)

    @staticmethod
    def load(name):
        with open(name, "rb") as file:
            return file.read()

    def run_ok(self, *words, stdin=None):
        status, out, errors = postseal(*words, stdin=stdin)
        self.assertEqual(status, 0, errors)
        return out

    def refuse(self, want_status, want_text, *words, stdin=None):
        status, _, errors = postseal(*words, stdin=stdin)
        self.assertEqual(status, want_status, errors)
        self.assertIn(want_text, errors)

    # --- keys ---

    def test_key_file_and_record(self):
        mode = stat.S_IMODE(os.stat("keys/example.org/rsa1.pem").st_mode)
        self.assertEqual(mode, 0o640 if os.geteuid() == 0 else 0o600)
        strings = re.findall(r'"([^"]*)"', self.load("zone").decode())
        self.assertTrue(all(len(one) <= 255 for one in strings))
        self.assertEqual(self.run_ok("key", "publish", "-c", "postseal.conf", "-s", "rsa1") +
                         self.run_ok("key", "publish", "-c", "postseal.conf", "-s", "ed1"),
                         self.load("zone"))

    def test_key_list(self):
        keys = json.loads(self.run_ok("key", "list", "-c", "postseal.conf", "--json"))["keys"]
        self.assertEqual([(key["domain"], key["selector"], key["type"], key["bits"], key["sign"])
                          for key in keys if key["selector"] in ("ed1", "rsa1")],
                         [("example.org", "ed1", "ed25519", 256, ["example.org"]),
                          ("example.org", "rsa1", "rsa", 2048, ["example.org"])])
        self.assertIn(b'sign "example.org"', self.run_ok("key", "list", "-c", "postseal.conf"))

    def test_key_refusals(self):
        new = ("key", "new", "-c", "postseal.conf", "-d", "example.org")
        self.refuse(65, "never overwritten", *new, "-s", "rsa1")
        self.refuse(64, "--selector", *new, "-s", "../x")
        self.refuse(64, "--bits", *new, "-s", "x", "--bits", "1024")
        self.refuse(64, "--bits", *new, "-s", "x", "--type", "ed25519", "--bits", "2048")
        self.refuse(64, "rsa or ed25519", *new, "-s", "x", "--type", "dsa")
        self.refuse(64, "not a domain", "key", "new", "-c", "postseal.conf", "-d", "a..b", "-s",
                    "x")
        self.refuse(65, "install -d", "key", "new", "--key-dir", "nowhere", "-c", "postseal.conf",
                    "-d", "example.org", "-s", "x")
        self.refuse(65, "no such key", "key", "publish", "-c", "postseal.conf", "-s", "none")
        self.refuse(78, "nowhere.conf", *new[:2], "-c", "nowhere.conf", "-d", "example.org", "-s",
                    "x")

    # --- dkim ---

    def sign(self, selector, *more):
        return self.run_ok("dkim", "sign", "-d", "example.org", "-s", selector, "-k",
                           "keys/example.org/%s.pem" % selector, "--time", TIME, *more, "-",
                           stdin=MESSAGE)

    def test_sign_keeps_the_message(self):
        for octets in (MESSAGE, MESSAGE.replace(b"\n", b"\r\n"), MESSAGE[:-1],
                       b"From x Sun Nov 22\n" + MESSAGE):
            out = self.run_ok("dkim", "sign", "-d", "example.org", "-s", "ed1", "-k",
                              "keys/example.org/ed1.pem", "-", stdin=octets)
            at = out.index(b"DKIM-Signature: v=1; a=ed25519-sha256;")
            end = out.index(b"\nFrom: ", at) + 1
            self.assertEqual(out[:at] + out[end:], octets)
            self.assertEqual(out[at:end].count(b"\r\n") == out[at:end].count(b"\n"),
                             b"\r\n" in octets)

    def test_sign_refusals(self):
        sign = ("dkim", "sign", "-d", "example.org", "-s", "x", "-k")
        self.refuse(65, "no private key", *sign, "zone", "message")
        self.refuse(65, "nowhere", *sign, "nowhere", "message")
        self.refuse(65, "empty", *sign, "keys/example.org/ed1.pem", "-", stdin=b"")
        self.refuse(65, "not signed", *sign, "keys/example.org/ed1.pem", "-", stdin=b"To: x\n\n")
        self.refuse(64, "--canonicalization", *sign, "keys/example.org/ed1.pem", "-c", "nofws",
                    "message")
        self.refuse(64, "--time", *sign, "keys/example.org/ed1.pem", "--time", "noon", "message")

    def verify(self, octets, *more):
        out = self.run_ok("dkim", "verify", "--zone", "zone", "--time", TIME, "-c",
                          "postseal.conf", "--json", *more, "-", stdin=octets)
        return json.loads(out)["dkim"]

    def test_sign_and_verify(self):
        for canon in ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"):
            for selector, algorithm, bits in (("rsa1", "rsa-sha256", 2048),
                                              ("ed1", "ed25519-sha256", 256)):
                with self.subTest(canon=canon, selector=selector):
                    signed = self.sign(selector, "-c", canon)
                    got = self.verify(signed)
                    self.assertEqual([(one["result"], one["d"], one["s"], one["a"], one["bits"])
                                      for one in got],
                                     [("pass", "example.org", selector, algorithm, bits)])
                    for member in ("reason", "i", "flags"):
                        self.assertIn(member, got[0])
                    for old, new in ((b"figures", b"figure$"), (b"Hello", b"Hallo"),
                                     (b"From: Alice", b"From: Mallory"),
                                     (b"To: bob", b"Cc: x@example.net\nTo: bob")):
                        self.assertEqual([one["result"] for one in
                                          self.verify(signed.replace(old, new))], ["fail"])

    def test_verify_answers_and_refusals(self):
        signed = self.sign("rsa1")
        self.assertEqual(self.verify(MESSAGE), [])
        self.assertIn(b"none", self.run_ok("dkim", "verify", "--zone", "zone", "message"))
        self.assertRegex(self.run_ok("dkim", "verify", "--zone", "zone", "--time", TIME, "-",
                                     stdin=signed), rb"^pass d=example.org s=rsa1 a=rsa-sha256")
        self.save("fault", self.load("zone") +
                  b"$FAULT down._domainkey.example.org. TXT SERVFAIL\n")
        for selector, zone, want in (("gone", "zone", "permerror"), ("down", "fault", "temperror")):
            out = self.run_ok("dkim", "verify", "--zone", zone, "--time", TIME, "--json", "-",
                              stdin=signed.replace(b"s=rsa1;", b"s=%s;" % selector.encode()))
            self.assertEqual(json.loads(out)["dkim"][0]["result"], want)
        self.refuse(65, "nowhere", "dkim", "verify", "--zone", "zone", "nowhere")
        self.refuse(65, "nowhere", "dkim", "verify", "--zone", "nowhere", "message")

    # --- eval ---

    OUTBOUND = ("eval", "-c", "postseal.conf", "--zone", "zone", "--time", TIME, "--ip",
                "192.0.2.1", "--helo", "client.example.org", "--from", "<alice@example.org>",
                "--rcpt", "<bob@example.net>", "--rcpt", "<carol@example.net>", "--login", "alice",
                "--auth-mech", "PLAIN", "--tls", "TLSv1.3", "--cipher-bits", "256")

    def test_eval_json(self):
        got = json.loads(self.run_ok(*self.OUTBOUND, "--json", "message"))
        for member in ("direction", "verdict", "edits", "dns"):
            self.assertIn(member, got)
        self.assertEqual(got["direction"], "outbound")
        self.assertEqual(got["verdict"]["action"], "continue")
        for member in ("stage", "action", "code", "enhanced", "text", "rule"):
            self.assertIn(member, got["verdict"])
        for edit in got["edits"]:
            self.assertEqual(sorted(edit), ["index", "name", "op", "value"])
        edits = [(edit["op"], edit["name"], edit["index"]) for edit in got["edits"]]
        self.assertIn(("delete", "Authentication-Results", 1), edits)
        self.assertNotIn(("delete", "Authentication-Results", 2), edits)
        self.assertEqual([edit for edit in edits if edit[0] == "insert"],
                         [("insert", "DKIM-Signature", 0)] * 2)

    def test_eval_of_what_is_not_ours(self):
        words = [word for word in self.OUTBOUND if word not in ("--login", "alice")]
        got = json.loads(self.run_ok(*words, "--json", "message"))
        self.assertEqual(got["direction"], "inbound")
        self.assertNotIn("DKIM-Signature", [edit["name"] for edit in got["edits"]])
        got = json.loads(self.run_ok(*self.OUTBOUND, "--json", "-", stdin=MESSAGE.replace(
            b"alice@example.org", b"alice@example.com")))
        self.assertEqual(got["direction"], "outbound")
        self.assertNotIn("DKIM-Signature", [edit["name"] for edit in got["edits"]])

    def test_eval_for_a_person(self):
        out = self.run_ok(*self.OUTBOUND, "message").decode()
        for want in (r"^direction +outbound", r"^signed +d=example.org s=rsa1 a=rsa-sha256$",
                     r"^signed +d=example.org s=ed1 a=ed25519-sha256$",
                     r"^delete +Authentication-Results", r"^insert +DKIM-Signature: v=1;"):
            self.assertRegex(out, re.compile(want, re.M))
        out = self.run_ok(*self.OUTBOUND[:-2], "--client-name", "x\x1b[2Jy", "message")
        self.assertNotIn(b"\x1b", out)

    def test_eval_of_a_session(self):
        """What the flags of the session become, and what DNS says of the client."""
        self.save("session.zone", b"""$ORIGIN .
$TTL 300
1.2.0.192.bl.example A 127.0.0.2
1.2.0.192.bl.example TXT "spam\\007source"
1.2.0.192.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
""")
        self.save("session.conf", b"""
dnsbl "bl.example" { txt = yes }
rule "listed" { stage = rcpt  dnsbl = { "bl.example" }  mode = observe  action = reject }
rule "named" { stage = connect  client-name = { ".example.net" }  mode = observe  action = reject }
rule "partner" { stage = mail  cert-subject = { "c.example" }  cert-issuer = { "CA" }
    port = { "465" }  daemon = { "MSA" }  size-over = 99  mode = observe  action = reject }
""")
        self.save("session.message", b"From: a@example.org\n\nHello\n")
        words = ("eval", "-c", "session.conf", "--zone", "session.zone", "--time", TIME, "--ip",
                 "192.0.2.1", "--helo", "a.example", "--from", "<>", "--rcpt", "<b@example.net>",
                 "--tls", "TLSv1.3", "--cipher", "AES", "--cipher-bits", "256", "--cert-subject",
                 "c.example", "--cert-issuer", "CA", "--daemon", "MSA", "--port", "465", "--size",
                 "100", "session.message")
        got = json.loads(self.run_ok(*words[:-1], "--json", words[-1]))
        self.assertEqual(sorted(rule["name"] for rule in got["rules"]),
                         ["listed", "named", "partner"])
        self.assertEqual(got["tls"], {"version": "TLSv1.3", "cipher": "AES", "bits": 256,
                                      "certificate": "verified", "subject": "c.example",
                                      "issuer": "CA"})
        self.assertEqual((got["mta"]["daemon"], got["mta"]["port"], got["declared_size"]),
                         ("MSA", 465, 100))
        self.assertEqual(got["iprev"]["names"], ["mail.example.net"])
        self.assertEqual(got["dns_lists"], [
            {"zone": "bl.example", "kind": "dnsbl", "result": "hit", "code": "127.0.0.2",
             "text": "spam\x07source"}])
        out = self.run_ok(*words).decode()
        for want in (r"^tls +TLSv1.3, AES, 256 bits, verified certificate of c.example by CA$",
                     r"^iprev +pass mail.example.net$",
                     r"^dnsbl +bl.example: hit 127.0.0.2, spam\?source$"):
            self.assertRegex(out, re.compile(want, re.M))

    def test_eval_refusals(self):
        self.refuse(64, "--ip", "eval", "--from", "x", "message")
        self.refuse(64, "not an address", *[word.replace("192.0.2.1", "192.0.2.256")
                                            for word in self.OUTBOUND], "message")
        self.refuse(65, "nowhere", *self.OUTBOUND, "nowhere")
        self.refuse(65, "zone", *[word.replace("zone", "message") if word == "zone" else word
                                  for word in self.OUTBOUND[:4]], "message", *self.OUTBOUND[5:],
                    "message")
        self.refuse(64, "MESSAGE|- is missing", *self.OUTBOUND)

    def test_eval_dmarc_method(self):
        self.save("method.zone", b"""$ORIGIN .
$TTL 300
_dmarc.co.uk TXT "v=DMARC1; p=reject; psd=y"
""")
        self.save("method.message", b"From: a@example.co.uk\n\nHello\n")
        for method, result, psl in (("treewalk", "fail", None), ("psl", "none", None),
                                    ("compare", "fail", "none")):
            self.save("method.conf", b'dmarc-method = "%s"\n' % method.encode())
            dmarc = json.loads(self.run_ok(
                "eval", "-c", "method.conf", "--zone", "method.zone", "--time", TIME, "--ip",
                "192.0.2.1", "--helo", "a.example", "--from", "<>", "--rcpt", "<b@example.net>",
                "--json", "method.message"))["dmarc"]
            self.assertEqual((dmarc["method"], dmarc["result"]), (method, result))
            self.assertEqual(dmarc["psl"] and dmarc["psl"]["result"], psl)
            self.assertEqual(dmarc["organizational_domain"], "example.co.uk")

    # --- check ---

    def test_dmarc_walk(self):
        self.save("dmarc.zone", b"""$ORIGIN .
$TTL 300
_dmarc.example.org TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:r@reports.example"
a.b.example.org A 192.0.2.1
""")
        status, out, errors = postseal("dmarc", "--author", "a.b.example.org", "--spf",
                                       "pass:example.net", "--zone", "dmarc.zone")
        self.assertEqual(status, 0, errors)
        lines = [line.decode().split(None, 1) for line in out.splitlines()]
        self.assertEqual([text for label, text in lines if label == "walk"], [
            "_dmarc.a.b.example.org: no record (nxdomain)",
            "_dmarc.b.example.org: no record (nxdomain)",
            "_dmarc.example.org: v=DMARC1; p=reject; sp=quarantine; rua=mailto:r@reports.example",
            "_dmarc.org: no record (nxdomain)"])
        self.assertIn(["organization", "example.org (the shortest name with a record)"], lines)
        self.assertIn(["decides", "sp, because the author domain is below it"], lines)
        self.assertIn(["result", "fail"], lines)

    def test_dmarc_lint(self):
        self.save("lint.zone", b"""$ORIGIN .
$TTL 300
_dmarc.example.org TXT "v=DMARC1; p=reject; rua=mailto:r@reports.example"
_dmarc.example.net TXT "v=DMARC1; p=reject; rua=mailto:r@reports.example"
example.net._report._dmarc.reports.example TXT "v=DMARC1"
""")
        status, out, errors = postseal("dmarc", "lint", "example.net", "--zone", "lint.zone")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(b"reports.example: wants them", out)
        status, out, errors = postseal("dmarc", "lint", "example.org", "--zone", "lint.zone")
        self.assertEqual((status, errors), (1, ""))
        self.assertIn(b"example.org._report._dmarc.reports.example", out)
        status, out, errors = postseal("dmarc", "lint", "--json", "--zone", "lint.zone",
                                       "example.org")
        told = json.loads(out)["dmarc_lint"]
        self.assertEqual((status, told["errors"], told["warnings"]), (1, 1, 0))
        self.assertEqual([it["finding"] for it in told["findings"]], ["destination"])
        self.assertEqual(told["destinations"], [
            {"domain": "reports.example", "external": True, "authorized": False}])
        for words in (["..", "--zone", "lint.zone"], ["--zone", "lint.zone"]):
            self.assertEqual(postseal("dmarc", "lint", *words)[0], 64)

    def test_spf_tree(self):
        self.save("spf.zone", b"""$ORIGIN example.org.
$TTL 300
@ TXT "v=spf1 mx a:gone.example.org include:inc.example.org -all exp=why.example.org"
@ MX 1 m
m A 192.0.2.7
inc TXT "v=spf1 ip4:198.51.100.0/24 redirect=inc2.example.org"
inc2 TXT "v=spf1 ip4:203.0.113.0/24 ~all"
$FAULT down.inc2 TXT SERVFAIL
why TXT "%{i} is not ours"
""")
        words = ("spf", "--zone", "spf.zone", "--helo", "m.example.org", "--from",
                 "a@example.org", "--ip")
        # However long a busy machine took.
        text = self.run_ok(*words, "203.0.113.9").decode()
        lines = [re.sub(r", \d+ ms$", ", 0 ms", line.strip()) for line in text.splitlines()]
        tree = ["reverse-path example.org: pass by include:inc.example.org of example.org",
                "4 of 10 terms that ask DNS, 1 found nothing",
                "asked example.org TXT: ok, 0 ms",
                "mx   [1 of 10]   asks example.org   does not match",
                "asked example.org MX: ok, 0 ms",
                "asked m.example.org A: ok, 0 ms",
                "a:gone.example.org   [2 of 10]   asks gone.example.org   does not match"
                "   found nothing [1]",
                "asked gone.example.org A: nxdomain, 0 ms",
                "include:inc.example.org   [3 of 10]   asks inc.example.org   matches"
                "   <- decides",
                "ip4:198.51.100.0/24   does not match",
                "redirect=inc2.example.org   [4 of 10]   asks inc2.example.org",
                "ip4:203.0.113.0/24   matches",
                "~all   not reached",
                "-all   not reached"]
        lines = [re.sub(r", [0-9]+ ms$", ", 0 ms", line) for line in lines]
        self.assertEqual([line for line in lines if line in tree], tree)
        out = json.loads(self.run_ok(*words, "192.0.2.9", "--json"))
        self.assertEqual((out["spf"]["result"], out["spf"]["term"], out["spf"]["explanation"]),
                         ("fail", "-all", "192.0.2.9 is not ours"))
        self.assertEqual(out["helo_spf"]["result"], "none")

    def test_spf_lint(self):
        self.save("spf-lint.zone", b"""$ORIGIN .
$TTL 300
example.org TXT "v=spf1 a -all"
example.org A 192.0.2.1
example.net TXT "v=spf1 include:gone.example.net" "mx ?all"
""")
        words = ("--zone", "spf-lint.zone")
        status, out, errors = postseal("spf", "lint", "example.org", *words)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(b"0 errors, 0 warnings, 0 notes", out)
        status, out, errors = postseal("spf", "lint", "Example.NET", *words)
        self.assertEqual((status, errors), (1, ""))
        self.assertIn(b"joined without a blank", out)
        status, out, errors = postseal("spf", "lint", "--json", "example.net", *words)
        told = json.loads(out)["spf_lint"]
        self.assertEqual((status, told["errors"], told["warnings"], told["terms"]), (1, 2, 1, 1))
        self.assertEqual([it["finding"] for it in told["findings"]],
                         ["joined-strings", "missing-include", "neutral-all"])
        for words in (["..", "--zone", "spf-lint.zone"], ["--zone", "spf-lint.zone"]):
            self.assertEqual(postseal("spf", "lint", *words)[0], 64)

    def test_check(self):
        self.assertEqual(self.run_ok("check", "postseal.conf"), b"")
        out = self.run_ok("check", "--mta", "postfix", "-c", "postseal.conf")
        self.assertIn(b"\nmilter_default_action = tempfail\n", out)
        self.assertIn(b"F=T", self.run_ok("check", "--mta", "sendmail", "postseal.conf"))

    def test_check_explain(self):
        with open("rules.conf", "w", encoding="utf-8") as file:
            file.write('rule "a" { stage = mail  action = reject  spf = { fail } }\n'
                       'rule "b" { stage = eom  action = mark  spf = { fail, pass }\n'
                       '    size-over = 1MiB }\n'
                       'rule "c" { stage = mail  action = mark  spf = { fail }  mode = observe }\n'
                       'rule "d" { stage = unknown  action = reject  command = { VRFY } }\n'
                       'rule "e" { stage = eom  action = reject  mode = off }\n')
        status, out, _ = postseal("check", "--explain", "--json", "rules.conf")
        self.assertEqual(status, 0)
        table = json.loads(out)
        self.assertEqual(sorted(table), ["mode", "off", "rules"])
        self.assertEqual(table["mode"], "enforce")
        self.assertEqual(table["off"], [{"name": "e", "file": "rules.conf", "line": 6}])
        self.assertEqual([rule["name"] for rule in table["rules"]], ["a", "c", "b", "d"])
        _, c, b, d = table["rules"]
        self.assertEqual(b, {
            "name": "b", "file": "rules.conf", "line": 2, "stage": "eom", "action": "mark",
            "mode": "enforce", "percent": 100,
            "matches": {"spf": ["pass", "fail"], "size-over": ["1048576"]},
            "left": {"spf": ["pass"], "size-over": ["1048576"]}, "taken_by": ["a"],
            "warnings": []})
        self.assertIsNone(c["left"])
        self.assertEqual(len(c["warnings"]), 1)
        self.assertIn('rules.conf:4: rule "c" can never match: rule "a"', c["warnings"][0])
        self.assertIn("VRFY", d["warnings"][0])
        # The page has them all.
        with open(os.path.join(SRCDIR, "doc", "postseal.1"), encoding="utf-8") as file:
            page = file.read().partition(".Ss check")[2].partition(".Ss eval")[0]
        for member in list(table) + list(b):
            self.assertRegex(page, r"(?m)^\.Cm (.* )?%s( |$)" % member)
        _, out, _ = postseal("check", "--explain", "rules.conf")
        self.assertIn(b"can still match: spf = pass", out)
        self.refuse(64, "--explain", "check", "--json", "rules.conf")
        self.refuse(64, "--mta", "check", "--json", "--explain", "--mta", "postfix", "rules.conf")

    def test_check_control_group(self):
        text = self.load("postseal.conf")
        for group, is_there in ((b"root", True), (b"no-such-group", False)):
            self.save("group.conf", text + b'control-group = "' + group + b'"\n')
            status, _, errors = postseal("check", "group.conf")
            self.assertEqual(status, 0, errors)
            self.assertEqual('control-group: there is no group' not in errors, is_there, errors)

    def test_check_faults(self):
        text = self.load("postseal.conf")
        for change, want in ((b'key-dri = "x"\n', "key-dir"),
                             (b'sign "example.com" { keys = { "gone" } }\n', "postseal key new"),
                             (b'mode = "observe"\nmode = "enforce"\n', "mode"),
                             (b'listen = "tcp:1"\n', "listen")):
            self.save("bad.conf", text + change)
            status, out, errors = postseal("check", "bad.conf")
            self.assertEqual((status, out), (78, b""))
            self.assertIn(want, errors)
            faults = [line for line in errors.splitlines() if "warning:" not in line]
            self.assertEqual(len(faults), 1, errors)
            self.assertIn("bad.conf", faults[0])
        os.chmod("keys/example.org/ed1.pem", 0o644)
        self.refuse(78, "chmod", "check", "postseal.conf")
        os.chmod("keys/example.org/ed1.pem", 0o640 if os.geteuid() == 0 else 0o600)

    def test_open_folders(self):
        """What lies where others can put another file is refused, whatever it is for."""
        os.mkdir("open")
        text = self.load("postseal.conf")
        files = {"x.conf": text, "part.conf": b'mode = "observe"\n', "domains": b"example.org\n",
                 "owners": b"a@example.org a\n",
                 "own.tests": b'given "a" { ip = "192.0.2.1" from = "a@example.net" }\n'
                              b'expect "a" { action = continue }\n'}
        for name, octets in files.items():
            self.save("open/" + name, octets)
            os.chmod("open/" + name, 0o600)
        changes = (b"", b'include("open/part.conf")\n', b'local-domains = { "file:open/domains" }\n',
                   b'sender-login-maps = { "file:%s/open/owners" }\n' % os.getcwdb(),
                   b'require-tests = { "open/own.tests" }\n')
        for change in changes:
            self.save("outer.conf", text + change)
            path = "outer.conf" if change else "open/x.conf"
            os.chmod("open", 0o777)
            status, _, errors = postseal("check", path)
            self.assertEqual(status, 78, (change, errors))
            self.assertIn("/open (mode 0777), where anybody could put another in its place: "
                          "chmod go-w ", errors)
            for mode in (0o1777, 0o755):
                os.chmod("open", mode)
                self.assertEqual(postseal("check", path)[0], 0, (change, mode))
        os.mkdir("above", 0o755)
        os.rename("keys", "above/keys")
        self.save("above.conf", text.replace(b"/keys", b"/above/keys"))
        self.run_ok("check", "above.conf")
        os.chmod("above", 0o777)
        self.refuse(78, "above (mode 0777), where anybody", "check", "above.conf")
        os.rename("above/keys", "keys")

    def test_own_tests(self):
        given = 'given "%s" { ip = "192.0.2.1" from = "a@example.net" }\n'
        self.save("good.tests", (given % "one" + 'expect "one" { action = continue }\n').encode())
        self.save("bad.tests", (given % "two" + 'expect "two" {\n    spf = none\n'
                                '    action = reject\n}\n').encode())
        words = ["test", "-c", "postseal.conf"]
        self.assertEqual(self.run_ok(*words, "good.tests"), b"1 tests, 0 failed\n")
        self.assertIn(b'good.tests:1: passed: "one"\n', self.run_ok(*words, "-v", "good.tests"))
        status, out, errors = postseal(*words, "good.tests", "bad.tests")
        self.assertEqual((status, errors), (1, ""))
        self.assertEqual(out, b'bad.tests:1: FAILED: "two"\n  line 4: action\n    want reject\n'
                         b'    got  continue\n2 tests, 1 failed\n')
        status, out, errors = postseal(*words, "--json", "good.tests", "bad.tests")
        told = json.loads(out)
        self.assertEqual((status, told["count"], told["failed"]), (1, 2, 1))
        self.assertEqual(told["tests"][1], {
            "name": "two", "file": "bad.tests", "line": 1, "passed": False, "differences": [
                {"option": "action", "file": "bad.tests", "line": 4, "want": "reject",
                 "got": "continue"}]})
        self.save("broken.tests", b"given {\n")
        self.refuse(65, "broken.tests:1", *words, "good.tests", "broken.tests")
        self.refuse(65, "absent.tests", *words, "--json", "absent.tests")
        self.refuse(64, "", *words)
        self.save("required.conf", self.load("postseal.conf") +
                  b'require-tests = { "good.tests", "bad.tests" }\n')
        self.refuse(78, "1 of 1 tests of bad.tests fail", "check", "required.conf")
        self.save("bad.tests", b"")
        self.refuse(78, "no test in it", "check", "required.conf")

    def test_manual(self):
        """The manual's examples are the files that are installed, and these do what they say."""
        for page, name in (("postseal.conf.5", "manual.conf"), ("postseal.conf.5", "signing.conf"),
                           ("postseal-tests.5", "manual.tests"), ("postseal-tests.5", "rates.tests"),
                           (None, "rates.conf"), (None, "signing.tests")):
            with open(os.path.join(SRCDIR, "doc", "examples", name), "rb") as file:
                example = file.read()
            self.save(name, example)
            if page is None:
                continue
            with open(os.path.join(SRCDIR, "doc", page), "rb") as file:
                section = file.read().split(b".Sh EXAMPLES", 1)[1]
            shown = re.findall(rb"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", section, re.M | re.S)
            self.assertTrue(any(it.replace(b"\\e", b"\\") in example for it in shown), name)
        for name, kind in (("2026a-rsa", "rsa"), ("2026a-ed", "ed25519")):
            self.run_ok("key", "new", "-d", "example.org", "-s", name, "-t", kind, "-c",
                        "postseal.conf")
        self.save("signing.conf", self.load("signing.conf") +
                  ('key-dir = "%s/keys"\n' % self.folder.name).encode())
        for name, count in (("manual", 4), ("signing", 4), ("rates", 2)):
            self.assertEqual(self.run_ok("test", "-c", name + ".conf", name + ".tests"),
                             b"%d tests, 0 failed\n" % count)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv, exit=False).result
    bad = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - bad, bad))
    sys.exit(bool(bad))
