#include "filter/notify.h"

#include <inttypes.h>
#include <stdlib.h>

#include <systemd/sd-daemon.h>

bool filter_notify_is_managed(void)
{
    const char *address = getenv("NOTIFY_SOCKET");

    return address != NULL && address[0] != '\0';
}

void filter_notify_ready(uint64_t generation)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=configuration %" PRIu64, generation);
}

void filter_notify_reloading(int64_t mono_ns)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, mono_ns / 1000);
}

void filter_notify_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1\nSTATUS=finishing the messages under way");
}

void filter_notify_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

int filter_notify_interval_ms(void)
{
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) <= 0 || usec < 2000) {
        return -1;
    }
    /* Half of what it waits for; whoever asks for years gets a minute. */
    usec /= 2000;
    return usec > 60000 ? 60000 : (int)usec;
}
