"""check_host() of RFC 7208 once more, plainly and slowly: the third opinion where ours and pyspf
differ. It follows the text of the RFC, shares no code with either, and keeps a set of notes: which
of the places where implementations differ the evaluation went through."""
import ipaddress
import re

LETTERS = "slodipvh"
MACRO = re.compile(r"%\{([a-zA-Z])([0-9]*)([rR]?)([.\-+,/_=]*)\}")
TOPLABEL = r"(?:[0-9A-Za-z]*[A-Za-z][0-9A-Za-z]*|[0-9A-Za-z]+-[0-9A-Za-z-]*[0-9A-Za-z])"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*=")
IP4 = re.compile(r"(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])(\.(?!$)|$)")
QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Stop(Exception):
    """The evaluation is over."""

    def __init__(self, result):
        super().__init__(result)
        self.result = result


class NoName(Exception):
    """The expansion is not a domain name."""


def pieces(text, letters):
    """The literals and macros of a macro-string; permerror if it is none."""
    position = 0
    found = []
    while position < len(text):
        c = text[position]
        if c != "%":
            if not "!" <= c <= "~" and not (c == " " and "c" in letters):
                raise Stop("permerror")
            found.append(c)
            position += 1
            continue
        two = text[position:position + 2]
        if two in ("%%", "%_", "%-"):
            found.append({"%%": "%", "%_": " ", "%-": "%20"}[two])
            position += 2
            continue
        match = MACRO.match(text, position)
        if not match or match[1].lower() not in letters:
            raise Stop("permerror")
        if match[2] and int(match[2]) == 0:
            raise Stop("permerror")
        found.append(match)
        position = match.end()
    return found


def is_domain_spec(text):
    """macro-string domain-end."""
    parts = pieces(text, LETTERS)
    if not parts:
        return False
    tail = ""
    for part, source in zip(reversed(parts), reversed(sources(text))):
        if not isinstance(part, str) or source.startswith("%"):
            break
        tail = part + tail
    return not tail or re.search(r"\." + TOPLABEL + r"\.?$", tail) is not None


def sources(text):
    """The octets of each piece."""
    return re.findall(r"%\{[^}]*\}|%.|[^%]", text, re.DOTALL)


class Term:
    def __init__(self, text):
        self.text = text
        self.is_void = False
        self.qualifier = "+"
        if text[0] in QUALIFIERS:
            self.qualifier, text = text[0], text[1:]
        match = re.match(r"[A-Za-z0-9]*", text)
        self.kind = match[0].lower()
        self.spec = None
        self.prefix4, self.prefix6 = 32, 128
        getattr(self, "read_" + self.kind, self.read_unknown)(text[match.end():])

    def read_unknown(self, _):
        raise Stop("permerror")

    def read_all(self, rest):
        if rest:
            raise Stop("permerror")

    def read_spec(self, rest, is_needed):
        if not rest and not is_needed:
            return
        if not rest.startswith(":") or not is_domain_spec(rest[1:]):
            raise Stop("permerror")
        self.spec = rest[1:]

    def read_include(self, rest):
        self.read_spec(rest, True)

    read_exists = read_include

    def read_ptr(self, rest):
        self.read_spec(rest, False)

    def read_a(self, rest):
        match = re.search(r"(/(0|[1-9][0-9]*))?(//(0|[1-9][0-9]*))?$", rest)
        if match[2]:
            self.prefix4 = int(match[2])
        if match[4]:
            self.prefix6 = int(match[4])
        if self.prefix4 > 32 or self.prefix6 > 128:
            raise Stop("permerror")
        self.read_spec(rest[:match.start()], False)

    read_mx = read_a

    def read_network(self, rest, version):
        match = re.fullmatch(r":([^/]*)(?:/(0|[1-9][0-9]*))?", rest)
        most = 32 if version == 4 else 128
        if not match or (match[2] and int(match[2]) > most):
            raise Stop("permerror")
        try:
            kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
            if "%" in match[1]:
                raise ValueError
            address = kind(match[1])
        except ValueError:
            raise Stop("permerror") from None
        prefix = int(match[2]) if match[2] else most
        self.network = ipaddress.ip_network((address, prefix), strict=False)

    def read_ip4(self, rest):
        self.read_network(rest, 4)

    def read_ip6(self, rest):
        self.read_network(rest, 6)


