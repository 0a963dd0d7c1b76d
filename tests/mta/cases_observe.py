"""Rules that are watched before they bite: an observed rule changes nothing of what is delivered, and
its counter says what it would have done."""
import json
import re
import subprocess

from cases import case, require
from inbound import FORGER, LOOPBACKS, pairs, receive, rules_at_every_stage, sender_of
from message import message, token

# What the mail server writes anew each time: its queue id and the date.
_ANEW = ((rb"(\bid )[0-9A-Za-z]+\b", rb"\1ID"),
         (rb"\w{3}, [ \d]\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}( \(\w+\))?(?=\r\n)", rb"DATE"))
OURS = 'rule "ours" { stage = eom  direction = outbound  action = reject  mode = observe }\n'


def keys():
    return [*pairs(), *LOOPBACKS]


def send(world, key, word):
    sender = "x@nothing.example" if key in LOOPBACKS else sender_of(*key)
    return receive(world, sender, message(word, "x@nothing.example"), LOOPBACKS.get(key, FORGER))


def octets_of(arrived):
    """Without what is another's and anew with each delivery; of our signature, its time."""
    text = arrived.whole()
    for pattern, instead in _ANEW:
        text = re.sub(pattern, instead, text)
    if arrived.is_signed:
        text = re.sub(rb"\b(t|b)=[^;]*?(?=;|\r\n[^ \t])", rb"\1=", text, flags=re.S)
    return text


def delivered(world, words):
    """{key: octets}, each forgotten, so that the same message can come again."""
    result = {}
    for key, word in words.items():
        outcome = send(world, key, word) if key != "ours" else None
        if key == "ours":
            world.mta.sendmail("alice@example.org", ["bob@example.net"], message(word))
        require(outcome is None or not outcome.stage, "%s: refused: %s", key, outcome)
        result[key] = octets_of(world.mailbox.one(word))
        world.mailbox.forget(word)
    return result


def status(world):
    done = subprocess.run([world.daemon.programs.postseal, "status", "--json", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    require(done.returncode == 0, "postseal status: %d: %s", done.returncode, done.stderr)
    return json.loads(done.stdout)


def reload(world):
    """Waits until it is done."""
    done = subprocess.run([world.daemon.programs.postseal, "reload", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    require(done.returncode == 0 and "is in force" in done.stdout, "postseal reload: %d: %s%s",
            done.returncode, done.stdout, done.stderr)


def numbers(world):
    """{(stage, action): (matched, decided, would)}"""
    return {(row["stage"], row["action"]): (row["matched"], row["decided"], row["would"])
            for row in status(world)["rules"]}


@case()
def observed_rules_change_nothing(context):
    """Every stage and action, inbound and signed: what is delivered is the same to the octet with
    the rules observed and without them, nothing is refused, and each rule counts what it would have
    done; enforced, the same mail gives the same numbers as decisions."""
    world = context.own()
    words = {key: token() for key in keys()}
    words["ours"] = token()
    without = delivered(world, words)
    observed = rules_at_every_stage().replace(" }\n", "  mode = observe }\n") + OURS
    require(observed.count("mode = observe") == len(keys()) + 1, "rules are not observed")
    world.daemon.write(observed)
    reload(world)
    watched = delivered(world, words)
    for key in words:
        require(watched[key] == without[key], "%s: not the same:\n%r\n%r", key, without[key],
                watched[key])
    require(b"DKIM-Signature" in watched["ours"], "ours is not signed")
    got = numbers(world)
    for key in keys():
        require(got[key] == (1, 0, 1), "%s: %s", key, got[key])
    require(got["eom", "reject"] == (1, 0, 1), "%s", got)
    ours = [row for row in status(world)["rules"] if row["rule"] == "ours"]
    require(ours[0]["would"] == 1 and ours[0]["decided"] == 0, "%s", ours)

    world.daemon.write(rules_at_every_stage())
    reload(world)
    for key in keys():
        outcome = send(world, key, token())
        require(bool(outcome.stage) == (key[1] in ("reject", "tempfail")), "%s: %s", key, outcome)
    got = numbers(world)
    for key in keys():
        # What smtpd was told to discard before DATA, cleanup asks about again, for itself.
        times = 2 if key == ("mail", "discard") else 1
        require(got[key] == (1 + times, times, 1), "%s, enforced: %s", key, got[key])
