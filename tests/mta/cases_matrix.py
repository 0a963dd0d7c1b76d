"""Every stage and every action through both servers, against the table of matrix.py."""
import os
import subprocess

import matrix
from cases import case, require
from cases_sendmail import sendmail_world
from inbound import DISPOSITION
from message import message, token
from smtp import Smtp

BOB, CAROL = "bob@example.net", "carol@example.net"
EARLY = ("connect", "helo")


def source_of(stage, action):
    """The address of this machine that rules before MAIL know the client by."""
    return "127.0.1.%d" % (1 + matrix.cells().index((stage, action)))


def sender_of(stage, action):
    return "x@%s-%s.rules.example" % (stage, action)


def condition(stage, action):
    if stage in EARLY:
        return 'client-net = { "%s" }' % source_of(stage, action)
    return 'sender-domain = { "%s" }' % sender_of(stage, action).partition("@")[2]


def rule(stage, action):
    words = condition(stage, action)
    if stage == "rcpt":
        words += ' recipient = { "%s" }' % CAROL
    if action in matrix.CODES:
        words += ' text = "%s"' % matrix.TEXT
    return 'rule "%s at %s" { stage = %s  action = %s  %s }\n' % (action, stage, stage, action, words)


def rules():
    """One for each cell that loads; behind those that accept there is one that would refuse."""
    good = [cell for cell in matrix.cells() if cell not in matrix.REFUSED_AT_LOAD]
    text = "".join(rule(*cell) for cell in good)
    for stage in matrix.STAGES:
        text += 'rule "behind accept at %s" { stage = eom  action = reject  %s }\n' % (
            stage, condition(stage, "accept"))
    return text


class Attempt:
    """One session of one message to two recipients, by a client that goes on whatever it hears."""

    def __init__(self, world, stage, action, word=None):
        self.word = word or token()
        sender = sender_of(stage, action)
        source = source_of(stage, action) if stage in EARLY else "127.0.0.1"
        with Smtp(world.ports["inbound"], helo=None, source=source) as client:
            self.replies = [("the connection", client.banner)]
            for where, line in (("EHLO", "EHLO client.example.com"),
                                ("MAIL", "MAIL FROM:<%s>" % sender), ("RCPT", "RCPT TO:<%s>" % BOB),
                                ("RCPT", "RCPT TO:<%s>" % CAROL), ("DATA", "DATA")):
                self.replies.append((where, client.command(line)))
            if self.replies[-1][1].is_ok:
                octets = message(self.word, "x@nothing.example")
                self.replies.append(("the final dot", client.content(octets)))
            client.command("QUIT")

    def heard(self):
        """(where, answer) of the first refusal; None when there was none."""
        for where, reply in self.replies:
            if not reply.is_ok:
                return where, self.text(reply)
        return None

    def answer(self, where):
        return next(self.text(reply) for name, reply in self.replies if name == where)

    @staticmethod
    def text(reply):
        return "\n".join(reply.raw)


def require_cell(world, stage, action):
    """Runs it; what the client heard is required, what became of the message is left to a second
    look: the function that takes it, when all is delivered."""
    server = world.mta.name
    held = len(world.mta.held())
    attempt = Attempt(world, stage, action)
    wanted = matrix.heard(server, stage, action)
    if wanted:
        wanted = (wanted[0], wanted[1].format(sender=sender_of(stage, action), recipient=CAROL))
    require(attempt.heard() == wanted, "%s at %s: heard %s, not %s", action, stage, attempt.heard(),
            wanted)
    goes_on = matrix.GOES_ON.get((server, stage, action))
    if goes_on:
        require(attempt.answer("MAIL") == goes_on, "%s at %s: MAIL answered %s", action, stage,
                attempt.answer("MAIL"))
    require(len(world.mta.held()) == held + (action == "hold-queue"), "%s at %s: %d held", action,
            stage, len(world.mta.held()) - held)
    return attempt


def count_copies(world, attempt, stage, action):
    """How many are to come: {recipients} by Postfix each, by Sendmail one for all."""
    if action in ("discard", "hold-queue") or (action in matrix.CODES and stage != "rcpt"):
        return 0
    return 1 if world.mta.name == "sendmail" or stage == "rcpt" and action in matrix.CODES else 2


def require_fate(world, attempt, stage, action):
    fate = matrix.fate(stage, action)
    copies = world.mailbox.find(attempt.word)
    wanted = count_copies(world, attempt, stage, action)
    require(len(copies) == wanted, "%s at %s: %d copies, not %d", action, stage, len(copies), wanted)
    for copy in copies:
        marks = copy.all(DISPOSITION)
        require(marks == (['quarantine; reason="%s at %s"' % (action, stage)]
                          if fate == "delivered, marked" else []), "%s at %s: %s", action, stage, marks)
    got = sorted(name for copy in copies for name in copy.all("Delivered-To"))
    # Sendmail leaves out the domain of its own users.
    wanted = [BOB] if fate == "delivered to the others" else [BOB, CAROL] if copies else []
    require(got in (wanted, [name.partition("@")[0] for name in wanted]), "%s at %s: delivered to %s",
            action, stage, got)


def run_matrix(world):
    attempts = {cell: require_cell(world, *cell) for cell in matrix.cells()
                if cell not in matrix.REFUSED_AT_LOAD}
    last = Attempt(world, "mail", "nothing")
    require(not last.heard(), "last: %s", last.heard())
    for cell, attempt in attempts.items():
        world.mailbox.wait(attempt.word, count_copies(world, attempt, *cell))
    world.mailbox.wait(last.word)
    for cell, attempt in attempts.items():
        require_fate(world, attempt, *cell)
    return len(attempts)


@case()
def matrix_postfix(context):
    """Every stage and action that loads, through Postfix."""
    run_matrix(context.own(more=rules()))


@case()
def matrix_sendmail(context):
    """The same through Sendmail."""
    run_matrix(sendmail_world(context, more=rules()))


@case()
def matrix_refused_at_load(context):
    """What a stage cannot do is an error that names file, line, and the stage that can."""
    path = os.path.join(context.place.path, "matrix.conf")
    for cell in matrix.cells():
        with open(path, "w", encoding="utf-8") as file:
            file.write('authserv-id = "mx.example.org"\nlisten = "inet:9@127.0.0.1"\n' + rule(*cell))
        done = subprocess.run([context.programs.postseal, "check", path], capture_output=True,
                              text=True, check=False, timeout=60)
        stage = matrix.REFUSED_AT_LOAD.get(cell)
        if not stage:
            require(done.returncode == 0, "%s at %s: %s", *reversed(cell), done.stderr)
            continue
        require(done.returncode == 78 and "%s:3: " % path in done.stderr and
                "`stage = %s`" % stage in done.stderr, "%s at %s: %s", *reversed(cell), done.stderr)
