"""The author domain: one From field, one domain, and every reader the same one. The thief's own
address passes DMARC; so an attack here is a message whose reader sees the bank."""

from attacks.wants import FORGED, NO_AUTHOR, PASS
from attacks.world import BANK, BANK_IP, Mail, text

OWN = b"x@thief.example"
VICTIM = b"ceo@bank.example"


def fields():
    """More than one From field, or none. Each pair: (name, the field besides the thief's own)."""
    def with_fields(*lines):
        return Mail(text(from_field=b"\n".join(lines)))

    own = b"From: " + OWN
    return [
        ("a second From, below", with_fields(own, b"From: " + VICTIM), NO_AUTHOR,
         with_fields(own, b"Reply-To: " + VICTIM), PASS),
        ("a second From, above", with_fields(b"From: " + VICTIM, own), NO_AUTHOR,
         with_fields(b"Sender: " + VICTIM, own), PASS),
        ("a second From in odd case", with_fields(own, b"fROM: " + VICTIM), NO_AUTHOR,
         with_fields(own, b"X-fROM: " + VICTIM), PASS),
        ("a second From with a blank before its colon", with_fields(own, b"From : " + VICTIM),
         NO_AUTHOR, with_fields(own, b"Reply-To : " + VICTIM), PASS),
        ("a second From with a tab before its colon, above",
         with_fields(b"From\t: " + VICTIM, own), NO_AUTHOR,
         with_fields(b"Sender\t: " + VICTIM, own), PASS),
        ("the only From with a blank before its colon",
         with_fields(b"Comments: x", b"From : " + VICTIM), FORGED,
         with_fields(b"Comments: x", b"From : " + OWN), PASS),
        ("a From that is taken for a mailbox's line", with_fields(b"From : " + OWN), NO_AUTHOR,
         with_fields(b"From\t: " + OWN), PASS),
        ("a second From that is empty", with_fields(own, b"From:"), NO_AUTHOR,
         with_fields(own, b"Comments:"), PASS),
        ("a second From far below", Mail(text(OWN, b"X: y\n" * 900 + b"From: " + VICTIM + b"\n")),
         NO_AUTHOR, Mail(text(OWN, b"X: y\n" * 900 + b"Comments: " + VICTIM + b"\n")), PASS),
        ("a second From past the cap of fields",
         Mail(text(OWN, b"X: y\n" * 1100 + b"From: " + VICTIM + b"\n")), NO_AUTHOR,
         Mail(text(OWN, b"X: y\n" * 1100 + b"Comments: " + VICTIM + b"\n")), PASS),
        ("a second From past the cap of octets",
         Mail(text(OWN, b"X: " + b"y" * 300000 + b"\nFrom: " + VICTIM + b"\n")), NO_AUTHOR,
         Mail(text(OWN, b"X: " + b"y" * 300000 + b"\nComments: " + VICTIM + b"\n")), PASS),
        ("the only From past the cap of fields",
         Mail(b"X: y\n" * 1100 + text(OWN)), NO_AUTHOR, Mail(b"X: y\n" * 900 + text(OWN)), PASS),
        ("no From", with_fields(b"Sender: " + OWN), NO_AUTHOR, with_fields(own), PASS),
        ("From with a blank before it, first of all",
         with_fields(b" From: " + OWN), NO_AUTHOR, with_fields(own), PASS),
        ("From with a blank before it, below another",
         with_fields(b"Subject: x", b" From: " + OWN), NO_AUTHOR,
         with_fields(own, b"Subject: x", b" From: " + VICTIM), PASS),
        ("a name split by folding", with_fields(b"Fr", b" om: " + OWN), NO_AUTHOR,
         with_fields(b"From:", b" " + OWN), PASS),
    ]


def values(pairs):
    return [(name, Mail(text(attack)), want, Mail(text(twin)), PASS)
            for name, attack, want, twin in pairs]


