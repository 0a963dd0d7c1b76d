"""Private mail servers: everything below one temporary folder, listening on 127.0.0.1 only, the
machine's own configuration neither read nor needed. A test sees only class Mta: what it asks of
one server it can ask of another."""
import os
import pwd
import re
import subprocess

from message import Arrived
from procs import Failure, can_connect, wait_until

HOST = "mx.example.org"
MASTER = "/usr/lib/postfix/sbin/master"
LOCAL_DOMAINS = ("example.org", "example.net")


class Mailbox:
    """Delivered messages: one file each, below one folder."""

    def __init__(self, folder, is_message=lambda name: True):
        self.folder = folder
        self._is_message = is_message
        self._seen = {}

    def all(self):
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        for name in names:
            if name not in self._seen and self._is_message(name):
                with open(os.path.join(self.folder, name), "rb") as file:
                    self._seen[name] = Arrived(file.read())
        return list(self._seen.values())

    def find(self, word):
        octets = word.encode()
        return [message for message in self.all() if octets in message.octets]

    def wait(self, word, count=1, seconds=30):
        """At least `count` messages that contain the word; Failure when they do not come."""
        wait_until(lambda: len(self.find(word)) >= count, seconds,
                   "delivery of %s (%d of %d)" % (word, len(self.find(word)), count), 0.05)
        return self.find(word)

    def one(self, word, seconds=30):
        found = self.wait(word, 1, seconds)
        if len(found) != 1:
            raise Failure("%s was delivered %d times" % (word, len(found)))
        return found[0]

    def forget(self, word):
        """Long runs need not keep large messages in memory."""
        octets = word.encode()
        for name, message in self._seen.items():
            if octets in message.octets:
                self._seen[name] = Arrived(b"X-Forgotten: yes\r\n\r\n")


