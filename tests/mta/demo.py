#!/usr/bin/python3
"""demo.py --build DIR [--keep]: what ./quickstart shows: a private Postfix, postseald behind it, real
messages through both, and a table of what became of them. Exit status 1 when a row is not as it
should be."""
import argparse
import os
import subprocess
import sys

import signers
from inbound import AUTHRES, FORGER, PACKAGED_RULES, from_friend, receive, results_of, top_field
from message import message, token
from procs import Failure, Place, end_on_signals
from smtp import send
from world import Keys, Programs, World

ALICE, BOB = "alice@example.org", "bob@example.net"
STRANGER = {"ADDR": "198.51.100.7", "NAME": "mail.stranger.example"}


def say(text):
    print(text, flush=True)


class Outcome:
    """What the client was told, and what arrived (None: nothing)."""

    def __init__(self, world, port, octets, word, sender=ALICE, xclient=None):
        self.reply = send(world.ports[port], sender, [BOB], octets, "", xclient)
        self.arrived = world.mailbox.one(word) if self.reply.is_ok else None
        self.judged = world.judges.dkimpy(self.arrived.octets) if self.arrived else {}

    def require_delivered(self):
        if not self.reply.is_ok:
            raise Failure("answered %s" % self.reply)


def own_mail(world):
    word = token()
    outcome = Outcome(world, "submission", message(word), word)
    outcome.require_delivered()
    wrong = {name: why for name, why in outcome.judged.items() if why}
    if wrong or sorted(outcome.judged) != ["ed25519-sha256", "rsa-sha256"]:
        raise Failure("signatures: %s" % outcome.judged)
    return "250, signed RSA + Ed25519, dkimpy agrees"


def strangers_mail(world):
    word = token()
    outcome = Outcome(world, "submission", message(word, "eve@stranger.example"), word)
    outcome.require_delivered()
    if outcome.arrived.is_signed:
        raise Failure("signed: %s" % outcome.judged)
    return "250, relayed unsigned"


def forged_results(world):
    word = token()
    fields = [b"Authentication-Results: mx.example.org; dkim=pass header.d=bank.example",
              b"Authentication-Results: mx.stranger.example; dkim=pass header.d=bank.example"]
    octets = message(word, "eve@stranger.example", fields=fields)
    outcome = Outcome(world, "inbound", octets, word, "eve@stranger.example", STRANGER)
    outcome.require_delivered()
    left = [value for value in outcome.arrived.all("Authentication-Results")
            if "bank.example" in value]
    if len(left) != 1 or not left[0].startswith("mx.stranger.example"):
        raise Failure("left is %s" % left)
    return "250, ours removed, the stranger's kept"


def good_mail(world):
    word = token()
    octets = signers.dkimpy(world.keys, from_friend(word))
    outcome = receive(world, "ann@friend.example", octets)
    if outcome.stage:
        raise Failure("answered %s" % outcome)
    arrived = world.mailbox.one(word)
    results = results_of(arrived)
    if top_field(arrived) != AUTHRES or results != [{"spf": "pass", "dkim": "pass", "dmarc": "pass"}]:
        raise Failure("results %s" % results)
    return "250, spf=pass dkim=pass dmarc=pass"


def refused(world, outcome, word, stage, codes, rule, name=""):
    """Failure unless these codes, with the name in their text, came there by that rule."""
    reply = str(outcome.refusal)
    if outcome.stage != stage or not reply.startswith(codes + " ") or name not in reply:
        raise Failure("answered %s" % outcome)
    if not any('rule="%s" ' % rule in line + " " or "rule=%s " % rule in line + " "
               for line in world.daemon.log_lines(word)):
        raise Failure("not by rule %s" % rule)
    return '%s%s%s, rule "%s"' % (codes, " at MAIL" if stage == "mail" else "", name and " " + name,
                                  rule)


def forged_mail(world):
    word = token()
    outcome = receive(world, "eve@nothing.example", message(word, "ceo@bank.example"), FORGER)
    return refused(world, outcome, word, "end", "550 5.7.26", "dmarc", "bank.example")


