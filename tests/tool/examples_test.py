#!/usr/bin/env python3
"""conf/examples: each can be taken as it is, with the keys and files that it names, and the lines
for Postfix in its comments are those that `postseal check --mta postfix` prints. Run by `make check`
in the folder of the build; what they do behind a real Postfix is tested by tests/mta."""

import glob
import grp
import os
import pwd
import re
import subprocess
import sys
import tempfile

POSTSEAL = os.path.abspath("postseal")
FOLDER = os.path.join(os.environ.get("srcdir", "."), "conf", "examples")
NAMES = ["gateway", "relay", "single-server"]
# What others include.
PARTS = ["guard"]
# In main.cf of every one of them.
LINES = ["smtpd_milters = unix:postseal/postseal.sock", "milter_default_action = tempfail",
         "milter_protocol = 6"]

# What the files that they name hold.
FILES = {"domains": "example.org\nexample.com\nexample.net\n",
         "senders": "alice@example.org alice\n@example.com clara, robert\n"}


def postseal(*words):
    done = subprocess.run([POSTSEAL, *words], capture_output=True, text=True, check=False,
                          timeout=120)
    return done.returncode, done.stdout, done.stderr


def keys_of(text):
    found = re.findall(r'^sign "(.*?)" .*?keys = { (.*?) }(?:  domain = "(.*?)")?', text, re.M)
    return [(domain or title, selector.strip(' "')) for title, keys, domain in found
            for selector in keys.split(",")]


def documented(text, file):
    found = re.search(r"^# /etc/postfix/%s.*\n#\n((?:#    .*\n)*)" % re.escape(file), text, re.M)
    return [line[5:] for line in found[1].splitlines()] if found else []


def prepare(folder, name, text):
    """A copy whose files are in `folder`; keys are made."""
    os.mkdir(os.path.join(folder, "keys"), 0o750)
    text = text.replace("/etc/postseal/", folder + "/")
    text += 'key-dir = "%s/keys"\nuser = "%s"\ngroup = "%s"\n' % (
        folder, pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
    for path in re.findall(r'"file:(.*?)"', text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(FILES[os.path.basename(path)])
    path = os.path.join(folder, name + ".conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    for domain, selector in keys_of(text):
        kind = "ed25519" if selector.endswith("ed") else "rsa"
        status, _, errors = postseal("key", "new", "-c", path, "-d", domain, "-s", selector, "-t",
                                     kind)
        assert status == 0 or "exists" in errors, errors
    return path


def check(folder, name):
    with open(os.path.join(FOLDER, name + ".conf"), encoding="utf-8") as file:
        text = file.read()
    path = prepare(folder, name, text)
    status, out, errors = postseal("check", path)
    assert status == 0, errors
    assert "good" in errors + out and "warning" not in errors, errors
    status, out, _ = postseal("check", "--mta", "postfix", path)
    assert status == 0
    main_cf = documented(text, "main.cf")
    for line in LINES:
        assert line in main_cf, "%s is not among its lines for main.cf" % line
    for line in main_cf:
        option = line.split(" =")[0]
        said = re.search(r"^%s = .*" % re.escape(option), out, re.M)
        assert said is None or said[0] == line, "%s, but check says %s" % (line, said[0])
    for line in re.findall(r"^  -o .*", out, re.M):
        assert line in documented(text, "master.cf"), "%s is not in master.cf" % line
    status, out, errors = postseal("test", "-c", path, os.path.join(FOLDER, name + ".tests"))
    assert status == 0, out + errors
    # One word wrong, and it is no longer good: the check looks.
    spoilt = path + ".spoilt"
    with open(path, encoding="utf-8") as file, open(spoilt, "w", encoding="utf-8") as copy:
        copy.write(file.read().replace("action = reject", "action = refuse", 1))
    assert postseal("check", spoilt)[0] == 78


def check_part(folder, name):
    """As one of the others would include it."""
    with open(os.path.join(FOLDER, NAMES[-1] + ".conf"), encoding="utf-8") as file:
        text = file.read()
    part = os.path.join(folder, name + ".conf")
    with open(os.path.join(FOLDER, name + ".conf"), encoding="utf-8") as file:
        content = file.read()
    assert 'include("/etc/postseal/%s.conf")' % name in content, "it does not say how"
    with open(part, "w", encoding="utf-8") as file:
        file.write(content)
    path = prepare(folder, NAMES[-1], text + '\ninclude("%s")\n' % part)
    status, out, errors = postseal("check", path)
    assert status == 0 and "good" in errors + out and "warning" not in errors, errors
    with open(part, "a", encoding="utf-8") as file:
        file.write("\nnonsense = 1\n")
    assert postseal("check", path)[0] == 78


def main():
    failures = 0
    found = sorted(os.path.basename(path)[:-5] for path in glob.glob(FOLDER + "/*.conf"))
    if found != sorted(NAMES + PARTS):
        print("FAIL  conf/examples holds %s, not %s" % (found, NAMES + PARTS))
        failures += 1
    for name in found:
        with tempfile.TemporaryDirectory(prefix="postseal-example-") as folder:
            try:
                (check_part if name in PARTS else check)(folder, name)
                print("ok    %s" % name)
            except AssertionError as error:
                failures += 1
                print("FAIL  %s: %s" % (name, error))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
