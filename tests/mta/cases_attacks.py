"""Every attack of tests/attacks and its honest twin through a real Postfix, with the outcome that
`postseal eval` gives: stage and reply, fields removed and put on top, every octet of what is
delivered. What SMTP or Postfix does not carry is named here, with what comes of it instead."""
import copy
import re
from concurrent.futures import ThreadPoolExecutor

from attacked import Attacked, check, with_edits, without_delivery
from attacks.wants import PASS
from cases import case, require
from procs import wait_until

SYNTAX = "501 5.1.7 Bad sender address syntax"
NO_PATH = "501 5.5.4 Syntax: MAIL FROM:<address>"
# Postfix refuses before postseald is asked: {piece: (stage, start of the reply, why)}.
REFUSED_BY_POSTFIX = {
    "no MAIL FROM at all, HELO of the victim (attack)": ("mail", NO_PATH, "MAIL wants a path"),
    "no MAIL FROM at all, HELO of the victim (twin)": ("mail", NO_PATH, "MAIL wants a path"),
    "MAIL FROM with one bracket (attack)": ("mail", SYNTAX, "a bracket must be closed"),
    "MAIL FROM with a blank in its domain (attack)": ("mail", SYNTAX, "two words, no address"),
}
for _what, _why in (("<x;dmarc=pass@thief.example>", "; ends a group"),
                    ("<x\r\n dmarc=pass@thief.example>", "the command ends with the line"),
                    ("<x@thief.example;y>", "; ends a group")):
    for _kind in ("attack", "twin"):
        REFUSED_BY_POSTFIX["MAIL FROM %r (%s)" % (_what, _kind)] = ("mail", SYNTAX, _why)
for _kind in ("attack", "twin"):
    # EHLO ends with the line, and the next line is no command but looks like a header field.
    REFUSED_BY_POSTFIX["HELO %r (%s)" % ("thief.example\r\nAuthentication-", _kind)] = (
        "rcpt", "(connection closed)", "no line end fits in HELO")


def _in_header(mail, change):
    altered = copy.copy(mail)
    head, end, body = mail.message.partition(b"\n\n")
    altered.message = change(head) + end + body
    return altered


def _without_nul(mail):
    return _in_header(mail, lambda head: re.sub(rb"\0.*", b"", head))


def _without_cr(mail):
    return _in_header(mail, lambda head: head.replace(b"\r", b" "))


def _short(mail):
    """header_size_limit = 102400 keeps this much of a field; the rest of it is dropped."""
    return _in_header(mail, lambda head: re.sub(rb"(?m)^(.{60000}).*", rb"\1", head))


def _one_blank(mail):
    altered = copy.copy(mail)
    altered.helo = mail.helo.replace("\t", " ")
    return altered


def _comment_left_out(mail):
    """What Postfix itself takes the path for, and says in {mail_addr}: a comment runs to the end."""
    altered = copy.copy(mail)
    altered.sender = "<x@example.org>"
    return altered


# Postfix hands something else to its milter: {piece: (what it makes of the mail, what is wanted
# then, None: the same)}. The mail so altered has the outcome that eval gives for it.
ALTERED = {
    "a second From past the cap of octets (twin)": (_short, None),
    "a bare CR in a comment (attack)": (_without_cr, PASS),
    "a NUL behind the victim's address (twin)": (_without_nul, None),
    r"HELO 'x\ty' (twin)": (_one_blank, None),
    "MAIL FROM '<x(y@thief.example>' (twin)": (_comment_left_out, None),
}


def answer(piece):
    reply = piece.refusal
    if reply is None:
        return "accepted"
    return "%s %s" % (reply.code, reply.lines[-1]) if reply.lines else str(reply)


def refusal_faults(piece, stage, start):
    if piece.stage == stage and answer(piece).startswith(start):
        return []
    return ["%s %s, not %s %s" % (piece.stage, answer(piece), stage, start)]


def delivery_faults(piece, mail, edits, delivered):
    if piece.queue_id not in delivered:
        return ["not delivered: %s %s" % (piece.stage, answer(piece))]
    fields, body = with_edits(mail.message, edits)
    got_fields, got_body = without_delivery(delivered[piece.queue_id])
    if got_fields != fields:
        return ["fields %.200r, not %.200r" % ([one for one in got_fields if one not in fields],
                                               [one for one in fields if one not in got_fields])]
    return ["the body is %.80r" % got_body] if got_body != body else []


def faults_of(attacked, piece, delivered):
    mail, want, verdict_want = piece.mail, None, piece.want
    if str(piece) in ALTERED:
        alter, want = ALTERED[str(piece)]
        mail = alter(mail)
        verdict_want = want or piece.want
    said = attacked.judge(piece, mail)
    faults = check(said, verdict_want)
    verdict = said["verdict"]
    if str(piece) in REFUSED_BY_POSTFIX:
        return faults + refusal_faults(piece, *REFUSED_BY_POSTFIX[str(piece)][:2])
    if verdict["action"] in ("reject", "tempfail"):
        return faults + refusal_faults(piece, verdict["stage"], "%s %s %s" % (
            verdict["code"], verdict["enhanced"], verdict["text"]))
    return faults + delivery_faults(piece, mail, said["edits"], delivered)


@case()
def attacks_and_their_twins(context):
    """All pairs, in sessions side by side."""
    attacked = Attacked(context.place, context.programs)
    try:
        names = {str(piece) for piece in attacked.pieces}
        for name in (*REFUSED_BY_POSTFIX, *ALTERED):
            require(name in names, "no piece is named %s", name)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(attacked.send, attacked.pieces))
            wait_until(lambda: not attacked.server.queued(), 60, "an empty queue", 0.05)
            delivered = attacked.delivered()
            found = list(pool.map(lambda piece: faults_of(attacked, piece, delivered),
                                  attacked.pieces))
        bad = ["%s: %s" % (piece, "; ".join(faults))
               for piece, faults in zip(attacked.pieces, found) if faults]
        require(not bad, "%d of %d: %s", len(bad), len(found), " || ".join(bad[:5]))
        accepted = [piece for piece in attacked.pieces if piece.queue_id]
        require(len(accepted) == len(delivered) and len(attacked.pieces) >= 400,
                "%d accepted, %d delivered", len(accepted), len(delivered))
        require(not attacked.reports(), "%s", attacked.reports()[:1])
    finally:
        attacked.close()
