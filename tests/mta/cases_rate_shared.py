"""Rates of two daemons that count in one Redis, both of them behind a real Postfix."""
from cases import case, require
from procs import wait_until
from rateload import ALICE, ATTEMPTS, LIMIT, RATES, SIZE_LIMIT, exhaust, used
from sharedstore import Redis, two_daemons

PORTS = ("submission", "submission-2")


def shared_world(context, **options):
    redis = Redis(context.place).start()
    return redis, two_daemons(context, redis, redis.configuration() + RATES, **options)


def exhaust_shared(context, honest):
    redis, world = shared_world(context, options={"message_size_limit": SIZE_LIMIT})
    sender = exhaust(world, honest, PORTS, lambda: redis.counted("recipients", "alice"))
    # The last message may still be waiting for its end.
    wait_until(lambda: redis.reserved() == 0, 20, "the reservations to end")
    require(redis.counted("recipients", "alice") == LIMIT, "%d counted",
            redis.counted("recipients", "alice"))
    for daemon in (world.daemon, world.second):
        require(used(world, "alice", daemon).get("recipients") == LIMIT, "%s",
                used(world, "alice", daemon))
        require(not daemon.log_lines("one part in"), "%s did without the store", daemon.log_path)
    redis.require_clean("alice", ALICE, "recipients", "example.net")
    return sender


@case()
def rate_is_exact_of_two_hosts(context):
    """16 sessions, 5,000 recipients, half of them with each daemon: together they accept 1,000."""
    sender = exhaust_shared(context, True)
    require(sender.accepted == LIMIT and sender.refused == ATTEMPTS - LIMIT, "%d accepted, %d not",
            sender.accepted, sender.refused)


@case()
def rate_of_two_hosts_counts_what_was_accepted(context):
    """The same, while others are broken off at every stage, refused by the server or by a rule, or
    lost with their connection."""
    exhaust_shared(context, False)
