"""Signatures survive Sendmail, which writes address lists anew after the filter has seen them: what it
will write is signed, or the field is left out of the signature and the log says so."""
from cases import case, require
from cases_sendmail import sendmail_world
from message import message, token
from nexthop import RelayingSendmail
from smtp import Smtp

BOB, FAR = "bob@example.net", "bob@far.example"

# A second author domain, whose signatures are in the stricter form.
SIMPLE = """sign "example.net" {
    keys = { "t-rsa", "t-ed" }
    domain = "example.org"
    canonicalization = "simple/simple"
    sign-headers = { "from", "to", "cc", "subject", "date", "message-id", "reply-to", "sender",
        "errors-to", "disposition-notification-to", "apparently-to", "resent-*" }
    oversign-headers = { "from", "to", "cc", "subject", "reply-to", "date", "message-id" }
}
"""
AUTHORS = {"relaxed": "alice@example.org", "simple": "alice@example.net"}

LONG = b",".join(b"person%d@department.example" % number for number in range(60))
NAME = b" ".join(b"=?utf-8?q?J=C3=BCrgen_%d?=" % number for number in range(20))

# name: (To, does the signature cover it)
SHAPES = {
    "no blank behind the comma": (b" a@x.example,b@y.example", True),
    "folded": (b" A <a@x.example>,\r\n\tB <b@y.example>,\r\n  c@z.example", True),
    "folded in a name": (b" A\r\n B <a@x.example>", True),
    "folded behind the colon": (b"\r\n a@x.example", True),
    "name in quotes with a comma": (b' "Bee, Bob" <b@x.example>,"A, \\"B\\"" <c@x.example>', True),
    "name that needs quotes": (b" J. Smith <a@x.example>, O'Brien <b@x.example>", True),
    "quotes and a dot": (b' "A" B. <a@x.example>', True),
    "escapes, put in quotes": (b' J. "the \\"x\\"" <a@x.example>,"a\\\\b" O\'N <b@x.example>,'
                               b'(x\\)y) C. <c@x.example>', True),
    "comment behind": (b" a@x.example(Anna), b@y.example   (Bob (B.))", True),
    "comment before": (b" (Anna)a@x.example,A (the first) <b@x.example>", True),
    "comment behind brackets": (b" A <a@x.example>   (one)(two)", True),
    "many blanks": (b"   A   B    <a@x.example>   ,   b@y.example   ", True),
    "a tab behind the colon": (b"\ta@x.example", True),
    "nothing behind the colon": (b"a@x.example,b@x.example", True),
    "brackets alone": (b" <a@x.example>,< b@y.example >", True),
    "group": (b" Friends: a@x.example,Bob <b@y.example>;", True),
    "empty group": (b" undisclosed-recipients:;", True),
    "group and others": (b" Fr. A: a@x.example;,c@z.example", True),
    "long list": (b" " + LONG, True),
    "eight bits": ("Jürgen Ł <a@x.example>,\r\n Zoë – <z@x.example>".encode(), True),
    "a name too long for it": (b" " + NAME + b" <a@x.example>", True),
    "empty elements": (b" ,a@x.example,, ,b@y.example,", True),
    "quoted local part": (b' "john smith"@x.example,a@x.example', True),
    "route": (b" <@r.example,@q.example:a@x.example>", False),
    "no domain": (b" bob, a@x.example", False),
    "only blanks between": (b" a@x.example b@x.example", False),
    "quote that does not end": (b' "A <a@x.example>', False),
    "two pairs of brackets": (b" <a@x.example> <b@x.example>", False),
    "comment within brackets": (b" <(c) a@x.example>", False),
    "a name as long as its room": (b" " + b"x" * 240 + b" <a@x.example>", False),
}


def submit(world, octets_of_words, sender="alice@example.org", recipient=BOB):
    """All on one connection; the messages that arrived, in order."""
    with Smtp(world.ports["submission"]) as client:
        for octets in octets_of_words.values():
            reply = client.mail(sender, [recipient], octets)
            require(reply.is_ok, "answered %s", reply)
    return [world.mailbox.one(word) for word in octets_of_words]


def covered(arrived):
    """Names in h= of the signatures, which all have the same."""
    names = {one["h"].lower() for one in arrived.signatures()}
    require(len(names) == 1, "h= is %s", names)
    return names.pop().split(":")


def left_out(world, word):
    """What the log says that was not signed."""
    lines = world.daemon.log_lines(r"msgid=\"?<%s@" % word)
    require(len(lines) == 1, "%d log lines of %s", len(lines), word)
    name = lines[0].partition(" id=")[2].split()[0]
    warned = world.daemon.log_lines("warning: id=%s: Sendmail may rewrite " % name)
    require(len(warned) == ("left-out=" in lines[0]), "%d warnings: %s", len(warned), lines[0])
    return "Sendmail may rewrite" in lines[0] and lines[0].partition("left-out=")[2]


