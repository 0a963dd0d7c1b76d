"""Envelope: whose SPF counts, and what SPF's limits are for."""

import itertools

from attacks.wants import FORGED, PASS, SENDS_NONE, UNDECIDED
from attacks.world import BANK_IP, Mail, text

BANK_SENDER = "<ceo@bank.example>"


def from_bank(sender=BANK_SENDER, **more):
    """By the bank's own client."""
    return Mail(text(), **{"ip": BANK_IP, "helo": "mx.bank.example", "sender": sender, **more})


def from_thief(sender, author=b"ceo@bank.example", **more):
    return Mail(text(author), sender=sender, **more)


def identities():
    shared = "shared.bank.example"
    return [
        ("HELO passes, MAIL FROM does not",
         from_thief(BANK_SENDER), FORGED,
         from_thief("<x@thief.example>", b"x@thief.example"), PASS),
        ("an aligned HELO passes, MAIL FROM is the thief's",
         from_thief("<x@thief.example>", helo=shared), FORGED,
         from_thief("<>", helo=shared), PASS),
        ("null sender, HELO of the victim",
         from_thief("<>", helo="mx.bank.example"), FORGED,
         from_bank("<>"), PASS),
        ("no MAIL FROM at all, HELO of the victim",
         from_thief("", helo="mx.bank.example"), FORGED,
         from_bank(""), PASS),
        ("a path in brackets that is blank",
         from_thief("< >", helo="mx.bank.example"), FORGED, from_bank("< >"), PASS),
        ("MAIL FROM without a domain",
         from_bank("<ceo>"), FORGED, from_bank(), PASS),
        ("MAIL FROM with two @",
         from_bank("<x@thief.example@bank.example>"), FORGED, from_bank(), PASS),
        ("MAIL FROM without a local part",
         from_bank("<@bank.example>"), FORGED, from_bank(), PASS),
        ("MAIL FROM with one bracket",
         from_bank("<ceo@bank.example"), FORGED, from_bank("ceo@bank.example"), PASS),
        ("MAIL FROM with a blank in its domain",
         from_bank("<ceo@bank.example x>"), FORGED, from_bank(), PASS),
        ("an address literal",
         from_bank("<ceo@[192.0.2.10]>"), FORGED, from_bank(), PASS),
        ("a route through the victim",
         from_thief("<@bank.example:x@thief.example>"), FORGED,
         from_bank("<@thief.example:ceo@bank.example>"), PASS),
        ("the victim's address in a quoted local part",
         from_thief('<"ceo@bank.example"@thief.example>'), FORGED,
         from_thief('<"ceo@bank.example"@thief.example>', b"x@thief.example"), PASS),
        ("upper case and a trailing dot do not hide a failure",
         from_thief("<ceo@BANK.example.>"), FORGED, from_bank("<ceo@BANK.example.>"), PASS),
        ("the victim's name in front of the thief's",
         from_thief("<x@bank.example.thief.example>"), FORGED,
         from_bank("<x@bounce.bank.example>"), PASS),
        ("the victim's name at the end of another's",
         from_thief("<x@thebank.example>", zone='thebank.example. TXT "v=spf1 +all"\n'), FORGED,
         from_thief("<x@the.bank.example>", zone='the.bank.example. TXT "v=spf1 +all"\n'), PASS),
        ("an IPv4-mapped client",
         from_thief(BANK_SENDER, ip="::ffff:203.0.113.66"), FORGED,
         from_bank(ip="::ffff:192.0.2.10"), PASS),
        ("SPF in strict alignment",
         Mail(text(b"x@strict.example"), sender="<x@sub.strict.example>", zone=STRICT), FORGED,
         Mail(text(b"x@strict.example"), sender="<x@strict.example>", zone=STRICT), PASS),
    ]


STRICT = ('_dmarc.strict.example. TXT "v=DMARC1; p=reject; aspf=s"\n'
          'strict.example. TXT "v=spf1 ip4:203.0.113.66 -all"\n'
          'sub.strict.example. TXT "v=spf1 ip4:203.0.113.66 -all"\n')


COUNTER = itertools.count()


def with_record(record, zone=""):
    """Mail of a domain whose SPF record is on trial; the client is the last thing it allows. What
    is said of loose.example is said of a domain that this mail alone has, so that one zone can
    hold many of them."""
    domain = "loose%d.example" % next(COUNTER)
    zone = ('_dmarc.loose.example. TXT "v=DMARC1; p=reject"\nloose.example. TXT "%s"\n' % record +
            zone)
    return Mail(text(b"x@" + domain.encode()), sender="<x@%s>" % domain,
                zone=zone.replace("loose.example", domain))


