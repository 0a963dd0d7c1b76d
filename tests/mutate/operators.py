"""What a mutation is: one small change to one line of a C function's body.

A source is looked at line by line with comments and strings blanked, so that texts stay as they are.
Tables, declarations and preprocessor lines are left alone: what is changed is what the program does.
"""

import collections
import re

# path, number of the line (from 1), what kind of change, the line before and after.
Mutation = collections.namedtuple("Mutation", "path line kind before after")

COMMENTS_AND_TEXTS = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)

SWAPS = [
    ("comparison", " == ", " != "),
    ("comparison", " != ", " == "),
    ("comparison", " < ", " <= "),
    ("comparison", " <= ", " < "),
    ("comparison", " > ", " >= "),
    ("comparison", " >= ", " > "),
    ("logic", " && ", " || "),
    ("logic", " || ", " && "),
    ("arithmetic", " + ", " - "),
    ("arithmetic", " - ", " + "),
    ("assignment", " += ", " -= "),
    ("assignment", " -= ", " += "),
    ("assignment", " |= ", " = "),
    ("increment", "++", "--"),
    ("increment", "--", "++"),
]

NEGATION = re.compile(r"!(?=[A-Za-z_(])")
NUMBER = re.compile(r"(?<![\w.\"'])(0x[0-9a-fA-F]+|\d+)(?=[uUlL]*(?![\w.]))")
RETURN = re.compile(r"^(\s*return )(true|false|0|1|-1)(;)$")
WORD = re.compile(r"\b(true|false)\b")
# A statement that is whole on its line, and no declaration.
STATEMENT = re.compile(r"^(\s+)([A-Za-z_*(][^;{}]*;)$")
DECLARATION = re.compile(
    r"^\s*(const|static|struct|enum|union|unsigned|signed|int|char|size_t|ssize_t|bool|void|double|"
    r"float|long|short|u?int\d+_t|time_t|FILE|DIR|[A-Z][A-Za-z0-9_]+)\b[\w\s*]*[\s*]\w+.*;")
# Without it nothing changes that a program can see but its memory, or its log's wording.
UNSEEN = re.compile(r"\b(base_log_\w+|base_mem_free|\w+_(destroy|deinit|unref|free|close)|close)\(|"
                    r"^\s*\(void\)|^\s*(break|case|default|goto|return)\b|^\s*\*?\w+ = (NULL|\{0\});")


def blank(text):
    """Spaces, as many; line ends stay."""
    return re.sub(r"[^\n]", " ", text)


def code_of(source):
    """The source without comments and texts; each octet keeps its place."""
    return COMMENTS_AND_TEXTS.sub(
        lambda match: match[0][0] + blank(match[0][1:-1]) + match[0][-1]
        if match[0][0] in "\"'" else blank(match[0]), source)


def body_lines(code):
    """Numbers of the lines (from 0) within functions."""
    found = []
    is_inside = False
    for number, line in enumerate(code.split("\n")):
        if line.startswith("{"):
            is_inside = True
        elif line.startswith("}"):
            is_inside = False
        elif is_inside and line.strip() and not line.lstrip().startswith("#"):
            found.append(number)
    return found


def changes(code, line):
    """(kind, changed line) for one line, of which `code` is the blanked form."""
    def put(start, end, text):
        return line[:start] + text + line[end:]

    for kind, old, new in SWAPS:
        for match in re.finditer(re.escape(old), code):
            yield kind, put(match.start(), match.end(), new)
    for match in NEGATION.finditer(code):
        yield "negation", put(match.start(), match.end(), "")
    for match in NUMBER.finditer(code):
        value = int(match[1], 8 if re.fullmatch("0[0-7]+", match[1]) else 0)
        yield "constant", put(match.start(1), match.end(1), str(value + 1))
        if value > 0:
            yield "constant", put(match.start(1), match.end(1), str(value - 1))
    for match in WORD.finditer(code):
        yield "truth", put(match.start(), match.end(), "false" if match[0] == "true" else "true")
    match = STATEMENT.match(code)
    if match and not DECLARATION.match(code) and not UNSEEN.search(code):
        yield "statement deleted", match[1] + ";"


def is_whole(previous):
    """Whether a statement may begin behind that line of code."""
    previous = previous.rstrip()
    return previous == "" or previous[-1] in ";{}:)" or previous.endswith("else")


def mutations(path, source):
    """All mutations of a file, a list for each of its lines that has some."""
    lines = source.split("\n")
    code = code_of(source)
    coded = code.split("\n")
    previous = ""
    found = []
    for number in body_lines(code):
        here = []
        for kind, after in changes(coded[number].rstrip(), lines[number]):
            if kind == "statement deleted" and not is_whole(previous):
                continue
            here.append(Mutation(path, number + 1, kind, lines[number], after))
        previous = coded[number]
        if here:
            found.append(here)
    return found
