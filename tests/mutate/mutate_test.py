#!/usr/bin/env python3
"""Proves that tests/mutate draws what it says: what is changed, what is left alone, what is caught."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mutate  # noqa: E402 (found beside this file)
import operators  # noqa: E402

# one line of a body, and the changed forms that there must be; all of them where `is_all`.
LINES = [
    ("if (a == b)", ["if (a != b)"]),
    ("if (a <= b && !c)", ["if (a < b && !c)", "if (a <= b || !c)", "if (a <= b && c)"]),
    ("if (a != 0)", ["if (a == 0)", "if (a != 1)"]),
    ("x = y + 10;", ["x = y - 10;", "x = y + 11;", "x = y + 9;", ";"]),
    ("mode = 0750;", ["mode = 489;", "mode = 487;", ";"]),
    ("return true;", ["return false;"]),
    ("count++;", ["count--;", ";"]),
    ("x |= y;", ["x = y;", ";"]),
    ("f(a->b, 'x', \"1 == 2 && true\");", [";"]),
    ("f(x); /* a == b */", [";"]),
    ("x = a->b1;", [";"]),
    ("int y = f(x);", []),
    ("struct thing *z;", []),
    ("base_mem_free(x);", []),
    ("thing_destroy(&x);", []),
    ("(void)f(x);", []),
    ("x = NULL;", []),
    ("break;", []),
    ("return f(x);", []),
    ("#if A == 1", []),
]

TABLE = "static const int table[] = {\n    1, 2,\n};\n\n#define X(a) (a == 1)\n"

PROGRAM = """/* a == b */
int f(int a);

int f(int a)
{
    if (a == 1)
        return 0;
    a = a + 0;
    return missing ? 1 : 2;
}
"""


def check(is_true, what):
    if not is_true:
        print("FAILED: " + what)
        sys.exit(1)


def test_lines():
    for line, wanted in LINES:
        source = f"int f(int a)\n{{\n    {line}\n}}\n"
        found = [mutation.after.strip() for here in operators.mutations("x.c", source)
                 for mutation in here]
        check(sorted(found) == sorted(wanted), f"{line}: {found}")


def test_places():
    check(not operators.mutations("x.c", TABLE), "tables and macros are left alone")
    found = operators.mutations("x.c", "int f(void)\n{\n    f(a,\n      b);\n    /* a;\n    b; */\n}\n")
    check(not found, f"a part of a statement is not deleted: {found}")
    numbers = [here[0].line for here in operators.mutations("x.c", PROGRAM)]
    check(numbers == [6, 7, 8, 9], f"lines are counted from 1: {numbers}")


def write(root, path, text):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_draw(root):
    write(root, "policy/x.c", PROGRAM)
    write(root, "keys/y/z.c", PROGRAM)
    write(root, "base/no.c", PROGRAM)
    first = list(mutate.draw(root, 1))
    check(first == list(mutate.draw(root, 1)), "the same seed, the same mutations")
    check(any(first != list(mutate.draw(root, seed)) for seed in range(2, 9)), "a seed matters")
    check({item.path for item in first} == {"policy/x.c", "keys/y/z.c"}, "these folders only")
    check(len(first) == 8, "each line once")
    write(root, "filter/new.c", "int g(void)\n{\n    return 1;\n}\n")
    more = [item for item in mutate.draw(root, 1) if item.path != "filter/new.c"]
    check(more == first, "what is new elsewhere does not change the order")
    os.remove(os.path.join(root, "filter/new.c"))


class FakeTree:
    """`missing` never compiles; a change of a + 0 is none; the test sees only a == 1."""

    def __init__(self, root):
        self.root = root

    def read(self):
        with open(os.path.join(self.root, "policy/x.c"), encoding="utf-8") as file:
            return file.read()

    def machine_code(self, _):
        source = self.read()
        if "missing ? 1 : 2" not in source:
            return None
        return source.replace("a = a + 0;", "").replace("a = a - 0;", "")

    def check(self, tests):
        """The second one fails once, whatever is tested."""
        failed = [tests[0]] if "a == 1" not in self.read() else []
        if len(tests) > 1:
            failed.append(tests[1])
        return failed


def test_judge(root):
    write(root, "tests/unit/test_policy_x.c", '#include "policy/x.h"\n')
    tree = FakeTree(root)
    seen = {}
    for here in operators.mutations("policy/x.c", PROGRAM):
        for mutation in here:
            outcome = mutate.judge(tree, mutation, ["tests/a.py", "tests/b.py",
                                                    "tests/unit/test_policy_x"])
            seen.setdefault(mutation.before.strip(), set()).add((mutation.after.strip(), *outcome))
            check(tree.read() == PROGRAM, "the line is put back")
    name = "tests/unit/test_policy_x"
    check(("if (a != 1)", mutate.CAUGHT, name) in seen["if (a == 1)"], f"caught: {seen}")
    check(("return 1;", mutate.SURVIVED, "") in seen["return 0;"], f"survived: {seen}")
    check(("a = a - 0;", mutate.EQUAL, "") in seen["a = a + 0;"], f"same code: {seen}")
    check({item[1] for item in seen["return missing ? 1 : 2;"]} == {mutate.BROKEN}, "broken")


def test_near(root):
    for name, header in [("policy_x", "base/x.h"), ("policy_y", "policy/x.h"),
                         ("policy_z", "policy/z.h"), ("base_x", "base/x.h")]:
        write(root, f"tests/unit/test_{name}.c", f'#include "{header}"\n')
    tests = [f"tests/unit/test_{name}" for name in ("base_x", "policy_z", "policy_y", "policy_x")]
    found = mutate.batches("policy/x.c", tests + ["tests/a.py", "tests/conformance/b"], root)
    check(found == [[tests[3]], [tests[2], tests[1]], [tests[0], "tests/conformance/b"],
                    ["tests/a.py"]], f"the nearest tests first: {found}")


def test_report():
    mutation = operators.Mutation("x.c", 1, "kind", "a", "b")
    for caught, survived, wanted in [(9, 1, 0), (8, 2, 1), (1, 0, 0), (0, 1, 1)]:
        outcomes = ([(mutation, mutate.CAUGHT, "t")] * caught +
                    [(mutation, mutate.SURVIVED, "")] * survived +
                    [(mutation, mutate.BROKEN, ""), (mutation, mutate.EQUAL, "")])
        status = mutate.report(outcomes, mutate.parse([]))
        check(status == wanted, f"{caught} of {caught + survived}: {status}")


def test_time():
    with open(os.devnull, "w", encoding="utf-8") as log:
        check(mutate.run(["true"], "/", 10, log), "what ends well")
        check(not mutate.run(["false"], "/", 10, log), "what fails")
        check(not mutate.run(["sleep", "60"], "/", 0.1, log), "what does not end")


def main():
    test_lines()
    test_places()
    with tempfile.TemporaryDirectory() as root:
        test_draw(root)
        test_judge(root)
        test_near(root)
    test_report()
    test_time()


main()
