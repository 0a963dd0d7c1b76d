"""Every stage and every action of a rule: when it is done, what the client hears and what becomes of
the message. cases_matrix.py proves the table through both servers; doc/stages.md shows it, and is
written by `python3 tests/mta/matrix.py > doc/stages.md` (make check says when that was forgotten)."""

STAGES = ("connect", "helo", "mail", "rcpt", "data", "eoh", "eom", "unknown")
ACTIONS = ("continue", "accept", "reject", "tempfail", "discard", "mark", "hold-queue", "add-header",
           "replace-header")
SERVERS = {"postfix": "Postfix 3.7", "sendmail": "Sendmail 8.17"}

# About the mail of a login: cases_identity.py sends it.
SENDER_ACTIONS = ("add-sender", "replace-sender", "no-sign")
# Refused when the configuration is read, because the stage cannot do it and the end of message would
# mean something else; the stage that the message names.
REFUSED_AT_LOAD = {
    ("connect", "discard"): "mail",
    ("helo", "discard"): "mail",
    ("rcpt", "discard"): "data",
    **{("unknown", action): "connect" for action in ACTIONS
       if action not in ("continue", "reject", "tempfail")},
    **{(stage, action): "mail" for stage in ("connect", "helo") for action in SENDER_ACTIONS},
    **{("unknown", action): "connect" for action in SENDER_ACTIONS},
}
# Done at end of message, whichever stage said so.
LATCHED = ("mark", "hold-queue", "add-header", "replace-header")

# What the client hears: the command that is answered so, and the answer; TEXT is the rule's own.
TEXT = "refused here"
CODES = {"reject": "550 5.7.1", "tempfail": "451 4.7.1"}
HEARD_AT = {"connect": "MAIL", "helo": "MAIL", "mail": "MAIL", "rcpt": "RCPT", "data": "DATA",
            "eoh": "the final dot", "eom": "the final dot", "unknown": "the command"}
# Where a server has words of its own: {(server, stage, action): (where, answer)}.
OWN_WORDS = {
    ("postfix", "connect", "reject"): ("the connection", "554 mx.example.org ESMTP not accepting "
                                       "connections"),
    ("sendmail", "connect", "reject"): ("the connection", "554 mx.example.org ESMTP not accepting "
                                        "messages"),
    ("sendmail", "connect", "tempfail"): ("MAIL", "451 4.3.2 Please try again later"),
    # As they always answer it.
    ("postfix", "unknown", "continue"): ("the command", "500 5.5.2 Error: command not recognized"),
    ("sendmail", "unknown", "continue"): ("the command",
                                          '500 5.5.1 Command unrecognized: "FROB it"'),
}
# The first refusal is not always all: what MAIL is answered when the client goes on.
GOES_ON = {
    ("postfix", "connect", "reject"): CODES["reject"] + " " + TEXT,
    ("sendmail", "connect", "reject"): "550 5.0.0 Command rejected",
}
# Sendmail puts the address before the text of a refusal for good.
PREFIX = {("sendmail", "mail", "reject"): "<{sender}>... ",
          ("sendmail", "rcpt", "reject"): "<{recipient}>... "}

FATES = {
    "continue": "delivered",
    "accept": "delivered",
    "reject": "refused",
    "tempfail": "refused for now",
    "discard": "gone",
    "mark": "delivered, marked",
    "hold-queue": "held",
    "add-header": "delivered, field added",
    "replace-header": "delivered, field replaced",
}
"""What becomes of the message."""


def cells():
    return [(stage, action) for stage in STAGES for action in ACTIONS]


def heard(server, stage, action):
    """(where, answer) of the first refusal that the client hears; None: there is none."""
    if (server, stage, action) in OWN_WORDS:
        return OWN_WORDS[server, stage, action]
    if action not in CODES:
        return None
    return HEARD_AT[stage], CODES[action] + " " + PREFIX.get((server, stage, action), "") + TEXT


def fate(stage, action):
    if stage == "rcpt" and action in CODES:
        return "delivered to the others"
    if stage == "unknown":
        return "delivered, if one follows"
    return FATES[action]


def when(stage, action):
    if (stage, action) in REFUSED_AT_LOAD:
        return "refused at load: use `%s` or later" % REFUSED_AT_LOAD[stage, action]
    return "at end of message" if action in LATCHED else "at once"


def row(server, stage, action):
    found = heard(server, stage, action)
    if not found:
        return "250 to all"
    text = "%s: `%s`" % found
    if (server, stage, action) in GOES_ON:
        text += ", then MAIL: `%s`" % GOES_ON[server, stage, action]
    return text.format(sender="sender", recipient="recipient")


HEAD = """# What a rule does at each stage

Written by `tests/mta/matrix.py`; `tests/mta/cases_matrix.py` runs every line of it through a real
Postfix and a real Sendmail: what the client hears, octet by octet, and what becomes of the message.
`refused here` is the text of the rule.

Done *at once*: the client hears of it there. Done *at end of message*: noted there, and done when the
message has arrived, which means the same. *Refused at load*: the stage cannot do it, and later it
would mean something else; `postseal check` names the stage that can.
"""
TAIL = """
## Where the two differ

- Refused at connect, Postfix greets with 554 and gives the rule's text at MAIL; Sendmail has words of
  its own at both.
- Sendmail puts the address in brackets before the text of a 5xx at MAIL and RCPT (before the first
  line, where there are several).
- A refusal at HELO is heard at MAIL in both: HELO itself is answered 250.
- Of an unknown command Postfix hands on the first word, Sendmail the line.
- `hold-queue` is the hold queue of Postfix, which a person empties (`postsuper -H`), and the quarantine
  of Sendmail (`mailq -qQ` shows it).

## Who sent it

`add-sender`, `replace-sender` and `no-sign` are about the mail of a login: at each stage from `mail`
on they are noted and done at end of message, the same behind both servers
(`tests/mta/cases_identity.py`). At `connect`, `helo` and `unknown` they are refused at load.

## Mail through sendmail(1) in Postfix

It comes from Postfix's own pickup, which cannot be told that one recipient is refused: Postfix would
keep the whole message and try again for ever. What a rule refuses at RCPT is therefore refused at end
of message, as a whole. What is refused comes back to the sender as one notice; what is refused for now
stays with Postfix, which tries again; the other actions do what they do in the table.
"""


def table():
    lines = ["| stage | action | done | client of %s hears | client of %s hears | message |"
             % tuple(SERVERS.values()), "|---|---|---|---|---|---|"]
    for stage, action in cells():
        if (stage, action) in REFUSED_AT_LOAD:
            seen = ["-", "-", "-"]
        else:
            seen = [row(server, stage, action) for server in SERVERS] + [fate(stage, action)]
        lines.append("| %s |" % " | ".join([stage, action, when(stage, action), *seen]))
    return "\n".join(lines) + "\n"


def document():
    return HEAD + "\n" + table() + TAIL


if __name__ == "__main__":
    print(document(), end="")
