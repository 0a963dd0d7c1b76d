"""What the daemon does when it is told to, when it is killed, and when its configuration is wrong."""
import os
import signal
import time

from cases import case, require
from message import message, token
from procs import wait_until
from smtp import Smtp, send

ALICE, BOB = "alice@example.org", "bob@example.net"


def submit(world, word):
    return send(world.ports["submission"], ALICE, [BOB], message(word))


def require_tempfail(world, word):
    reply = submit(world, word)
    require(reply.code == 451, "without the daemon a message was answered %s", reply)


@case()
def killed_daemon_is_a_temporary_failure(context):
    """kill -9 before and within a message; a new daemon takes over the stale socket."""
    world = context.own()
    lost, word, later = token(), token(), token()
    require(submit(world, word).is_ok, "the first message was refused")
    client = Smtp(world.ports["submission"])
    for line in ("MAIL FROM:<%s>" % ALICE, "RCPT TO:<%s>" % BOB):
        require(client.command(line).is_ok, "%s was refused", line)
    world.daemon.stop(signal.SIGKILL)
    reply = client.command("DATA")
    if reply.is_ok:
        reply = client.content(message(lost))
    require(reply.code == 451, "the message under way was answered %s", reply)
    client.close()
    require_tempfail(world, lost)
    world.daemon.start()
    require(submit(world, later).is_ok, "the new daemon does not serve")
    for one in (word, later):
        world.judges.require(world.mailbox.one(one))
    require(not world.mailbox.find(lost), "a refused message was delivered")


@case()
def term_lets_the_message_under_way_finish(context):
    """TERM between DATA and the end of the message: it is delivered, signed; the process ends
    by itself with status 0, and what comes later is a temporary failure."""
    world = context.own()
    word, lost = token(), token()
    with Smtp(world.ports["submission"]) as client:
        for line in ("MAIL FROM:<%s>" % ALICE, "RCPT TO:<%s>" % BOB, "DATA"):
            require(client.command(line).is_ok, "%s was refused", line)
        # No reply is awaited at MAIL and RCPT: the daemon may not have read them yet.
        time.sleep(0.5)
        child = world.daemon.child
        child.send_signal(signal.SIGTERM)
        wait_until(lambda: submit(world, lost).code == 451, 20, "new messages to be refused", 0.2)
        reply = client.content(message(word))
        require(reply.is_ok, "the message under way was answered %s", reply)
        client.quit()
    wait_until(lambda: child.poll() is not None, 30, "the daemon to end", 0.1)
    require(child.returncode == 0, "it ended with status %d", child.returncode)
    world.judges.require(world.mailbox.one(word))
    require(all(arrived.is_signed for arrived in world.mailbox.find(lost)), "one is unsigned")


@case()
def term_without_load_ends_at_once(context):
    world = context.own()
    with Smtp(world.ports["submission"]):
        status = world.daemon.stop(signal.SIGTERM, 20)
    require(status == 0, "it ended with status %d", status)


@case()
def broken_reload_keeps_the_old_configuration(context):
    """The same process goes on signing, and the log says which option is wrong."""
    world = context.own()
    pid = world.daemon.child.pid
    with open(world.daemon.configuration, "a", encoding="utf-8") as file:
        file.write('\nlocal-domain = { "example.org" }\n')
    world.daemon.hup()
    wait_until(lambda: world.daemon.log_lines("local-domain"), 20, "the log to say so")
    require("local-domains" in world.daemon.log(), "no suggestion in the log")
    word = token()
    require(submit(world, word).is_ok, "a message was refused")
    world.judges.require(world.mailbox.one(word))
    require(world.daemon.child.poll() is None and world.daemon.child.pid == pid, "it has ended")


@case()
def reload_takes_effect(context):
    """A sign block that loses its RSA key: the next connection is signed with Ed25519 alone."""
    world = context.own()
    word = token()
    require(submit(world, word).is_ok, "a message was refused")
    world.judges.require(world.mailbox.one(word))
    path = world.daemon.configuration
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('"t-rsa", ', ""))
    world.daemon.hup()

    def has_only_ed25519():
        again = token()
        require(submit(world, again).is_ok, "a message was refused")
        arrived = world.mailbox.one(again)
        return arrived if len(arrived.signatures()) == 1 else None

    arrived = wait_until(has_only_ed25519, 20, "the new configuration", 0.2)
    world.judges.require(arrived, algorithms=("ed25519-sha256",),
                         judges=("dkimpy", "libopendkim"))


@case()
def observe_mode_still_signs(context):
    world = context.own(more="mode = observe")
    word = token()
    octets = message(word, fields=[b"Authentication-Results: mx.example.org; dkim=pass (forged)"])
    require(send(world.ports["submission"], ALICE, [BOB], octets).is_ok, "refused")
    world.judges.require(world.mailbox.one(word))


@case("unix")
def socket_is_not_for_everybody(world):
    path = world.daemon.listen.partition(":")[2]
    mode = os.stat(path).st_mode & 0o777
    require(mode == 0o660, "its mode is %o", mode)


@case("unix")
def privileges_are_dropped(world):
    with open("/proc/%d/status" % world.daemon.child.pid, encoding="ascii") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    require(set(lines["Uid"].split()) != {"0"} and "0" not in lines["Uid"].split(), "uid %s",
            lines["Uid"])
    require("0" not in lines["Gid"].split() and "0" not in lines["Groups"].split(), "groups %s, %s",
            lines["Gid"], lines["Groups"])


@case("unix")
def one_log_line_a_message(world):
    """With the queue id where there is one."""
    word = token()
    before = len(world.daemon.log().splitlines())
    require(submit(world, word).is_ok, "refused")
    arrived = world.mailbox.one(word)
    received = arrived.all("Received")[0]
    queue_id = received.split(" id ")[1].split(";")[0].split()[0]
    lines = [line for line in world.daemon.log().splitlines()[before:] if queue_id in line]
    require(len(lines) == 1, "%d lines with %s: %s", len(lines), queue_id, lines)


@case("unix")
def logs_are_clean(world):
    """After all that: no panic, no protocol fault in the server's log, no sanitizer's report."""
    for line in world.mta.log().splitlines():
        require("panic" not in line and "milter" not in line.partition("warning:")[2], "%s", line)
    for word in ("panic", "Sanitizer", "runtime error"):
        found = world.daemon.log_lines(word)
        require(not found, "%s", found[:1])
