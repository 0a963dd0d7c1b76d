"""The packaged configurations (conf/examples) as they stand, each behind a private Postfix with the
lines that it documents. Only what belongs to the machine is another: ports, paths, the name of the
server behind."""
import os
import re
import subprocess

from dkimcheck import Judges
from mta import Postfix
from procs import Failure, wait_until
from secure import SecurePostfix
from world import GROUP, SELECTORS, USER, Postseald

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../conf/examples")
SOCKET = "unix:/var/spool/postfix/postseal/postseal.sock"
# Where the examples keep their files; what ours hold.
FILES = {"/etc/postseal/domains": "example.org\nexample.com\nexample.net\n",
         "/etc/postseal/senders": "alice@example.org alice\nmallory@example.org mallory\n"
                                  "@example.com clara\n"}
_DAEMON = """user = "%s"
group = "%s"
key-dir = "%s"
state-dir = "%s"
log-target = "stderr"
"""


class Example:
    """One of them: its text, the lines for main.cf and master.cf in its comments."""

    def __init__(self, name):
        with open(os.path.join(FOLDER, name + ".conf"), encoding="utf-8") as file:
            self.text = file.read()
        self.main = dict(line.split(" =", 1) for line in self._lines("main.cf"))
        self.main = {option: value.strip() for option, value in self.main.items()}
        self.master = self._lines("master.cf")
        self.signers = re.findall(r'^sign "(.*?)" .*?keys = { (.*?) }(?:  domain = "(.*?)")?',
                                  self.text, re.M)

    def _lines(self, file):
        found = re.search(r"^# /etc/postfix/%s.*\n#\n((?:#    .*\n)*)" % re.escape(file), self.text,
                          re.M)
        return [line[5:] for line in found[1].splitlines()] if found else []

    def keys(self):
        """(domain, selector) of all keys that it names."""
        return [(domain or title, selector.strip(' "')) for title, keys, domain in self.signers
                for selector in keys.split(",")]


class Daemon(Postseald):
    def __init__(self, place, programs, example, zone, name):
        self.example, self.zone = example, zone
        self.key_dir = place.folder(name + "-keys", owner=(USER, GROUP), mode=0o750)
        super().__init__(place, programs, self, name=name)

    def write(self, more=""):
        text = self.example.text
        for path, content in FILES.items():
            own = os.path.join(self.folder, os.path.basename(path))
            with open(own, "w", encoding="utf-8") as file:
                file.write(content)
            text = text.replace(path, own)
        text = text.replace('"%s"' % SOCKET, '"%s"' % self.listen)
        text += _DAEMON % (USER, GROUP, self.key_dir, os.path.join(self.folder, "state"))
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(text)

    def make_keys(self, keys):
        records = ""
        for domain, selector in keys:
            kind = "ed25519" if selector.endswith("ed") else "rsa"
            done = subprocess.run([self.programs.postseal, "key", "new", "-c", self.configuration,
                                   "-d", domain, "-s", selector, "-t", kind], capture_output=True,
                                  text=True, check=False, timeout=60)
            if done.returncode:
                raise Failure("key new: " + done.stderr)
            records += done.stdout
        return records


class Server(SecurePostfix):
    """Ports "inbound", "login" and "smtps" as the example has smtp, submission and submissions."""

    services = {"submission": "login", "submissions": "smtps"}

    def __init__(self, place, example, milter, behind, options, name):
        own = {option: value.replace("unix:postseal/postseal.sock", milter).replace(
            "[mail.example.org]:25", "[127.0.0.1]:%d" % behind)
            for option, value in example.main.items()}
        super().__init__(place, milter, {**own, **options}, name)
        self.example = example
        if not example.master:
            self.ports = {"inbound": self.ports["inbound"]}
        for port in ("submission", "filtered", "reinject"):
            self.ports.pop(port, None)

    def _listeners(self):
        lines = self._listener("inbound") + ["tlsmgr unix - - n 1000? 1 tlsmgr"]
        for line in self.example.master:
            words = line.split()
            if not line.startswith(" "):
                words[:2] = ["127.0.0.1:%d" % self.ports[self.services[words[0]]], "inet"]
                words[4] = "n"
                line = " ".join(words)
            lines.append(line)
        return lines


def lists(records):
    """Two lists sign with the key of example.org, each under its own name."""
    record = re.search(r"^%s\._domainkey\.example\.org\. [^)]*\)\n" % SELECTORS["rsa"], records,
                       re.M)[0]
    return "".join(record.replace("example.org", domain, 1)
                   for domain in ("lists.example.com", "lists.example.net"))


class ExampleWorld:
    """`behind`: a server without a milter, which takes what the first one hands on."""

    def __init__(self, context, name, host, options=None):
        place, programs = context.place, context.programs
        self.example = Example(name)
        self.zone = os.path.join(place.path, name + ".zone")
        self.daemon = Daemon(place, programs, self.example, self.zone, name)
        with open(context.keys.zone, encoding="utf-8") as file:
            records = file.read()
        with open(self.zone, "w", encoding="utf-8") as file:
            file.write(records + self.daemon.make_keys(self.example.keys()) + lists(records))
        self.daemon.start()
        self.behind = Postfix(place, None, {"myhostname": "mail.example.org"},
                              name + "-behind").start()
        self.mta = Server(place, self.example, self.daemon.listen, self.behind.ports["inbound"],
                          {"myhostname": host, **(options(self.behind) if options else {})},
                          name + "-postfix").start()
        self.judges = Judges(place, programs.postseal, self.zone)
        self.host = host

    @property
    def ports(self):
        return self.mta.ports

    def arrived(self, word):
        """Where mail ends: on the server itself, or behind it."""
        wait_until(lambda: self.mta.mailbox.find(word) or self.behind.mailbox.find(word), 30,
                   "delivery of " + word, 0.05)
        return (self.mta.mailbox.find(word) or self.behind.mailbox.find(word))[0]

    def close(self):
        self.mta.stop()
        self.behind.stop()
        if self.daemon.child:
            self.daemon.stop()
        found = self.daemon.log_lines(r"ERROR: \w+Sanitizer|runtime error:")
        if found:
            raise Failure("%s; see %s" % (found[0], self.daemon.log_path))
