#!/usr/bin/python3
"""Reads what dkim_generate writes, verifies every signature with dkimpy, and prints where it or
libopendkim does not verify what we signed. Differences are explained by at most eight narrow
classes, each with the sentence of the RFC that decides it; any other difference fails the run."""
import collections
import re
import sys

import dkim


def body_of(message):
    return message.split(b"\r\n\r\n", 1)[1]


def body_canon(c):
    return c.split("/")[1]


def has_bare_cr(message):
    return re.search(rb"\r(?!\n)", body_of(message)) is not None


def has_bare_lf(message):
    return re.search(rb"(?<!\r)\n", body_of(message)) is not None


def is_body_hash(answer):
    return answer == "the body hash does not fit the body" or "body hash mismatch" in answer


# (name, who differs, predicate over message, c= and answer, the RFC's sentence)
EXPLAINED = [
    ("a bare CR in a relaxed body", "libopendkim",
     lambda message, c, answer: body_canon(c) == "relaxed" and has_bare_cr(message)
     and is_body_hash(answer),
     'RFC 6376 section 3.4.4 changes white space and empty lines only: "Reduce all sequences of '
     'WSP within a line to a single SP character"; a CR alone is neither WSP nor a line\'s end'),
    ("a bare LF in a simple body", "libopendkim",
     lambda message, c, answer: body_canon(c) == "simple" and has_bare_lf(message)
     and is_body_hash(answer),
     'RFC 6376 section 3.4.3: "It makes no other changes to the message body"'),
    ("a bare LF in a body", "dkimpy",
     lambda message, c, answer: has_bare_lf(message) and is_body_hash(answer),
     'RFC 5322 section 2.3: "CR and LF MUST only occur together as CRLF"; dkimpy makes CRLF of it, '
     'where sections 3.4.3 and 3.4.4 of RFC 6376 make no such change'),
]


def read_messages(stream):
    records = {}
    while True:
        line = stream.readline()
        if not line:
            return
        words = line.decode("ascii").rstrip("\n").split(" ")
        if words[0] == "key":
            records[words[1]] = line.decode("ascii").rstrip("\n").split(" ", 2)[2]
            continue
        if words[0] != "message" or len(words) != 5:
            sys.exit("unreadable line: %r" % line)
        results = []
        for _ in range(int(words[3])):
            results.append(stream.readline().decode("ascii").rstrip("\n").split(" ", 4)[1:])
        message = stream.read(int(words[4]))
        stream.read(1)
        yield int(words[1]), words[2], message, results, records


def verify(message, index, records):
    def lookup(name, timeout=5):
        return records[name.decode("ascii").split(".")[0]].encode("ascii")

    try:
        return dkim.DKIM(message).verify(idx=index, dnsfunc=lookup)
    except Exception as error:  # dkimpy's own parser gives up on some messages
        return "%s: %s" % (type(error).__name__, error)


def explain(who, message, c, answer):
    for name, whose, predicate, _why in EXPLAINED:
        if whose == who and predicate(message, c, str(answer)):
            return name
    return None


def main():
    explained = collections.Counter()
    unexplained = 0
    signatures = 0
    for number, classes, message, results, records in read_messages(sys.stdin.buffer):
        if len(results) != 8:
            sys.exit("message %d has %d signatures" % (number, len(results)))
        for index, (c, algorithm, result, reason) in enumerate(results):
            signatures += 1
            found = {"libopendkim": result == "pass" or reason,
                     "dkimpy": verify(message, index, records)}
            for who, answer in found.items():
                if answer is True:
                    continue
                name = explain(who, message, c, answer)
                if name is not None:
                    explained[name] += 1
                    continue
                unexplained += 1
                if unexplained <= 20:
                    print("%s, message %d (%s), %s %s: %s" % (who, number, classes, c, algorithm,
                                                              answer))
    for name, whose, _predicate, why in EXPLAINED:
        print("explained: %d x %s does not verify: %s: %s" % (explained[name], whose, name, why))
    print("%d signatures, %d explained, %d unexplained" % (signatures, sum(explained.values()),
                                                           unexplained))
    if len(EXPLAINED) > 8:
        sys.exit("more than eight classes")
    sys.exit(1 if unexplained or signatures == 0 else 0)


if __name__ == "__main__":
    main()
