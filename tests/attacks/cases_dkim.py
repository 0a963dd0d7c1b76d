"""Signatures: what a passing one must be before its domain counts."""

import itertools

from attacks.signer import Key
from attacks.wants import FORGED, LATER, MARKED, PASS, UNDECIDED
from attacks.world import BANK, NOW, THIEF, Mail, text

# In the thief's hands: by his client, with his envelope. Only a signature of the bank's helps.


def message_changes(world):
    signed = world.sign(text(), BANK)
    rsa = world.sign(text(), BANK, "k1")
    part = world.hand_sign(text(), BANK, length=13)
    return [
        ("the body was changed", Mail(signed.replace(b"Please pay", b"Please Pay")), FORGED,
         Mail(signed.replace(b"Please pay", b"Please  pay")), PASS),
        ("a signed field was changed", Mail(rsa.replace(b"invoice", b"invoices")), FORGED,
         Mail(rsa.replace(b"Subject: invoice", b"SUBJECT:   invoice")), PASS),
        ("text behind l=", Mail(part + b"Pay the thief.\n"), FORGED, Mail(part), PASS),
        ("l=0", Mail(world.hand_sign(text(), BANK, length=0)), FORGED,
         Mail(world.hand_sign(text(body=b""), BANK, length=0)), PASS),
        ("l= beyond the body", Mail(part.replace(b"Please pay.", b"Please")), FORGED,
         Mail(world.hand_sign(text(body=b"Please\n"), BANK, length=8)), PASS),
        ("a second Subject on top of a signed one",
         Mail(b"Subject: pay the thief\n" + world.hand_sign(text(), BANK)), FORGED,
         Mail(b"Comments: pay the thief\n" + world.hand_sign(text(), BANK)), PASS),
        ("a second From on top of a signed one, both the bank's",
         Mail(b"From: cfo@bank.example\n" + world.hand_sign(text(), BANK)),
         {"action": "reject", "code": "550", "enhanced": "5.7.1", "rule": "one author"},
         Mail(b"Sender: cfo@bank.example\n" + world.hand_sign(text(), BANK)), PASS),
        ("a stranger's signature", Mail(world.sign(text(), THIEF)), FORGED,
         Mail(world.sign(text(), BANK)), PASS),
    ]


def names(world):
    """d=, s= and i=: (name, d of the attack, s of the attack)."""
    odd = [
        ("a NUL in d=", "bank.example\0.thief.example", "h1"),
        ("a line end in d=", "bank.example\n .thief.example", "h1"),
        ("a blank in d=", "bank.example thief.example", "h1"),
        ("a quoted d=", '"bank.example"', "h1"),
        ("a comment in d=", "bank.example(x)", "h1"),
        ("a backslash in d=", "bank.example\\.thief.example", "h1"),
        ("a dot behind d=", "bank.example.", "h1"),
        ("two dots in d=", "bank..example", "h1"),
        ("a U-label in d=", "b\u0430nk.example", "h1"),
        ("the top-level domain in d=", "example", "h1"),
        ("a NUL in s=", "bank.example", "h1\0"),
        ("a line end in s=", "bank.example", "h1\n x"),
        ("s= that asks a name of the thief's", "bank.example", "h1._domainkey.thief.example.\\"),
        ("an empty s=", "bank.example", ""),
        ("s= of dots", "bank.example", ".."),
    ]
    honest = Mail(world.hand_sign(text(), BANK))
    rows_ = [(name, Mail(world.hand_sign(text(), domain, selector=selector)), FORGED, honest, PASS)
             for name, domain, selector in odd]
    key = world.txt("h1._domainkey.example", world.hand.record())
    rows_[9] = (rows_[9][0], Mail(world.hand_sign(text(), "example"), zone=key), FORGED,
                honest, PASS)
    return rows_ + [
        ("the victim's name in front of d=",
         Mail(world.sign(text(), "bank.example.thief.example"),
              zone=world.record("e1._domainkey.bank.example.thief.example", world.ed)), FORGED,
         Mail(world.sign(text(), "mail.bank.example"),
              zone=world.record("e1._domainkey.mail.bank.example", world.ed)), PASS),
        ("i= of the victim with a stranger's d=",
         Mail(world.hand_sign(text(), THIEF, before="i=ceo@bank.example; ")), FORGED,
         Mail(world.hand_sign(text(), BANK, before="i=ceo@bank.example; ")), PASS),
        ("i= of a subdomain, key with t=s",
         strict(world, "t=s; ", "i=@mail.bank.example; "), FORGED,
         strict(world, "", "i=@mail.bank.example; "), PASS),
        ("strict alignment",
         Mail(world.sign(text(b"x@firm.example"), "mail.firm.example"), zone=firm(world, "s")),
         FORGED,
         Mail(world.sign(text(b"x@firm.example"), "mail.firm.example"), zone=firm(world, "r")),
         PASS),
    ]


