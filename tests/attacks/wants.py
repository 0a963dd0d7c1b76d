"""What rows want, in few words."""

FORGED = {"stage": "eom", "action": "reject", "code": "550", "enhanced": "5.7.26",
          "rule": "dmarc", "text": "DMARC", "dmarc": "fail"}
NO_AUTHOR = {"stage": "eom", "action": "reject", "code": "550", "enhanced": "5.7.1",
             "rule": "one author", "text": "From", "dmarc": None}
LATER = {"stage": "eom", "action": "tempfail", "code": "451", "enhanced": "4.7.5",
         "rule": "dmarc later", "dmarc": "temperror"}
MARKED = {"stage": "eom", "action": "mark", "rule": "dmarc mark", "dmarc": "fail"}
SENDS_NONE = {"stage": "mail", "action": "reject", "code": "550", "enhanced": "5.7.23",
              "rule": "no mail from here", "text": "SPF"}
PASS = {"stage": "eom", "action": "continue", "rule": "", "dmarc": "pass"}
NOT_COVERED = dict(PASS, dmarc="none")
UNDECIDED = dict(PASS, dmarc="fail")


