#!/usr/bin/env python3
"""Attacks that are refused, each with an honest twin that differs as little as possible and is
accepted; judged by `postseal eval` with the packaged rules. Run by `make check` in the folder of
the build; names of cases as arguments run those alone."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from attacks import table  # noqa: E402  pylint: disable=wrong-import-position
from attacks.world import World, read_authres  # noqa: E402  pylint: disable=wrong-import-position


def expect(faults, what, got, want):
    if got != want:
        faults.append("%s: %r, not %r" % (what, got, want))


def check_authres(got, is_judged, faults):
    """Exactly one field of ours, on top of all, readable, and it says what the record says."""
    value = got["authentication_results"]
    inserts = [edit for edit in got["edits"] if edit["op"] == "insert"]
    ours = [edit for edit in inserts if edit["name"].lower() == "authentication-results"]
    if not is_judged:
        expect(faults, "A-R of what was not judged", value, None)
        return
    name, results = read_authres(value)
    expect(faults, "authserv-id", name, "mx.example.org")
    expect(faults, "results of dmarc", len([1 for method, _ in results if method == "dmarc"]), 1)
    if len([1 for method, _ in results if method == "spf"]) > 2:
        faults.append("more than two results of spf")
    signatures = [result for method, result in results if method == "dkim"]
    expect(faults, "dkim in A-R", signatures,
           [one["result"] for one in got["dkim"]] or ["none"])
    dmarc = got["dmarc"]["result"] if got["dmarc"] else "permerror"
    expect(faults, "dmarc in A-R", dict(results)["dmarc"], dmarc)
    if got["verdict"]["action"] in ("continue", "mark", "accept"):
        expect(faults, "fields of ours", [edit["value"] for edit in ours], [value])
        expect(faults, "the field on top", inserts[-1]["name"], "Authentication-Results")
    else:
        expect(faults, "edits of what was refused", got["edits"], [])


def check(got, want):
    """want: {"action", "code", "enhanced", "rule", "dmarc", "text", "deleted"}; what is not there
    is not looked at, but for dmarc=pass, which must be said."""
    faults = []
    verdict = got["verdict"]
    for member in ("action", "code", "enhanced", "rule", "stage"):
        if member in want:
            expect(faults, member, verdict[member], want[member])
    if want.get("text", "") not in verdict["text"]:
        faults.append("text: %r" % verdict["text"])
    dmarc = got["dmarc"]["result"] if got["dmarc"] else None
    if "dmarc" in want:
        expect(faults, "dmarc", dmarc, want["dmarc"])
    elif dmarc == "pass":
        faults.append("dmarc=pass, which the row does not say")
    if "deleted" in want:
        expect(faults, "deleted", [(edit["name"], edit["index"]) for edit in got["edits"]
                                   if edit["op"] == "delete"], want["deleted"])
    check_authres(got, verdict["stage"] not in ("connect", "helo", "mail", "rcpt", "data"),
                  faults)
    return faults


def run(world, row):
    faults = []
    for kind, mail, want in (("attack", row.attack, row.want), ("twin", row.twin, row.twin_want)):
        try:
            got = world.evaluate(mail)
            found = check(got, want)
        except AssertionError as error:
            found, got = [str(error)], {}
        if found:
            faults += ["%s: %s" % (kind, fault) for fault in found]
            faults.append("    A-R: %s" % got.get("authentication_results"))
    return faults


def main():
    wanted = sys.argv[1:]
    failures = count = 0
    with tempfile.TemporaryDirectory(prefix="postseal-attacks-") as folder:
        world = World(folder)
        for row in table.rows(world):
            if wanted and row.name not in wanted:
                continue
            count += 1
            faults = run(world, row)
            failures += bool(faults)
            if faults:
                print("FAIL  %s" % row.name)
                for fault in faults:
                    print("      %s" % fault)
    print("%d attacks and their twins, %d failed" % (count, failures))
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
