"""Records and zones for the differential run of SPF: by the grammar of RFC 7208, well-formed,
nearly so, and not; all that a case holds comes from its number and the seed."""
import random

DOMAINS = ["example.com", "a.example.com", "b.example.com", "c.a.example.com", "i0.example.net",
           "i1.example.net", "i2.example.net", "i3.example.net", "w.example.org"]
HOSTS = ["h%d.example.com" % i for i in range(14)] + ["h0.example.net", "h1.a.example.com"]
LETTERS = "slodiphvSLODIPHV"
DELIMITERS = [".", "-", "+", ",", "/", "_", "=", ".-", "-+_", ".-+,/_="]
CLIENTS = ["192.0.2.1", "192.0.2.1", "192.0.2.130", "198.51.100.7", "127.0.0.1", "2001:db8::1",
           "2001:db8:1::ffff", "::ffff:192.0.2.1", "::1"]
LOCALS = ["user", "strong-bad", "a+b.c_d", "a.b-c=d", "x" * 64, "-", "a--b", "postmaster", "A.B"]
WRONG = ["a:", "mx:", "ptr:", "include", "include:", "exists", "exists:", "ip4", "ip4:", "ip6:",
         "all.", "all:x", "all/8", "a:com", "a:1.2.3.4", "a/33", "a//129", "a/08", "mx/",
         "a:x.com/24/24",
         "ip4:192.0.2.256", "ip4:192.0.2.01", "ip4:192.0.2.1/33", "ip4:1.2.3", "ip6:::1/129",
         "ip6:1::2::3", "ip4:192.0.2.1//32", "ptr/24", "include:x.com/24", "exists:x.com/8", "moo",
         "redirect:a.example.com", "redirect=", "exp=", "redirect=com", "exp=x.com/8", "*all",
         "++a", "a:%{d", "a:%(d).com", "a:%{x}.com", "a:%{d0}.com", "a:%{d:}.com", "a:%{dr2}.com",
         "a:%",
         "a:%a.com", "a:%%%.com", "a:x.com..", "a:.com", "a:x..com", "a:x.-com", "a:x.com-",
         "exists:%{c}.com", "x=%", "x=%{r}", "x=%{d", "-x=y", "a:x.com:25", "ip6:192.0.2.1",
         "ip4:::1", "ip4:192.0.2.1,", "a\tmx", "all\x7f", "a:\xe9.com", "?", "=", "1x=y"]


