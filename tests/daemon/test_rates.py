#!/usr/bin/env python3
"""What an administrator sees of rates, and takes back: postseal rates, postseal release.
`tests/daemon/test_rates.py CASE` runs one case."""
import json
import os
import subprocess
import sys
import time

from daemon import PATIENCE, check, run_cases, wait_until
from inbound import POSTSEAL, Inbound
from milter import split_message

LOGIN = {"{auth_type}": "PLAIN", "{auth_authen}": "joe"}
CONF = """rate "recipients" { key = { login } count = recipients limit = "3/1h" }
rate "messages" { key = { login } count = messages limit = "100/1h" }
"""
MESSAGE = b"From: joe@example.org\r\nSubject: x\r\n\r\nhello\r\n"


def run(daemon, *words):
    """(status, output, errors)"""
    done = subprocess.run([POSTSEAL, words[0], "-c", daemon.config, *words[1:]], check=False,
                          capture_output=True, text=True, timeout=PATIENCE,
                          env=daemon.place.environment)
    return done.returncode, done.stdout, done.stderr


def require(got, want, what):
    check(got == want, "%s: %s, not %s" % (what, got, want))


def send(daemon, count):
    """A message of the login with so many recipients."""
    fields, body = split_message(MESSAGE)
    before = len(daemon.messages())
    with daemon.session() as session:
        session.message("<joe@example.org>", ["<u%d@example.net>" % i for i in range(count)],
                        fields, body, LOGIN)
    wait_until(lambda: len(daemon.messages()) > before, "the line of the message")


def told(daemon, *words):
    status, out, errors = run(daemon, "rates", "--json", *words)
    require((status, errors), (0, ""), "rates")
    return json.loads(out)


def used(daemon, *words):
    return {row["rate"]: (row["key"], row["windows"][0]["used"])
            for row in told(daemon, *words)["rates"]}


def shown_and_released(place):
    daemon = Inbound(place, "", CONF).start()
    numbers = told(daemon)
    require((numbers["keys"], numbers["rates"]), (0, []), "nothing yet")
    send(daemon, 3)
    numbers = told(daemon)
    require(numbers["keys"], 2, "keys")
    check(numbers["octets"] > 0, "no memory for two keys: %s" % numbers)
    require([numbers[name] for name in ("blocked", "blocked_nets", "forgotten", "uncounted")],
            [0, 0, 0, 0], "numbers")
    require(used(daemon), {"recipients": ("joe", 3), "messages": ("joe", 1)}, "used")
    require(used(daemon, "joe"), used(daemon), "used by the key")
    require(used(daemon, "jim"), {}, "used by another")
    status, out, _ = run(daemon, "rates")
    check(status == 0 and out.startswith("2 keys in ") and "joe" in out, out)
    status, _, errors = run(daemon, "release", "jim")
    check(status != 0 and "jim" in errors, "%d %s" % (status, errors))
    require(run(daemon, "release", "joe")[0], 0, "release")
    check(daemon.has_logged('rate key "joe" released by hand, of 2 rates'), "the log")
    check(all(count == 0 for _, count in used(daemon).values()), "used after release")
    send(daemon, 3)
    require(used(daemon)["recipients"], ("joe", 3), "used again")
    require(daemon.stop(), 0, "exit status")


def make_program(place):
    """A program for notify, and what it was told, as a function."""
    folder = place.folder("told")
    program, output = os.path.join(folder, "program"), os.path.join(folder, "told")
    with open(program, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\ncat >> %s\n" % output)
    os.chmod(program, 0o755)

    def events():
        if not os.path.exists(output):
            return []
        with open(output, encoding="ascii") as file:
            return [(row["event"], row["rate"], row["key"]) for row in map(json.loads, file)]
    return program, events


def reload_brings_notify(place):
    """A daemon that began without anybody to tell tells whom a reload names; so does one more."""
    program, events = make_program(place)
    daemon = Inbound(place, "", CONF).start()
    send(daemon, 4)
    require(events(), [], "told before")
    for name in ("first", "second"):
        daemon.configure('rate "%s" { key = { login } count = messages limit = "1/1h" notify = '
                                '{ "exec:%s" } }\n' % (name, program))
        require(run(daemon, "reload")[0], 0, "reload")
        send(daemon, 1)
        send(daemon, 1)
        wait_until(lambda: len(events()) > (name == "second"), "the program")
    require(events(), [("block", "first", "joe"), ("block", "second", "joe")], "told")
    require(daemon.stop(), 0, "exit status")


class Running(Inbound):
    """With a clock that runs."""

    def command(self, *more):
        words = super().command(*more)
        at = words.index("--time")
        return words[:at] + words[at + 2:]


def hold_is_over(place):
    """Told within two seconds, without a message of the key's; also when nobody ran at the time."""
    program, events = make_program(place)
    held, released = ("block", "r", "joe"), ("release", "r", "joe")
    daemon = Running(place, "", 'rate "r" { key = { login } count = recipients limit = "1/1h" '
                     'action = hold hold-for = "1s" notify = { "exec:%s" } }\n' % program).start()
    send(daemon, 2)
    wait_until(lambda: events() == [held, released], "block and release")
    require(run(daemon, "release", "joe")[0], 0, "release of what it counts")
    require(daemon.stop(), 0, "exit status")
    # Another start has its own period.
    daemon.start()
    send(daemon, 2)
    wait_until(lambda: events()[:3] == [held, released, held], "block again")
    require(daemon.stop(), 0, "exit status")
    time.sleep(1)
    daemon.start()
    wait_until(lambda: events() == [held, released] * 2, "release again")
    require(daemon.stop(), 0, "exit status")


if __name__ == "__main__":
    sys.exit(run_cases([shown_and_released, reload_brings_notify, hold_is_over]))
