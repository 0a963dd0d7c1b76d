#!/usr/bin/python3
"""signing.py [--rounds N] [--messages N]: CPU a message of postseald, over milter, in one run with the
limit of a signer on libmilter (ideal.c), rounds taken in turn, medians compared: signing RSA-2048 at
2 KiB and 16 sessions. Run it in a build folder (srcdir says where the sources are; make
tests/bench/miltload postseald). Exit status 1 when signing costs more than 1.25 times the limit."""
import argparse
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
# pylint: disable=wrong-import-position
from daemon import DATA, LOGIN, MILTLOAD, Daemon, Place, check, wait_until  # noqa: E402

LIMIT = 1.25
SESSIONS = "16"
FIELDS = """From: "Example Sender" <sender@example.org>
To: "Recipient, A." <rcpt@example.net>
Cc: Other Person <other@example.net>,
\tThird Person <third.person@example.com>
Subject: Quarterly report and delivery schedule with
 a long folded subject line
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <20261122120000.4711@app01.example.org>
In-Reply-To: <20261121080000.1234@example.net>
References: <20261120070000.1111@example.net>
 <20261121080000.1234@example.net>
MIME-Version: 1.0
User-Agent: Example-Mailer/1.2.3
List-Id: Reports <reports.example.org>
X-Priority: 3
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit
"""


def message():
    line = "the quick invoice for your order number has been sent to our customer service\n"
    return FIELDS + "\n" + (line * 40)[:2048 - 1] + "\n"


def build_ideal(place):
    program = os.path.join(place.path, "ideal")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ideal.c")
    subprocess.run(["cc", "-O2", "-o", program, source, "-lmilter", "-lcrypto", "-lpthread"],
                   check=True)
    path = os.path.join(place.path, "ideal.sock")
    process = subprocess.Popen([program, "unix:" + path, os.path.join(DATA, "rsa.pem")])
    wait_until(lambda: os.path.exists(path), "the ideal signer")
    return process, "unix:" + path


def cpu_ms(target, pid, path, count, *more):
    """Milliseconds of the filter's CPU for one message."""
    out = subprocess.run([MILTLOAD, "-c", SESSIONS, "-n", str(count), "-f", path, "--pid", str(pid),
                          "--max-time", "120", *more, target],
                         stdout=subprocess.PIPE, check=True, text=True).stdout
    summary = json.loads(out)
    check(summary["messages"] == count and not summary["errors"], out)
    return summary["filter_cpu_s_per_1000"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2000)
    options = parser.parse_args()
    place = Place()
    path = place.file("message.eml", message().replace("\n", "\r\n"))
    ideal, ideal_socket = build_ideal(place)
    daemon = Daemon(place, 'sign "example.org" { keys = { "rsa" } }\n').start()
    try:
        figures = {"ideal": [], "sign": []}
        for _ in range(options.rounds):
            figures["ideal"].append(cpu_ms(ideal_socket, ideal.pid, path, options.messages))
            figures["sign"].append(
                cpu_ms(daemon.listen, daemon.process.pid, path, options.messages, *LOGIN))
        middle = {name: statistics.median(values) for name, values in figures.items()}
        ratio = middle["sign"] / middle["ideal"]
        print("signing RSA-2048, 2 KiB, %s sessions: ideal %.3f ms, postseald %.3f ms of CPU a message,"
              " ratio %.2f (limit %.2f)" % (SESSIONS, middle["ideal"], middle["sign"], ratio, LIMIT))
    finally:
        # By its process id; libmilter takes seconds to end by itself.
        ideal.kill()
        ideal.wait()
        daemon.stop()
        place.remove()
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
