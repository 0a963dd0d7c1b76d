"""Every stage and every action through both servers, against the table of matrix.py."""
import os
import subprocess

import matrix
from cases import case, require
from cases_sendmail import sendmail_world
from inbound import DISPOSITION
from message import message, token
from mta import LOCAL_DOMAINS
from procs import wait_until
from smtp import Smtp

BOB, CAROL = "bob@example.net", "carol@example.net"
EARLY = ("connect", "helo", "unknown")
FIELD = "X-Matrix"


def source_of(stage, action):
    """The address of this machine that rules before MAIL know the client by."""
    cells = matrix.cells()
    return "127.0.1.%d" % (1 + cells.index((stage, action)) if (stage, action) in cells else 255)


def sender_of(stage, action):
    return "x@%s-%s.rules.example" % (stage, action)


def condition(stage, action):
    if stage in EARLY:
        return 'client-net = { "%s" }' % source_of(stage, action)
    return 'sender-domain = { "%s" }' % sender_of(stage, action).partition("@")[2]


def rule(stage, action):
    words = condition(stage, action)
    if stage == "rcpt":
        # Only who is accepted for all his recipients is accepted.
        words += ' recipient = { "%s"%s }' % (CAROL, ', "%s"' % BOB if action == "accept" else "")
    if action in matrix.CODES:
        words += ' text = "%s"' % matrix.TEXT
    if action.endswith("-header"):
        words += ' header = "%s: of the rule at %s"' % (FIELD, stage)
    return 'rule "%s at %s" { stage = %s  action = %s  %s }\n' % (action, stage, stage, action, words)


def rules():
    """One for each cell that loads; behind those that accept there is one that would refuse, and
    could refuse others, too (else it could never match: an error at load)."""
    good = [cell for cell in matrix.cells() if cell not in matrix.REFUSED_AT_LOAD]
    text = "".join(rule(*cell) for cell in good)
    for stage in matrix.STAGES:
        if stage == "eom":
            continue
        other = "127.0.3.%d" % (1 + matrix.STAGES.index(stage)) if stage in EARLY else \
            "behind-%s.rules.example" % stage
        text += 'rule "behind accept at %s" { stage = eom  action = reject  %s }\n' % (
            stage, condition(stage, "accept").replace(" }", ', "%s" }' % other))
    return text


LINES = ("helo", "mail", "rcpt", "data", "eoh", "eom")


def rules_of_lines():
    """With a reply of three lines, at each stage that both servers bring it from."""
    text = ""
    for stage in LINES:
        who = 'client-net = { "127.0.2.1" }' if stage == "helo" else \
            'sender-domain = { "lines-%s.rules.example" }' % stage
        text += ('rule "lines at %s" { stage = %s  action = reject  text = { "one", "of %%{rule}", '
                 '"100%% of it" }  %s }\n' % (stage, stage, who))
    return text


COMMANDS = """rule "commands" { stage = unknown  client-net = { "127.0.2.2" }
    command = { "FROB", "EXPN", "VRFY" }  action = reject }
"""


def require_commands(world):
    """By its first word; what the server answers itself never comes here. The session goes on."""
    is_postfix = world.mta.name == "postfix"
    with Smtp(world.ports["inbound"], source="127.0.2.2") as client:
        for line, is_ours in (("FROB", True), ("frob it now", True), ("EXPN bob", is_postfix),
                              ("VRFY bob", False), ("BORF", False), ("NOOP", False)):
            reply = client.command(line)
            require((reply.raw[-1].startswith("502 5.5.1 ")) == is_ours, "%s: %s", line, reply)
        word = token()
        reply = client.mail("x@nothing.example", [BOB], message(word, "x@nothing.example"))
        require(reply.is_ok, "answered %s", reply)
        client.quit()
    world.mailbox.one(word)


class Attempt:
    """One session of one message to two recipients, by a client that goes on whatever it hears."""

    def __init__(self, world, stage, action, word=None):
        self.stage, self.word = stage, word or token()
        sender = sender_of(stage, action) if action != "lines" else sender_of(action, stage)
        source = "127.0.2.1" if (stage, action) == ("helo", "lines") else \
            source_of(stage, action) if stage in EARLY else "127.0.0.1"
        with Smtp(world.ports["inbound"], helo=None, source=source) as client:
            self.replies = [("the connection", client.banner)]
            for where, line in (("EHLO", "EHLO client.example.com"), ("the command", "FROB it"),
                                ("MAIL", "MAIL FROM:<%s>" % sender), ("RCPT", "RCPT TO:<%s>" % BOB),
                                ("RCPT", "RCPT TO:<%s>" % CAROL), ("DATA", "DATA")):
                self.replies.append((where, client.command(line)))
            if self.replies[-1][1].is_ok:
                octets = message(self.word, "x@nothing.example",
                                 fields=[(FIELD + ": of the client").encode()])
                self.replies.append(("the final dot", client.content(octets)))
            client.command("QUIT")

    def heard(self):
        """(where, answer) of the first refusal but of the unknown command, as it is outside the
        stage of its own; None when there was none."""
        for where, reply in self.replies:
            if not reply.is_ok and (where == "the command") == (self.stage == "unknown"):
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
    if stage not in EARLY or action not in matrix.CODES:
        usual = matrix.OWN_WORDS[server, "unknown", "continue"][1]
        require(attempt.answer("the command") == usual, "%s at %s: FROB: %s",
                action, stage, attempt.answer("the command"))
    goes_on = matrix.GOES_ON.get((server, stage, action))
    if goes_on:
        require(attempt.answer("MAIL") == goes_on, "%s at %s: MAIL answered %s", action, stage,
                attempt.answer("MAIL"))
    require(len(world.mta.held()) == held + (action == "hold-queue"), "%s at %s: %d held", action,
            stage, len(world.mta.held()) - held)
    return attempt


