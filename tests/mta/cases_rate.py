"""Rates through Postfix: exactly as many recipients as the limit says, whatever else goes on."""
import json
import os
import signal
import socketserver
import threading
import time

from cases import case, require
from message import message, token
from procs import wait_until
from rateload import (ALICE, ATTEMPTS, BOB, LIMIT, RATES, SIZE_LIMIT, exhaust, log_in, release,
                      used)
from smtp import Smtp


@case()
def rate_is_exact(context):
    """16 sessions, 5,000 recipients against a limit of 1,000: 1,000 are accepted, the others told
    which limit and when to come back."""
    world = context.own(more=RATES)
    sender = exhaust(world, True)
    require(sender.accepted == LIMIT and sender.refused == ATTEMPTS - LIMIT, "%d accepted, %d not",
            sender.accepted, sender.refused)
    require(used(world, "alice") == {"recipients": LIMIT}, "%s", used(world, "alice"))
    lines = world.daemon.log_lines("rate=recipients")
    require(lines and 'rate-key=alice' in lines[0] and "rate-limit=%d/1h" % LIMIT in lines[0],
            "%s", lines[:1])


@case()
def rate_counts_what_was_accepted(context):
    """The same, while others are broken off at every stage, refused by the server or by a rule, or
    lost with their connection: none of those is counted."""
    world = context.own(more=RATES, options={"message_size_limit": SIZE_LIMIT})
    sender = exhaust(world, False)
    require(sum(sender.aborted.values()) > 50, "%s broken off", sender.aborted)
    require(used(world, "alice") == {"recipients": LIMIT}, "%s", used(world, "alice"))


@case()
def rate_survives_a_kill(context):
    """SIGKILL with a message under way: what was accepted a second before is still counted, what
    was under way is not; a restart loses nothing; release forgets."""
    world = context.own(more=RATES)
    port = world.ports["submission"]
    with Smtp(port) as client:
        log_in(client)
        for _ in range(5):
            require(client.mail(ALICE, [BOB] * 10, message(token(), ALICE)).is_ok, "not accepted")
        time.sleep(1)
        client.command("MAIL FROM:<%s>" % ALICE)
        require(client.command("RCPT TO:<%s>" % BOB).is_ok, "RCPT")
        require(used(world, "alice") == {"recipients": 51}, "before: %s", used(world, "alice"))
        world.daemon.stop(signal.SIGKILL)
    world.daemon.start()
    require(used(world, "alice") == {"recipients": 50}, "killed: %s", used(world, "alice"))
    with Smtp(port) as client:
        log_in(client)
        require(client.mail(ALICE, [BOB] * 7, message(token(), ALICE)).is_ok, "not accepted")
    world.daemon.stop()
    world.daemon.start()
    require(used(world, "alice") == {"recipients": 57}, "ended: %s", used(world, "alice"))
    done = release(world, "alice")
    require(done.returncode == 0 and not used(world, "alice"), "release: %s", done.stderr)
    require(release(world, "nobody").returncode == 65, "released nobody")


@case()
def rate_of_local_mail(context):
    """sendmail(1): judged at the end of the message, so that no part of it stays in the queue;
    counted once."""
    world = context.own(more='rate "r" { key = { sender } count = recipients limit = "5/1h" }\n')
    word = token()
    world.mta.sendmail(ALICE, [BOB], message(word, ALICE))
    world.wait_until_delivered()
    world.mailbox.one(word)
    require(used(world, ALICE) == {"r": 1}, "%s", used(world, ALICE))


@case()
def rate_of_discarded_mail(context):
    """Thrown away at MAIL, Postfix shows the message again through non_smtpd_milters: it is not
    counted, and one that is accepted is counted once."""
    world = context.own(more='rate "r" { key = { sender } count = messages limit = "9/1h" }\n'
                             'rule "away" { stage = mail client-net = { "203.0.113.7" } '
                             'action = discard }\n')
    for address, want in (("203.0.113.7", {}), ("203.0.113.8", {"r": 1})):
        with Smtp(world.ports["inbound"]) as client:
            require(client.xclient(ADDR=address).is_ok, "XCLIENT")
            reply = client.mail("eve@x.example", ["alice@example.org"],
                                message(token(), "eve@x.example"))
            require(reply.is_ok, "%s", reply)
            client.command("QUIT")
        world.wait_until_delivered()
        require(used(world, "eve@x.example") == want, "%s: %s", address,
                used(world, "eve@x.example"))


