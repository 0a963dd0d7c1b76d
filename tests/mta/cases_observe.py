"""Rules with `mode = observe` change nothing, and count what they would have done: the same sessions
without any rule and with all of matrix.py observed, through both servers."""
import json
import re
import subprocess

import matrix
from cases import case, require
from cases_matrix import BOB, CAROL, Attempt, rules
from cases_sendmail import sendmail_world
from message import message, token
from smtp import Smtp

# Or signatures would tell the time.
CLOCK = "2026-11-22T12:00:00Z"


def observed():
    return re.sub(r"(\{ stage = \w+)", r"\1  mode = observe", rules())


DATE = r"[A-Z][a-z][a-z], [ 0-9]\d [A-Z][a-z][a-z] \d{4} [0-9:]{8} [-+A-Z0-9]+(?: \([A-Z]+\))?"


def normal(octets):
    """Without what differs whenever a message is sent again: the server's own names for it, and
    its clock. It stands in the first field, above all that we add or sign."""
    head, _, rest = octets.partition(b"\r\nFrom:")
    head = re.sub(rb"\bid [0-9A-Za-z]+", b"id X", head)
    return re.sub(DATE.encode(), b"DATE", head) + b"\r\nFrom:" + rest


def reply_texts(attempt):
    """Without the time of the greeting and the server's name for a message that it took."""
    return [(where, re.sub(r"(queued as|2\.0\.0) [0-9A-Za-z]+", r"\1 X",
                           re.sub(DATE, "DATE", Attempt.text(reply))))
            for where, reply in attempt.replies]


def submit(world, word):
    """One that is signed."""
    with Smtp(world.ports["submission"]) as client:
        reply = client.mail("x@mail-reject.rules.example", [BOB, CAROL], message(word))
        require(reply.is_ok, "answered %s", reply)


def send_all(world, words):
    """One session for each cell, and one signed message: {cell: replies}."""
    attempts = {}
    for cell, word in words.items():
        if cell == "signed":
            submit(world, word)
        else:
            attempts[cell] = reply_texts(Attempt(world, *cell, word=word))
    return attempts


def copies(world, word, count):
    return sorted(normal(one.octets) for one in world.mailbox.wait(word, count))


def status(world):
    done = subprocess.run([world.daemon.programs.postseal, "status", "--json", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    require(done.returncode == 0, "status: %s", done.stderr)
    return json.loads(done.stdout)


def reload(world, more):
    world.daemon.write(more)
    done = subprocess.run([world.daemon.programs.postseal, "reload", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    require(done.returncode == 0, "reload: %s", done.stderr)


def require_counters(world, cells):
    """Each rule held, and would have decided each time; none has."""
    rows = {(row["stage"], row["rule"]): row for row in status(world)["rules"]}
    for stage, action in cells:
        row = rows[stage, "%s at %s" % (action, stage)]
        require(row["matched"] >= 1 and row["would"] == row["matched"] and row["decided"] == 0 and
                row["mode"] == "observe", "%s", row)


def require_unchanged(world):
    cells = [cell for cell in matrix.cells() if cell not in matrix.REFUSED_AT_LOAD]
    words = {cell: token() for cell in cells}
    words["signed"] = token()
    count = 1 if world.mta.name == "sendmail" else 2
    before = send_all(world, words)
    first = {cell: copies(world, word, count) for cell, word in words.items()}
    reload(world, observed())
    after = send_all(world, words)
    for cell, word in words.items():
        require(before.get(cell) == after.get(cell), "%s: answered %s, not %s", cell,
                after.get(cell), before.get(cell))
        both = copies(world, word, 2 * count)
        require(both == sorted(2 * first[cell]), "%s: not delivered the same:\n%s\n%s", cell,
                first[cell], both)
    require(b"\r\nDKIM-Signature:" in first["signed"][0], "it is not signed")
    require(not world.mta.held(), "held: %s", world.mta.held())
    require_counters(world, cells)


@case()
def observed_rules_change_nothing_in_postfix(context):
    """Answers and delivered octets are the same without rules and with all of them observed."""
    require_unchanged(context.own(clock=CLOCK))


@case()
def observed_rules_change_nothing_in_sendmail(context):
    """The like."""
    require_unchanged(sendmail_world(context, clock=CLOCK))
