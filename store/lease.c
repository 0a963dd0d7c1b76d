/* The thread only gives back what nobody uses; everything else is done by who joins and leaves. */
#include "store/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/* Whoever holds the exclusive lock for longer is no reason to hang. */
#define LOCK_TRIES   5000
#define LOCK_WAIT_NS BASE_NS_PER_MS

struct store_lease {
    int fd;
    struct base_clock clock;
    pthread_mutex_t mutex;
    /* For those who want to join. */
    pthread_cond_t given_back;
    /* For the thread. */
    pthread_cond_t changed;
    pthread_t thread;
    /* All below is guarded. */
    bool has_thread;
    bool is_ending;
    bool is_locked;
    /* Its time is over: those who are in may stay. */
    bool is_draining;
    unsigned users;
    int64_t end_ns;
};

static bool set_lock(const struct store_lease *lease, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(lease->fd, F_OFD_SETLK, &lock) == 0;
}

static bool take_lock(const struct store_lease *lease)
{
    const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};

    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (set_lock(lease, F_RDLCK))
            return true;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            break;
        (void)nanosleep(&wait, NULL);
    }
    return false;
}

static void give_back(struct store_lease *lease)
{
    (void)set_lock(lease, F_UNLCK);
    lease->is_locked = false;
    lease->is_draining = false;
    (void)pthread_cond_broadcast(&lease->given_back);
}

static void expire(struct store_lease *lease)
{
    if (lease->users == 0)
        give_back(lease);
    else
        lease->is_draining = true;
}

static void *keep(void *context)
{
    struct store_lease *lease = context;

    (void)pthread_mutex_lock(&lease->mutex);
    while (!lease->is_ending) {
        if (!lease->is_locked || lease->is_draining) {
            (void)pthread_cond_wait(&lease->changed, &lease->mutex);
        } else if (base_clock_mono_ns(&lease->clock) >= lease->end_ns) {
            expire(lease);
        } else {
            const struct timespec end = {.tv_sec = (time_t)(lease->end_ns / BASE_NS_PER_S),
                                         .tv_nsec = (long)(lease->end_ns % BASE_NS_PER_S)};

            (void)pthread_cond_timedwait(&lease->changed, &lease->mutex, &end);
        }
    }
    (void)pthread_mutex_unlock(&lease->mutex);
    return NULL;
}

struct store_lease *store_lease_create(int fd)
{
    struct store_lease *lease = base_mem_alloc_zero(1, sizeof(*lease));
    pthread_condattr_t attributes;

    lease->fd = fd;
    lease->clock = base_clock_system();
    (void)pthread_mutex_init(&lease->mutex, NULL);
    (void)pthread_cond_init(&lease->given_back, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lease->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return lease;
}

void store_lease_destroy(struct store_lease **lease)
{
    struct store_lease *it = *lease;

    *lease = NULL;
    if (it == NULL)
        return;
    (void)pthread_mutex_lock(&it->mutex);
    it->is_ending = true;
    (void)pthread_cond_signal(&it->changed);
    (void)pthread_mutex_unlock(&it->mutex);
    if (it->has_thread)
        (void)pthread_join(it->thread, NULL);
    if (it->is_locked)
        (void)set_lock(it, F_UNLCK);
    (void)pthread_cond_destroy(&it->changed);
    (void)pthread_cond_destroy(&it->given_back);
    (void)pthread_mutex_destroy(&it->mutex);
    base_mem_free(it);
}

/* With the mutex held. Without the thread the last who leaves gives it back. */
static bool begin(struct store_lease *lease)
{
    if (!take_lock(lease))
        return false;
    lease->is_locked = true;
    if (!lease->has_thread)
        lease->has_thread = pthread_create(&lease->thread, NULL, keep, lease) == 0;
    lease->is_draining = !lease->has_thread;
    lease->end_ns = base_clock_mono_ns(&lease->clock) + STORE_LEASE_NS;
    (void)pthread_cond_signal(&lease->changed);
    return true;
}

bool store_lease_join(struct store_lease *lease)
{
    bool is_in;

    (void)pthread_mutex_lock(&lease->mutex);
    while (lease->is_draining)
        (void)pthread_cond_wait(&lease->given_back, &lease->mutex);
    is_in = lease->is_locked || begin(lease);
    if (is_in)
        lease->users++;
    (void)pthread_mutex_unlock(&lease->mutex);
    return is_in;
}

void store_lease_leave(struct store_lease *lease)
{
    (void)pthread_mutex_lock(&lease->mutex);
    lease->users--;
    if (lease->users == 0 && lease->is_draining)
        give_back(lease);
    (void)pthread_mutex_unlock(&lease->mutex);
}
