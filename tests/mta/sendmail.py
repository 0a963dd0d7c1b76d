"""A private Sendmail 8.17, from Debian's packages unpacked into a cache folder: installing them would
take Postfix's place on the machine."""
import glob
import os
import socket
import subprocess

from mta import HOST, LOCAL_DOMAINS, Mailbox, Mta
from procs import Failure, can_connect, wait_until

PACKAGES = ("sendmail-bin", "sendmail-base", "sendmail-cf", "libwrap0", "m4", "libsigsegv2", "libnsl2",
            "libtirpc3", "libldap-2.5-0", "libdb5.3", "libsasl2-2")
BINARY = "usr/libexec/sendmail/sendmail"

# Mailer flags: P and n as usual; no r (it would hand the sender to the program), no w (recipients
# need not be users here), no 9 (it would rewrite 8-bit MIME after the filter saw it).
MC = r"""divert(0)dnl
VERSIONID(`private test')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
FEATURE(`use_cw_file')dnl
define(`confCW_FILE', `-o {root}/local-host-names')dnl
define(`confCT_FILE', `-o {root}/trusted-users')dnl
define(`ALIAS_FILE', `text:{root}/aliases')dnl
define(`HELP_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`QUEUE_DIR', `{root}/queue')dnl
define(`confPID_FILE', `{root}/sendmail.pid')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confHOSTS_FILE', `/etc/hosts')dnl
define(`confSERVICE_SWITCH_FILE', `{root}/service.switch')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,IncludeFileInUnsafeDirPath,AssumeSafeChown,RunProgramInUnsafeDirPath,ForwardFileInUnsafeDirPath,MapInUnsafeDirPath,ClassFileInUnsafeDirPath,TrustStickyBit')dnl
define(`confTO_IDENT', `0')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confMAX_DAEMON_CHILDREN', `0')dnl
define(`confREFUSE_LA', `0')dnl
define(`confQUEUE_LA', `100')dnl
define(`confDELIVERY_MODE', `background')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={inbound}')dnl
DAEMON_OPTIONS(`Name=ORIGINATING, Family=inet, Addr=127.0.0.1, Port={submission}, M=E')dnl
{further}{filter}
define(`LOCAL_MAILER_PATH', `{root}/deliver')dnl
define(`LOCAL_MAILER_ARGS', `deliver {root}/mail $u')dnl
define(`LOCAL_MAILER_FLAGS', `Pmn')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-w')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

# As Postfix does, it says on top to whom; one file for all of them.
DELIVER = """#!/bin/sh
folder=$1
shift
file=$(mktemp "$folder/part.XXXXXX") || exit 75
{ printf 'Delivered-To: %s\\n' "$@" && cat; } >"$file" || exit 75
mv "$file" "$folder/done.${file##*.}" || exit 75
"""


class Unavailable(Exception):
    """The packages cannot be had: the test is skipped."""


def unpack(cache):
    """The folder in which Sendmail lies as below /; downloads it the first time."""
    root = os.path.join(cache, "root")
    if os.path.exists(os.path.join(root, "complete")):
        return root
    os.makedirs(cache, exist_ok=True)
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
    for before in (None, "update"):
        if before:
            subprocess.run([*apt, before], capture_output=True, check=False, timeout=300)
        done = subprocess.run([*apt, "download", *PACKAGES], cwd=cache, capture_output=True,
                              text=True, check=False, timeout=300)
        if not done.returncode:
            break
    if done.returncode:
        raise Unavailable("apt-get download: " + " ".join(done.stderr.split())[:300])
    for package in glob.glob(os.path.join(cache, "*.deb")):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    # The set-group-id bit would make the loader ignore LD_LIBRARY_PATH.
    os.chmod(os.path.join(root, BINARY), 0o755)
    with open(os.path.join(root, "complete"), "w", encoding="ascii"):
        pass
    return root


class Sendmail(Mta):
    """Everything for example.org and example.net goes to one mailbox; no AUTH, no SMTPUTF8, no
    sendmail(1)."""

    name = "sendmail"
    cache = None
    # More lines of sendmail.mc.
    further = ""

    def __init__(self, place, milter, options=None, name="sendmail"):
        super().__init__(place, milter)
        self.options = options or {}
        self.packages = unpack(self.cache)
        self.root = place.folder(name)
        self.log_path = os.path.join(self.root, "sendmail.log")
        self.mailbox = Mailbox(place.folder(name, "mail", mode=0o777),
                               lambda file: file.startswith("done."))

    def _environment(self):
        libraries = [os.path.join(self.packages, part) for part in (
            "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu",
            "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu")]
        return dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def _make_cf(self):
        listed = ""
        if self.milter:
            listed = ("INPUT_MAIL_FILTER(`postseal', `S=%s, F=T, T=C:30s;S:10s;R:10s;E:300s')dnl"
                      % self.milter)
        source = self._write("sendmail.mc", MC.format(host=HOST, root=self.root, filter=listed,
                                                      further=self.further, **self.ports))
        macros = os.path.join(self.packages, "usr/share/sendmail/cf/")
        done = subprocess.run([os.path.join(self.packages, "usr/bin/m4"), "-D_CF_DIR_=" + macros,
                               macros + "m4/cf.m4", source], env=self._environment(),
                              capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise Failure("m4: " + done.stderr[-500:])
        return self._write("sendmail.cf", done.stdout)

    def _mounts(self):
        """What the server sees of ours in place of the system's. It sleeps for a minute when the
        machine's name leads to no full one: hence a hosts file."""
        text = "127.0.0.1 %s %s localhost\n" % (HOST, socket.gethostname())
        return {"/etc/hosts": self._write("hosts", text)}

    def _without_namespace(self):
        """Words to put before the command where namespaces cannot be made."""
        return []

    def start(self):
        self.place.folder(os.path.basename(self.root), "queue", mode=0o700)
        self._write("aliases", "postmaster: alice\n")
        self._write("trusted-users", "")
        self._write("local-host-names", "".join(name + "\n" for name in LOCAL_DOMAINS))
        self._write("service.switch", "hosts files\naliases files\n")
        self._write("deliver", DELIVER, 0o755)
        in_namespace = ["unshare", "-m"]
        for to, path in self._mounts().items():
            in_namespace += ["sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh",
                             path, to]
        if subprocess.run([*in_namespace, "true"], capture_output=True, check=False).returncode:
            in_namespace = self._without_namespace()
        program = os.path.join(self.packages, BINARY)
        self.child = self.place.start([*in_namespace, program, "-C", self._make_cf(), "-bD", "-L",
                                       "sm-private"], self.log_path, env=self._environment())
        wait_until(self._is_up, 90, "Sendmail to listen", 0.1)
        return self

    def _is_up(self):
        if self.child.poll() is not None:
            raise Failure("Sendmail does not start: " + self.log()[-1000:])
        return all(can_connect(port) for port in self.ports.values())

    def held(self):
        """A queue file whose name begins with h is in quarantine."""
        return [name for name in os.listdir(os.path.join(self.root, "queue"))
                if name.startswith("hf")]

    def queued(self):
        return [name for name in os.listdir(os.path.join(self.root, "queue"))
                if name.startswith("qf")]