@case()
def rate_tells_of_a_hold(context):
    """A held key is told of once, and when it is released; until then nothing of it is accepted."""
    folder = context.place.folder("told", owner=("nobody", "nogroup"), mode=0o755)
    program, told = os.path.join(folder, "program"), os.path.join(folder, "told")
    with open(program, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\ncat >> %s\n" % told)
    os.chmod(program, 0o755)
    world = context.own(more='rate "r" { key = { login } count = recipients limit = "3/1h" '
                             'action = hold notify = { "exec:%s" } }\n' % program)

    def events():
        if not os.path.exists(told):
            return []
        with open(told, encoding="ascii") as file:
            return [(row["event"], row["key"]) for row in map(json.loads, file)]

    with Smtp(world.ports["submission"]) as client:
        log_in(client)
        require(client.mail(ALICE, [BOB] * 3, message(token(), ALICE)).is_ok, "not accepted")
        for _ in range(3):
            reply = client.mail(ALICE, [BOB], message(token(), ALICE))
            require(reply.code == 450 and "on hold" in str(reply), "%s", reply)
            client.command("RSET")
        wait_until(events, 10, "the program")
        require(release(world, "alice").returncode == 0, "release")
        require(client.mail(ALICE, [BOB], message(token(), ALICE)).is_ok, "not released")
    wait_until(lambda: len(events()) > 1, 10, "the program again")
    require(events() == [("block", "alice"), ("release", "alice")], "%s", events())


@case()
def rate_refuses_for_good(context):
    """A message that is more than the whole limit does not come back; a smaller one passes."""
    world = context.own(more='rate "big" { direction = outbound key = { login } count = bytes '
                             'limit = "4KiB/1h" }\n')
    with Smtp(world.ports["submission"]) as client:
        log_in(client)
        reply = client.mail(ALICE, [BOB], message(token(), ALICE, b"x\r\n" * 3000))
        require(reply.code == 552 and "5.3.4" in str(reply) and "more than that" in str(reply), "%s",
                reply)
        require(client.mail(ALICE, [BOB], message(token(), ALICE)).is_ok, "a small one")


class Unwilling(socketserver.StreamRequestHandler):
    """A mail server that takes no recipient."""

    def handle(self):
        self.wfile.write(b"220 unwilling.example ESMTP\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            self.wfile.write(b"550 5.1.1 not here\r\n" if word in (b"RCPT", b"DATA") else
                             b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@case()
def rate_counts_bounces(context):
    """A delivery report that Postfix makes is counted against the login that sent; then the login
    is refused, another is not."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Unwilling)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world = context.own(options={"transport_maps": "inline:{{bounce.example=smtp:[127.0.0.1]:%d}}"
                                                   % server.server_address[1]},
                        more='rate "b" { key = { login } count = bounces limit = "2/1h" }\n'
                             'rate "share" { direction = outbound key = { login } count = bounces '
                             'limit = "50%/6h" at-least = 5 action = hold }\n')
    port = world.ports["submission"]
    for count in (1, 2):
        with Smtp(port) as client:
            log_in(client)
            reply = client.mail(ALICE, ["x@bounce.example"], message(token(), ALICE))
            require(reply.is_ok, "%s", reply)
            client.command("QUIT")
        wait_until(lambda c=count: used(world, "alice").get("b") == c, 30, "%d bounces" % count)
    with Smtp(port) as client:
        log_in(client)
        reply = client.mail(ALICE, [BOB], message(token(), ALICE))
        require(reply.code == 450 and "2 bounces in 1h" in str(reply), "%s", reply)
    with Smtp(port) as client:
        log_in(client, "bob")
        require(client.mail(ALICE, [BOB], message(token(), ALICE)).is_ok, "bob")
        # One report of Postfix's says of four recipients that they are not there.
        some = ["x%d@bounce.example" % i for i in range(4)]
        require(client.mail(ALICE, some, message(token(), ALICE)).is_ok, "bob to four")
        wait_until(lambda: used(world, "bob").get("share") == 4, 30, "4 of 5 recipients")
        require(used(world, "bob")["b"] == 1, "%s", used(world, "bob"))
        require(client.mail(ALICE, some[:1], message(token(), ALICE)).is_ok, "bob to one")
        wait_until(lambda: used(world, "bob").get("share") == 5, 30, "5 of 6 recipients")
        reply = client.mail(ALICE, [BOB], message(token(), ALICE))
        require(reply.code == 450 and "on hold" in str(reply), "%s", reply)
    server.shutdown()
    server.server_close()


@case()
def rate_mails_the_postmaster(context):
    """A mail tells of a block, through the same Postfix and filter: it is delivered, and counted by
    no rate."""
    world = context.own()
    world.daemon.stop()
    world.daemon.write('notify-smtp = "127.0.0.1:%d"\n'
                       'rate "r" { key = { sender } count = messages limit = "1/1h" '
                       'notify = { "mail:postmaster@example.org" } }\n' % world.ports["inbound"])
    world.daemon.start()
    with Smtp(world.ports["submission"]) as client:
        require(client.mail(ALICE, [BOB], message(token(), ALICE)).is_ok, "not accepted")
        reply = client.mail(ALICE, [BOB], message(token(), ALICE))
        require(reply.code == 450, "%s", reply)
        client.command("QUIT")
    mail = world.mailbox.one("Key:    " + ALICE)
    require(mail.all("Subject") == ["rate block"], "%s", mail.all("Subject"))
    require(used(world, ALICE) == {"r": 1} and not used(world, "<>"), "%s", used(world, "<>"))
