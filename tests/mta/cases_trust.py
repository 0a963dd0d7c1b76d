"""Mail that came by a way of its own: lists, forwarders, servers of ours that judged it before; and
what is said of the client's name."""
import re

import dkim

import cases
from cases import case, require
from inbound import (AUTHRES, DISPOSITION, FORGER, FRIEND, PACKAGED_RULES, from_friend, receive,
                     results_of, top_field)
from message import message, token
from procs import wait_until
from signers import dkimpy
from world import SELECTORS

FORGED = "ceo@bank.example"
TRUST = PACKAGED_RULES + """
iprev = yes
received-spf = yes
dmarc-method = compare
trusted-networks = { "203.0.113.200" }
trusted-authserv-ids = { "mx2.example.org" }
exception "by network" { client-net = { "203.0.113.80/29" }  for = { dmarc } }
exception "by name" { client-name = { "mail.friend.example" }  for = { dmarc } }
exception "by signature" { dkim-domain = { "friend.example" }  for = { dmarc } }
exception "by list" { list-id = { ".lists.friend.example" }  client-net = { "203.0.113.9" }
    sender-domain = { "nothing.example" }  author-domain = { "bank.example" }  for = { dmarc } }
rule "a list's" { stage = eom  direction = inbound  mailing-list = yes
    sender-domain = { "stranger.example" }  action = mark }
rule "says mx2" { stage = eom  trusted-result = { "dmarc=fail", "spf=softfail" }  action = mark }
"""
cases.SHARED["trust"] = {"listen": "unix", "more": TRUST}


def log_line(world, word):
    wait_until(lambda: world.daemon.log_lines("msgid=.*" + word), 10, "the log of " + word)
    return world.daemon.log_lines("msgid=.*" + word)[-1]


def forged(word, fields=()):
    return message(word, FORGED, fields=fields)


def resigned(keys, octets):
    """By the list, after it has changed what its author had signed."""
    changed = dkimpy(keys, octets).replace(b"Subject: A message", b"Subject: [list] A message")
    with open(keys.path("example.org", "rsa"), "rb") as file:
        return dkim.sign(changed, SELECTORS["rsa"].encode(), b"example.org", file.read(),
                         include_headers=[b"from", b"subject"]) + changed


@case("trust")
def exceptions_let_forwarded_mail_through(world):
    """Each condition, and a twin that has not quite what it takes. The name of the exception stands
    in Authentication-Results and in the log; DMARC's result stays what it is."""
    listed = [b"List-Id: Developers <dev.lists.friend.example>"]
    other = [b"List-Id: Developers <dev.listsXfriend.example>"]
    rows = (
        ("by network", "203.0.113.80", (), None, "203.0.113.88", (), None),
        ("by name", "198.51.100.33", (), None, "198.51.100.34", (), None),
        ("by signature", FORGER, (), b"", FORGER, (), b"x"),
        ("by list", FORGER, listed, None, FORGER, other, None),
    )
    for name, *sides in rows:
        for address, fields, spoil in (sides[:3], sides[3:]):
            word = token()
            octets = forged(word, fields)
            if spoil is not None:
                octets = dkimpy(world.keys, octets) + spoil
            outcome = receive(world, "x@nothing.example", octets, address)
            if (address, fields, spoil) != tuple(sides[:3]):
                require(outcome.stage == "end" and "5.7.26" in outcome.refusal.lines[-1],
                        "the twin of %s: %s", name, outcome)
                require("override=" not in log_line(world, word), "%s", log_line(world, word))
                continue
            require(not outcome.stage, "%s: %s", name, outcome)
            arrived = world.mailbox.one(word)
            require(results_of(arrived)[0]["dmarc"] == "fail", "%s", arrived.all(AUTHRES))
            require('policy.exception="%s"' % name in arrived.all(AUTHRES)[0], "%s: %s", name,
                    arrived.all(AUTHRES)[0])
            require(not arrived.all(DISPOSITION), "%s: marked", name)
            require(r'override="exception \"%s\""' % name in log_line(world, word), "%s",
                    log_line(world, word))


@case("trust")
def what_speaks_for_a_mailing_list(world):
    """List-Id, Precedence, a list's own signature; and what does not."""
    sender = "x@stranger.example"
    plain = from_friend(token())
    rows = [(True, [b"List-Id: <dev.lists.example>"]), (True, [b"Precedence: list"]),
            (True, [b"precedence: BULK"]), (False, [b"Precedence: junk"]), (False, []),
            (False, [b"List-Id: <dev.lists.example>", b"List-Id: <two.lists.example>"]),
            (False, [b"List-Unsubscribe: <mailto:x@lists.example>"])]
    for wanted, fields in rows:
        word = token()
        outcome = receive(world, sender, from_friend(word, fields=fields), "198.51.100.33")
        require(not outcome.stage, "%s: %s", fields, outcome)
        require(bool(world.mailbox.one(word).all(DISPOSITION)) == wanted, "%s", fields)
    for wanted, octets in ((True, resigned(world.keys, plain)),
                           (False, dkimpy(world.keys, plain))):
        word = token()
        octets = octets.replace(b"\r\n\r\n", b"\r\nX-Word: %s\r\n\r\n" % word.encode(), 1)
        outcome = receive(world, sender, octets, "198.51.100.33")
        require(not outcome.stage, "%s", outcome)
        require(bool(world.mailbox.one(word).all(DISPOSITION)) == wanted, "resigned: %s", wanted)


