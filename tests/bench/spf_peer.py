#!/usr/bin/env python3
"""tests/bench/spf_peer.py COUNT: python3-spf beside tests/bench/spf. Reads lines of "client domain",
then an empty line, then the zone as "owner TYPE value" lines, and prints the processor time of one
evaluation in microseconds, a line for each."""

import ipaddress
import sys
import time

import spf


def read():
    asked, zone, into_zone = [], {}, False
    for line in sys.stdin:
        line = line.rstrip("\n")
        if not line:
            into_zone = True
        elif into_zone:
            owner, kind, value = line.split(" ", 2)
            zone.setdefault((owner, kind), []).append(value)
        else:
            asked.append(line.split(" "))
    return asked, zone


def answer(zone):
    def value_of(kind, text):
        if kind == "MX":
            preference, host = text.split(" ")
            return int(preference), host
        if kind == "TXT":
            return (text.encode(),)
        if kind == "AAAA":
            return ipaddress.ip_address(text).packed
        return text

    table = {key: [((key[0], key[1]), value_of(key[1], text)) for text in values]
             for key, values in zone.items()}

    def look_up(name, kind, *_, **__):
        return table.get((name.lower().rstrip("."), kind), [])

    return look_up


def main():
    count = int(sys.argv[1])
    asked, zone = read()
    spf.DNSLookup = answer(zone)
    for client, domain in asked:
        begin = time.thread_time()
        for _ in range(count):
            result = spf.check2(i=client, s="user@" + domain, h=domain)[0]
        used = time.thread_time() - begin
        if result != "pass":
            sys.exit(f"{domain}: {result}")
        print(f"{used / count * 1e6:.2f}")


if __name__ == "__main__":
    main()