def count_copies(world, attempt, stage, action):
    """How many are to come: {recipients} by Postfix each, by Sendmail one for all."""
    if stage == "unknown":
        return 1 if world.mta.name == "sendmail" else 2
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
    fields = {"add-header": ["of the rule at " + stage, "of the client"],
              "replace-header": ["of the rule at " + stage]}
    for copy in copies:
        require(copy.all(FIELD) == fields.get(action, ["of the client"]), "%s at %s: %s", action,
                stage, copy.all(FIELD))
    got = sorted(name for copy in copies for name in copy.all("Delivered-To"))
    # Sendmail leaves out the domain of its own users.
    wanted = [BOB] if fate == "delivered to the others" else [BOB, CAROL] if copies else []
    require(got in (wanted, [name.partition("@")[0] for name in wanted]), "%s at %s: delivered to %s",
            action, stage, got)


def require_lines(world):
    """The three lines, the last with a blank behind the code."""
    for stage in LINES:
        where, text = Attempt(world, stage, "lines").heard()
        prefix = matrix.PREFIX.get((world.mta.name, stage, "reject"), "").format(
            sender=sender_of("lines", stage), recipient=BOB)
        wanted = "550-5.7.1 %sone\n550-5.7.1 of lines at %s\n550 5.7.1 100%% of it" % (prefix, stage)
        require((where, text) == (matrix.HEARD_AT[stage], wanted), "lines at %s: %s: %s", stage, where,
                text)


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
    world = context.own(more=rules() + rules_of_lines() + COMMANDS)
    run_matrix(world)
    require_lines(world)
    require_commands(world)


@case()
def matrix_sendmail(context):
    """The same through Sendmail."""
    world = sendmail_world(context, more=rules() + rules_of_lines() + COMMANDS)
    run_matrix(world)
    require_lines(world)
    require_commands(world)


@case()
def matrix_refused_at_load(context):
    """What a stage cannot do is an error that names file, line, and the stage that can."""
    path = os.path.join(context.place.path, "matrix.conf")
    of_senders = [(stage, action) for stage in matrix.STAGES for action in matrix.SENDER_ACTIONS]
    for cell in matrix.cells() + of_senders:
        with open(path, "w", encoding="utf-8") as file:
            file.write('authserv-id = "mx.example.org"\nlisten = "inet:9@127.0.0.1"\n' + rule(*cell))
        done = subprocess.run([context.programs.postseal, "check", path], capture_output=True,
                              text=True, check=False, timeout=60)
        stage = matrix.REFUSED_AT_LOAD.get(cell)
        if not stage:
            require(done.returncode == 0, "%s at %s: %s", *reversed(cell), done.stderr)
            continue
        named = "from %s on" % stage if cell[0] == "unknown" else "`stage = %s`" % stage
        require(done.returncode == 78 and "%s:3: " % path in done.stderr and named in done.stderr,
                "%s at %s: %s", *reversed(cell), done.stderr)


PICKED_UP = [(stage, action) for stage in ("mail", "rcpt", "data", "eoh", "eom")
             for action in matrix.ACTIONS if (stage, action) not in matrix.REFUSED_AT_LOAD]


def require_pickup_fate(world, word, stage, action):
    """Of mail to two recipients; what is refused comes back to the sender as one notice."""
    if action == "hold-queue":
        wanted = []
    elif action == "reject":
        wanted = [sender_of(stage, action)]
    else:
        wanted = [] if action == "discard" else [BOB, CAROL]
    found = world.mailbox.wait(word, len(wanted))
    got = sorted(name for one in found for name in one.all("Delivered-To"))
    require(got == wanted, "%s at %s: delivered to %s", action, stage, got)
    if action == "reject":
        require(matrix.TEXT.encode() in found[0].octets and not found[0].all(FIELD), "%s at %s: %s",
                action, stage, found[0].octets)


@case()
def matrix_sendmail_command(context):
    """sendmail(1) of Postfix: what is refused, be it at RCPT, comes back as a whole, what is
    tempfailed is tried again, and nothing sticks in the queue."""
    domains = [sender_of(*cell).partition("@")[2] for cell in PICKED_UP]
    world = context.own(more=rules(), options={
        "virtual_mailbox_domains": ", ".join([*LOCAL_DOMAINS, *domains])})
    words = {cell: token() for cell in PICKED_UP}
    for cell, word in words.items():
        octets = message(word, "x@nothing.example", fields=[(FIELD + ": of the client").encode()])
        world.mta.sendmail(sender_of(*cell), [BOB, CAROL], octets)
    for cell, word in words.items():
        if cell[1] != "tempfail":
            require_pickup_fate(world, word, *cell)
            continue
        wait_until(lambda: world.daemon.log_lines('rule="tempfail at %s"' % cell[0]), 30,
                   "tempfail at " + cell[0])
        require(not world.mailbox.find(word), "%s at %s: delivered", *reversed(cell))
    held = len([cell for cell in PICKED_UP if cell[1] == "hold-queue"])
    wait_until(lambda: len(world.mta.held()) == held, 30, "%d held messages" % held)
    # Nothing but the tempfailed waits; without the rules it is delivered.
    world.daemon.write()
    world.daemon.hup()
    for cell, word in words.items():
        if cell[1] == "tempfail":
            require_pickup_fate(world, word, *cell)
    wait_until(lambda: len(world.mta.queued()) == held, 30, "a queue of held messages only")
    for line in world.mta.log().splitlines():
        require("milter configuration error" not in line, "%s", line)
