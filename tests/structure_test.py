#!/usr/bin/env python3
"""Proves that tests/structure.py finds each fault, and none in a tree that has none."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import structure  # noqa: E402 (found beside this file)

GOOD_C = '#include "base/good.h"\n\nint good(void)\n{\n    return 1;\n}\n'
GOOD_H = "int good(void);\n"

# name, files beside the good tree, what must be found ("" for nothing)
CASES = [
    ("nothing", {}, ""),
    ("arrow to the right", {"dns/x.h": '#include "policy/y.h"\n'},
     "dns/x.h:1: dns/ may not include policy/"),
    ("neighbours", {"dns/x.h": '#include "conf/y.h"\n'}, "dns/ may not include conf/"),
    ("tool and filter", {"tool/x.h": '#include "filter/y.h"\n'}, "tool/ may not include filter/"),
    ("filter and tool", {"filter/x.h": '#include "tool/y.h"\n'}, "filter/ may not include tool/"),
    ("base and dns", {"base/x.h": '#include "dns/y.h"\n'}, "base/ may not include dns/"),
    ("arrow to the left", {"keys/x.h": '#include "dns/y.h"\n'}, ""),
    ("tests may", {"tests/unit/x.c": '#include "filter/y.h"\n#include <jansson.h>\n'}, ""),
    ("arrow in a comment", {"dns/x.h": '/*\n#include "policy/y.h"\n*/\n'}, ""),
    ("no folder", {"dns/x.h": '#include "y.h"\n'}, '"y.h" is not folder/file.h'),
    ("upwards", {"dns/x.h": '#include "base/../dns/y.h"\n'}, "is not folder/file.h"),
    ("config.h", {"dns/x.h": '#include "config.h"\n'}, ""),
    ("jansson", {"policy/x.h": "#include <jansson.h>\n"}, "<jansson.h> belongs to base/ only"),
    ("jansson at home", {"base/x.h": "#include <jansson.h>\n"}, ""),
    ("unbound", {"policy/x.h": "\n#include <unbound.h>\n"}, "policy/x.h:2: <unbound.h> belongs"),
    ("confuse", {"policy/x.h": "#include <confuse.h>\n"}, "<confuse.h> belongs to conf/ only"),
    ("opendkim", {"filter/x.h": "#include <opendkim/dkim.h>\n"}, "belongs to policy/ only"),
    ("idn2", {"dns/x.h": "#include <idn2.h>\n"}, "<idn2.h> belongs to policy/ only"),
    ("spf2", {"dns/x.h": "#include <spf2/spf.h>\n"}, "<spf2/spf.h> belongs to policy/ only"),
    ("milter", {"policy/x.h": "#include <libmilter/mfapi.h>\n"}, "belongs to filter/ only"),
    ("openssl", {"policy/dkim/x.h": "#include <openssl/pem.h>\n"}, "belongs to keys/ and store/ only"),
    ("digests", {"policy/dkim/x.h": "#include <openssl/evp.h>\n"}, ""),
    ("malloc", {"dns/x.h": "\n#define X malloc(1)\n"}, "dns/x.h:2: malloc() is called in base/"),
    ("free", {"dns/x.h": "\n#define X free(y)\n"}, "free() is called in base/ only"),
    ("strdup", {"dns/x.h": "#define X strdup(y)\n"}, "strdup() is called in base/ only"),
    ("time", {"policy/x.h": "#define X time(NULL)\n"}, "time() is called in base/ only"),
    ("clock", {"policy/x.h": "#define X clock_gettime(0, y)\n"}, "clock_gettime() is called in"),
    ("malloc at home", {"base/x.h": "#define X malloc(1)\n"}, ""),
    ("malloc in words", {"dns/x.h": '/* malloc(1) */\n#define X "time(0)"\n'}, ""),
    ("other names",
     {"dns/x.h": "#define X y->free(z) + y.time(z) + my_free(z)\n"}, ""),
    ("function of 100", {"base/x.c": "int f(void)\n{\n" + "    f();\n" * 97 + "}\n",
                         "base/x.h": ""}, ""),
    ("function of 101", {"base/x.c": "int f(void)\n{\n" + "    f();\n" * 98 + "}\n",
                         "base/x.h": ""}, "base/x.c:1: f() has 101 lines"),
    ("file of 1,000", {"base/x.h": "int x(void);\n" * 1000}, ""),
    ("file of 1,001", {"base/x.h": "int x(void);\n" * 1001}, "1001 lines, more than 1000"),
    ("100 columns", {"base/x.h": "/* " + "x" * 94 + " */\n"}, ""),
    ("101 columns",
     {"base/x.h": '\n#include "base/' + "x" * 83 + '.h"\n'}, "base/x.h:2: 101 columns"),
    ("no header", {"dns/x.c": "int f(void);\n"}, "dns/x.c:1: no x.h beside it"),
    ("part of a module", {"dns/x_more.c": "int f(void);\n", "dns/x-private.h": ""}, ""),
    ("main needs none", {"filter/main.c": "int f(void);\n"}, ""),
    ("tests need none", {"tests/unit/x.c": "int f(void);\n"}, ""),
    ("variable", {"dns/x.c": "static int count;\n", "dns/x.h": ""},
     "dns/x.c:1: count: a file-scope variable that is not const"),
    ("constant", {"dns/x.c": "static const int count = 1;\n", "dns/x.h": ""}, ""),
    ("constant struct",
     {"dns/x.c": "static const struct {\n    int a;\n} xs[] = {\n    {1},\n};\n", "dns/x.h": ""},
     ""),
    ("variable struct",
     {"dns/x.c": "static struct {\n    int a;\n} xs[] = {\n    {1},\n};\n", "dns/x.h": ""},
     "dns/x.c:3: xs: a file-scope variable"),
    ("local variable", {"dns/x.c": "int f(void)\n{\n    int x;\n}\n", "dns/x.h": ""}, ""),
    ("format", {"base/x.h": "int   x(void);\n"}, "base/x.h:1: clang-format would change this file"),
    ("test data is not ours", {"tests/data/x.c": "int   x = free(1);\n"}, ""),
    ("in no list", {"base/forgotten.c": "int x(void);\n", "base/forgotten.h": ""},
     "base/forgotten.c:1: stands in no list"),
]


def write_tree(root, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)


def find_faults(files):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", ".clang-format"), encoding="utf-8") as file:
        style = file.read()
    tree = {"base/good.c": GOOD_C, "base/good.h": GOOD_H, ".clang-format": style}
    tree.update(files)
    tree["Makefile.am"] = " \\\n".join(p for p in tree if p != "base/forgotten.c")
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, tree)
        return structure.check_tree(root)[1]


def main():
    failed = 0
    for name, files, want in CASES:
        faults = find_faults(files)
        is_right = any(want in f for f in faults) and len(faults) == 1 if want else not faults
        if not is_right:
            print(f"{name}: want {want!r}, got {faults[:3]}")
            failed += 1
    print(f"structure_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
