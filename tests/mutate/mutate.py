#!/usr/bin/env python3
"""Changes one line of the program at a time and asks whether the tests notice (`make mutate`).

Works in a private copy of the tree; the same seed gives the same mutations, but for lines that have
changed. A mutation that does not compile, or that the compiler turns into the same machine code,
does not count: another one is drawn. The tests are those of `make check`, under the address and
undefined-behaviour sanitizers, the ones that are nearest first; the first that fails, and fails
again, ends the run.
Tests of the source's form (tests/structure.py and the like) are left out: they would see any change.

Exit status: 0 when as many were caught as --require says, 1 when fewer were, 69 when the unchanged
tree does not pass.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import operators  # noqa: E402 (found beside this file)

FOLDERS = ("policy", "keys", "filter")
# Not about what the program does.
FORM_TESTS = ("tests/structure.py", "tests/structure_test.py", "tests/install.sh", "tests/man.sh",
              "tests/mutate/mutate_test.py")
LEFT_OUT = shutil.ignore_patterns("build", "build-*", ".git", "autom4te.cache", "__pycache__")

BUILD = "the build of the tests"
CAUGHT, SURVIVED, BROKEN, EQUAL = "caught", "survived", "does not compile", "same code"


def limit():
    """A mutation may loop or grow without end."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, folder, seconds, log):
    """True when it ends well in time. What it starts ends with it."""
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True,
                               preexec_fn=limit)
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()


class Tree:
    """The private copy and its build."""

    def __init__(self, source, work, configure, jobs):
        self.root = os.path.join(work, "tree")
        self.build = os.path.join(work, "build")
        self.configure = configure
        self.jobs = jobs
        self.log_path = os.path.join(work, "log")
        # An object of an earlier run may hold that run's last mutation.
        for folder in (self.root, self.build):
            if os.path.exists(folder):
                shutil.rmtree(folder)
        shutil.copytree(source, self.root, symlinks=True, ignore=LEFT_OUT)
        # Suites that lie beside the tree.
        shared = os.path.join(source, "..", "shared")
        beside = os.path.join(work, "shared")
        if os.path.isdir(shared) and not os.path.lexists(beside):
            os.symlink(os.path.abspath(shared), beside)
        os.makedirs(self.build, exist_ok=True)

    def run(self, command, seconds):
        with open(self.log_path, "w", encoding="utf-8", errors="replace") as log:
            return run(command, self.build, seconds, log)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def prepare(self):
        """Configures and builds; False when that fails."""
        if shutil.which("autoreconf"):
            # What was copied may be older than what it is made of.
            if not run(["autoreconf", "-fi"], self.root, 600, subprocess.DEVNULL):
                return False
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        return self.run([self.root + "/configure", "CC=" + compiler, "CFLAGS=-g -O1",
                         *self.configure], 600) and self.compile()

    def compile(self):
        # One after the other: "all" is a make of its own, that would build the same files.
        return (self.run(["make", f"-j{self.jobs}", "all"], 900) and
                self.run(["make", f"-j{self.jobs}", *self.show("check_PROGRAMS").split()], 900))

    def machine_code(self, path):
        """What the compiler makes of a file, without what it notes about lines; None: nothing."""
        out = os.path.join(self.build, "mutant.o")
        flags = [word for word in self.show("COMPILE").split()
                 if not word.startswith(("-fsanitize", "-fno-sanitize", "-g"))]
        command = [*flags, "-O2", "-g0", "-w", "-c", "-o", out, os.path.join(self.root, path)]
        if not self.run(command, 120):
            return None
        with open(out, "rb") as file:
            return file.read()

    def show(self, variable):
        """The value of a variable of the makefile."""
        return subprocess.run(["make", "-s", "-f", "-", "show"], cwd=self.build, text=True,
                              input=f"include Makefile\nshow:\n\t@echo '$({variable})'\n",
                              capture_output=True, check=True).stdout.strip()

    def all_tests(self):
        """The names of the tests of `make check`, C programs first."""
        out = self.show("TESTS").split()
        names = [name for name in out if name not in FORM_TESTS]
        return sorted(names, key=lambda name: (name.endswith(".py"), name.endswith(".sh")))

    def check(self, tests):
        """The tests that fail."""
        for name in tests:
            for ending in (".trs", ".log"):
                path = os.path.join(self.build, os.path.splitext(name)[0] + ending)
                if os.path.exists(path):
                    os.remove(path)
        # Programs that scripts run, and that no test's rule names.
        if any(name.endswith((".py", ".sh")) for name in tests) and not self.compile():
            return [BUILD]
        command = ["make", f"-j{self.jobs}", "check-TESTS", "TESTS=" + " ".join(tests),
                   "LOG_COMPILER=timeout", "LOG_FLAGS=60",
                   "PY_LOG_COMPILER=timeout 240 " + sys.executable,
                   "SH_LOG_COMPILER=timeout", "SH_LOG_FLAGS=240"]
        if self.run(command, 1200):
            return []
        return re.findall(r"^(?:FAIL|ERROR): (\S+)", self.log(), re.M) or [BUILD]


def near_tests(path, tests, root):
    """Tests named after the file, then those that include its header or its folder's."""
    folder, name = os.path.split(path[:-2])
    words = [folder.replace("/", "_") + "_" + name, os.path.basename(folder) + "_" + name]
    first, second, third = [], [], []
    for test in tests:
        if not test.startswith("tests/unit/"):
            continue
        with open(os.path.join(root, test + ".c"), encoding="utf-8") as file:
            source = file.read()
        if any(test.endswith("test_" + word) for word in words):
            first.append(test)
        elif f'"{path[:-2]}.h"' in source:
            second.append(test)
        elif f'#include "{folder}/' in source:
            third.append(test)
    return [first, second + third]


