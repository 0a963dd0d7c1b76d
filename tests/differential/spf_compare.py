#!/usr/bin/python3
"""Generated records and zones through our check_host(), python3-spf, and a plain third reading of
RFC 7208 (spf_reference.py). Ours and the third must always agree: result, explanation, and each
name that we ask for. Where python3-spf says something else, that must be one of the classes below,
each of them narrow and with the sentence of the RFC that decides it."""
import argparse
import collections
import json
import re
import subprocess
import sys
import time

import spf

from spf_generate import Generator
from spf_reference import LETTERS, Reference, Stop, pieces

TYPES = ("A", "AAAA", "MX", "PTR", "TXT")


class Zone:
    """What both Python readers ask."""

    def __init__(self, zone):
        self.zone = zone
        self.asked = set()

    def records(self, name):
        if name not in self.zone and name.endswith(".w.example.org"):
            name = "*.w.example.org"
        return self.zone.get(name, [])

    def lookup(self, name, kind):
        name = name.lower()
        self.asked.add("%s %s" % (kind, name))
        found = [r for r in self.records(name) if r[0] == kind]
        if any(r[1] in ("TIMEOUT", "SERVFAIL") for r in found):
            raise spf.TempError("DNS")
        if kind == "TXT":
            return ["".join(r[1]).encode("latin-1") for r in found]
        if kind == "MX":
            return [(r[1], r[2]) for r in found]
        return [r[1] for r in found]

    def as_pyspf(self, name, kind, strict=True, timeout=20):
        values = self.lookup(name, kind)
        if kind == "TXT":
            values = [[v] for v in values]
        return [((name, kind), value) for value in values]


def ask_pyspf(case):
    zone = Zone(case["zone"])
    spf.DNSLookup = zone.as_pyspf
    query = spf.query(i=case["ip"], s=case["mailfrom"], h=case["helo"], receiver="unknown")
    query.t = "1000"
    try:
        result, _, text = query.check()
    except Exception as error:  # a defect of theirs is an answer, too
        return "raises", "%s: %s" % (type(error).__name__, error), zone
    return result, text, zone


def has(case, pattern):
    """An SPF record of the zone matches."""
    return any(re.search(pattern, "".join(r[1])) for records in case["zone"].values()
               for r in records if r[0] == "TXT" and "".join(r[1])[:6].lower() == "v=spf1")


def has_bad_macro(case):
    """A word of a record has a "%" that begins no macro of the grammar."""
    for records in case["zone"].values():
        for record in records:
            text = "".join(record[1]) if record[0] == "TXT" else ""
            for word in text.split(" ") if text[:6].lower() == "v=spf1" else []:
                try:
                    if "%" in word:
                        pieces(re.sub(r"[^!-~]", "x", word), LETTERS)
                except Stop:
                    return True
    return False


def is_explanation(case, pattern):
    return any(record[0] == "TXT" and re.search(pattern, "".join(record[1]))
               for name, records in case["zone"].items() if name[0] == "e" for record in records)


VOID = "Void lookup limit"

