#!/usr/bin/python3
"""run.py [--build DIR] [--wrapper WORDS] [--not PATTERN] [PATTERN...]: Postseal behind a real Postfix. Private
servers in a temporary folder, on ports of 127.0.0.1 that are free; needs root (mail servers do) and
leaves nothing behind. A line a case, and a last line "N passed, N failed, N skipped". Exit status 0,
1 when a case failed, 77 when it could not run at all."""
import argparse
import os
import sys

import cases
import dkimcheck
from mta import MASTER
from procs import Failure, Place, end_on_signals
from sendmail import Sendmail
from world import Keys, Programs

# The order of the files is the order of the cases; the last ones look at what the others left.
import cases_signing  # noqa: F401  pylint: disable=unused-import
import cases_bulk  # noqa: F401  pylint: disable=unused-import
import cases_direction  # noqa: F401  pylint: disable=unused-import
import cases_login  # noqa: F401  pylint: disable=unused-import
import cases_identity  # noqa: F401  pylint: disable=unused-import
import cases_forged  # noqa: F401  pylint: disable=unused-import
import cases_inbound  # noqa: F401  pylint: disable=unused-import
import cases_observe  # noqa: F401  pylint: disable=unused-import
import cases_reload  # noqa: F401  pylint: disable=unused-import
import cases_rate  # noqa: F401  pylint: disable=unused-import
import cases_rate_shared  # noqa: F401  pylint: disable=unused-import
import cases_rules  # noqa: F401  pylint: disable=unused-import
import cases_attacks  # noqa: F401  pylint: disable=unused-import
import cases_trust  # noqa: F401  pylint: disable=unused-import
import cases_examples  # noqa: F401  pylint: disable=unused-import
import cases_load  # noqa: F401  pylint: disable=unused-import
import cases_failure  # noqa: F401  pylint: disable=unused-import
import cases_sendmail  # noqa: F401  pylint: disable=unused-import
import cases_rate_sendmail  # noqa: F401  pylint: disable=unused-import
import cases_session  # noqa: F401  pylint: disable=unused-import
import cases_conditions  # noqa: F401  pylint: disable=unused-import
import cases_lists  # noqa: F401  pylint: disable=unused-import
import cases_matrix  # noqa: F401  pylint: disable=unused-import


def skip(why):
    print("skipped: " + why)
    print("0 passed, 0 failed, %d skipped" % len(cases.CASES))
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description="Postseal behind a real Postfix.")
    parser.add_argument("--build", default="build", help="folder of postseald and postseal")
    parser.add_argument("--cache", default="build/sendmail", help="folder of unpacked Sendmail")
    parser.add_argument("--wrapper", default="", help="words to put before postseald")
    parser.add_argument("-v", "--verbose", action="store_true", help="where a case failed")
    parser.add_argument("--keep", action="store_true", help="do not remove the temporary folder")
    parser.add_argument("--not", dest="without", action="append", default=[], metavar="PATTERN",
                        help="names of cases not to run")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="names of cases to run")
    options = parser.parse_args()
    programs = Programs(os.path.abspath(options.build), options.wrapper.split())
    if os.getuid() != 0:
        skip("needs root")
    if not os.access(MASTER, os.X_OK):
        skip("needs postfix (apt-get install postfix)")
    if dkimcheck.dkim is None:
        skip("needs dkimpy (apt-get install python3-dkim)")
    if programs.missing():
        skip("not built: " + " ".join(programs.missing()))
    Sendmail.cache = os.path.abspath(options.cache)
    end_on_signals()
    place = Place(options.keep)
    try:
        context = cases.Context(place, programs, Keys(place, programs))
        passed, failed, skipped = cases.run(context, options.patterns, options.without,
                                             options.verbose)
        context.close()
    except Failure as failure:
        print("FAIL setting up: %s" % failure)
        passed, failed, skipped = 0, 1, 0
    finally:
        place.close()
    if options.keep:
        print("kept: " + place.path)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
