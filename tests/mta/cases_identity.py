"""Who may send as whom: a real smtpd with reject_sender_login_mismatch and ours, on the same map, as
text and as postmap compiles it; and what else becomes of mail whose sender is not the login's own."""
import os
import shutil
import subprocess

from cases import Skip, case, require
from message import message, token
from mta import Postfix
from procs import wait_until
from secure import PASSWORDS, SecurePostfix, SecureSendmail
from sendmail import Unavailable
from smtp import Smtp

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/identity")
STRANGER = {"ADDR": "198.51.100.7", "NAME": "mail.stranger.example"}

RULE = """
sender-login-maps = {{ "{map}" }}
recipient-delimiter = "+"
unqualified-domains = {{ "local.example" }}
rule "own sender" {{ stage = mail  sender-owned = false  action = reject }}
"""

# What makes an smtpd judge by itself, at MAIL.
SMTPD = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_delay_reject": "no",
    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
    "mydestination": "local.example",
    "myorigin": "local.example",
}


def read_cases():
    """[(login or None, path, whether it may)]"""
    found = []
    with open(os.path.join(DATA, "cases"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                login, rest = line.strip().split(" ", 1)
                path, answer = rest.rsplit(" ", 1)
                found.append((None if login == "-" else login, path, answer == "yes"))
    return found


def copy_map(place, kind):
    """The map where root alone can write it, compiled if it is to be; its name for Postfix."""
    folder = place.folder("identity-" + kind)
    path = os.path.join(folder, "logins")
    shutil.copy(os.path.join(DATA, "logins"), path)
    os.chmod(path, 0o644)
    if kind == "lmdb":
        with open(os.path.join(folder, "main.cf"), "w", encoding="utf-8") as file:
            file.write("compatibility_level = 3.6\n")
        done = subprocess.run(["postmap", "-c", folder, "lmdb:" + path], capture_output=True,
                              text=True, check=False, timeout=60)
        if done.returncode:
            raise Skip("postmap lmdb: " + done.stderr.strip())
    return kind + ":" + path


def answers(port, wanted):
    """{(login, path): code of MAIL}"""
    found = {}
    for login in sorted({one[0] for one in wanted}, key=str):
        with Smtp(port) as client:
            values = dict(STRANGER, LOGIN=login) if login else STRANGER
            require(client.xclient(**values).is_ok, "XCLIENT as %s", login)
            for _, path, _ in [one for one in wanted if one[0] == login]:
                parameters = "" if path.isascii() else " SMTPUTF8"
                reply = client.command("MAIL FROM:%s%s" % (path, parameters))
                found[(login, path)] = reply
                client.command("RSET")
    return found


def compare(context, kind):
    wanted = read_cases()
    require(len(wanted) >= 80, "%d cases", len(wanted))
    name = copy_map(context.place, kind)
    smtpd = Postfix(context.place, None, dict(SMTPD, smtpd_sender_login_maps=name),
                    "smtpd-" + kind).start()
    try:
        theirs = answers(smtpd.ports["inbound"], wanted)
    finally:
        smtpd.stop()
    world = context.own(more=RULE.format(map=name), options={"myorigin": "local.example"})
    ours = answers(world.ports["inbound"], wanted)
    differences = []
    for login, path, may in wanted:
        codes = (theirs[(login, path)].code, ours[(login, path)].code)
        if codes != ((250, 250) if may else (553, 553)):
            differences.append("%s as %s: wanted %s, smtpd %s, ours %s" %
                               (login, path, "yes" if may else "no", theirs[(login, path)],
                                ours[(login, path)]))
    require(not differences, "%d of %d differ: %s", len(differences), len(wanted),
            "; ".join(differences))


@case()
def identity_as_smtpd_text(context):
    """Every case of tests/data/identity is answered as smtpd answers it, from the table's source."""
    compare(context, "texthash")


@case()
def identity_as_smtpd_lmdb(context):
    """The same from what postmap has compiled."""
    compare(context, "lmdb")


# Alice owns her address and what she may send as; the rest is not refused, but changed.
OWNERS = """
sender-login-maps = {{ "file:{folder}/owners" }}
may-send-as = {{ "file:{folder}/delegates" }}
login-domain = {{ "example.org", "mx.example.org" }}
rule "own sender" {{ stage = mail  sender-owned = no  action = reject }}
rule "name the sender" {{ stage = eom  author-owned = no  author-domain = {{ "example.org" }}
    action = replace-sender }}
rule "own Sender" {{ stage = eom  sender-header-owned = no  action = replace-sender }}
rule "no replies elsewhere" {{ stage = eom  reply-to-owned = no  action = no-sign }}
"""
FILES = {"owners": "alice@example.org alice\nbob@example.org bob\n",
         "delegates": "alice boss@example.org\n"}


def own_world(context, server):
    folder = context.place.folder("owners-" + server.name)
    for name, text in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join(folder, name), 0o644)
    try:
        return context.own(server=server, more=OWNERS.format(folder=folder))
    except Unavailable as why:
        raise Skip(str(why)) from why


def submit(world, sender, octets):
    """By alice, through SASL in TLS."""
    with Smtp(world.ports["login"]) as client:
        require(client.starttls(world.mta.certificates.client()).is_ok, "STARTTLS")
        require(client.auth_plain("alice", PASSWORDS["alice"]).code == 235, "AUTH")
        return client.mail(sender, ["bob@example.net"], octets)


def arrive(world, sender, author, fields=()):
    word = token()
    reply = submit(world, sender, message(word, author, fields=fields))
    require(reply.is_ok, "%s as %s answered %s", author, sender, reply)
    return world.mailbox.one(word)


def owners_through(context, server):
    world = own_world(context, server)
    for sender in ("alice@example.org", "boss@example.org"):
        arrived = arrive(world, sender, sender)
        require(not arrived.all("Sender"), "%s: Sender %s", sender, arrived.all("Sender"))
        world.judges.require(arrived)
    refused = submit(world, "bob@example.org", message(token(), "alice@example.org"))
    require(refused.code == 553 and "does not belong to login alice" in str(refused), "%s", refused)
    # From is another's: the Sender field says who it was, and nobody vouches for the author.
    arrived = arrive(world, "alice@example.org", "Bob <bob@example.org>",
                     [b"Sender: carol@example.org"])
    require(arrived.all("Sender") == ["alice@example.org"], "Sender: %s", arrived.all("Sender"))
    require(not arrived.is_signed, "signed for %s", arrived.all("From"))
    # The author is alice's own: what we wrote is signed with the rest.
    arrived = arrive(world, "alice@example.org", "Alice <alice@example.org>",
                     [b"Sender: carol@example.org"])
    require(arrived.all("Sender") == ["alice@example.org"], "Sender: %s", arrived.all("Sender"))
    world.judges.require(arrived)
    arrived = arrive(world, "alice@example.org", "alice@example.org",
                     [b"Reply-To: eve@stranger.example"])
    require(not arrived.is_signed and not arrived.all("Sender"), "with another's Reply-To")
    for wanted in ('unowned="author,sender-header" ', "unowned=reply-to ",
                   'unsigned="rule .*no replies elsewhere',
                   'unsigned="the login does not own the author"'):
        require(world.daemon.log_lines(wanted), "no log line with %s", wanted)


@case()
def postfix_owners_and_delegates(context):
    """A login's own addresses, those it may send as, and what becomes of others: Sender, unsigned."""
    owners_through(context, SecurePostfix)


@case()
def sendmail_owners_and_delegates(context):
    """The same through Sendmail, whose login has no realm behind it."""
    owners_through(context, SecureSendmail)


def answer(world, login, path):
    with Smtp(world.ports["inbound"]) as client:
        require(client.xclient(**dict(STRANGER, LOGIN=login)).is_ok, "XCLIENT as %s", login)
        return client.command("MAIL FROM:<%s>" % path).code


def write_owner(name, owner):
    """The one entry of the map, compiled if it is to be."""
    kind, path = name.split(":")
    with open(path, "w", encoding="utf-8") as file:
        file.write("shared@example.org %s\n" % owner)
    if kind == "lmdb":
        done = subprocess.run(["postmap", "-c", os.path.dirname(path), name], check=False,
                              capture_output=True, text=True, timeout=60)
        require(done.returncode == 0, "postmap: %s", done.stderr)


@case()
def identity_maps_change_hands(context):
    """What postmap rewrites counts at once, also where a new file takes the place of the old one; a
    table's source counts from the next reload on."""
    for kind in ("lmdb", "file"):
        folder = os.path.dirname(copy_map(context.place, "lmdb").split(":")[1])
        name = "%s:%s/owner" % (kind, folder)
        write_owner(name, "alice")
        world = context.own(more=RULE.format(map=name))
        for owner, other in (("bob", "alice"), ("alice", "bob")):
            require(answer(world, other, "shared@example.org") == 250, "%s is refused", other)
            write_owner(name, owner)
            if kind == "file":
                require(answer(world, other, "shared@example.org") == 250, "read without a reload")
                world.daemon.hup()
            wait_until(lambda w=world, o=owner: answer(w, o, "shared@example.org") == 250, 20,
                       "%s to own it (%s)" % (owner, kind))
            require(answer(world, other, "shared@example.org") == 553, "%s still owns it", other)
        if kind == "lmdb":
            write_owner("lmdb:%s/new" % folder, "carol")
            os.rename(folder + "/new.lmdb", folder + "/owner.lmdb")
            wait_until(lambda w=world: answer(w, "carol", "shared@example.org") == 250, 20,
                       "carol to own it")
