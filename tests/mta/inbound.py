"""Mail from the world: clients, rules and messages for the inbound cases. The domains are those of
tests/data/mta/example.zone."""
import os
import re

from message import message
from smtp import Smtp

FRIEND = "198.51.100.7"  # may send for friend.example
FORGER = "203.0.113.9"  # may send for nobody
FORWARDER = "203.0.113.70"  # nor he, but we trust him with the mail of others

BOB = "bob@example.net"
AUTHRES = "Authentication-Results"
DISPOSITION = "X-Postseal-Disposition"

_HERE = os.path.dirname(os.path.abspath(__file__))
# What the mail server puts on top when it delivers.
_ADDED_AT_DELIVERY = ("return-path", "x-original-to", "delivered-to")


def _packaged_rules():
    """The rules that stand in the packaged configuration, without a change."""
    with open(os.path.join(_HERE, "../../conf/postseal.conf.sample"), encoding="utf-8") as file:
        return "\n".join(re.findall(r"^rule .*(?:\n[ \t].*)*", file.read(), re.M))


PACKAGED_RULES = _packaged_rules()


class Outcome:
    """The replies to one message: `mail`, `rcpt` (one each), `data`, `end`; None where the
    dialogue did not get that far. `stage` is the first that was refused, "" when none was."""

    def __init__(self):
        self.mail = self.data = self.end = None
        self.rcpt = []

    @property
    def replies(self):
        return [("mail", self.mail), *(("rcpt", one) for one in self.rcpt), ("data", self.data),
                ("end", self.end)]

    @property
    def stage(self):
        return next((name for name, reply in self.replies if reply and not reply.is_ok), "")

    @property
    def refusal(self):
        """The first negative reply, else the last one."""
        given = [reply for _, reply in self.replies if reply]
        return next((reply for reply in given if not reply.is_ok), given[-1])

    def __str__(self):
        return "; ".join("%s: %s" % (name, reply) for name, reply in self.replies if reply)


def converse(client, sender, octets, recipients=(BOB,)):
    """One message on an open connection; ended by RSET when it is refused on the way."""
    outcome = Outcome()
    outcome.mail = client.command("MAIL FROM:<%s>" % sender)
    if outcome.mail.is_ok:
        outcome.rcpt = [client.command("RCPT TO:<%s>" % address) for address in recipients]
        if any(reply.is_ok for reply in outcome.rcpt):
            outcome.data = client.command("DATA")
            if outcome.data.is_ok:
                outcome.end = client.content(octets)
    if not outcome.end:
        client.command("RSET")
    return outcome


def connect(world, address=FRIEND, helo="client.example.com"):
    """A connection that the mail server takes for one from `address`: by XCLIENT, or from an
    address of our own."""
    port = world.ports["inbound"]
    if address.startswith("127."):
        return Smtp(port, helo, source=address)
    client = Smtp(port, helo)
    client.command("XCLIENT ADDR=%s NAME=[UNAVAILABLE]" % address)
    client.command("EHLO " + helo)
    return client


def receive(world, sender, octets, address=FRIEND, recipients=(BOB,), helo="client.example.com"):
    with connect(world, address, helo) as client:
        outcome = converse(client, sender, octets, recipients)
        client.command("QUIT")
    return outcome


def from_friend(word, **options):
    return message(word, "Ann <ann@friend.example>", **options)


def unquoted(value):
    """With every quoted string emptied."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', value)


def results_of(arrived, host="mx.example.org"):
    """Our own result fields, as {method: result} each; the first of a method counts."""
    found = []
    for value in arrived.all(AUTHRES):
        name, _, rest = value.partition(";")
        if name.split()[0] != host:
            continue
        results = {}
        for method, result in re.findall(r"(?:^|;)\s*([a-z]+)=([a-z]+)", unquoted(rest)):
            results.setdefault(method, result)
        found.append(results)
    return found


def top_field(arrived):
    """The name of the uppermost field that is not the delivery's own."""
    return next(name for name, _ in arrived.fields if name.lower() not in _ADDED_AT_DELIVERY)


# --- rules at every stage ------------------------------------------------------------------------

# What a reply must bring through the mail server as it stands here.
TEXT = "%s%n%% 100% %d for you"
STAGES = ("mail", "rcpt", "data", "eoh", "eom")
ACTIONS = ("reject", "tempfail", "discard", "mark", "hold-queue")
# Addresses of this machine that rules at connect and HELO know.
LOOPBACKS = {("connect", "reject"): "127.0.0.11", ("connect", "tempfail"): "127.0.0.12",
             ("helo", "reject"): "127.0.0.13", ("helo", "tempfail"): "127.0.0.14",
             ("connect", "mark"): "127.0.0.15", ("helo", "hold-queue"): "127.0.0.16"}


def pairs():
    """Every stage and action that a sender's domain can ask for (see sender_of())."""
    return [(stage, action) for stage in STAGES for action in ACTIONS
            if (stage, action) != ("rcpt", "discard")]


def sender_of(stage, action):
    return "x@%s-%s.rules.example" % (stage, action)


def rules_at_every_stage():
    """reject and tempfail bring TEXT."""
    lines = []
    for key in (*pairs(), *LOOPBACKS):
        stage, action = key
        condition = 'client-net = { "%s" }' % LOOPBACKS[key] if key in LOOPBACKS else \
            'sender-domain = { "%s" }' % sender_of(*key).partition("@")[2]
        text = 'text = "%s"' % TEXT.replace("%", "%%") if action in ("reject", "tempfail") else ""
        lines.append('rule "%s at %s" { stage = %s  action = %s  %s  %s }' % (
            action, stage, stage, action, condition, text))
    return "\n".join(lines) + "\n"


_OTHERS = """
trusted-forwarders = { "203.0.113.64/28" }
rule "helo" { stage = helo  helo-spf = { fail }  spf-domain = { "nomail.example" }  action = reject }
rule "spf" { stage = mail  direction = inbound
    spf = { fail, permerror }  sender-domain = { "explains.example", "talks.example",
    "broken.example", "nomail.example", "bank.example" }  action = reject }
rule "spf later" { stage = mail  direction = inbound  spf = { temperror }  action = tempfail }
rule "not for carol" { stage = rcpt  recipient = { "carol@example.net" }  action = reject
    code = "553"  enhanced-code = "5.7.9"  text = "Carol reads no mail" }
rule "reserved" { stage = rcpt  sender-domain = { "noabuse.example" }  action = reject }
rule "welcome" { stage = mail  sender-domain = { "friend.example" }  action = accept }
rule "nobody else" { stage = eom  sender-domain = { "friend.example", "other.example" }
    action = reject }
"""

RULES = rules_at_every_stage() + _OTHERS
