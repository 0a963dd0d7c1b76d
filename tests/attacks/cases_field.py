"""Authentication-Results that strangers wrote or would write into, our own mark, and caps."""

from attacks.wants import FORGED, NO_AUTHOR, PASS
from attacks.world import BANK, THIEF, Mail, text

OWN = b"x@thief.example"
CLAIM = b"; dmarc=pass header.from=bank.example"
AR = "Authentication-Results"


def injection(world):
    """What a stranger chose stands in our field: it must stay a value there."""
    senders = ['<"x; dmarc=pass header.from=bank.example"@thief.example>',
               '<"x(y"@thief.example>', '<"x\\"y"@thief.example>', "<x;dmarc=pass@thief.example>",
               "<x(y@thief.example>", "<x\r\n dmarc=pass@thief.example>", "<x@thief.example;y>",
               "<" + "x" * 1500 + "@thief.example>"]
    helos = ["thief.example; dmarc=pass header.from=bank.example", "(", '"', ")", "x\ty",
             "thief.example\r\nAuthentication-Results: mx.example.org; dmarc=pass", "[192.0.2.1]",
             "\u00fc.example", "x" * 600, "\\"]
    signed = world.sign(text(), BANK)
    result = []
    for sender in senders:
        result.append(("MAIL FROM %r" % sender[:30], Mail(text(), sender=sender), FORGED,
                       Mail(signed, sender=sender), PASS))
    for helo in helos:
        result.append(("HELO %r" % helo[:30], Mail(text(), helo=helo), FORGED,
                       Mail(signed, helo=helo), PASS))
    return result


def injection_by_signature(world):
    odd = [("d=", "thief.example(", "h1", ""), ("d=", '"thief.example', "h1", ""),
           ("d=", "thief.example\n\tdmarc=pass", "h1", ""), ("s=", THIEF, "h1(x", ""),
           ("s=", THIEF, '"h1"', ""), ("s=", THIEF, "h1\u00fc", ""),
           ("i=", THIEF, "h1", 'i="x y"@thief.example; '),
           ("i=", THIEF, "h1", "i=(dmarc=pass)@thief.example; "),
           ("i=", THIEF, "h1", 'i="@thief.example; '), ("i=", THIEF, "h1", "i=%s; " % ("x" * 900))]
    return [("A-R by %s of %r" % (tag, (before or domain + selector)[:30]),
             Mail(world.hand_sign(text(), domain, selector=selector, before=before)), FORGED,
             Mail(world.hand_sign(text(OWN), domain, selector=selector, before=before)), PASS)
            for tag, domain, selector, before in odd]