class Generator:
    def __init__(self, seed, number):
        self.random = random.Random("%d/%d" % (seed, number))
        self.wildness = self.random.choice([0, 0, 0, 0.02, 0.02, 0.1])
        self.faults = self.random.choice([0, 0, 0.03, 0.15])
        self.zone = {}
        self.ip = self.random.choice(CLIENTS)

    def chance(self, share):
        return self.random.random() < share

    def pick(self, values):
        return self.random.choice(values)

    # --- records

    def macro(self):
        text = "%{" + self.pick(LETTERS)
        if self.chance(0.3):
            text += str(self.pick([1, 1, 2, 2, 3, 4, 9, 128]))
        if self.chance(0.3):
            text += self.pick("rrR")
        if self.chance(0.3):
            text += self.pick(DELIMITERS)
        return text + "}"

    def spec(self):
        kind = self.random.random()
        if kind < 0.55:
            return self.pick(DOMAINS + HOSTS)
        if kind < 0.65:
            return self.pick(["%{d}", "%{o}", "%{d}.", "a.%{d}", "%{d2}", "%{h}", "%{D}", "%{p}"])
        if kind < 0.7:
            return self.pick(["no.example.com", "x" * 63 + ".com", "x" * 64 + ".com",
                              "a/b.example.com",
                              "EXAMPLE.com", "_spf.example.com", "x-y.c-m", "a..example.com"])
        if kind < 0.73:
            labels = [self.pick(["%{s}", "%{l}", "x" * 60]) for _ in range(5)]
            return ".".join(labels) + ".example.org"
        parts = [self.pick([self.macro(), self.macro(), "x", "%%", "%_", "%-", "_a"])
                 for _ in range(self.random.randint(1, 4))]
        return ".".join(parts) + self.pick([".w.example.org", ".example.com", ".%{d}", ".%{o2}"])

    def network(self):
        if self.chance(0.5):
            text = "ip4:" + self.pick(["192.0.2.1", "192.0.2.0", "198.51.100.7", "10.0.0.1",
                                       "127.0.0.1", "0.0.0.0", "192.0.2.129"])
            most = 32
        else:
            text = "ip6:" + self.pick(["2001:db8::1", "2001:DB8::", "::1", "::", "2001:db8:1::",
                                       "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"])
            most = 128
        if self.chance(0.5):
            text += "/%d" % self.pick([0, 1, most // 4, most - 8, most - 1, most])
        return text

    def prefixes(self):
        text = ""
        if self.chance(0.2):
            text += "/%d" % self.pick([0, 8, 24, 31, 32])
        if self.chance(0.2):
            text += "//%d" % self.pick([0, 32, 64, 127, 128])
        return text

    def term(self):
        if self.chance(self.wildness):
            return self.pick(WRONG)
        kind = self.random.random()
        qualifier = self.pick(["", "", "", "+", "-", "~", "?"])
        if kind < 0.25:
            return qualifier + self.network()
        if kind < 0.40:
            return qualifier + self.pick(["a", "A"]) + self.optional_spec() + self.prefixes()
        if kind < 0.55:
            return qualifier + "mx" + self.optional_spec() + self.prefixes()
        if kind < 0.62:
            return qualifier + "ptr" + self.optional_spec()
        if kind < 0.75:
            return qualifier + "exists:" + self.spec()
        if kind < 0.90:
            return qualifier + "include:" + self.pick(DOMAINS + [self.spec()])
        if kind < 0.93:
            return qualifier + "all"
        return self.pick(["x-y=%{d}", "foo.bar=baz", "m=", "Default=%{l1}"])

    def optional_spec(self):
        return ":" + self.spec() if self.chance(0.7) else ""

    def record(self):
        terms = [self.term() for _ in range(self.pick([0, 1, 1, 2, 2, 3, 4, 6, 9, 13]))]
        if self.chance(0.3):
            terms.append("redirect=" + self.pick(DOMAINS + [self.spec()]))
        if self.chance(0.35):
            terms.append("exp=" + self.pick(["e0.example.com", "e1.example.com", "e.%{d}"]))
        if self.chance(0.2):
            self.random.shuffle(terms)
        if self.chance(0.7):
            terms.append(self.pick(["-all", "-all", "~all", "?all", "all"]))
        if self.chance(0.1):
            terms += [self.network() for _ in range(60)]
        text = self.pick(["v=spf1"] * 20 + ["V=SPF1", "v=spf10", "v=spf1 "])
        return text + "".join(self.pick([" "] * 9 + ["  "]) + t for t in terms)

    def explanation(self):
        pieces = [self.pick([self.macro(), "See", " ", "%%", "%_", "%-", "%{c}", "%{R}", "(x)"])
                  for _ in range(self.random.randint(0, 6))]
        text = "".join(pieces)
        return self.pick([text] * 12 + ["100%", "%{z}", "\xe9t\xe9", ""])

    # --- zone

    def add(self, name, *record):
        self.zone.setdefault(name, []).append(list(record))

    def addresses(self, name):
        for _ in range(self.pick([0, 1, 1, 2])):
            self.add(name, "A", self.pick(["192.0.2.1", "192.0.2.2", "198.51.100.7", "10.0.0.9",
                                           "127.0.0.1"]))
        for _ in range(self.pick([0, 0, 1])):
            self.add(name, "AAAA", self.pick(["2001:db8::1", "2001:db8:1::1", "::1"]))

    def hosts(self, name):
        count = self.pick([0, 0, 1, 2, 3, 10, 11]) if self.chance(0.3) else self.pick([0, 1, 2])
        for i, host in enumerate(self.random.sample(HOSTS, count)):
            self.add(name, "MX", i, host)

    def policy(self, name, share):
        if not self.chance(share):
            return
        for _ in range(2 if self.chance(0.02) else 1):
            text = self.record()
            if len(text) > 20 and self.chance(0.2):
                cut = self.random.randint(1, len(text) - 1)
                self.add(name, "TXT", [text[:cut], text[cut:]])
            else:
                self.add(name, "TXT", text)
        if self.chance(0.2):
            self.add(name, "TXT", "some other text")

    def fault(self, name):
        for kind in ("TXT", "A", "AAAA", "MX", "PTR"):
            if self.chance(self.faults):
                self.zone[name] = [r for r in self.zone.get(name, []) if r[0] != kind]
                self.add(name, kind, self.pick(["TIMEOUT", "SERVFAIL"]))

    def reverse(self):
        import ipaddress
        address = ipaddress.ip_address(self.ip)
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        name = address.reverse_pointer
        for host in self.random.sample(HOSTS + DOMAINS, self.pick([0, 1, 1, 2, 3, 12])):
            self.add(name, "PTR", host)
        self.fault(name)

    def case(self):
        for name in DOMAINS:
            self.policy(name, 1 if name == DOMAINS[0] else 0.85)
        for name in DOMAINS + HOSTS:
            self.addresses(name)
        for name in DOMAINS:
            self.hosts(name)
        for name in ("e0.example.com", "e1.example.com", "e.example.com", "e.i0.example.net"):
            for _ in range(self.pick([0, 1, 1, 1, 2])):
                self.add(name, "TXT", self.explanation())
        if self.chance(0.5):
            self.add("*.w.example.org", "A", "192.0.2.1")
        for name in sorted(self.zone):
            self.fault(name)
        self.reverse()
        helo = self.pick(["mx.example.net", "h0.example.com", "example.com", "h-e.lo_x"])
        sender = "" if self.chance(0.1) else self.pick(LOCALS) + "@example.com"
        return {"ip": self.ip, "helo": helo, "mailfrom": sender, "zone": self.zone}
