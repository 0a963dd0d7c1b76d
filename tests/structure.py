#!/usr/bin/env python3
"""The house rules that a compiler does not check; `make check` runs it.

    tests/structure.py [ROOT]

Prints "file:line: fault" for each breach and exits 1 if there was one, 2 if a tool is missing.
It reads: which folder may include which; where a system header or call may be used; how long
functions, files and lines may be; that each .c has its .h and stands in Makefile.am; that
clang-format would change nothing.
"""

import os
import re
import shutil
import subprocess
import sys

FUNCTION_LINES = 100
FILE_LINES = 1000
COLUMNS = 100

# What each folder may include: one way only, from left to right.
ORDER = {
    "base": {"base"},
    "dns": {"base", "dns"},
    "conf": {"base", "conf"},
    "store": {"base", "store"},
    "keys": {"base", "dns", "conf", "store", "keys"},
    "policy": {"base", "dns", "conf", "store", "keys", "policy"},
    "history": {"base", "dns", "conf", "store", "keys", "policy", "history"},
    "filter": {"base", "dns", "conf", "store", "keys", "policy", "history", "filter"},
    "tool": {"base", "dns", "conf", "store", "keys", "policy", "history", "tool"},
}

# A system header (or a directory of them) and the only places that may include it. Tests may.
HEADERS = {
    "jansson.h": ["base/"],
    "unbound.h": ["dns/"],
    "confuse.h": ["conf/"],
    "lmdb.h": ["store/"],
    "sqlite3.h": ["store/"],
    "hiredis/": ["store/"],
    "openssl/evp.h": ["keys/", "policy/dkim/", "store/"],
    "openssl/": ["keys/", "store/"],
    "opendkim/": ["policy/"],
    "idn2.h": ["policy/"],
    "libpsl.h": ["policy/"],
    "spf2/": ["policy/"],
    "libmilter/": ["filter/"],
    "microhttpd.h": ["filter/"],
    "cmocka.h": [],
}

# Calls that only base/ makes.
BASE_CALLS = re.compile(
    r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf"
    r"|time|clock_gettime|gettimeofday)\s*\(")

# Sources whose contract is another header: backends behind a table of operations, and the parts of
# one module.
CONTRACTS = {
    "dns/unbound.c": "dns/resolver.h",
    "dns/zone.c": "dns/resolver.h",
    "keys/store_new.c": "keys/store.h",
    "policy/dmarc/lint_record.c": "policy/dmarc/lint-private.h",
    "policy/dmarc/lint_reports.c": "policy/dmarc/lint-private.h",
    "store/map_lmdb.c": "store/map-private.h",
    "store/map_text.c": "store/map-private.h",
    "policy/stage_content.c": "policy/session-private.h",
    "policy/stage_envelope.c": "policy/session-private.h",
}

# The same for all sources whose path begins so.
CONTRACTS_BY_PREFIX = {"policy/conditions_": "policy/conditions.h"}

# The only variables of file scope that are not const.
VARIABLES = {
    ("base/log.c", "settings"),
    ("conf/reader.c", "lexer_lock"),
    ("conf/reader.c", "running"),
    ("filter/callbacks.c", "the_daemon"),
    ("store/guard.c", "way_back"),
}

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.M)


class Faults:
    def __init__(self):
        self.lines = []

    def add(self, path, line, text):
        self.lines.append(f"{path}:{line}: {text}")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def blank(match):
    """Nothing but the newlines, so that line numbers stay; quotes stay as an empty string."""
    text = match.group(0)
    return ('""' if text[0] == '"' else " ") + "\n" * text.count("\n")


def without_comments(source):
    return COMMENT.sub(lambda m: blank(m) if m.group(0)[0] == "/" else m.group(0), source)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def list_files(root, endings):
    """Paths relative to root, in our folders; test data is not ours to judge."""
    for folder in list(ORDER) + ["tests"]:
        for directory, names, files in os.walk(os.path.join(root, folder)):
            relative = os.path.relpath(directory, root)
            names[:] = sorted(n for n in names
                              if not n.startswith((".", "__"))
                              and os.path.join(relative, n) != os.path.join("tests", "data"))
            for name in sorted(files):
                if name.endswith(endings):
                    yield os.path.join(relative, name)


def check_system_header(path, line, header, faults):
    for name, places in HEADERS.items():
        if header == name or (name.endswith("/") and header.startswith(name)):
            if not path.startswith(tuple(places)):
                where = " and ".join(places) or "tests/"
                faults.add(path, line, f"<{header}> belongs to {where} only")
            # The first entry that fits is the narrowest.
            return


def check_includes(path, source, faults):
    folder = path.split("/")[0]
    for match in INCLUDE.finditer(without_comments(source)):
        line = line_of(source, match.start(1))
        kind, header = match.groups()
        if kind == "<":
            if folder != "tests":
                check_system_header(path, line, header, faults)
            continue
        target = header.split("/")[0]
        if header == "config.h":
            continue
        if "/" not in header or target not in list(ORDER) + ["tests"] or ".." in header:
            faults.add(path, line, f'"{header}" is not folder/file.h')
        elif folder != "tests" and target not in ORDER[folder]:
            faults.add(path, line, f"{folder}/ may not include {target}/ (see ORDER)")