@case("trust")
def clients_names_are_confirmed(world):
    """iprev: confirmed, with another address, without a name; in the field and in the log."""
    for address, wanted in (("198.51.100.33", "pass"), ("198.51.100.34", "fail"),
                            (FRIEND, "permerror")):
        word = token()
        outcome = receive(world, "ann@friend.example", from_friend(word), address)
        require(not outcome.stage, "%s", outcome)
        arrived = world.mailbox.one(word)
        require(results_of(arrived)[0].get("iprev") == wanted, "%s: %s", address,
                arrived.all(AUTHRES))
        require("policy.iprev=" + address in arrived.all(AUTHRES)[0], "%s", arrived.all(AUTHRES))
        require("iprev=%s " % wanted in log_line(world, word), "%s", log_line(world, word))


@case("trust")
def received_spf_below_our_results(world):
    """One for the reverse-path, one for HELO; that of a stranger stays, below."""
    word = token()
    fields = [b"Received-SPF: pass (forged) receiver=mx.example.org"]
    outcome = receive(world, "ann@friend.example", from_friend(word, fields=fields), FRIEND,
                      helo="friend.example")
    require(not outcome.stage, "%s", outcome)
    arrived = world.mailbox.one(word)
    found = arrived.all("Received-SPF")
    require(len(found) == 3 and "forged" in found[2], "%s", found)
    for value, words in ((found[0], ("identity=mailfrom", 'envelope-from="ann@friend.example"')),
                         (found[1], ("identity=helo",))):
        require(value.startswith("pass "), "%s", value)
        for wanted in (*words, "client-ip=" + FRIEND, "helo=friend.example"):
            require(wanted in value, "%s is not in %s", wanted, value)
    require(top_field(arrived) == AUTHRES, "on top is %s", top_field(arrived))
    word = token()
    outcome = receive(world, "x@shop.example", from_friend(word), FRIEND)
    require(outcome.stage == "end", "%s", outcome)


@case("trust")
def tree_walk_and_suffix_list_differ(world):
    """dmarc-method = compare: the walk decides, the log says what the list would have given."""
    word, honest = token(), token()
    outcome = receive(world, "x@firm.example", message(word, "x@tenant.firm.example"))
    require(outcome.stage == "end" and "5.7.26" in outcome.refusal.lines[-1], "%s", outcome)
    require(" dmarc=fail " in log_line(world, word), "%s", log_line(world, word))
    require(" dmarc-psl=pass/firm.example " in log_line(world, word), "%s", log_line(world, word))
    outcome = receive(world, "x@firm.example", message(honest, "x@other.firm.example"))
    require(not outcome.stage, "%s", outcome)
    require("dmarc-psl=" not in log_line(world, honest), "%s", log_line(world, honest))


@case("trust")
def results_of_our_other_server(world):
    """Kept, in the log and in the rules' hands when it hands the mail in; a stranger's field of the
    same words is removed, like one in our own name whoever brings it."""
    theirs = b"Authentication-Results: mx2.example.org; spf=pass smtp.mailfrom=a; dmarc=%s"
    for address, result, is_marked in (("203.0.113.200", b"fail", True),
                                       ("203.0.113.200", b"pass", False), (FRIEND, b"fail", False)):
        word = token()
        fields = [theirs % result, b"Authentication-Results: mx.example.org; dmarc=fail"]
        outcome = receive(world, "ann@friend.example", from_friend(word, fields=fields), address)
        require(not outcome.stage, "%s", outcome)
        arrived = world.mailbox.one(word)
        kept = [value for value in arrived.all(AUTHRES) if value.startswith("mx2.")]
        require([value[-4:] for value in kept] == ([] if address == FRIEND else [result.decode()]),
                "%s", kept)
        ours = results_of(arrived)
        require(len(ours) == (1 if address == FRIEND else 0), "%s", arrived.all(AUTHRES))
        marks = arrived.all(DISPOSITION)
        require(marks == (['quarantine; reason="says mx2"'] if is_marked else []), "%s", marks)
        line = log_line(world, word)
        wanted = None if address == FRIEND else "spf=pass dmarc=" + result.decode()
        found = re.search(r' trusted="([^"]*)"', line)
        require((found[1] if found else None) == wanted, "%s", line)


@case()
def tempfail_for_ends(context):
    """The author's DNS is down: refused for now, until `tempfail-for` is over; then accepted with
    what is known, and the log says so. Another domain's time begins with its own first message."""
    world = context.own(more="""
rule "dmarc later" { stage = eom  direction = inbound  dmarc = { temperror }
    action = tempfail  tempfail-for = "2s" }
""")

    def attempt(domain):
        word = token()
        author = "ann@" + domain
        return word, receive(world, "x@nothing.example", message(word, author), FORGER)

    word, outcome = attempt("down.example")
    require(outcome.stage == "end" and str(outcome.refusal).startswith("451 4.7.5 "), "%s", outcome)
    require('rule="dmarc later"' in log_line(world, word), "%s", log_line(world, word))

    def is_accepted():
        nonlocal word, outcome
        word, outcome = attempt("down.example")
        return not outcome.stage

    wait_until(is_accepted, 20, "the end of tempfail-for", 0.2)
    arrived = world.mailbox.one(word)
    require(results_of(arrived)[0]["dmarc"] == "temperror", "%s", arrived.all(AUTHRES))
    require('overdue="dmarc later"' in log_line(world, word), "%s", log_line(world, word))
    word, outcome = attempt("mail.down.example")
    require(outcome.stage == "end", "another domain: %s", outcome)
