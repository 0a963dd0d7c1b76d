"""A second DKIM signer (RFC 6376), for signatures that no honest one makes: keys that are too
short, sha1, tags twice, odd times. RSA from scratch; nothing of Postseal is used here."""

import base64
import hashlib
import random
import re

DIGEST_INFO = {"sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
               "sha1": bytes.fromhex("3021300906052b0e03021a05000414")}
SMALL_PRIMES = [p for p in range(3, 400) if all(p % q for q in range(2, int(p ** 0.5) + 1))]


def is_prime(number):
    if any(number % p == 0 for p in SMALL_PRIMES):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(12):
        x = pow(random.randrange(2, number - 1), odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def make_prime(bits):
    while True:
        number = random.getrandbits(bits) | (3 << bits - 2) | 1
        if is_prime(number) and number % 65537 != 1:
            return number


def der(tag, content):
    length = len(content)
    if length < 128:
        head = bytes([length])
    else:
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + head + content


def der_integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


class Key:
    def __init__(self, bits):
        p, q = make_prime(bits // 2), make_prime(bits // 2)
        self.size = bits // 8
        self.modulus = p * q
        self.private = pow(65537, -1, (p - 1) * (q - 1))

    def record(self, head="v=DKIM1; k=rsa; "):
        rsa_encryption = bytes.fromhex("300d06092a864886f70d0101010500")
        key = der(0x30, der_integer(self.modulus) + der_integer(65537))
        info = der(0x30, rsa_encryption + der(3, b"\0" + key))
        return head + "p=" + base64.b64encode(info).decode()

    def sign(self, data, digest):
        info = DIGEST_INFO[digest] + hashlib.new(digest, data).digest()
        padded = b"\0\1" + b"\xff" * (self.size - len(info) - 3) + b"\0" + info
        number = pow(int.from_bytes(padded, "big"), self.private, self.modulus)
        return number.to_bytes(self.size, "big")


def split(message):
    """([(name, value)], body), with CRLF in both."""
    head, _, body = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", head)
    return ([tuple(field.replace(b"\n", b"\r\n").split(b":", 1)) for field in fields],
            body.replace(b"\n", b"\r\n"))


def relax_field(name, value):
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" \t")
    return name.strip(b" \t").lower() + b":" + value


def relax_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def sign(message, key, domain, selector="h1", *, digest="sha256", names=("from", "subject"),
         length=None, before="", after="", version="1"):
    """The message with a relaxed/relaxed signature on top. `before` and `after`: tags put before
    d= and behind bh=, as they stand ("q=dns/txt; ")."""
    fields, body = split(message)
    body = relax_body(body)
    signed_part = body if length is None else body[:length]
    text = "v=%s; a=rsa-%s; c=relaxed/relaxed; %sd=%s; s=%s; h=%s; bh=%s; %s%sb=" % (
        version, digest, before, domain, selector, ":".join(names),
        base64.b64encode(hashlib.new(digest, signed_part).digest()).decode(),
        "" if length is None else "l=%d; " % length, after)
    value = b" " + text.encode("utf-8")
    data, left = b"", list(fields)
    for name in names:
        for at in range(len(left) - 1, -1, -1):
            if left[at][0].strip().lower() == name.encode().lower():
                data += relax_field(*left.pop(at)) + b"\r\n"
                break
    data += relax_field(b"DKIM-Signature", value)
    signature = base64.b64encode(key.sign(data, digest))
    return b"DKIM-Signature:" + value + signature + b"\n" + message
