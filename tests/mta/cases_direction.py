"""Whose mail is ours: only what comes from those who may send for us is signed."""
from cases import case, require
from message import message, token
from smtp import send

ALICE, BOB = "alice@example.org", "bob@example.net"


def deliver(world, port, octets, word, sender=ALICE, xclient=None):
    reply = send(world.ports[port], sender, [BOB], octets, "", xclient)
    require(reply.is_ok, "answered %s", reply)
    return world.mailbox.one(word)


@case("unix")
def strangers_from_is_relayed_unsigned(world):
    word = token()
    arrived = deliver(world, "submission", message(word, "eve@stranger.example"), word)
    require(not arrived.is_signed, "it is signed: %s", arrived.signatures())


@case("unix")
def subdomain_is_signed_by_parent(world):
    """sub.example.org has no sign block of its own: that of example.org serves."""
    word = token()
    arrived = deliver(world, "submission", message(word, "alice@sub.example.org"), word)
    world.judges.require(arrived, "example.org")


@case("unix")
def lookalikes_are_unsigned(world):
    """Domains that only look like ours, and authors that are none or several."""
    authors = ("a@example.org.stranger.example", "a@notexample.org", "a@example.orgx",
               '"a@example.org" <a@stranger.example>', "a@example.org, b@stranger.example",
               "a@example.org (x) @stranger.example", "<@example.org:a@stranger.example>")
    for author in authors:
        word = token()
        arrived = deliver(world, "submission", message(word, author), word)
        require(not arrived.is_signed, "From: %s is signed: %s", author, arrived.signatures())


@case("unix")
def two_from_fields_are_unsigned(world):
    word = token()
    octets = message(word, fields=[b"From: eve@stranger.example"])
    arrived = deliver(world, "submission", octets, word)
    require(not arrived.is_signed, "it is signed: %s", arrived.signatures())


@case("unix")
def inbound_with_our_from_is_unsigned(world):
    """From the world, also when the client names itself after us."""
    for xclient in (None, {"ADDR": "198.51.100.7", "NAME": "mail.stranger.example"},
                    {"ADDR": "198.51.100.7", "NAME": "localhost"}):
        word = token()
        arrived = deliver(world, "inbound", message(word), word, xclient=xclient)
        require(not arrived.is_signed, "signed for client %s", xclient)


@case("unix")
def forged_from_through_content_filter_is_unsigned(world):
    """It comes back through the re-injection port from 127.0.0.1, by then a client of our own."""
    word = token()
    arrived = deliver(world, "filtered", message(word), word,
                      xclient={"ADDR": "198.51.100.7", "NAME": "mail.stranger.example"})
    require(len(arrived.all("Received")) == 2, "it did not pass the filter")
    require(not arrived.is_signed, "it is signed: %s", arrived.signatures())


@case("unix")
def signed_mail_survives_content_filter(world):
    """The twin: an authenticated client's, signed before the filter, once only."""
    word = token()
    arrived = deliver(world, "filtered", message(word), word,
                      xclient={"ADDR": "198.51.100.7", "NAME": "c.example", "LOGIN": "alice"})
    require(len(arrived.all("Received")) == 2, "it did not pass the filter")
    world.judges.require(arrived)


@case("unix")
def authenticated_client_is_signed(world):
    """A login on the port for the world."""
    word = token()
    arrived = deliver(world, "inbound", message(word), word,
                      xclient={"ADDR": "198.51.100.7", "NAME": "c.example", "LOGIN": "alice"})
    world.judges.require(arrived)


@case("unix")
def mail_by_sendmail_command_is_signed(world):
    """non_smtpd_milters, and "local" among signing-networks."""
    word = token()
    world.mta.sendmail(ALICE, [BOB], message(word))
    world.judges.require(world.mailbox.one(word))


@case("unix")
def mail_by_sendmail_command_of_a_stranger_is_unsigned(world):
    word = token()
    world.mta.sendmail(ALICE, [BOB], message(word, "eve@stranger.example"))
    require(not world.mailbox.one(word).is_signed, "it is signed")


@case("unix")
def bounce_is_signed(world):
    """The server's own report, null sender, From MAILER-DAEMON at our domain."""
    word = token()
    world.mta.sendmail(ALICE, ["nouser@example.net"], message(word))
    bounce = world.mailbox.one(word)
    require(bounce.all("Return-Path") == ["<>"], "no bounce: %s", bounce.fields)
    world.judges.require(bounce)