# Each key on trial has a selector of its own, so that one zone can hold many of them.
SELECTORS = ("t%d" % number for number in itertools.count())


def with_key(world, record, **how):
    selector = next(SELECTORS)
    return Mail(world.hand_sign(text(), BANK, selector=selector, **how),
                zone=world.txt(selector + "._domainkey.bank.example", record))


def strict(world, flags, tags):
    return with_key(world, world.hand.record("v=DKIM1; " + flags), before=tags)


def firm(world, mode):
    return (world.record("e1._domainkey.mail.firm.example", world.ed) +
            '_dmarc.firm.example. TXT "v=DMARC1; p=reject; adkim=%s"\n' % mode)


def tags(world):
    def signed(**how):
        return Mail(world.hand_sign(text(), BANK, **how))

    many = ["from"] + ["x-%d" % i for i in range(210)]
    return [
        ("sha1", signed(digest="sha1"), FORGED, signed(), PASS),
        ("an expired signature", signed(before="x=%d; " % (NOW - 3600)), FORGED,
         signed(before="x=%d; " % (NOW + 3600)), PASS),
        ("a signature of tomorrow", signed(before="t=%d; " % (NOW + 86400)), FORGED,
         signed(before="t=%d; " % (NOW - 86400)), PASS),
        ("expired before it was made", signed(before="t=%d; x=%d; " % (NOW, NOW - 1)), FORGED,
         signed(before="t=%d; x=%d; " % (NOW - 60, NOW + 1)), PASS),
        ("d= twice", signed(before="d=thief.example; "), FORGED,
         signed(before="z=thief.example; "), PASS),
        ("h= twice", signed(after="h=subject; "), FORGED, signed(after="z=subject; "), PASS),
        ("bh= twice", signed(before="bh=AAAA; "), FORGED, signed(before="y=AAAA; "), PASS),
        ("another query method", signed(before="q=http; "), FORGED,
         signed(before="q=dns/txt; "), PASS),
        ("version 2", signed(version="2"), FORGED, signed(), PASS),
        ("From is not signed", signed(names=("subject",)), FORGED, signed(names=("From",)), PASS),
        ("more names in h= than the cap", signed(names=many), FORGED,
         signed(names=many[:200]), PASS),
    ]


def keys(world):
    def trial(record, **how):
        return with_key(world, record, **how)

    good = world.hand.record()
    data = good.partition("p=")[2]
    other = Key(1024)
    return [
        ("a key of 512 bits", trial(world.short.record(), key=world.short), FORGED,
         trial(good), PASS),
        ("a revoked key", trial("v=DKIM1; p="), FORGED, trial("v=DKIM1; p=" + data), PASS),
        ("another's key", trial(other.record()), FORGED, trial(good), PASS),
        ("no key", Mail(world.hand_sign(text(), BANK, selector="none")), FORGED, trial(good),
         PASS),
        ("a key for another algorithm", trial("v=DKIM1; k=ed25519; p=" + data), FORGED,
         trial("v=DKIM1; k=rsa; p=" + data), PASS),
        ("a key for sha1 only", trial("v=DKIM1; h=sha1; p=" + data), FORGED,
         trial("v=DKIM1; h=sha1:sha256; p=" + data), PASS),
        ("a key for another service", trial("v=DKIM1; s=tlsrpt; p=" + data), FORGED,
         trial("v=DKIM1; s=email; p=" + data), PASS),
        ("a key of another version", trial("v=DKIM2; p=" + data), FORGED,
         trial("p=" + data), PASS),
        ("v= of a key that is not first", trial("k=rsa; v=DKIM1; p=" + data), FORGED,
         trial("v=DKIM1; k=rsa; p=" + data), PASS),
        ("a key whose name does not resolve for now",
         Mail(world.hand_sign(text(), BANK, selector="down"),
              zone="$FAULT down._domainkey.bank.example. TXT SERVFAIL\n"), LATER,
         trial(good), PASS),
    ]