def includes(count):
    zone = "".join('i%d.loose.example. TXT "v=spf1 ip4:198.51.100.%d -all"\n' % (i, i)
                   for i in range(count))
    terms = '" "'.join("include:i%d.loose.example " % i for i in range(count))
    return with_record("v=spf1 %s ip4:203.0.113.66 -all" % terms, zone)


def voids(count):
    terms = " ".join("a:void%d.loose.example" % i for i in range(count))
    return with_record("v=spf1 %s ip4:203.0.113.66 -all" % terms)


def exchangers(count):
    hosts = "".join('many.loose.example. MX %d h%d.loose.example.\n'
                    'h%d.loose.example. A 198.51.100.%d\n' % (i, i, i, i) for i in range(count))
    return with_record("v=spf1 mx:many.loose.example ip4:203.0.113.66 -all", hosts)


def limits():
    good = "v=spf1 ip4:203.0.113.66 -all"
    return [
        ("more than ten terms that ask DNS", includes(11), FORGED, includes(10), PASS),
        ("more than two empty answers", voids(3), FORGED, voids(2), PASS),
        ("more than ten exchangers", exchangers(11), FORGED, exchangers(10), PASS),
        ("include of a name without a record",
         with_record("v=spf1 include:nothing.loose.example ip4:203.0.113.66 -all"), FORGED,
         with_record("v=spf1 include:nothing.loose.example ip4:203.0.113.66 -all",
                     'nothing.loose.example. TXT "v=spf1 -all"\n'), PASS),
        ("a record that includes itself",
         with_record("v=spf1 include:loose.example ip4:203.0.113.66 -all"), FORGED,
         with_record(good), PASS),
        ("a redirect to nothing",
         with_record("v=spf1 redirect=nothing.loose.example"), FORGED,
         with_record("v=spf1 redirect=nothing.loose.example",
                     'nothing.loose.example. TXT "%s"\n' % good), PASS),
        ("two records",
         with_record(good, 'loose.example. TXT "v=spf1 +all"\n'), FORGED,
         with_record(good, 'loose.example. TXT "v=spf10 +all"\n'), PASS),
        ("an error behind the term that matches",
         with_record("v=spf1 ip4:203.0.113.66 ip4:1.2.3 -all"), FORGED,
         with_record("v=spf1 ip4:203.0.113.66 ip4:1.2.3.4 -all"), PASS),
        ("an explanation as long as the library's buffer",
         with_record("v=spf1 ip4:192.0.2.1 exp=exp.loose.example -all",
                     "exp.loose.example. TXT " + " ".join(['"%s"' % ("%{i}" * 60)] * 9) + "\n"),
         FORGED,
         with_record("v=spf1 exp=exp.loose.example ip4:203.0.113.66 -all",
                     "exp.loose.example. TXT " + " ".join(['"%s"' % ("%{i}" * 60)] * 9) + "\n"),
         PASS),
        ("-all behind sixty-four networks",
         with_record("v=spf1 " + networks(70) + '-all'), FORGED,
         with_record("v=spf1 " + networks(70) + 'ip4:203.0.113.66 -all'), PASS),
        ("a domain that sends no mail",
         from_thief("<x@silent.example>", zone='silent.example. TXT "v=spf1 -all"\n'),
         SENDS_NONE,
         from_thief("<x@silent.example>", b"x@thief.example",
                    zone='silent.example. TXT "v=spf1 ip4:192.0.2.1 -all"\n'),
         UNDECIDED),
        ("a domain that sends no mail, in a path that is no address",
         from_thief("<@silent.example>", zone='silent.example. TXT "v=spf1 -all"\n'),
         SENDS_NONE,
         from_thief("<@silent.example>", b"x@thief.example",
                    zone='silent.example. TXT "v=spf1 ~all"\n'), UNDECIDED),
        ("a domain that sends no mail, in HELO of a null sender",
         from_thief("<>", helo="silent.example", zone='silent.example. TXT "v=spf1 -all"\n'),
         SENDS_NONE,
         from_thief("<>", b"x@thief.example", helo="silent.example",
                    zone='silent.example. TXT "v=spf1 ~all"\n'), UNDECIDED),
    ]


def networks(count):
    """In strings of a TXT record, none of which is too long."""
    terms = ["ip4:198.51.100.%d " % i for i in range(count)]
    return '" "'.join("".join(terms[at:at + 10]) for at in range(0, count, 10))


def rows(_world):
    return identities() + limits()
