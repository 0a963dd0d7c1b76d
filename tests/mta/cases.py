"""The table of cases and what they are run in."""
import fnmatch
import time
import traceback

from inbound import PACKAGED_RULES, RULES
from procs import Failure
from secure import SecurePostfix, SecureSendmail
from sendmail import Unavailable
from world import World

CASES = []

# Worlds that several cases share: their postseald's socket and further configuration.
SHARED = {
    "unix": {"listen": "unix"},
    "inet": {"listen": "inet"},
    "inbound": {"listen": "unix", "more": PACKAGED_RULES},
    "rules": {"listen": "unix", "more": RULES},
    "secure-postfix": {"server": SecurePostfix},
    "secure-sendmail": {"server": SecureSendmail},
}


class Skip(Exception):
    """What a case needs cannot be had here."""


def case(world=None):
    """A test: gets the shared world of that name, or (without a name) the Context, to make its
    own. Its name is the function's; its first line of documentation says what it shows."""

    def add(function):
        CASES.append((function.__name__, world, function))
        return function

    return add


def both(function):
    """A test that runs in the shared world with logins and TLS of each server."""
    for server in ("postfix", "sendmail"):
        CASES.append((server + "_" + function.__name__, "secure-" + server, function))
    return function


def require(condition, what, *values):
    if not condition:
        raise Failure(what % values if values else what)


class Context:
    """Makes worlds; those of a case are closed after it."""

    def __init__(self, place, programs, keys):
        self.place, self.programs, self.keys = place, programs, keys
        self._shared = {}
        self._own = []
        self._further = []
        self._count = 0

    def shared(self, name):
        if name not in self._shared:
            self._shared[name] = World(self.place, self.programs, self.keys, name, **SHARED[name])
        return self._shared[name]

    def own(self, **options):
        self._count += 1
        world = World(self.place, self.programs, self.keys, "own%d" % self._count, **options)
        self._own.append(world)
        return world

    def also(self, stop, daemon=None):
        """What else a case has started, and whose log is looked at."""
        self._further.append((stop, daemon))

    def end_own(self):
        """Ends the worlds of a case; Failure when a daemon left a report of a sanitizer."""
        daemons = [world.daemon for world in self._own]
        daemons += [daemon for _, daemon in self._further if daemon]
        self.close_own()
        for daemon in daemons:
            found = daemon.log_lines(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:")
            require(not found, "%s; see %s", found[:1], daemon.log_path)

    def close_own(self):
        while self._own:
            self._own.pop().close()
        while self._further:
            self._further.pop(0)[0]()

    def close(self):
        self.close_own()
        for world in self._shared.values():
            world.close()


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def run(context, patterns, without=(), verbose=False):
    """Runs the cases that match, prints a line each; returns (passed, failed, skipped)."""
    passed = failed = skipped = 0
    for name, world, function in CASES:
        if (patterns and not matches(name, patterns)) or matches(name, without):
            continue
        begin = time.monotonic()
        try:
            function(context.shared(world) if world else context)
            context.end_own()
        except (Skip, Unavailable) as why:
            skipped += 1
            print("skipped: %s: %s" % (name, why), flush=True)
        except Exception as error:  # pylint: disable=broad-except  # a case must not end the run
            failed += 1
            why = str(error) if isinstance(error, Failure) else repr(error)
            print("FAIL %s: %s" % (name, " ".join(why.split())), flush=True)
            if verbose or not isinstance(error, Failure):
                traceback.print_exc()
        else:
            passed += 1
            print("ok %s (%.1f s)" % (name, time.monotonic() - begin), flush=True)
        finally:
            context.close_own()
    return passed, failed, skipped