def domains(world):
    """The author domain's record, and where it is found."""
    forged = text(b"ceo@sub.bank.example")
    record = '_dmarc.sub.bank.example. TXT "v=DMARC1; p=none"\n'
    suffix = '_dmarc.suffix.example. TXT "v=DMARC1; p=reject%s"\n'
    shop = text(b"x@shop.suffix.example")
    thief = world.record("e1._domainkey.thief.suffix.example", world.ed)
    host = '_dmarc.host.example. TXT "v=DMARC1; p=reject"\n' + world.record(
        "e1._domainkey.other.host.example", world.ed)
    tenant = text(b"x@tenant.host.example")
    return [
        ("two DMARC records do not count", Mail(forged, zone=record + record.replace("1;", "1 ;")),
         FORGED, Mail(forged, zone=record), UNDECIDED),
        ("v= that is not first", Mail(forged, zone=record.replace("v=DMARC1; p=none",
                                                                  "p=none; v=DMARC1")),
         FORGED, Mail(forged, zone=record), UNDECIDED),
        ("a subdomain that is not there, np=",
         Mail(text(b"x@none.shop.example"), zone=SHOP), FORGED,
         Mail(text(b"x@some.shop.example"), zone=SHOP), UNDECIDED),
        ("two names below one public suffix",
         Mail(world.sign(shop, "thief.suffix.example"), zone=suffix % "; psd=y" + thief), FORGED,
         Mail(world.sign(shop, "thief.suffix.example"), zone=suffix % "" + thief), PASS),
        ("a tenant that is its own organization",
         Mail(world.sign(tenant, "other.host.example"), zone=host +
              '_dmarc.tenant.host.example. TXT "v=DMARC1; p=reject; psd=n"\n'), FORGED,
         Mail(world.sign(tenant, "other.host.example"), zone=host +
              '_dmarc.tenant.host.example. TXT "v=DMARC1; p=reject"\n'), PASS),
        ("psd=y at the thief's own domain",
         Mail(world.sign(text(), "thief.example"), zone=PSD_THIEF), FORGED,
         Mail(world.sign(text(b"x@thief.example"), "thief.example")), PASS),
        ("the thief's DNS that fails opens nothing",
         Mail(world.sign(text(), "late.thief.example"), zone=world.record(
             "e1._domainkey.late.thief.example", world.ed) +
              "$FAULT _dmarc.late.thief.example. TXT SERVFAIL\n"), FORGED,
         Mail(world.sign(text(), "mail.bank.example"), zone=world.record(
             "e1._domainkey.mail.bank.example", world.ed) +
              "$FAULT _dmarc.late.thief.example. TXT SERVFAIL\n"), PASS),
        ("the thief's SPF that fails opens nothing",
         Mail(text(), sender="<x@down.example>", zone="$FAULT down.example. TXT SERVFAIL\n"
              "$FAULT _dmarc.down.example. TXT TIMEOUT\n"), FORGED,
         Mail(text(b"x@thief.example"), sender="<x@down.example>",
              zone="$FAULT down.example. TXT SERVFAIL\n"), UNDECIDED),
        ("the victim's DNS that fails",
         Mail(world.sign(text(b"x@slow.example"), THIEF),
              zone="$FAULT _dmarc.slow.example. TXT SERVFAIL\n"), LATER,
         Mail(world.sign(text(b"x@slow.example"), THIEF),
              zone='_dmarc.slow.example. TXT "v=DMARC1; p=none"\n'), UNDECIDED),
        ("a policy of quarantine",
         Mail(text(b"x@soft.example"), zone='_dmarc.soft.example. TXT "v=DMARC1;p=quarantine"\n'),
         MARKED,
         Mail(text(b"x@soft.example"),
              zone='_dmarc.soft.example. TXT "v=DMARC1;p=quarantine;t=y"\n'), UNDECIDED),
        ("a policy under test",
         Mail(text(b"x@soft.example"), zone='_dmarc.soft.example. TXT "v=DMARC1;p=reject"\n'),
         FORGED,
         Mail(text(b"x@soft.example"), zone='_dmarc.soft.example. TXT "v=DMARC1;p=reject;t=y"\n'),
         MARKED),
    ]


SHOP = ('_dmarc.shop.example. TXT "v=DMARC1; p=none; sp=none; np=reject"\n'
        'some.shop.example. A 192.0.2.1\n')
PSD_THIEF = '_dmarc.thief.example. TXT "v=DMARC1; p=none; psd=y"\n'


def rows(world):
    return message_changes(world) + names(world) + tags(world) + keys(world) + domains(world)