class Record:
    def __init__(self, text):
        self.terms, self.redirect, self.exp = [], None, None
        if not all(" " <= c <= "~" for c in text):
            raise Stop("permerror")
        for word in text.split(" ")[1:]:
            if not word:
                continue
            match = NAME.match(word)
            if match:
                self.read_modifier(match[0][:-1].lower(), word[match.end():])
            else:
                self.terms.append(Term(word))

    def read_modifier(self, name, value):
        if name not in ("redirect", "exp"):
            pieces(value, LETTERS)
        elif getattr(self, name) is not None or not is_domain_spec(value):
            raise Stop("permerror")
        else:
            setattr(self, name, value)


class Reference:
    """One evaluation. `lookup(name, type)` gives a list of values, or raises TempError."""

    def __init__(self, case, lookup, temporary):
        self.lookup, self.temporary = lookup, temporary
        self.client = ipaddress.ip_address(case["ip"])
        if self.client.version == 6 and self.client.ipv4_mapped:
            self.client = self.client.ipv4_mapped
        self.helo = case["helo"]
        local, _, self.sender_domain = (case["mailfrom"] or "@" + case["helo"]).rpartition("@")
        self.local = local or "postmaster"
        self.terms = self.voids = 0
        self.term = None
        self.notes = set()

    def check(self):
        """(result, explanation or None)"""
        try:
            result, record, domain = self.check_host(self.sender_domain.rstrip("."), True)
        except Stop as stop:
            return stop.result, None
        self.term = None
        return result, self.explain(record, domain) if result == "fail" else None

    # --- DNS

    def ask(self, name, kind):
        try:
            values = self.lookup(name, kind)
        except self.temporary:
            self.notes.add("temporary " + kind)
            raise Stop("temperror") from None
        if not values:
            self.count_void()
        return values

    def count_void(self):
        if self.term is None:
            return
        if self.term.is_void:
            self.notes.add("a term with two voids")
            return
        self.term.is_void = True
        self.voids += 1
        if self.voids > 2:
            raise Stop("permerror")

    def names_of_client(self):
        """Validated names, each asked for when it is wanted."""
        kind = "A" if self.client.version == 4 else "AAAA"
        for name in self.soft(self.client.reverse_pointer, "PTR")[:10]:
            name = name.lower().rstrip(".")
            if not is_name(name):
                continue
            if any(ipaddress.ip_address(a) == self.client for a in self.soft(name, kind)):
                yield name

    def soft(self, name, kind):
        """5.5, 7.3: a failure of DNS is no name."""
        try:
            values = self.lookup(name, kind)
        except self.temporary:
            self.notes.add("temporary in ptr")
            return []
        if not values:
            self.count_void()
        return values

    # --- macros

    def value(self, letter, domain):
        six = self.client.version == 6
        nibbles = ".".join(self.client.exploded.replace(":", "").upper()) if six else ""
        if letter == "p":
            self.notes.add("%{p}")
            names = []
            for name in self.names_of_client():
                if name == domain:
                    self.notes.add("hosts behind the one that matches")
                    return domain
                names.append(name)
            below = [n for n in names if n.endswith("." + domain)]
            return (below or names or ["unknown"])[0]
        return {
            "s": self.local + "@" + self.sender_domain, "l": self.local, "o": self.sender_domain,
            "d": domain, "i": nibbles or str(self.client), "v": "ip6" if six else "in-addr",
            "h": self.helo, "c": str(self.client), "r": "unknown", "t": "1000",
        }[letter]

    def expand(self, text, domain, letters=LETTERS):
        out = ""
        for piece in pieces(text, letters):
            if isinstance(piece, str):
                out += piece
                continue
            letter, digits, is_reversed, delimiters = piece.groups()
            parts = re.split("[" + re.escape(delimiters or ".") + "]",
                             self.value(letter.lower(), domain))
            if letter.lower() not in "ls" and delimiters.strip(".") and len(parts) > 1:
                self.notes.add("parts joined")
            if is_reversed:
                parts.reverse()
                self.notes.add("reversed by " + is_reversed)
            if digits:
                parts = parts[-int(digits):]
            text_of = ".".join(parts)
            if letter.isupper():
                text_of = "".join(chr(b) if re.match(rb"[A-Za-z0-9._~-]", bytes([b]))
                                  else "%%%02X" % b for b in text_of.encode("utf-8"))
            out += text_of
        return out

    def name(self, spec, domain):
        if spec is None:
            return domain
        name = self.expand(spec, domain)
        name = name[:-1] if name.endswith(".") else name
        while len(name) > 253:
            self.notes.add("a long name")
            if "." not in name:
                raise NoName
            name = name.split(".", 1)[1]
        if not is_name(name):
            raise NoName
        return name.lower()

    # --- evaluation

    def check_host(self, domain, is_start):
        domain = domain.lower()
        if not is_name(domain) or "." not in domain:
            self.notes.add("a name that is none")
            raise Stop("none" if is_start else "permerror")
        records = [t for t in self.texts(domain) if re.match(rb"v=spf1( |$)", t, re.IGNORECASE)]
        if len(records) != 1:
            raise Stop("permerror" if records or not is_start else "none")
        record = Record(records[0].decode("latin-1"))
        for term in record.terms:
            if self.matches(term, domain):
                return QUALIFIERS[term.qualifier], record, domain
        if record.redirect is not None and not any(t.kind == "all" for t in record.terms):
            self.count_term()
            self.term = Term("all")
            return self.check_host(self.target(record.redirect, domain), False)
        return "neutral", record, domain

    def target(self, spec, domain):
        try:
            return self.name(spec, domain)
        except NoName:
            raise Stop("permerror") from None

    def texts(self, name):
        try:
            return self.lookup(name, "TXT")
        except self.temporary:
            raise Stop("temperror") from None

    def count_term(self):
        self.terms += 1
        if self.terms > 10:
            raise Stop("permerror")

    def matches(self, term, domain):
        if term.kind == "all":
            return True
        if term.kind in ("ip4", "ip6"):
            return self.client in term.network
        self.count_term()
        self.term = term
        if term.kind == "include":
            result, _, _ = self.check_host(self.target(term.spec, domain), False)
            return result == "pass"
        try:
            name = self.name(term.spec, domain)
        except NoName:
            return False
        return getattr(self, "matches_" + term.kind)(term, name)

    def matches_exists(self, _, name):
        return bool(self.ask(name, "A"))

    def matches_ptr(self, _, name):
        for validated in self.names_of_client():
            if validated == name or validated.endswith("." + name):
                self.notes.add("hosts behind the one that matches")
                return True
        return False

    def matches_a(self, term, name):
        kind, prefix = ("A", term.prefix4) if self.client.version == 4 else ("AAAA", term.prefix6)
        return any(self.client in ipaddress.ip_network((a, prefix), strict=False)
                   for a in self.ask(name, kind))

    def matches_mx(self, term, name):
        hosts = self.ask(name, "MX")
        if len(hosts) > 10:
            raise Stop("permerror")
        for index, (_, host) in enumerate(hosts):
            if is_name(host) and self.matches_a(term, host.lower()):
                if index + 1 < len(hosts):
                    self.notes.add("hosts behind the one that matches")
                return True
        return False

    def explain(self, record, domain):
        if record.exp is None:
            return None
        try:
            texts = self.lookup(self.name(record.exp, domain), "TXT")
            if len(texts) != 1:
                return None
            text = self.expand(texts[0].decode("latin-1"), domain, LETTERS + "crt")
        except (Stop, NoName, self.temporary):
            return None
        if not 0 < len(text) <= 4096 or not all(" " <= c <= "~" for c in text):
            return None
        return text


def is_name(name):
    return 0 < len(name) <= 253 and all(0 < len(label) < 64 for label in name.split("."))
