"""The bulk-sender meter through Postfix: what it counts, what it says, and rules that want of bulk
mail what large mailbox providers want."""
import json
import re
import subprocess

from cases import case, require
from message import message, token
from smtp import Smtp

ALICE, BOB = "alice@example.org", "bob@example.net"
DISCARD = {"transport_maps": "inline:{gmail.com=discard:, googlemail.com=discard:, "
                             "outlook.com=discard:, yahoo.com=discard:}"}
# What providers require (RFC 8058, and From aligned with SPF and DKIM both).
REQUIRED = """bulk-limit = 10
rule "nobody" { stage = rcpt recipient = { "nobody@gmail.com" } action = reject }
rule "unsubscribe" { stage = eom direction = outbound bulk = yes
    one-click-unsubscribe = { none, present } action = reject }
rule "aligned" { stage = eom direction = outbound bulk = yes
    author-aligned = { none, dkim, spf } action = reject }
"""
URI = b"List-Unsubscribe: <https://example.org/u?id=1>, <mailto:leave@example.org>"
POST = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"
CONFORMING = (URI, POST)


def addresses(count, domain="gmail.com"):
    return ["u%d@%s" % (number, domain) for number in range(count)]


def counts(world):
    """What postseal bulk says: {(author domain, provider): recipients}."""
    done = subprocess.run([world.daemon.programs.postseal, "bulk", "--json", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    require(done.returncode == 0, "postseal bulk: %s", done.stderr)
    return {(row["author_domain"], row["provider"]): row["recipients"]
            for row in json.loads(done.stdout)["bulk"]}


def warnings(world):
    """(provider, percent, recipients, limit) of each, in their order."""
    return [(*re.findall(r"provider=(\S+) percent=(\d+) recipients=(\d+) limit=(\d+)", line)[0],)
            for line in world.daemon.log_lines("event=bulk-warning")]


def require_counts(world, what, **wanted):
    got = {provider: number for (domain, provider), number in counts(world).items()
           if domain == "example.org"}
    require(got == wanted and len(got) == len(counts(world)), "%s: %s, not %s", what,
            counts(world), wanted)


def send(world, recipients, fields=(), author=ALICE, sender=ALICE):
    """One message through the submission port: the reply at its end."""
    with Smtp(world.ports["submission"]) as client:
        return client.mail(sender, recipients, message(token(), author, fields=fields))


def require_refused(world, what, text, *arguments, **more):
    before = counts(world)
    reply = send(world, *arguments, **more)
    require(reply.code == 550 and text in str(reply), "%s: %s", what, reply)
    require(counts(world) == before, "%s: counted", what)


@case()
def bulk_counts_accepted_recipients(context):
    """Two providers: what was accepted counts, once; what a rule, the server or the client breaks
    off does not. Warnings at 50, 80 and 100%, each once."""
    world = context.own(more=REQUIRED, options=DISCARD)
    port = world.ports["submission"]
    require(send(world, addresses(4) + addresses(3, "outlook.com") + [BOB]).is_ok, "the first")
    require_counts(world, "the first", google=4, microsoft=3)
    require(not warnings(world), "%s", warnings(world))
    # One author domain by the name of its organization, and two domains of one provider.
    require(send(world, ["x@googlemail.com"], author="news@news.example.org").is_ok, "the fifth")
    require_counts(world, "the fifth", google=5, microsoft=3)
    with Smtp(port) as client:
        client.command("MAIL FROM:<%s>" % ALICE)
        require(client.command("RCPT TO:<x@gmail.com>").is_ok, "RCPT")
        client.command("RSET")
        require(client.mail(ALICE, [BOB], message(token(), ALICE)).is_ok, "to bob")
        client.command("MAIL FROM:<%s>" % ALICE)
        require(not client.command("RCPT TO:<nobody@gmail.com>").is_ok, "nobody")
        require(not client.command("RCPT TO:<not an address@gmail.com>").is_ok, "no address")
        require(client.command("RCPT TO:<somebody@gmail.com>").is_ok, "somebody")
        require(client.command("DATA").code == 354, "DATA")
        require(client.content(message(token(), ALICE)).is_ok, "somebody's")
        client.command("MAIL FROM:<%s>" % ALICE)
        client.command("RCPT TO:<x@gmail.com>")
        client.command("DATA")
        client.sock.sendall(b"From: " + ALICE.encode() + b"\r\n\r\nhalf of it")
    require_counts(world, "one of five", google=6, microsoft=3)
    # A stranger's mail is none of ours.
    with Smtp(world.ports["inbound"]) as client:
        require(client.xclient(ADDR="203.0.113.8").is_ok, "XCLIENT")
        client.mail("x@stranger.example", [BOB], message(token(), ALICE))
    world.mta.sendmail(ALICE, addresses(2), message(token(), ALICE))
    world.wait_until_delivered()
    require_counts(world, "sendmail(1)", google=8, microsoft=3)
    require(warnings(world) == [("google", "50", "5", "10"), ("google", "80", "8", "10")], "%s",
            warnings(world))
    require(send(world, addresses(2), CONFORMING).is_ok, "the tenth")
    require(send(world, addresses(2), CONFORMING).is_ok, "past it")
    require(send(world, addresses(2, "outlook.com")).is_ok, "the other provider")
    require_counts(world, "at the end", google=12, microsoft=5)
    require(warnings(world)[2:] == [("google", "100", "10", "10"), ("microsoft", "50", "5", "10")],
            "%s", warnings(world))


@case()
def bulk_mail_conforms_or_is_refused(context):
    """From the limit on: List-Unsubscribe with an https URI and List-Unsubscribe-Post, both signed,
    and From aligned with both the signature and the envelope sender."""
    world = context.own(more=REQUIRED, options=DISCARD)
    require(send(world, addresses(9)).is_ok, "below the limit")
    word = token()
    to = addresses(1) + [BOB]
    offer = "RFC 8058"
    require_refused(world, "plain", offer, to)
    require_refused(world, "without List-Unsubscribe-Post", offer, to, (URI,))
    require_refused(world, "without List-Unsubscribe", offer, to, (POST,))
    require_refused(world, "http", offer, to,
                    (b"List-Unsubscribe: <http://example.org/u?id=1>", POST))
    require_refused(world, "mailto", offer, to,
                    (b"List-Unsubscribe: <mailto:leave@example.org>", POST))
    require_refused(world, "another value", offer, to, (URI, POST + b"s"))
    require_refused(world, "twice", offer, to, (URI, POST, POST))
    require_refused(world, "a sender of another domain", "From is not that", to, CONFORMING,
                    sender="alice@example.net")
    require_refused(world, "the null sender", "From is not that", to, CONFORMING, sender="")
    with Smtp(world.ports["submission"]) as client:
        reply = client.mail("bounce@mail.example.org", to, message(word, ALICE, fields=CONFORMING))
    require(reply.is_ok, "conforming: %s", reply)
    arrived = world.mailbox.one(word)
    require(len(arrived.signatures()) == 2, "%s", arrived.signatures())
    for signature in arrived.signatures():
        names = [name.strip() for name in signature["h"].lower().split(":")]
        require({"list-unsubscribe", "list-unsubscribe-post"} <= set(names), "h=%s", names)
    require_counts(world, "at the end", google=10)
    # Elsewhere it is no bulk sender.
    require(send(world, addresses(1, "yahoo.com")).is_ok, "another provider")
    # Of another author, and of one that nobody signs for: not a bulk sender yet.
    require(send(world, to, author="bob@example.net", sender="bob@example.net").is_ok, "another")
    # What is in h= is told by the configuration: unsigned, the offer is not enough.
    world.daemon.stop()
    world.daemon.write(REQUIRED.replace("bulk-limit = 10", "bulk-limit = 1") +
                       'sign "news.example.org" { keys = { "t-rsa" } domain = "example.org" '
                       'sign-headers = { "from", "to", "subject", "list-unsubscribe" } }\n')
    world.daemon.start()
    require(send(world, to, CONFORMING).is_ok, "signed")
    require_refused(world, "unsigned", offer, to, CONFORMING, author="x@news.example.org")


@case()
def bulk_limit_of_five_thousand(context):
    """Without an option: 5,000 recipients, in messages of 999 to 1,500; counts, and which warnings
    were given, outlive a restart."""
    world = context.own(options=DISCARD)
    sent = 0
    for count in (1250, 1250, 1500, 999, 1):
        require(send(world, addresses(count)).is_ok, "message of %d", count)
        sent += count
        require_counts(world, "after %d" % count, google=sent)
        if sent == 2500:
            world.daemon.stop()
            world.daemon.start()
            require_counts(world, "restarted", google=2500)
    require(warnings(world) == [("google", "50", "2500", "5000"), ("google", "80", "4000", "5000"),
                                ("google", "100", "5000", "5000")], "%s", warnings(world))
