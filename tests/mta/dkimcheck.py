"""What other implementations say of the signatures on a delivered message: dkimpy, Mail::DKIM (Perl)
and libopendkim, the last behind `postseal dkim verify`."""
import json
import os
import re
import subprocess

try:
    import dkim
except ImportError:  # quickstart installs it; without it the run says so at once
    dkim = None

from procs import Failure

BOTH = ("ed25519-sha256", "rsa-sha256")
HERE = os.path.dirname(os.path.abspath(__file__))


def read_key_records(zone_text):
    """{owner without the last dot: TXT octets} of a master file's key records, strings joined."""
    records = {}
    pattern = re.compile(r'^(\S+_domainkey\S*)\s.*?\bTXT\b\s*(\([^)]*\)|[^\n]*)', re.M | re.S)
    for owner, data in pattern.findall(zone_text):
        records[owner.rstrip(".").lower()] = "".join(re.findall(r'"([^"]*)"', data)).encode()
    return records


class Judges:
    """`zone` is the path of the master file that postseald answers from."""

    def __init__(self, place, postseal, zone):
        self.folder = place.folder("judged")
        self.postseal = postseal
        self.zone = zone
        with open(zone, encoding="utf-8") as file:
            self.records = read_key_records(file.read())
        self._keys = os.path.join(self.folder, "keys")
        with open(self._keys, "w", encoding="utf-8") as file:
            for name, text in self.records.items():
                file.write("%s %s\n" % (name, text.decode()))

    def _dns(self, name, timeout=5):  # pylint: disable=unused-argument
        return self.records.get(name.decode().rstrip(".").lower())

    def dkimpy(self, octets):
        """{algorithm: None or what is wrong} of every signature."""
        count = sum(1 for line in octets.split(b"\r\n\r\n")[0].split(b"\r\n")
                    if line.lower().startswith(b"dkim-signature:"))
        result = {}
        for index in range(count):
            checker = dkim.DKIM(octets)
            try:
                good = checker.verify(idx=index, dnsfunc=self._dns)
                why = None if good else "does not verify"
            except dkim.DKIMException as error:
                why = str(error)
            fields = checker.signature_fields
            result[fields.get(b"a", b"?%d" % index).decode()] = why
        return result

    def _save(self, octets):
        path = os.path.join(self.folder, "message.eml")
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def mail_dkim(self, octets):
        """The same by Mail::DKIM. Debian 12's knows no Ed25519: those are not in the answer."""
        done = subprocess.run([os.path.join(HERE, "verify.pl"), self._keys, self._save(octets)],
                              capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise Failure("Mail::DKIM: " + done.stderr)
        result = {}
        for line in done.stdout.splitlines():
            _, algorithm, _, verdict, detail = line.split(" ", 4)
            if algorithm.startswith("rsa"):
                result[algorithm] = None if verdict == "pass" else detail
        return result

    def libopendkim(self, octets):
        """The same by libopendkim."""
        command = [self.postseal, "dkim", "verify", "--zone", self.zone, "--json",
                   self._save(octets)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        try:
            signatures = json.loads(done.stdout)["dkim"]
        except (ValueError, KeyError) as error:
            raise Failure("%s: status %d, %s%s" % (" ".join(command[1:3]), done.returncode,
                                                   done.stdout, done.stderr)) from error
        return {one["a"]: None if one["result"] == "pass" else "%s %s" % (
            one["result"], one.get("reason", "")) for one in signatures}

    def require(self, arrived, domain="example.org", algorithms=BOTH, judges=None):
        """Failure unless the message bears exactly these signatures, for that domain, above all
        that the mail server wrote before the filter saw it, and everybody verifies them."""
        signatures = arrived.signatures()
        got = tuple(sorted(one.get("a", "?") for one in signatures))
        if got != tuple(sorted(algorithms)):
            raise Failure("signed with %s, not %s" % (list(got), list(algorithms)))
        for one in signatures:
            if one.get("d") != domain:
                raise Failure("d=%s, not %s" % (one.get("d"), domain))
            if "l" in one:
                raise Failure("a signature with l=")
        for name in judges or ("dkimpy", "mail_dkim", "libopendkim"):
            wanted = [a for a in algorithms if a.startswith("rsa")] if name == "mail_dkim" \
                else list(algorithms)
            result = getattr(self, name)(arrived.octets)
            wrong = {a: result.get(a, "not seen") for a in wanted if result.get(a, "") is not None}
            if wrong:
                raise Failure("%s: %s" % (name, wrong))

    def require_many(self, messages, domain="example.org"):
        """The same for many, by dkimpy alone."""
        for arrived in messages:
            self.require(arrived, domain, judges=("dkimpy",))
