"""The same servers with logins and TLS: Cyrus SASL with a password file, a certificate authority of
our own. Further ports: "login" (STARTTLS, as on 587) and "smtps" (TLS from the first octet, as on
465); on both a login is asked of nobody and taken from everybody, {daemon_name} is LOGIN and SMTPS,
which are in nobody's originating-daemons."""
import os
import shutil
import ssl
import subprocess

from mta import HOST, Postfix
from procs import Failure
from sendmail import Sendmail, Unavailable

PASSWORDS = {"alice": "sesame 1", "mallory": "sesame 2"}
REALM = "example.org"
MECHANISMS = "PLAIN LOGIN CRAM-MD5"
SASLPASSWD = "/usr/sbin/saslpasswd2"

# Names of certificates: file, subject, issuer.
SUBJECTS = {
    "server": "/O=Post Office/CN=" + HOST,
    "client": "/O=Client Org, Ltd./CN=client.example.com",
    "other": "/O=Other Org/CN=other.example.com",
    "stranger": "/O=Client Org, Ltd./CN=client.example.com",
}
AUTHORITIES = {"authority": "/O=Test/CN=Test Authority", "strangers": "/O=Nowhere/CN=Test Authority"}
ISSUERS = {"stranger": "strangers"}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, **options)
    if done.returncode:
        raise Failure("%s: %s" % (" ".join(command), done.stderr.decode()[-500:]))


class Certificates:
    """Made once a run: an authority, certificates of a server and two clients, and one client's of
    an authority that nobody trusts."""

    def __init__(self, place):
        self.folder = os.path.join(place.path, "certificates")
        if os.path.isdir(self.folder):
            return
        place.folder("certificates")
        for name, subject in AUTHORITIES.items():
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "30", "-subj", subject, "-keyout", self.key(name), "-out",
                self.file(name))
        for name, subject in SUBJECTS.items():
            self._sign(name, subject, ISSUERS.get(name, "authority"))
        os.chmod(self.key("server"), 0o600)

    def file(self, name):
        return os.path.join(self.folder, name + ".pem")

    def key(self, name):
        return os.path.join(self.folder, name + ".key")

    def _sign(self, name, subject, issuer):
        request = os.path.join(self.folder, name + ".csr")
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", subject, "-keyout", self.key(name), "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-days", "30", "-CA", self.file(issuer),
            "-CAkey", self.key(issuer), "-CAcreateserial", "-out", self.file(name))

    def client(self, name=None, version=None):
        """What a client speaks TLS with: its own certificate or none; at most that version."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.file("authority"))
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
        if name:
            context.load_cert_chain(self.file(name), self.key(name))
        return context


def write_passwords(folder, configuration, group, mode):
    """sasldb and the file that leads to it. The program would take a line's end for a part of the
    password."""
    if not os.access(SASLPASSWD, os.X_OK):
        raise Unavailable("needs saslpasswd2 (apt-get install sasl2-bin libsasl2-modules)")
    os.makedirs(folder, exist_ok=True)
    database = os.path.join(folder, "sasldb2")
    for user, password in PASSWORDS.items():
        run(SASLPASSWD, "-p", "-c", "-f", database, "-u", REALM, user, input=password.encode())
    with open(os.path.join(folder, configuration), "w", encoding="utf-8") as file:
        file.write("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\n"
                   "mech_list: %s\n" % (database, MECHANISMS))
    shutil.chown(database, "root", group)
    os.chmod(database, mode)


class SecurePostfix(Postfix):
    """{auth_authen} is alice@example.org."""

    login = "alice@" + REALM

    def __init__(self, place, milter, options=None, name="postfix"):
        super().__init__(place, milter, options, name)
        self.certificates = Certificates(place)
        for port in ("login", "smtps"):
            self.ports[port] = place.free_port()
        self.options = {
            "smtpd_sasl_type": "cyrus",
            "smtpd_sasl_path": "smtpd",
            "smtpd_sasl_local_domain": REALM,
            "smtpd_tls_cert_file": self.certificates.file("server"),
            "smtpd_tls_key_file": self.certificates.key("server"),
            "smtpd_tls_CAfile": self.certificates.file("authority"),
            "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_security_level": "may",
            # Old versions are what is to be seen.
            "smtpd_tls_protocols": ">=TLSv1",
            "smtpd_tls_ciphers": "medium",
            "tls_medium_cipherlist": "ALL:@SECLEVEL=0",
            **self.options,
        }

    def _listeners(self):
        login = {"smtpd_sasl_auth_enable": "yes", "smtpd_tls_auth_only": "yes"}
        return (super()._listeners() +
                self._listener("login", milter_macro_daemon_name="LOGIN", **login) +
                self._listener("smtps", milter_macro_daemon_name="SMTPS",
                               smtpd_tls_wrappermode="yes", **login) +
                ["tlsmgr unix - - n 1000? 1 tlsmgr"])

    def start(self):
        # Debian's Postfix looks there, whatever cyrus_sasl_config_path says.
        write_passwords(os.path.join(self.etc, "sasl"), "smtpd.conf", "postfix", 0o640)
        return super().start()


class SecureSendmail(Sendmail):
    """{auth_authen} is alice."""

    login = "alice"
    further_mc = r"""define(`confCACERT', `{authority}')dnl
define(`confCACERT_PATH', `{folder}')dnl
define(`confSERVER_CERT', `{certificate}')dnl
define(`confSERVER_KEY', `{key}')dnl
define(`confAUTH_MECHANISMS', `{mechanisms}')dnl
TRUST_AUTH_MECH(`{mechanisms}')dnl
define(`confAUTH_REALM', `{realm}')dnl
define(`confCIPHER_LIST', `ALL:@SECLEVEL=0')dnl
define(`confSERVER_SSL_OPTIONS', `')dnl
DAEMON_OPTIONS(`Name=LOGIN, Family=inet, Addr=127.0.0.1, Port={login}, M=E')dnl
DAEMON_OPTIONS(`Name=SMTPS, Family=inet, Addr=127.0.0.1, Port={smtps}, M=Es')dnl
"""

    def __init__(self, place, milter, options=None, name="sendmail"):
        super().__init__(place, milter, options, name)
        self.certificates = Certificates(place)
        for port in ("login", "smtps"):
            self.ports[port] = place.free_port()
        self.further = self.further_mc.format(
            authority=self.certificates.file("authority"), folder=self.certificates.folder,
            certificate=self.certificates.file("server"), key=self.certificates.key("server"),
            mechanisms=MECHANISMS, realm=REALM, **self.ports)

    def _mounts(self):
        """Cyrus SASL looks for Sendmail.conf in folders of the system only."""
        folder = os.path.join(self.root, "sasl")
        write_passwords(folder, "Sendmail.conf", "root", 0o600)
        return {**super()._mounts(), "/usr/lib/sasl2": folder}

    def _without_namespace(self):
        raise Unavailable("no namespaces: Sendmail would not find its passwords")