# (name, value of From, what is wanted, the twin's value)
GRAMMAR = [
    ("two authors of two domains", b"x@thief.example, ceo@bank.example", NO_AUTHOR,
     b"x@thief.example, y@thief.example"),
    ("two authors, one folded away", b"x@thief.example,\n\tceo@bank.example", NO_AUTHOR,
     b"x@thief.example,\n\ty@thief.example"),
    ("a bare CR before a second From", b"x@thief.example\rFrom: ceo@bank.example", NO_AUTHOR,
     b"x@thief.example (From: ceo@bank.example)"),
    ("a bare CR in a comment", b"x@thief.example (\rFrom: ceo@bank.example)", NO_AUTHOR,
     b"x@thief.example (\n\tFrom: ceo@bank.example)"),
    ("a domain split by folding", b"x@thief.exam\n ple", NO_AUTHOR, b"x@thief.example\n "),
    ("a blank deep in a domain", b"x@mail.thief. example", NO_AUTHOR, b"x@mail.thief.example "),
    ("an address as display name", b"ceo@bank.example <x@thief.example>", NO_AUTHOR,
     b'"ceo@bank.example" <x@thief.example>'),
    ("an address in brackets before the address", b"<ceo@bank.example> <x@thief.example>",
     NO_AUTHOR, b'"<ceo@bank.example>" <x@thief.example>'),
    ("an address behind the address", b"<x@thief.example> <ceo@bank.example>", NO_AUTHOR,
     b"<x@thief.example> (<ceo@bank.example>)"),
    ("text behind the address", b"<x@thief.example> ceo@bank.example", NO_AUTHOR,
     b"<x@thief.example> (ceo@bank.example)"),
    ("a comment without an end", b"x@thief.example (ceo@bank.example", NO_AUTHOR,
     b"x@thief.example (ceo@bank.example)"),
    ("the thief in a comment", b"ceo(x@thief.example)@bank.example", FORGED,
     b"x(ceo@bank.example)@thief.example"),
    ("nested comments", b"ceo@bank.example ((x@thief.example)", NO_AUTHOR,
     b"x@thief.example ((ceo@bank.example))"),
    ("an address as quoted local part", b'"ceo@bank.example"@thief.example', NO_AUTHOR,
     b'"ceo.bank.example"@thief.example'),
    ("brackets in a quoted local part", b'"<ceo@bank.example>" @thief.example', NO_AUTHOR,
     b'"<ceo@bank.example>" <x@thief.example>'),
    ("a quote without an end", b'"ceo@bank.example <x@thief.example>', NO_AUTHOR,
     b'"ceo@bank.example" <x@thief.example>'),
    ("two @", b"x@thief.example@bank.example", NO_AUTHOR, b"x@thief.example"),
    ("a group of two domains", b"all: x@thief.example, ceo@bank.example;", NO_AUTHOR,
     b"all: x@thief.example, y@thief.example;"),
    ("a group without an end", b"all: x@thief.example", NO_AUTHOR, b"all: x@thief.example;"),
    ("an empty group", b"ceo@bank.example:;", NO_AUTHOR, b"all: x@thief.example;"),
    ("a group with an address behind it", b"all: x@thief.example;, ceo@bank.example", NO_AUTHOR,
     b"all: x@thief.example;, y@thief.example"),
    ("an encoded word as local part", b"=?utf-8?q?ceo?=@thief.example", NO_AUTHOR,
     b"=?utf-8?q?ceo?= <x@thief.example>"),
    ("an encoded address", b"=?utf-8?q?=3Cceo=40bank.example=3E?=", NO_AUTHOR,
     b"=?utf-8?q?=3Cceo=40bank.example=3E?= <x@thief.example>"),
    ("an encoded word as domain", b"x@=?utf-8?q?thief.example?=", NO_AUTHOR,
     b"=?utf-8?q?thief.example?= <x@thief.example>"),
    ("a route through the thief", b"<@thief.example:ceo@bank.example>", FORGED,
     b"<@bank.example:x@thief.example>"),
    ("a route without an end", b"<@thief.example,ceo@bank.example>", NO_AUTHOR,
     b"<@bank.example,:x@thief.example>"),
    ("an address literal", b"x@[203.0.113.66]", NO_AUTHOR, b"x@thief.example"),
    ("a literal beside an address", b"x@thief.example, ceo@[192.0.2.10]", NO_AUTHOR,
     b"x@thief.example, ceo@thief.example"),
    ("a number as domain", b"x@203.0.113.66", NO_AUTHOR, b"x@thief.example"),
    ("no address", b"ceo", NO_AUTHOR, b"x@thief.example"),
    ("an empty address", b"<>", NO_AUTHOR, b"<x@thief.example>"),
    ("nothing but a comma", b",", NO_AUTHOR, b",x@thief.example,"),
    ("a NUL behind the victim's address", b"ceo@bank.example\0.thief.example", FORGED,
     b"x@thief.example\0.bank.example"),
    ("octets that are no UTF-8", b"x@thief.\xe9xample", NO_AUTHOR, b"\xe9 <x@thief.example>"),
    ("a trailing dot", b"ceo@bank.example.", FORGED, b"x@thief.example."),
    ("two trailing dots", b"x@thief.example..", NO_AUTHOR, b"x@thief.example."),
    ("upper case", b"CEO@BANK.EXAMPLE", FORGED, b"X@THIEF.EXAMPLE"),
    ("a domain of 300 octets", b"x@" + b"a." * 150 + b"thief.example", NO_AUTHOR,
     b"x@thief.example"),
    ("a label of 64 octets", b"x@" + b"a" * 64 + b".thief.example", NO_AUTHOR,
     b"x@" + b"a" * 63 + b".thief.example"),
]


def idn(world):
    """Names that look alike, and names that are the same. The books of bücher.example are kept
    under its A-label."""
    def books(author, is_signed):
        message = text(author.encode())
        return Mail(world.sign(message, "xn--bcher-kva.example") if is_signed else message)

    spelled = [("as U-label", "x@b\u00fccher.example"), ("as A-label", "x@xn--bcher-kva.example"),
               ("composed", "x@bu\u0308cher.example"), ("upper case", "x@B\u00dcCHER.example"),
               ("full width", "x@\uff42\u00fccher.example"),
               ("an ideographic dot", "x@b\u00fccher\u3002example")]
    result = [("IDN %s, not signed" % name, books(author, False), FORGED, books(author, True),
               PASS) for name, author in spelled]
    full_width = "ceo@\uff42\uff41\uff4e\uff4b.example".encode()
    result.append(("the victim in full width", Mail(text(full_width)), FORGED,
                   Mail(world.sign(text(full_width), BANK)), PASS))
    return result


def look_alike(world):
    """A Cyrillic letter makes another domain: nobody's policy, but no pass either."""
    cyrillic = "ceo@b\u0430nk.example".encode()
    soft_hyphen = "ceo@ba\u00adnk.example".encode()
    return [
        ("a look-alike, signed by the thief, with a policy of its own",
         Mail(world.sign(text(cyrillic), "thief.example"),
              zone='_dmarc.xn--bnk-6cd.example. TXT "v=DMARC1; p=reject"\n'), FORGED,
         Mail(world.sign(text(), BANK)), PASS),
        ("a soft hyphen in the victim's name", Mail(text(soft_hyphen)), FORGED,
         Mail(text(soft_hyphen), ip=BANK_IP, sender="<ceo@bank.example>"), PASS),
    ]


def rows(world):
    return fields() + values(GRAMMAR) + idn(world) + look_alike(world)
