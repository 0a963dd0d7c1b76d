"""Mail that goes out: whatever its form, what arrives bears two signatures that everybody verifies."""
from cases import case, require
from dkimcheck import BOTH
from message import message, token
from smtp import Smtp, send

ALICE, BOB = "alice@example.org", "bob@example.net"


def submit(world, octets, sender=ALICE, parameters=""):
    reply = send(world.ports["submission"], sender, [BOB], octets, parameters)
    require(reply.is_ok, "submission was answered %s", reply)


def require_signed(world, word, octets, **options):
    submit(world, octets, **options)
    arrived = world.mailbox.one(word)
    world.judges.require(arrived)
    return arrived


@case("unix")
def both_signatures_verify(world):
    """RSA and Ed25519, above the server's own Received, From named once more than it occurs."""
    word = token()
    arrived = require_signed(world, word, message(word))
    names = [name.lower() for name, _ in arrived.fields]
    first = names.index("dkim-signature")
    require(names[first:first + 3] == ["dkim-signature", "dkim-signature", "received"],
            "signatures are not on top: %s", names)
    for signature in arrived.signatures():
        signed = signature["h"].lower().split(":")
        for name in ("from", "to", "cc", "subject", "reply-to"):
            wanted = names.count(name) + 1
            require(signed.count(name) == wanted, "h= has %s %d times, not %d", name,
                    signed.count(name), wanted)


@case("unix")
def added_from_breaks_signatures(world):
    """The twin of the case above: a second From, put on top on the way, is noticed."""
    word = token()
    arrived = require_signed(world, word, message(word))
    tampered = b"From: eve@example.com\r\n" + arrived.octets
    result = world.judges.dkimpy(tampered)
    require(set(result) == set(BOTH) and all(result.values()), "still verifies: %s", result)


@case("inet")
def both_signatures_verify_over_inet(world):
    word = token()
    require_signed(world, word, message(word))


@case("unix")
def many_messages_on_one_connection(world):
    """Each is signed for itself; RSET at every point leaves nothing behind."""
    words = [token() for _ in range(6)]
    with Smtp(world.ports["submission"]) as client:
        for number, word in enumerate(words):
            for line in (("MAIL FROM:<x@stranger.example>",),
                         ("MAIL FROM:<%s>" % ALICE, "RCPT TO:<bob@example.net>"), ())[number % 3]:
                require(client.command(line).is_ok, "%s was refused", line)
            require(client.command("RSET").is_ok, "RSET was refused")
            body = b"Text %d\r\n" % number * (number * number + 1)
            reply = client.mail(ALICE, [BOB], message(word, body=body))
            require(reply.is_ok, "message %d was answered %s", number, reply)
        client.quit()
    for word in words:
        world.judges.require(world.mailbox.one(word))


@case("unix")
def pipelined_messages(world):
    """Commands of a whole envelope in one write, three messages one after the other."""
    words = [token() for _ in range(3)]
    with Smtp(world.ports["submission"]) as client:
        for word in words:
            replies = client.pipeline(["MAIL FROM:<%s>" % ALICE, "RCPT TO:<%s>" % BOB, "DATA"])
            require(replies[-1].code == 354, "DATA was answered %s", replies[-1])
            require(client.content(message(word)).is_ok, "the message was refused")
    for word in words:
        world.judges.require(world.mailbox.one(word))


@case("unix")
def stranger_between_own_messages(world):
    """On one connection: ours, a stranger's, ours; what was decided for one does not stick."""
    words = [token() for _ in range(3)]
    with Smtp(world.ports["submission"]) as client:
        for word, author in zip(words, (ALICE, "eve@stranger.example", ALICE)):
            require(client.mail(ALICE, [BOB], message(word, author)).is_ok, "refused")
    world.judges.require(world.mailbox.one(words[0]))
    require(not world.mailbox.one(words[1]).is_signed, "the stranger's is signed")
    world.judges.require(world.mailbox.one(words[2]))


@case("unix")
def client_that_vanishes_in_data(world):
    """Nothing of it is delivered, and the next one is signed."""
    lost, word = token(), token()
    client = Smtp(world.ports["submission"])
    for line in ("MAIL FROM:<%s>" % ALICE, "RCPT TO:<%s>" % BOB, "DATA"):
        require(client.command(line).is_ok, "%s was refused", line)
    client.send(message(lost)[:200])
    client.close()
    require_signed(world, word, message(word))
    require(not world.mailbox.find(lost), "half a message was delivered")


@case("unix")
def null_sender(world):
    word = token()
    require_signed(world, word, message(word), sender="")


@case("unix")
def eight_bit(world):
    """Raw octets above 127 in the body and in the Subject."""
    word = token()
    octets = message(word, body="Grüße\r\n\xa0 \r\n".encode() + bytes(range(128, 256)) + b"\r\n",
                     subject="Grüße")
    require_signed(world, word, octets, parameters=" BODY=8BITMIME")