def forged(world):
    """Fields in our name: gone from what is accepted; believed in nothing."""
    def field(head, name=b"Authentication-Results"):
        return name + b":" + head + CLAIM + b"\n"

    gaps = b"".join(field(b" mx.example.org") + field(b" other.example") for _ in range(8))
    deleted = [(AR, index) for index in range(15, 0, -2)]
    ours = [b" mx.example.org", b" MX.Example.ORG", b' "mx.example.org"', b" (x) mx.example.org",
            b" mx.example.org.", b"\n mx.example.org", b" mx.example.org 1", b" mx.example.org(x)",
            b" mx.example.org/1", b" \"mx\\.example.org\"", b" (", b" ;", b"", b" \rmx.example.org",
            "\u00a0mx.example.org".encode(), "\uff4dx.example.org".encode()]
    trust = 'trusted-authserv-ids = { "mx2.example.org" }\n'
    result = [
        ("A-R in the name of another server of ours",
         Mail(text(more=field(b" mx2.example.org")), conf=trust), FORGED,
         Mail(text(OWN, field(b" mx2.example.org") + field(b" mx3.example.org")), conf=trust),
         dict(PASS, deleted=[(AR, 1)])),
        ("eight forged with strangers' between", Mail(text(more=gaps)), FORGED,
         Mail(text(OWN, gaps)), dict(PASS, deleted=deleted)),
        ("forged with blanks before the colon",
         Mail(text(more=field(b" mx.example.org", b"Authentication-Results \t"))), FORGED,
         Mail(text(OWN, field(b" other.example", b"Authentication-Results ") +
                   field(b" mx.example.org", b"AUTHENTICATION-RESULTS\t"))),
         dict(PASS, deleted=[("AUTHENTICATION-RESULTS", 2)])),
        ("forged above and below", Mail(field(b" mx.example.org") + text() ), FORGED,
         Mail(field(b" mx.example.org") + text(OWN, field(b" mx.example.org"))),
         dict(PASS, deleted=[(AR, 2), (AR, 1)])),
        ("forged past the cap of fields", Mail(text(more=b"X: y\n" * 1100 + field(
            b" mx.example.org"))), FORGED,
         Mail(text(OWN, b"X: y\n" * 1100 + field(b" mx.example.org"))),
         dict(PASS, deleted=[(AR, 1)])),
        ("strangers' past the cap of their number", Mail(text(more=field(b" o.example") * 201)),
         FORGED, Mail(text(OWN, field(b" o.example") * 201)), dict(PASS, deleted=[(AR, 201)])),
        ("a forged mark", Mail(text(more=b"X-Postseal-Disposition: none\n")), FORGED,
         Mail(text(OWN, b"X-Postseal-Disposition: none\nx-postseal-disposition: none\n")),
         dict(PASS, deleted=[("x-postseal-disposition", 2), ("X-Postseal-Disposition", 1)])),
        ("a forged mark past the cap of fields",
         Mail(text(more=b"X: y\n" * 1100 + b"X-Postseal-Disposition: none\n")), FORGED,
         Mail(text(OWN, b"X: y\n" * 1100 + b"X-Postseal-Disposition: none\n")),
         dict(PASS, deleted=[("X-Postseal-Disposition", 1)])),
    ]
    for head in ours:
        result.append(("A-R of %r" % head, Mail(text(more=field(head))), FORGED,
                       Mail(text(OWN, field(head))), dict(PASS, deleted=[(AR, 1)])))
    for head in (b" mx.example.org.example", b" mx2.example.org", b" xmx.example.org"):
        result.append(("A-R of a stranger, %r" % head, Mail(text(more=field(head))), FORGED,
                       Mail(text(OWN, field(head))), dict(PASS, deleted=[])))
    return result


def caps(world):
    good = world.sign(text(), BANK)
    bad = good[:good.index(b"\nFrom:") + 1].replace(b"b=", b"b=AAAA", 1)
    stranger = world.hand_sign(text(), "other.example")
    stranger = stranger[:stranger.index(b"\nFrom:") + 1]
    full = "recipients-kept = 2\n"
    crowd = ("<postmaster@example.org>", "<abuse@example.org>")
    return [
        ("hundreds of forged signatures", Mail(bad * 400 + text()), FORGED,
         Mail(stranger * 400 + good), PASS),
        ("the good signature behind those that may count", Mail(bad * 20 + text()), FORGED,
         Mail(bad * 9 + good), PASS),
        ("fields past the cap below a good signature",
         Mail(good.replace(b"\nTo:", b"\nX: y" * 1100 + b"\nTo:")), FORGED,
         Mail(good.replace(b"\nTo:", b"\nX: y" * 900 + b"\nTo:")), PASS),
        ("a stranger's mail to a crowd behind postmaster",
         Mail(text(), rcpts=crowd + ("<user@example.org>",), conf=full), FORGED,
         Mail(text(), rcpts=crowd, conf=full),
         {"stage": "eom", "action": "continue", "rule": "", "dmarc": "fail"}),
        ("postmaster of somebody else",
         Mail(text(), rcpts=("<postmaster@other.example>",)), FORGED,
         Mail(text(), rcpts=("<postmaster@example.org>",)),
         {"stage": "eom", "action": "continue", "rule": "", "dmarc": "fail"}),
        ("no author, to postmaster and one more",
         Mail(text(b"<>"), rcpts=("<postmaster>", "<user@example.org>")), NO_AUTHOR,
         Mail(text(b"<>"), rcpts=("<postmaster>",)),
         {"stage": "eom", "action": "continue", "rule": "", "dmarc": None}),
    ]


def rows(world):
    return injection(world) + injection_by_signature(world) + forged(world) + caps(world)