class Mta:
    """What every server here has.

    ports["inbound"]     from the world: {daemon_name} is the server's host name
    ports["submission"]  {daemon_name} ORIGINATING
    mailbox              of every recipient at example.org and example.net
    """

    name = "?"
    has_smtputf8 = False
    has_xclient = False

    def __init__(self, place, milter):
        """`milter` as postseald's `listen` has it (unix:PATH, inet:PORT@HOST); None for none."""
        self.place = place
        self.milter = milter
        self.ports = {"inbound": place.free_port(), "submission": place.free_port()}
        self.mailbox = None
        self.log_path = os.devnull
        self.child = None

    def start(self):
        raise NotImplementedError

    def stop(self):
        if self.child:
            self.place.stop(self.child)
            self.child = None

    def sendmail(self, sender, recipients, octets):
        """Hands a message in by sendmail(1), as a program on this machine would."""
        raise NotImplementedError

    def queued(self):
        """Names of the messages that are still in the queue."""
        raise NotImplementedError

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Postfix(Mta):
    """Further listeners: "filtered" hands to a content filter, which hands back to "reinject"
    ({daemon_name} REINJECT); the filter is smtp(8) itself, which changes nothing. Mail for
    nouser@... bounces, mail for discard.example vanishes."""

    name = "postfix"
    has_smtputf8 = True
    has_xclient = True

    def __init__(self, place, milter, options=None, name="postfix"):
        super().__init__(place, milter)
        self.ports["filtered"] = place.free_port()
        self.ports["reinject"] = place.free_port()
        self.options = options or {}
        self.root = place.folder(name)
        self.etc = place.folder(name, "etc")
        self._mail = os.path.join(self.root, "mail")
        self.mailbox = Mailbox(os.path.join(self._mail, "box", "new"))
        self.log_path = os.path.join(self.root, "maillog")

    @staticmethod
    def milter_spec(listen):
        """inet:PORT@HOST, the milter library's way, in Postfix's way."""
        match = re.fullmatch(r"inet6?:(\d+)@(.*)", listen)
        return "inet:%s:%s" % (match[2], match[1]) if match else listen

    def _main_cf(self):
        nobody = pwd.getpwnam("nobody")
        milters = self.milter_spec(self.milter) if self.milter else ""
        options = {
            "compatibility_level": "3.6",
            "config_directory": self.etc,
            "queue_directory": os.path.join(self.root, "queue"),
            "data_directory": os.path.join(self.root, "data"),
            "maillog_file_prefixes": self.root,
            "maillog_file": self.log_path,
            "myhostname": HOST,
            "mydomain": "example.org",
            "myorigin": "example.org",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "transport_maps": "texthash:" + os.path.join(self.etc, "transport"),
            "default_transport": "error:no mail leaves this test",
            "virtual_mailbox_domains": ", ".join(LOCAL_DOMAINS),
            "virtual_mailbox_base": self._mail,
            "virtual_mailbox_maps": "static:box/",
            "virtual_mailbox_limit": "0",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": "static:%d" % nobody.pw_uid,
            "virtual_gid_maps": "static:%d" % nobody.pw_gid,
            "recipient_delimiter": "+",
            "smtputf8_enable": "yes",
            "message_size_limit": "100000000",
            "smtpd_peername_lookup": "no",
            "smtpd_authorized_xclient_hosts": "127.0.0.1",
            "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, "
                                        "reject_unauth_destination",
            "smtpd_recipient_restrictions": "",
            "smtpd_recipient_limit": "2000",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_error_sleep_time": "0",
            "smtpd_junk_command_limit": "10000",
            "smtpd_hard_error_limit": "1000",
            "smtpd_tls_security_level": "none",
            "in_flow_delay": "0",
            "default_process_limit": "200",
            "smtpd_milters": milters,
            "non_smtpd_milters": milters,
            "internal_mail_filter_classes": "bounce",
            "milter_default_action": "tempfail",
        }
        options.update(self.options)
        return "".join("%s = %s\n" % pair for pair in options.items())

    def _listener(self, port, **options):
        lines = ["127.0.0.1:%d inet n - n - - smtpd" % self.ports[port]]
        return lines + ["  -o %s=%s" % pair for pair in options.items()]

    def _listeners(self):
        lines = self._listener("inbound")
        lines += self._listener("submission", milter_macro_daemon_name="ORIGINATING")
        lines += self._listener("filtered",
                                content_filter="smtp:[127.0.0.1]:%d" % self.ports["reinject"])
        # Another name, or smtp(8) would take the server for itself and see a loop.
        return lines + self._listener("reinject", milter_macro_daemon_name="REINJECT",
                                      content_filter="", myhostname="scan.example.org")

    def _master_cf(self):
        lines = self._listeners()
        for row in ("pickup unix n - n 1 1 pickup", "cleanup unix n - n - 0 cleanup",
                    "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
                    "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
                    "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
                    "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap",
                    "smtp unix - - n - - smtp", "showq unix n - n - - showq",
                    "error unix - - n - - error", "retry unix - - n - - error",
                    "discard unix - - n - - discard", "virtual unix - n n - - virtual",
                    "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache",
                    "postlog unix-dgram n - n - 1 postlogd"):
            lines.append(row)
        return "\n".join(lines) + "\n"

    def start(self):
        self.place.folder(os.path.basename(self.root), "queue")
        self.place.folder(os.path.basename(self.root), "data", owner=("postfix", "root"))
        self.place.folder(os.path.basename(self.root), "mail", owner=("nobody", "nogroup"))
        for name, text in (("main.cf", self._main_cf()), ("master.cf", self._master_cf()),
                           ("transport", "nouser@example.net error:5.1.1 no such user\n"
                                         "nouser@example.org error:5.1.1 no such user\n"
                                         "discard.example discard:\n")):
            with open(os.path.join(self.etc, name), "w", encoding="utf-8") as file:
                file.write(text)
        # Its queue's folders; "postfix start" would do it too, but put a shell between us and
        # master(8), whose process id we want.
        log = os.path.join(self.root, "start.log")
        with open(log, "wb") as out:
            subprocess.run(["/usr/sbin/postfix", "-c", self.etc, "check"], stdout=out, stderr=out,
                           stdin=subprocess.DEVNULL, check=False, timeout=60)
        self.child = self.place.start([MASTER, "-c", self.etc, "-d"], log)
        wait_until(lambda: self._is_up(log), 30, "Postfix to listen")
        return self

    def _is_up(self, log):
        if self.child.poll() is not None:
            with open(log, encoding="utf-8", errors="replace") as file:
                raise Failure("Postfix does not start: " + (file.read() + self.log())[-2000:])
        return all(can_connect(port) for port in self.ports.values())

    def sendmail(self, sender, recipients, octets):
        command = ["/usr/sbin/sendmail", "-C", self.etc, "-i", "-f", sender, *recipients]
        done = subprocess.run(command, input=octets.replace(b"\r\n", b"\n"), check=False,
                              capture_output=True, timeout=60)
        if done.returncode:
            raise Failure("sendmail(1): %d %s" % (done.returncode, done.stderr.decode()))

    def queued(self):
        names = []
        for queue in ("maildrop", "incoming", "active", "deferred", "hold", "corrupt"):
            for _, _, files in os.walk(os.path.join(self.root, "queue", queue)):
                names += files
        return names

    def held(self):
        return [name for _, _, files in os.walk(os.path.join(self.root, "queue", "hold"))
                for name in files]