def batches(path, tests, root):
    """Lists of tests, to be run one after the other."""
    near = near_tests(path, tests, root)
    known = set(near[0] + near[1])
    rest = [test for test in tests if test not in known]
    programs = [test for test in rest if not test.endswith((".py", ".sh"))]
    # The fuzz targets' corpora want a build of nearly everything.
    scripts = [test for test in rest if test.endswith((".py", ".sh"))]
    return [batch for batch in (*near, programs, scripts) if batch]


def write(root, mutation, line):
    path = os.path.join(root, mutation.path)
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    lines[mutation.line - 1] = line
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def judge(tree, mutation, tests):
    """(outcome, the test that caught it) of one mutation."""
    before = tree.machine_code(mutation.path)
    write(tree.root, mutation, mutation.after)
    try:
        after = tree.machine_code(mutation.path)
        if after is None:
            return BROKEN, ""
        if after == before:
            return EQUAL, ""
        for batch in batches(mutation.path, tests, tree.root):
            for failed in tree.check(batch):
                # Twice: a busy machine fails a test, too.
                if failed == BUILD or tree.check([failed]):
                    return CAUGHT, failed
        return SURVIVED, ""
    finally:
        write(tree.root, mutation, mutation.before)


def draw(root, seed):
    """One mutation for each line that has some, in an order that only the seed and the line's own
    text give: what is changed elsewhere in the tree does not change it."""
    drawn = []
    for folder in FOLDERS:
        for path, folders, names in sorted(os.walk(os.path.join(root, folder))):
            folders.sort()
            for name in sorted(names):
                if name.endswith(".c"):
                    relative = os.path.relpath(os.path.join(path, name), root)
                    with open(os.path.join(root, relative), encoding="utf-8") as file:
                        drawn += draw_file(operators.mutations(relative, file.read()), seed)
    return [mutation for _, mutation in sorted(drawn)]


def draw_file(lines, seed):
    """(place in the order, mutation) for each line of a file."""
    seen = collections.Counter()
    for line in lines:
        key = (line[0].path, line[0].before)
        seen[key] += 1
        digest = hashlib.sha256(f"{seed} {key[0]} {key[1]} {seen[key]}".encode()).digest()
        yield digest, line[int.from_bytes(digest[:4], "big") % len(line)]


def run_all(tree, arguments, tests):
    """Prints each outcome as it comes; the list of (mutation, outcome, test)."""
    outcomes = []
    counted = 0
    for mutation in draw(tree.root, arguments.seed):
        if counted == arguments.count:
            break
        if arguments.only and f"{mutation.path}:{mutation.line}" not in arguments.only:
            continue
        start = time.monotonic()
        outcome, test = judge(tree, mutation, tests)
        seconds = time.monotonic() - start
        outcomes.append((mutation, outcome, test))
        counted += outcome in (CAUGHT, SURVIVED)
        print(f"{counted:3} {outcome:16} {mutation.path}:{mutation.line} {mutation.kind} "
              f"{seconds:.0f} s {test}\n      - {mutation.before.strip()}\n"
              f"      + {mutation.after.strip()}", flush=True)
    return outcomes


def report(outcomes, arguments):
    """The sums, and the survivors once more; the exit status."""
    by = {word: [item for item in outcomes if item[1] == word]
          for word in (CAUGHT, SURVIVED, BROKEN, EQUAL)}
    counted = len(by[CAUGHT]) + len(by[SURVIVED])
    print(f"seed {arguments.seed}: {len(by[CAUGHT])} of {counted} caught; not counted: "
          f"{len(by[BROKEN])} did not compile, {len(by[EQUAL])} were the same machine code")
    for mutation, _, _ in by[SURVIVED]:
        print(f"survived: {mutation.path}:{mutation.line}: {mutation.kind}: "
              f"{mutation.before.strip()}  ->  {mutation.after.strip()}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump([{**mutation._asdict(), "outcome": outcome, "test": test}
                       for mutation, outcome, test in outcomes], file, indent=1)
    return 0 if len(by[CAUGHT]) >= arguments.require * counted else 1


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--require", type=float, default=0.9, help="share to catch (0.9)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", help="keep the copy and its build here")
    parser.add_argument("--source", default=os.path.join(os.path.dirname(__file__), "..", ".."))
    parser.add_argument("--only", action="append", metavar="FILE:LINE",
                        help="only mutations drawn for this line")
    parser.add_argument("--json", help="write the outcomes to this file")
    parser.add_argument("--list", action="store_true", help="print what is drawn and stop")
    parser.add_argument("configure", nargs="*", default=["--enable-asan", "--enable-ubsan"],
                        help="arguments for configure (both sanitizers)")
    return parser.parse_args(argv)


def main(argv):
    arguments = parse(argv)
    if arguments.list:
        for _, mutation in zip(range(arguments.count), draw(arguments.source, arguments.seed)):
            print(f"{mutation.path}:{mutation.line}: {mutation.kind}: {mutation.after.strip()}")
        return 0
    work = arguments.work or tempfile.mkdtemp(prefix="mutate-")
    try:
        tree = Tree(os.path.abspath(arguments.source), work, arguments.configure, arguments.jobs)
        if not tree.prepare():
            print(tree.log()[-4000:], file=sys.stderr)
            print("mutate: the unchanged tree does not build", file=sys.stderr)
            return 69
        tests = tree.all_tests()
        for failed in tree.check(tests):
            if failed == BUILD or tree.check([failed]):
                print(tree.log()[-4000:], file=sys.stderr)
                print(f"mutate: {failed} fails without any mutation", file=sys.stderr)
                return 69
        return report(run_all(tree, arguments, tests), arguments)
    finally:
        if not arguments.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