def check_calls(path, source, faults):
    if path.split("/")[0] in ("base", "tests"):
        return
    code = COMMENT.sub(blank, source)
    for match in BASE_CALLS.finditer(code):
        faults.add(path, line_of(code, match.start(1)),
                   f"{match.group(1)}() is called in base/ only")


def check_lengths(path, source, faults):
    lines = source.splitlines()
    if len(lines) > FILE_LINES:
        faults.add(path, len(lines), f"{len(lines)} lines, more than {FILE_LINES}")
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > COLUMNS:
            faults.add(path, number, f"{len(line.expandtabs(8))} columns, more than {COLUMNS}")


def check_pairs(root, path, faults):
    folder, name = path.split("/")[0], os.path.basename(path)
    if folder == "tests" or name == "main.c" or not name.endswith(".c"):
        return
    # A module in two files: x.h is its contract, x-private.h what x.c and x_more.c share.
    headers = [path[:-1] + "h", CONTRACTS.get(path, path[:-1] + "h")]
    headers += [os.path.join(os.path.dirname(path), name[:i]) + "-private.h"
                for i, letter in enumerate(name) if letter == "_"]
    headers += [header for prefix, header in CONTRACTS_BY_PREFIX.items() if path.startswith(prefix)]
    if not any(os.path.exists(os.path.join(root, header)) for header in headers):
        faults.add(path, 1, f"no {name[:-1]}h beside it")


def check_makefile(root, paths, faults):
    """What stands in no list is neither built nor distributed."""
    listed = set(read(root, "Makefile.am").replace("\\", " ").split())
    for path in paths:
        if path not in listed and path[:-2] not in listed:
            faults.add(path, 1, "stands in no list of Makefile.am")


def is_const(root, path, line):
    """Whether the declaration that reaches this line says const: it may begin some lines above,
    with the members of its struct between."""
    lines = read(root, path).splitlines()[:line]
    while len(lines) > 1 and lines[-1][:1] in ("", " ", "}"):
        if "const" in lines[-1].split():
            return True
        lines.pop()
    return "const" in lines[-1].split()


def check_tags(root, paths, ctags, faults):
    """Functions' lengths and file-scope variables, as ctags sees them."""
    out = run([ctags, "-x", "--language-force=C", "--c-kinds=fv",
               "--_xformat=%K\t%N\t%F\t%n\t%e", "-L", "-"], root, "\n".join(paths) + "\n")
    if out.returncode != 0:
        stop("ctags", "universal-ctags", out.stderr)
    for row in out.stdout.splitlines():
        kind, name, path, start, end = row.split("\t")
        if kind == "function" and end.isdigit() and int(end) - int(start) >= FUNCTION_LINES:
            faults.add(path, start, f"{name}() has {int(end) - int(start) + 1} lines, "
                                    f"more than {FUNCTION_LINES}")
        if (kind == "variable" and not path.startswith("tests/")
                and (path, name) not in VARIABLES and not is_const(root, path, int(start))):
            faults.add(path, start, f"{name}: a file-scope variable that is not const")


def check_format(root, paths, clang_format, faults):
    out = run([clang_format, "--dry-run", "--ferror-limit=1"] + paths, root, "")
    for match in re.finditer(r"^(\S+?):(\d+):\d+: warning: ", out.stderr, re.M):
        faults.add(match.group(1), match.group(2), "clang-format would change this file")
    if out.returncode != 0:
        stop("clang-format", "clang-format", out.stderr)


def run(command, root, stdin):
    return subprocess.run(command, cwd=root, input=stdin, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)


def stop(tool, package, detail=""):
    print(f"structure: {tool} cannot be used {detail}; on Debian: apt-get install {package}")
    sys.exit(2)


def find_tool(variable, name, package):
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        stop(name, package)
    return path


def check_tree(root):
    ctags = find_tool("CTAGS", "ctags", "universal-ctags")
    clang_format = find_tool("CLANG_FORMAT", "clang-format", "clang-format")
    faults = Faults()
    sources = list(list_files(root, (".c", ".h")))
    for path in sources:
        source = read(root, path)
        check_includes(path, source, faults)
        check_calls(path, source, faults)
        check_lengths(path, source, faults)
        check_pairs(root, path, faults)
    check_makefile(root, sources, faults)
    if sources:
        check_tags(root, sources, ctags, faults)
        check_format(root, sources, clang_format, faults)
    return sources, faults.lines


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("srcdir", ".")
    sources, faults = check_tree(root)
    for fault in faults:
        print(fault)
    print(f"structure: {len(sources)} files, {len(faults)} faults")
    if not sources:
        print(f"structure: no sources below {root}")
    return 1 if faults or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
