"""Authentication-Results that only we may write (RFC 8601 section 5)."""
from cases import case, require
from message import message, token
from smtp import send

ALICE, BOB = "alice@example.org", "bob@example.net"
STRANGER = {"ADDR": "198.51.100.7", "NAME": "mail.stranger.example"}
NAME = "Authentication-Results"


def results(world, values, port="inbound", xclient=None):
    """What is left of these Authentication-Results, that which postseald added left out."""
    word = token()
    fields = [b"Authentication-Results:" + value for value in values]
    reply = send(world.ports[port], ALICE, [BOB], message(word, fields=fields), "", xclient)
    require(reply.is_ok, "answered %s", reply)
    return [value for value in world.mailbox.one(word).all(NAME) if "forged" in value
            or "kept" in value]


@case("unix")
def forged_result_is_removed(world):
    """Ours goes, a stranger's stays, in every direction."""
    for port, xclient in (("inbound", None), ("inbound", STRANGER), ("submission", None),
                          ("inbound", dict(STRANGER, LOGIN="alice"))):
        left = results(world, [b" mx.example.org; dkim=pass reason=forged",
                               b" mx.stranger.example; dkim=pass reason=kept"], port, xclient)
        require(left == ["mx.stranger.example; dkim=pass reason=kept"], "%s %s: left is %s", port,
                xclient, left)


@case("unix")
def eight_forged_between_others(world):
    """Strangers' stay, all of them, in their order."""
    values = []
    for number in range(8):
        values.append(b" mx%d.stranger.example; spf=pass reason=kept%d" % (number, number))
        values.append(b" mx.example.org; spf=pass reason=forged%d" % number)
    values.insert(0, b" mx.example.org; none reason=forged8")
    for port in ("inbound", "submission"):
        left = results(world, values, port)
        wanted = ["mx%d.stranger.example; spf=pass reason=kept%d" % (n, n) for n in range(8)]
        require(left == wanted, "left is %s", left)


@case("unix")
def disguised_forgeries_are_removed(world):
    """Forms of the authserv-id that a reader downstream would take for ours."""
    forms = (b" MX.Example.ORG; spf=pass reason=forged", b"mx.example.org; spf=pass reason=forged",
             b" (c) mx.example.org (c); spf=pass reason=forged",
             b"\r\n mx.example.org\r\n ; spf=pass reason=forged",
             b' "mx.example.org"; spf=pass reason=forged',
             b" mx.example.org 1; spf=pass reason=forged", b" mx.example.org;none (forged)",
             b"\tmx.example.org\t;\tspf=pass reason=forged")
    for form in forms:
        left = results(world, [form])
        require(not left, "left is %s", left)


@case("unix")
def similar_names_are_kept(world):
    """The twins: names that are not ours."""
    for name in ("mx.example.org.stranger.example", "xmx.example.org", "mx.example.com"):
        left = results(world, [b" " + name.encode() + b"; spf=pass reason=kept"])
        require(len(left) == 1, "%s was removed", name)


@case("unix")
def signature_holds_without_the_forged_result(world):
    """Signed is what is delivered, after the edits."""
    word = token()
    fields = [b"Authentication-Results: mx.example.org; dkim=pass", b"Reply-To: a@example.org"]
    reply = send(world.ports["submission"], ALICE, [BOB], message(word, fields=fields))
    require(reply.is_ok, "answered %s", reply)
    arrived = world.mailbox.one(word)
    require(not arrived.all(NAME), "left is %s", arrived.all(NAME))
    world.judges.require(arrived)