def mail_of_a_silent_domain(world):
    word = token()
    sender = word + "@nomail.example"
    outcome = receive(world, sender, message(word, sender))
    return refused(world, outcome, word, "mail", "550 5.7.23", "no mail from here")


def mail_while_dns_fails(world):
    word = token()
    outcome = receive(world, "ann@down.example", message(word, "ann@down.example"))
    return refused(world, outcome, word, "end", "451 4.7.5", "dmarc later")


def two_authors(world):
    word = token()
    outcome = receive(world, "ann@friend.example",
                      from_friend(word, fields=[b"From: ceo@bank.example"]))
    return refused(world, outcome, word, "end", "550 5.7.1", "one author")


# Direction, what is sent, and the function that sends it and says what became of it (or raises
# Failure). A row more is a line more.
ROWS = (
    ("outbound", "From: alice@example.org", own_mail),
    ("outbound", "From: eve@stranger.example", strangers_mail),
    ("inbound", "From: ann@friend.example, signed", good_mail),
    ("inbound", "two Authentication-Results, one with our name", forged_results),
    ("inbound", "From: ceo@bank.example, forged", forged_mail),
    ("inbound", "MAIL FROM a domain that sends no mail", mail_of_a_silent_domain),
    ("inbound", "From: ann@down.example, whose DNS fails", mail_while_dns_fails),
    ("inbound", "two From fields", two_authors),
)


def show_table(world):
    """True when every row is as it should be."""
    good = True
    say("")
    say("%-9s %-46s %s" % ("", "what was sent", "what became of it"))
    for direction, what, run in ROWS:
        try:
            result = run(world)
        except Failure as failure:
            good = False
            result = "WRONG: %s" % failure
        say("%-9s %-46s %s" % (direction, what, result))
    return good


# Debian's Postfix sees a socket only below its queue folder.
OWN = """authserv-id = "mx.example.org"
listen = "unix:/var/spool/postfix/postseal/postseal.sock"
user = "nobody"
group = "nogroup"
"""


def show_own_main_cf(place, programs):
    path = os.path.join(place.path, "own.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(OWN)
    done = subprocess.run([programs.postseal, "check", "--mta", "postfix", path],
                          capture_output=True, text=True, check=False)
    say("")
    if done.returncode:
        say("postseal check: " + done.stderr)
        return False
    say("For a Postfix of your own (postseal check --mta postfix):")
    say("")
    say("\n".join("    " + line for line in done.stdout.rstrip().splitlines()))
    return True


def show_kept(place, world):
    stop = os.path.join(place.path, "stop")
    with open(stop, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nkill %s\nsleep 1\nrm -rf '%s'\n" % (
            " ".join(map(str, place.pids())), place.path))
    os.chmod(stop, 0o755)
    say("")
    say("Left running, on 127.0.0.1:")
    say("    port %-5d  mail from your users (submission)" % world.ports["submission"])
    say("    port %-5d  mail from the world" % world.ports["inbound"])
    say("    port %-5d  mail from the world, through a content filter" % world.ports["filtered"])
    say("    mailbox     " + world.mailbox.folder)
    say("    logs        %s, %s" % (world.daemon.log_path, world.mta.log_path))
    say("    settings    %s" % world.daemon.configuration)
    say("Stop it and remove its folder: sudo " + stop)


def main():
    parser = argparse.ArgumentParser(description="Postseal at work.")
    parser.add_argument("--build", default="build", help="folder of postseald and postseal")
    parser.add_argument("--keep", action="store_true", help="leave it running")
    options = parser.parse_args()
    programs = Programs(os.path.abspath(options.build))
    end_on_signals()
    place = Place()
    good = False
    try:
        say("making keys: RSA 2048 and Ed25519 for example.org")
        keys = Keys(place, programs)
        say("starting postseald and Postfix")
        place.detached = options.keep
        world = World(place, programs, keys, "demo", more=PACKAGED_RULES)
        good = show_table(world)
        good = show_own_main_cf(place, programs) and good
        if options.keep:
            show_kept(place, world)
    except Failure as failure:
        say("FAIL: %s" % failure)
        place.detached = False
    finally:
        place.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
