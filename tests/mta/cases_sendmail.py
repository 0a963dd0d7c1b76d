"""The same daemon behind Sendmail 8.17: a smoke test."""
from cases import Skip, case, require
from message import message, token
from sendmail import Sendmail, Unavailable
from smtp import Smtp, send

ALICE, BOB = "alice@example.org", "bob@example.net"


def sendmail_world(context, **options):
    try:
        return context.own(server=Sendmail, **options)
    except Unavailable as why:
        raise Skip(str(why)) from why


@case()
def sendmail_signs(context):
    """Both signatures, on several messages of one connection, over a unix socket."""
    world = sendmail_world(context)
    words = [token() for _ in range(3)]
    with Smtp(world.ports["submission"]) as client:
        for word in words:
            reply = client.mail(ALICE, [BOB], message(word, subject="one\r\n two"))
            require(reply.is_ok, "answered %s", reply)
            require(client.command("RSET").is_ok, "RSET was refused")
    for word in words:
        world.judges.require(world.mailbox.one(word))


@case()
def sendmail_over_inet(context):
    """Signs over TCP; a stranger's mail is relayed unsigned; inbound with our From as well."""
    world = sendmail_world(context, listen="inet")
    for port, author, is_signed in (("submission", ALICE, True),
                                    ("submission", "eve@stranger.example", False),
                                    ("inbound", ALICE, False)):
        word = token()
        reply = send(world.ports[port], ALICE, [BOB], message(word, author))
        require(reply.is_ok, "answered %s", reply)
        arrived = world.mailbox.one(word)
        require(arrived.is_signed == is_signed, "%s from %s: signed is %s", port, author,
                arrived.is_signed)
        if is_signed:
            world.judges.require(arrived)


@case()
def sendmail_removes_forged_results(context):
    """Eight with our name between strangers': Sendmail counts fields in its own way."""
    world = sendmail_world(context)
    fields = []
    for number in range(8):
        for name, kind in (("mx%d.stranger.example" % number, "kept"), ("mx.example.org", "forged")):
            line = "Authentication-Results: %s; spf=pass reason=%s%d" % (name, kind, number)
            fields.append(line.encode())
    word = token()
    reply = send(world.ports["inbound"], ALICE, [BOB], message(word, fields=fields))
    require(reply.is_ok, "answered %s", reply)
    left = [value for value in world.mailbox.one(word).all("Authentication-Results")
            if "kept" in value or "forged" in value]
    wanted = ["mx%d.stranger.example; spf=pass reason=kept%d" % (n, n) for n in range(8)]
    require(left == wanted, "left is %s", left)


@case()
def sendmail_without_daemon_is_a_temporary_failure(context):
    world = sendmail_world(context)
    word = token()
    require(send(world.ports["submission"], ALICE, [BOB], message(word)).is_ok, "refused")
    world.daemon.stop(9)
    reply = send(world.ports["submission"], ALICE, [BOB], message(token()))
    require(reply.code == 451, "answered %s", reply)
    world.judges.require(world.mailbox.one(word))
