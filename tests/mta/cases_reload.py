"""What a reload may bring into force, and whom a rule lets pass by everything: through Postfix."""
import os
import subprocess

from cases import case, require
from inbound import (AUTHRES, BOB, DISPOSITION, FORGER, FRIEND, connect, converse, from_friend,
                     receive)
from message import message, token
from procs import wait_until
from smtp import Smtp

SENDER = "ann@friend.example"
# The administrator's own tests: who is nobody's server must be refused, or be %s.
TESTS = """zone = { "friend.example. 300 TXT \\"v=spf1 ip4:198.51.100.7 -all\\"" }
given "a forger" {
    ip   = "203.0.113.9"
    from = "ann@friend.example"
    rcpt = { "bob@example.net" }
    header = { "From: Ann <ann@friend.example>" }
}
expect "a forger" { action = %s  matched = { "forged" } }
"""


def rules(path, action):
    return ('require-tests = { "%s" }\n'
            'rule "forged" { stage = mail  direction = inbound  spf = { fail }  action = %s }\n'
            % (path, action))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def reload(world):
    done = subprocess.run([world.daemon.programs.postseal, "reload", "-c",
                           world.daemon.configuration], capture_output=True, text=True, check=False,
                          timeout=60)
    return done.returncode, done.stderr


def require_refused(world):
    outcome = receive(world, SENDER, from_friend(token()), FORGER)
    require(outcome.stage == "mail" and outcome.refusal.code == 550, "not refused: %s", outcome)
    outcome = receive(world, SENDER, from_friend(token()), FRIEND)
    require(not outcome.stage, "the friend: %s", outcome)


def require_not_reloaded(world, want):
    """What is in force stays so, in a session under way and in a new one."""
    with connect(world, FORGER) as client:
        status, errors = reload(world)
        require(status == 78 and want in errors, "reload: %s %s", status, errors)
        outcome = converse(client, SENDER, from_friend(token()))
        require(outcome.stage == "mail", "under way: %s", outcome)
    require_refused(world)


@case()
def required_tests_guard_a_reload(context):
    """A policy that its own tests are against, or whose tests cannot be read, does not come into
    force, by `postseal reload` and by SIGHUP; mended, it does."""
    path = os.path.join(context.place.path, "policy.tests")
    write(path, TESTS % "reject")
    world = context.own(more=rules(path, "reject"))
    pid = world.daemon.child.pid
    require_refused(world)
    world.daemon.write(rules(path, "mark"))
    require_not_reloaded(world, '"a forger": action: want reject, got mark')
    before = len(world.daemon.log_lines("1 of 1 tests"))
    world.daemon.hup()
    wait_until(lambda: len(world.daemon.log_lines("1 of 1 tests")) > before, 20, "the log to say so")
    require_refused(world)
    write(path, "given {")
    require_not_reloaded(world, "policy.tests")
    os.unlink(path)
    require_not_reloaded(world, "policy.tests")

    write(path, TESTS % "mark")
    status, errors = reload(world)
    require(status == 0, "reload: %s %s", status, errors)
    word = token()
    outcome = receive(world, SENDER, from_friend(word), FORGER)
    require(not outcome.stage, "%s", outcome)
    marks = world.mailbox.one(word).all(DISPOSITION)
    require(marks == ["quarantine; reason=forged"], "%s", marks)
    require(world.daemon.child.poll() is None and world.daemon.child.pid == pid, "it has ended")


BYPASSED, JUDGED = "127.0.0.41", "127.0.0.42"
BYPASS = """rule "monitor" { stage = connect  client-net = { "127.0.0.41" }  action = accept  bypass = all }
rule "forged" { stage = mail  direction = inbound  spf = { fail }  action = reject }
rule "nobody" { stage = rcpt  recipient = { "carol@example.net" }  action = reject }
"""


def forged(word):
    """With a result and a mark that only we may write."""
    octets = message(word, "Ann <ann@friend.example>")
    return (b"Authentication-Results: mx.example.org; spf=pass\r\n"
            b"X-Postseal-Disposition: quarantine; reason=forged\r\n") + octets


def require_untouched(world, word, count):
    for arrived in world.mailbox.wait(word, count):
        require(arrived.all(AUTHRES) == ["mx.example.org; spf=pass"], "%s", arrived.all(AUTHRES))
        require(arrived.all(DISPOSITION) == ["quarantine; reason=forged"], "its mark is gone")
        require(not arrived.all("Received-SPF") and not arrived.is_signed, "edited or signed")


@case()
def bypass_shows_us_nothing(context):
    """Two messages of one session pass as they are, which others' rules would refuse; on the port
    for our own they are not signed. A neighbour's address is judged. With `mode = observe` there is
    no bypass."""
    world = context.own(more=BYPASS)
    words = [token(), token(), token()]
    with connect(world, BYPASSED) as client:
        for word in words[:2]:
            outcome = converse(client, SENDER, forged(word), [BOB, "carol@example.net"])
            require(not outcome.stage, "%s", outcome)
        client.quit()
    with Smtp(world.ports["submission"], source=BYPASSED) as client:
        reply = client.mail("alice@example.org", [BOB], forged(words[2]))
        require(reply.is_ok, "submission: %s", reply)
        client.quit()
    for word, count in zip(words, (2, 2, 1)):
        require_untouched(world, word, count)
    wait_until(lambda: len(world.daemon.log_lines("client=" + BYPASSED)) >= 2, 20, "the log")
    lines = world.daemon.log_lines("client=" + BYPASSED)
    require(len(lines) == 2 and all("action=accept rule=monitor" in line and 'from=""' in line
                                    for line in lines), "%s", lines)
    require(world.daemon.log_lines('rule "monitor": bypass = all'), "no warning")

    outcome = receive(world, SENDER, forged(token()), JUDGED)
    require(outcome.stage == "mail", "the neighbour: %s", outcome)
    world.daemon.write('mode = observe\n' + BYPASS)
    require(reload(world)[0] == 0, "reload")
    word = token()
    require(not receive(world, SENDER, forged(word), BYPASSED).stage, "observed")
    arrived = world.mailbox.one(word)
    require(arrived.all(AUTHRES) and "spf=fail" in arrived.all(AUTHRES)[0], "%s",
            arrived.all(AUTHRES))
