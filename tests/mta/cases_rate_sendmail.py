"""Rates through Sendmail, which tells of fewer things than Postfix: no login without AUTH, nothing of
recipients that it refuses itself."""
from cases import case, require
from message import message, token
from procs import wait_until
from rateload import ALICE, ATTEMPTS, BOB, LIMIT, RATES, SIZE_LIMIT, exhaust, used
from sendmail import Sendmail
from smtp import Smtp

BY_SENDER = RATES.replace("{ login }", "{ sender }")


class Limited(Sendmail):
    """Refuses what is too large, once it has seen it."""

    further = "define(`confMAX_MESSAGE_SIZE', `%d')dnl\n" % SIZE_LIMIT


def nobody(_client):
    """There is no XCLIENT."""


def exhaust_sendmail(context, is_honest):
    world = context.own(server=Limited, more=BY_SENDER)
    return world, exhaust(world, is_honest, counted=lambda: used(world, ALICE).get("recipients", 0),
                          prepare=nobody)


@case()
def sendmail_rate_is_exact(context):
    """16 sessions, 5,000 recipients against a limit of 1,000."""
    world, sender = exhaust_sendmail(context, True)
    require(sender.accepted == LIMIT and sender.refused == ATTEMPTS - LIMIT, "%d accepted, %d not",
            sender.accepted, sender.refused)
    require(used(world, ALICE) == {"recipients": LIMIT}, "%s", used(world, ALICE))


@case()
def sendmail_rate_counts_what_was_accepted(context):
    """The same, while others are broken off at every stage, refused by the server or by a rule, or
    lost with their connection."""
    world, _ = exhaust_sendmail(context, False)
    require(used(world, ALICE) == {"recipients": LIMIT}, "%s", used(world, ALICE))


@case()
def sendmail_rate_counts_each_once(context):
    """Recipients that Sendmail refuses, that a rule refuses, and that are over the limit are not
    counted; a message that ends well counts those that are left, once."""
    world = context.own(server=Limited, more='rate "r" { key = { sender } count = recipients '
                        'limit = "4/1h" }\nrate "m" { key = { sender } count = messages '
                        'limit = "9/1h" }\nrule "not him" { stage = rcpt '
                        'recipient = { "him@example.net" } action = reject }\n')
    word = token()
    with Smtp(world.ports["inbound"], source="127.0.0.2") as client:
        for recipients, codes, want in (
                # One that would be relayed, and one that cannot be read.
                (["x@relayed.example", "x@@example.org"], [550, 553], {}),
                (["him@example.net", "him@example.net"], [550, 550], {}),
                (["him@example.net", BOB, "c@example.net"], [550, 250, 250], {"r": 2, "m": 1}),
                (["d@example.net", "e@example.net", "f@example.net"], [250, 250, 450],
                 {"r": 4, "m": 2}),
                (["g@example.net"], [450], {"r": 4, "m": 2})):
            require(client.command("MAIL FROM:<%s>" % ALICE).is_ok, "MAIL")
            got = [client.command("RCPT TO:<%s>" % address).code for address in recipients]
            require(got == codes, "%s: %s", recipients, got)
            if 250 in codes:
                require(client.command("DATA").is_ok, "DATA")
                reply = client.content(message(word, ALICE))
                require(reply.is_ok, "end: %s", reply)
            else:
                client.command("RSET")
            wait_until(lambda w=want: used(world, ALICE) == w, 10, "%s to be %s, not %s" % (
                recipients, want, used(world, ALICE)))
    lines = world.daemon.log_lines("rate=r ")
    require(lines and "rate-limit=4/1h" in lines[0], "%s", lines[:1])


@case()
def sendmail_rate_of_two_messages(context):
    """Several messages of one connection, some of them refused at their end, thrown away or broken
    off: each stands for itself."""
    world = context.own(server=Limited, more='rate "r" { key = { sender } count = recipients '
                        'limit = "100/1h" }\nrule "no" { stage = eom author-domain = '
                        '{ "refused.example" } action = reject }\nrule "away" { stage = mail '
                        'sender-domain = { "away.example" } action = discard }\n')
    with Smtp(world.ports["submission"]) as client:
        for author, code, want in ((ALICE, 250, 2), ("eve@refused.example", 550, 2),
                                   (ALICE, 250, 4)):
            reply = client.mail(ALICE, [BOB, "c@example.net"], message(token(), author))
            require(reply.code == code, "%s: %s", author, reply)
            require(used(world, ALICE).get("r") == want, "%s: %s", author, used(world, ALICE))
        reply = client.mail("x@away.example", [BOB], message(token(), ALICE))
        require(reply.is_ok, "%s", reply)
        require(not used(world, "x@away.example"), "%s", used(world, "x@away.example"))
        require(client.command("MAIL FROM:<%s>" % ALICE).is_ok, "MAIL")
        require(client.command("RCPT TO:<%s>" % BOB).is_ok, "RCPT")
        require(used(world, ALICE)["r"] == 5, "reserved: %s", used(world, ALICE))
        # Sendmail has MAIL within a message refused; RSET ends it.
        require(client.command("MAIL FROM:<%s>" % ALICE).code == 503, "MAIL again")
        require(client.command("RSET").is_ok, "RSET")
        wait_until(lambda: used(world, ALICE)["r"] == 4, 10, "RSET to give back")