@case()
def sendmail_rewrites_lists(context):
    """Every shape of To, Cc and Reply-To in both canonicalizations, verified as delivered."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        messages = {}
        for value, _ in SHAPES.values():
            word = token()
            octets = message(word, author).replace(b"To: Bob <bob@example.net>", b"To:" + value)
            messages[word] = b"CC:" + value + b"\r\nReply-To:" + value + b"\r\n" + octets
        for name, word, arrived in zip(SHAPES, messages, submit(world, messages)):
            world.judges.require(arrived, judges=("dkimpy",))
            is_covered = SHAPES[name][1]
            for field in ("to", "cc", "reply-to"):
                count = 2 if is_covered else 0
                require(covered(arrived).count(field) == count, "%s: %s: h= is %s", name, field,
                        covered(arrived))
            note = left_out(world, word)
            require(bool(note) != is_covered, "%s: the log says %s", name, note)


@case()
def sendmail_relays_lists(context):
    """The same shapes as the next server sees them, in all three fields at once."""
    world = sendmail_world(context, server=RelayingSendmail, more=SIMPLE)
    for author in AUTHORS.values():
        messages = {}
        for value, _ in SHAPES.values():
            word = token()
            octets = message(word, author).replace(b"To: Bob <bob@example.net>", b"To:" + value)
            messages[word] = b"CC:" + value + b"\r\nReply-To:" + value + b"\r\n" + octets
        for shape in AUTHOR_SHAPES:
            word = token()
            messages[word] = message(word, shape.replace("%s", author), subject="x" * 1500)
        for arrived in submit(world, messages, recipient=FAR):
            world.judges.require(arrived, judges=("dkimpy",))


# From must be covered always; the author's address is within.
AUTHOR_SHAPES = (
    "%s", "<%s>", "A  B   <%s>", "J. Smith <%s>", "O'Brien<%s>", "\"Bee, Bob\" <%s>", "(c) %s",
    "%s (Anna)", "%s(Anna)", "A\r\n B <%s>", "\r\n A <%s>", "A <%s>,B <%s>", "A <%s> (c)  (d)",
    'J. "x\\"y" <%s>', '"a\\\\b" O\'N <%s>', '(x\\)y) C. <%s>',
    "Jürgen Ł. <%s>", NAME.decode() + " <%s>", "=?utf-8?q?J=C3=BC?= <%s>", "< %s >",
)


@case()
def sendmail_rewrites_authors(context):
    """The shapes of From that have an author domain."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        messages = {}
        for shape in AUTHOR_SHAPES:
            word = token()
            messages[word] = message(word, shape.replace("%s", author))
        for shape, word, arrived in zip(AUTHOR_SHAPES, messages, submit(world, messages)):
            require(arrived.is_signed, "%s: not signed: %s", shape,
                    world.daemon.log_lines("<%s@" % word))
            world.judges.require(arrived, judges=("dkimpy",))
            require(not left_out(world, word), "%s: %s", shape, left_out(world, word))


OTHERS = ("Sender", "Errors-To", "Disposition-Notification-To", "Apparently-To", "Resent-Sender",
          "Resent-From", "Resent-To", "Resent-Cc", "Resent-Reply-To")


@case()
def sendmail_rewrites_other_fields(context):
    """Every other field that it takes for an address list, each in each shape."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        messages = {}
        for value, _ in SHAPES.values():
            word = token()
            head = b"".join(name.encode() + b":" + value + b"\r\n" for name in OTHERS)
            messages[word] = head + message(word, author)
        for name, arrived in zip(SHAPES, submit(world, messages)):
            world.judges.require(arrived, judges=("dkimpy",))
            for field in ("sender", "resent-to", "resent-from"):
                require((field in covered(arrived)) == SHAPES[name][1], "%s: %s: h= is %s", name,
                        field, covered(arrived))


@case()
def sendmail_writes_from_itself(context):
    """Where From is the sender to the letter, or his name alone, Sendmail puts its own in place."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        for text in (author, "alice"):
            word = token()
            octets = message(word, text).replace(b"From: ", b"From:")
            arrived = submit(world, {word: octets}, author)[0]
            world.judges.require(arrived)
            require(arrived.all("From") == [author], "From: %s", arrived.all("From"))


@case()
def sendmail_adds_fields(context):
    """Date, Message-ID and Resent-* that it adds afterwards, although they are to be oversigned."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        for fields in (b"", b"Resent-To: bob@example.net\r\n",
                       b"Date: Sun, 01 Nov 2026 12:00:00 +0000\r\n"):
            word = token()
            octets = b"From: %s\r\n%sX-Word: %s\r\n\r\nx\r\n" % (author.encode(), fields,
                                                               word.encode())
            arrived = submit(world, {word: octets})[0]
            world.judges.require(arrived)
            require(len(arrived.all("Date")) == 1 and len(arrived.all("Message-ID")) == 1,
                    "without Date or Message-ID: %s", arrived.octets)
            require(len(arrived.all("Resent-Date")) == (b"Resent" in fields), "Resent-Date: %s",
                    arrived.octets)
            count = (author == AUTHORS["simple"]) + 1 if b"Date" in fields else 0
            require(covered(arrived).count("message-id") == 0, "h= is %s", covered(arrived))
            require(covered(arrived).count("date") == (2 if count else 0), "h= is %s",
                    covered(arrived))


@case()
def sendmail_removes_and_breaks(context):
    """Bcc, which it removes, and a line too long for SMTP are not signed."""
    world = sendmail_world(context, more=SIMPLE)
    for author in AUTHORS.values():
        word = token()
        octets = message(word, author, subject="x" * 1500, fields=[b"Bcc: carol@example.net"])
        arrived = submit(world, {word: octets})[0]
        world.judges.require(arrived)
        require("subject" not in covered(arrived), "h= is %s", covered(arrived))
        require("subject" in left_out(world, word), "not in the log")