@case("unix")
def smtputf8(world):
    """An author whose local part is not ASCII."""
    word = token()
    octets = message(word, author="Jürgen <jürgen@example.org>", subject="Grüße")
    require_signed(world, word, octets, sender="jürgen@example.org",
                   parameters=" BODY=8BITMIME SMTPUTF8")


@case("unix")
def message_of_30_megabytes(world):
    word = token()
    line = b"The quick brown fox jumps over the lazy dog, again and again and again. \r\n"
    require_signed(world, word, message(word, body=line * (30000000 // len(line))))
    world.mailbox.forget(word)


@case("unix")
def thousand_recipients(world):
    """One message, signed once; each copy verifies."""
    word = token()
    with Smtp(world.ports["submission"]) as client:
        require(client.command("MAIL FROM:<%s>" % ALICE).is_ok, "MAIL was refused")
        replies = client.pipeline(["RCPT TO:<r%d@example.net>" % n for n in range(1000)])
        bad = [reply for reply in replies if not reply.is_ok]
        require(not bad, "%d recipients were refused: %s", len(bad), bad[0] if bad else "")
        require(client.command("DATA").is_ok, "DATA was refused")
        reply = client.content(message(word))
        require(reply.is_ok, "the message was answered %s", reply)
    copies = world.mailbox.wait(word, 1000, 120)
    world.judges.require(copies[0])
    signatures = {tuple(copy.all("DKIM-Signature")) for copy in copies}
    require(len(signatures) == 1, "%d different signatures", len(signatures))
    world.judges.require_many(copies[::100])
    world.mailbox.forget(word)


@case("unix")
def field_of_100000_octets(world):
    """Folded and unfolded, in a field that is signed: past libmilter's own limit of 65,535."""
    address = b"somebody-with-a-long-name-%05d@example.net"
    folded = b"Cc: " + b",\r\n ".join(address % number for number in range(2100))
    folded = folded[:100000]
    unfolded = b"Reply-To: alice@example.org (" + b"x" * 99960 + b")"
    for field in (folded, unfolded):
        word = token()
        arrived = require_signed(world, word, message(word, fields=[field]))
        name = field.split(b":")[0].decode()
        size = sum(len(value) for field_name, value in arrived.fields if field_name == name)
        require(size > 50000, "%s arrived with %d octets", name, size)


ODD = {
    "empty_body": lambda word: message(word, body=b""),
    "blank_lines_only": lambda word: message(word, body=b"\r\n\r\n\r\n"),
    "blanks_at_line_ends": lambda word: message(word, body=b"a  \r\n\tb\t \r\n \r\n\r\n \r\n"),
    "folded_subject": lambda word: message(word, subject="one\r\n\t two \r\n  three"),
    "empty_subject": lambda word: message(word, subject=""),
    "two_to_fields": lambda word: message(word, fields=[b"To: eve@example.com"]),
    "no_space_after_colon": lambda word: message(word, fields=[b"Reply-To:a@example.org"]),
    "odd_case_and_blanks": lambda word: message(word, fields=[b"rEPLY-tO:  a@example.org \t "]),
    "dots": lambda word: message(word, body=b".\r\n..\r\n.x\r\n"),
    "long_lines": lambda word: message(word, body=b"x" * 5000 + b"\r\n" + b"y" * 2049 + b"\r\n"),
    "bare_cr": lambda word: message(word, body=b"a\rb\r\nc\r\r\n"),
    "blank_field": lambda word: message(word, fields=[b"Reply-To: ", b"Comments:"]),
    "old_signature": lambda word: message(word, fields=[
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=AAAA; b=BBBB"]),
    "list_and_resent": lambda word: message(word, fields=[
        b"Resent-From: alice@example.org", b"Resent-To: carol@example.net",
        b"List-Id: <l.example.org>", b"List-Unsubscribe: <mailto:l@example.org>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"]),
    "no_date_no_id": lambda word: b"From: alice@example.org\r\nComments: %s\r\n\r\nx\r\n"
                                  % word.encode(),
    "bcc": lambda word: message(word, fields=[b"Bcc: carol@example.net"]),
    "many_fields": lambda word: message(word, fields=[b"X-%d: y" % n for n in range(900)]),
    "lone_lf_in_body": lambda word: message(word, body=b"a\nb\r\n"),
}


@case("unix")
def odd_messages(world):
    """Forms that canonicalization stumbles on, each through the real server."""
    wrong = []
    for name, make in ODD.items():
        word = token()
        submit(world, make(word))
        arrived = world.mailbox.one(word)
        if name == "old_signature":
            ours = [one for one in arrived.signatures() if one["s"] != "x"]
            if len(ours) != 2:
                wrong.append("%s: %s" % (name, arrived.signatures()))
            continue
        try:
            world.judges.require(arrived)
        except AssertionError as error:
            wrong.append("%s: %s" % (name, error))
    require(not wrong, "%s", "; ".join(wrong))