# (name, predicate over case, their result and text, the notes of the third reading; the RFC)
EXPLAINED = [
    ("a failure of DNS under ptr or %{p}",
     lambda case, result, text, notes: "temporary in ptr" in notes
     and (result == "temperror" or text == spf.EXPLANATIONS["fail"]),
     '5.5: "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to '
     'match."'),
    ("%{p} asks for names before its term is reached, or for an explanation that is not wanted",
     lambda case, result, text, notes: (result == "temperror" or VOID in text)
     and (has(case, r"%\{[pP]") or is_explanation(case, r"%\{[pP]")),
     '4.6.2: "Each mechanism is considered in turn from left to right."'),
    ("%{p} of an explanation is counted as void",
     lambda case, result, text, notes: text == spf.EXPLANATIONS["fail"] and "%{p}" in notes
     and is_explanation(case, r"%\{[pP]"),
     '4.6.4: "the \'exp\' modifier only causes a lookup at a later time"'),
    ("a redirect is counted before it is used",
     lambda case, result, text, notes: "Too many DNS lookups" in text and has(case, "redirect="),
     '6.1: "If all mechanisms fail to match, and a \'redirect\' modifier is present, then '
     'processing proceeds as follows"'),
    ("a name of more than 253 octets loses one label only",
     lambda case, result, text, notes: "a long name" in notes,
     '7.3: "the left side is truncated to fit, by removing successive domain labels (and their '
     'following dots) until the total length does not exceed 253 characters"'),
    ("parts joined by what split them",
     lambda case, result, text, notes: "parts joined" in notes,
     '7.3: "the parts are rejoined using \'.\' and not the original splitting characters"'),
    ("an upper-case R as transformer",
     lambda case, result, text, notes: "reversed by R" in notes,
     'RFC 5234 2.3: "ABNF strings are case insensitive"'),
    ("ptr of a name that cannot be",
     lambda case, result, text, notes: (VOID in text or result == "temperror")
     and has(case, r"ptr:\S*(\.\.|x{64}|%)"),
     '5.5: "The <ip>\'s name is looked up", to be compared with the <target-name>; where that is '
     'no name (4.8: "names with empty labels, such as \'foo..example.com\', and overlong labels") '
     'nothing can match it, and nothing is asked'),
    ("an unknown modifier given twice",
     lambda case, result, text, notes:
     re.search(r"Error: (?!redirect=|exp=)\S+= MUST appear at most", text) is not None,
     '6: "Unrecognized modifiers MUST be ignored no matter where, or how often, they appear in a '
     'record."'),
    ("an include of the domain itself, which nobody reached or which goes round until the limit",
     lambda case, result, text, notes: "include has trivial recursion" in text,
     '4.6.2: "Each mechanism is considered in turn from left to right."'),
    ("a term with more than one void look-up",
     lambda case, result, text, notes: VOID in text and "a term with two voids" in notes,
     '4.6.4: "it is useful to limit the number of \'terms\' for which DNS queries return either a '
     'positive answer (RCODE 0) with an answer count of 0, or a \'Name Error\' (RCODE 3) answer"'),
    ("hosts of an mx, names of the client, behind the one that matches",
     lambda case, result, text, notes: (result == "temperror" or VOID in text)
     and "hosts behind the one that matches" in notes,
     '5.4: "If any address matches, the mechanism matches."'),
    ("a macro that the grammar does not have",
     lambda case, result, text, notes: result != "permerror" and has_bad_macro(case),
     '4.6: "if there are any syntax errors anywhere in the record, check_host() returns '
     'immediately with the result \'permerror\'"'),
    ("an explanation that ends in %%",
     lambda case, result, text, notes: result == "fail" and text == spf.EXPLANATIONS["fail"]
     and is_explanation(case, "%%$"),
     '7.1: macro-expand = ... / "%%" / "%_" / "%-"'),
]


def explain(case, theirs, reference):
    for name, predicate, _ in EXPLAINED:
        if predicate(case, theirs[0], theirs[1], reference.notes):
            return name
    return None


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("spf_evaluate has ended: %s" % json.dumps(case))
        return json.loads(line)


def fault(ours, reference, expected, zone):
    """What is wrong with our answer by the third reading; None if nothing is."""
    if (ours["result"], ours["explanation"]) != expected:
        return "ours %s %r, the RFC %s %r" % (ours["result"], ours["explanation"], *expected)
    if not ours["agrees"]:
        return "the deciding term %s is not the verdict's" % ours["term"]
    more = set(ours["asked"]) - zone.asked
    return "we ask for more: %s" % sorted(more) if more else None


def is_same(theirs, expected):
    result, text = theirs[0], theirs[1]
    if result != expected[0]:
        return False
    want = spf.EXPLANATIONS["fail"] if expected[1] is None else expected[1]
    return result != "fail" or text == want


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--only", type=int, help="the number of one case: print it")
    parser.add_argument("--program", default="tests/differential/spf_evaluate")
    arguments = parser.parse_args()
    ours = Ours(arguments.program)
    counts, results, wrong = collections.Counter(), collections.Counter(), 0
    print("seed %d" % arguments.seed)
    numbers = range(arguments.cases) if arguments.only is None else [arguments.only]
    for number in numbers:
        case = Generator(arguments.seed, number).case()
        zone = Zone(case["zone"])
        reference = Reference(case, zone.lookup, spf.TempError)
        expected = reference.check()
        answer = ours.ask(case)
        theirs = ask_pyspf(case)
        results[expected[0]] += 1
        text = fault(answer, reference, expected, zone)
        if text is None and not is_same(theirs, expected):
            name = explain(case, theirs, reference)
            counts[name] += 1
            if name is None:
                text = "not explained: theirs %s %r, ours %s %r (%s; %s)" % (
                    theirs[0], theirs[1], *expected, answer["reason"], sorted(reference.notes))
        if text is not None:
            wrong += 1
            print("case %d: %s" % (number, text))
        if arguments.only is not None:
            print(json.dumps(case, indent=1), answer, theirs[:2], expected, reference.notes)
    print("results: " + ", ".join("%s %d" % pair for pair in results.most_common()))
    for name, _, sentence in EXPLAINED:
        if counts[name]:
            print("%d explained: %s\n    %s" % (counts[name], name, sentence))
    print("%d passed, %d failed, 0 skipped" % (len(numbers) - wrong, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
