/* libunbound behind the seam: one context, its own thread (ub_ctx_async), and one pump thread that
 * takes the answers out of it. ub_resolve() is not used: it builds a worker for every call. What
 * was answered of late comes from dns/cache.h, without a change of threads.
 *
 * A question is a counted object that two hold: who asked, and libunbound until it has called back.
 * Whoever gives a question up cancels it; libunbound decides under its own lock whether the call
 * back will still happen, and says so by what ub_cancel() returns. libunbound itself gives up on a
 * dead server only after half a minute, so the waiting has its end here (wait's time-out). */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <unbound.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "dns/cache.h"
#include "dns/resolver.h"

#define CLASS_IN 1
/* RFC 1035 section 4.1.1, RCODE. */
#define RCODE_NOERROR  0
#define RCODE_NXDOMAIN 3
/* The first answer, which needs no network, proves that both threads work. */
#define START_TIMEOUT_NS (10 * BASE_NS_PER_S)
#define TRUST_ANCHOR_MAX ((size_t)1 << 20)
/* "ffff:...:255.255.255.255%scope@65535" */
#define NAMESERVER_MAX 100

struct unbound {
    struct dns_resolver resolver;
    struct ub_ctx *ctx;
    struct dns_cache *cache;
    struct base_clock clock;
    pthread_t pump;
    bool has_pump;
    /* Written once, to end the pump. */
    int stop_fd;
    pthread_condattr_t cond_monotonic;
    /* Questions that somebody holds. */
    atomic_uint held;
};

struct dns_pending {
    struct unbound *unbound;
    struct dns_name name;
    enum dns_type type;
    int async_id;
    atomic_uint refs;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    /* Under the mutex; set once. */
    struct dns_answer *answer;
};

static void pending_unref(struct dns_pending *pending)
{
    if (atomic_fetch_sub_explicit(&pending->refs, 1, memory_order_acq_rel) > 1)
        return;
    dns_answer_unref(&pending->answer);
    pthread_cond_destroy(&pending->answered);
    pthread_mutex_destroy(&pending->mutex);
    base_mem_free(pending);
}

static void pending_answer(struct dns_pending *pending, struct dns_answer *answer)
{
    pthread_mutex_lock(&pending->mutex);
    pending->answer = answer;
    pthread_cond_signal(&pending->answered);
    pthread_mutex_unlock(&pending->mutex);
}

static struct dns_answer *answer_from_data(enum dns_type type, const struct ub_result *result,
                                           uint32_t ttl)
{
    struct base_text *rdata;
    struct dns_answer *answer;
    size_t count = 0;

    while (result->data[count] != NULL)
        count++;
    rdata = base_mem_alloc_zero(count + 1, sizeof(*rdata));
    for (size_t i = 0; i < count; i++)
        if (result->len[i] >= 0)
            rdata[i] = (struct base_text){result->data[i], (size_t)result->len[i]};
    answer = dns_answer_create(type, rdata, count, ttl, result->secure != 0);
    base_mem_free(rdata);
    return answer;
}

/* `result` may be NULL. Bogus comes first: then the records are there, and mean nothing. */
static struct dns_answer *answer_from_result(enum dns_type type, int error,
                                             const struct ub_result *result)
{
    uint32_t ttl = result != NULL && result->ttl > 0 ? (uint32_t)result->ttl : 0;

    if (error != 0 || result == NULL)
        return dns_answer_create_empty(DNS_STATUS_SERVFAIL, 0);
    if (result->bogus)
        return dns_answer_create_empty(DNS_STATUS_BOGUS, 0);
    if (result->rcode == RCODE_NXDOMAIN)
        return dns_answer_create_empty(DNS_STATUS_NXDOMAIN, ttl);
    if (result->rcode != RCODE_NOERROR)
        return dns_answer_create_empty(DNS_STATUS_SERVFAIL, 0);
    if (!result->havedata || result->data == NULL)
        return dns_answer_create_empty(DNS_STATUS_NODATA, ttl);
    return answer_from_data(type, result, ttl);
}

/* On the pump thread. */
static void unbound_called_back(void *context, int error, struct ub_result *result)
{
    struct dns_pending *pending = context;
    struct unbound *unbound = pending->unbound;
    struct dns_answer *answer = answer_from_result(pending->type, error, result);

    ub_resolve_free(result);
    dns_cache_put(unbound->cache, &pending->name, pending->type, answer,
                  base_clock_mono_ns(&unbound->clock));
    pending_answer(pending, answer);
    pending_unref(pending);
}

/* With two references: the asker's, and the call back's. */
static struct dns_pending *pending_create(struct unbound *unbound, const struct dns_name *name,
                                          enum dns_type type)
{
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    pending->unbound = unbound;
    pending->name = *name;
    pending->type = type;
    atomic_init(&pending->refs, 2);
    pthread_mutex_init(&pending->mutex, NULL);
    pthread_cond_init(&pending->answered, &unbound->cond_monotonic);
    atomic_fetch_add_explicit(&unbound->held, 1, memory_order_relaxed);
    return pending;
}

/* NULL: libunbound has the question and will call back. */
static struct dns_answer *answer_at_once(struct unbound *unbound, struct dns_pending *pending)
{
    struct dns_answer *answer = dns_cache_get(unbound->cache, &pending->name, pending->type,
                                              base_clock_mono_ns(&unbound->clock));
    char escaped[DNS_NAME_ESCAPED_SIZE];
    int error;

    if (answer != NULL) {
        atomic_fetch_add_explicit(&unbound->resolver.counters.cache_hits, 1, memory_order_relaxed);
        return answer;
    }
    error =
        ub_resolve_async(unbound->ctx, dns_name_escape(&pending->name, escaped), (int)pending->type,
                         CLASS_IN, pending, unbound_called_back, &pending->async_id);
    if (error == 0)
        return NULL;
    /* No name of ours is a syntax error to it; were one, nobody could have such a name. */
    return dns_answer_create_empty(error == UB_SYNTAX ? DNS_STATUS_NXDOMAIN : DNS_STATUS_SERVFAIL,
                                   0);
}

static struct dns_pending *unbound_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                       enum dns_type type)
{
    struct unbound *unbound = (struct unbound *)resolver;
    struct dns_pending *pending = pending_create(unbound, name, type);
    struct dns_answer *answer = answer_at_once(unbound, pending);

    if (answer != NULL) {
        pending_answer(pending, answer);
        pending_unref(pending);
    }
    return pending;
}

static struct dns_answer *unbound_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    struct dns_answer *answer = NULL;
    struct timespec deadline;
    int error = 0;

    pthread_mutex_lock(&pending->mutex);
    if (pending->answer == NULL && timeout_ns > 0) {
        deadline = base_clock_deadline(timeout_ns);
        while (pending->answer == NULL && error == 0)
            error = pthread_cond_timedwait(&pending->answered, &pending->mutex, &deadline);
    }
    if (pending->answer != NULL)
        answer = dns_answer_ref(pending->answer);
    pthread_mutex_unlock(&pending->mutex);
    return answer;
}

static void unbound_drop(struct dns_pending **pending)
{
    struct dns_pending *old = *pending;
    struct unbound *unbound = old->unbound;
    bool is_answered;

    *pending = NULL;
    pthread_mutex_lock(&old->mutex);
    is_answered = old->answer != NULL;
    pthread_mutex_unlock(&old->mutex);
    /* 0: the call back will never come, so its reference is ours to drop. Else it has come or is
     * on its way, and drops it itself. */
    if (!is_answered && ub_cancel(unbound->ctx, old->async_id) == 0)
        pending_unref(old);
    pending_unref(old);
    atomic_fetch_sub_explicit(&unbound->held, 1, memory_order_relaxed);
}

static void *pump_main(void *context)
{
    struct unbound *unbound = context;
    struct pollfd fds[2] = {
        {.fd = ub_fd(unbound->ctx), .events = POLLIN},
        {.fd = unbound->stop_fd, .events = POLLIN},
    };

    for (;;) {
        /* Interrupted or not: look at what is there. */
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents != 0)
            break;
        if (fds[0].revents & POLLIN) {
            ub_process(unbound->ctx);
        } else if (fds[0].revents != 0) {
            base_log_error("dns: libunbound has closed its pipe: every question will time out; "
                           "start the daemon again");
            break;
        }
    }
    return NULL;
}

/* Both threads are born without signals: those are the main thread's. */
static bool unbound_start_pump(struct unbound *unbound)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unbound->has_pump = pthread_create(&unbound->pump, NULL, pump_main, unbound) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return unbound->has_pump;
}

static void unbound_destroy(struct dns_resolver *resolver)
{
    struct unbound *unbound = (struct unbound *)resolver;
    uint64_t one = 1;

    if (atomic_load(&unbound->held) > 0)
        base_panic("dns_resolver_destroy: %u questions are pending", atomic_load(&unbound->held));
    if (unbound->has_pump) {
        while (write(unbound->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
        pthread_join(unbound->pump, NULL);
    }
    if (unbound->ctx != NULL)
        ub_ctx_delete(unbound->ctx);
    if (unbound->stop_fd >= 0)
        close(unbound->stop_fd);
    dns_cache_destroy(&unbound->cache);
    pthread_condattr_destroy(&unbound->cond_monotonic);
    base_mem_free(unbound);
}

static const struct dns_resolver_ops unbound_ops = {
    .name = "unbound",
    .ask = unbound_ask,
    .wait = unbound_wait,
    .drop = unbound_drop,
    .destroy = unbound_destroy,
};

/* Only before the first question: then libunbound refuses. */
static bool unbound_set_options(struct unbound *unbound, const struct dns_unbound_options *options,
                                struct base_error *error_r)
{
    const char *const settings[][2] = {
        /* A resolver on this host is the best one. */
        {"do-not-query-localhost:", "no"},
        {"outgoing-range:", "1024"},
        {"num-queries-per-thread:", "1024"},
        {"outgoing-num-tcp:", "32"},
        {"use-caps-for-id:", "no"},
        /* The same question has the same answer, records in order. */
        {"rrset-roundrobin:", "no"},
        /* What the name servers say about private addresses' names stands. */
        {"unblock-lan-zones:", "yes"},
        {"insecure-lan-zones:", "yes"},
        {"module-config:", options->trust_anchor != NULL ? "validator iterator" : "iterator"},
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        int error = ub_ctx_set_option(unbound->ctx, settings[i][0], settings[i][1]);

        if (error != 0) {
            base_error_set(error_r,
                           "libunbound refuses the setting '%s %s': %s; install the "
                           "libunbound that this program was built for",
                           settings[i][0], settings[i][1], ub_strerror(error));
            return false;
        }
    }
    return true;
}

static bool unbound_set_nameserver(struct unbound *unbound, struct base_text nameserver,
                                   struct base_error *error_r)
{
    char text[NAMESERVER_MAX + 1] = "";

    if (nameserver.length > 0 && nameserver.length <= NAMESERVER_MAX &&
        memchr(nameserver.data, '\0', nameserver.length) == NULL) {
        memcpy(text, nameserver.data, nameserver.length);
        if (ub_ctx_set_fwd(unbound->ctx, text) == 0)
            return true;
    }
    base_error_set(error_r,
                   "nameservers: '%.*s' is not an address: write 192.0.2.1, "
                   "192.0.2.1@5353 or 2001:db8::1",
                   nameserver.length > NAMESERVER_MAX ? NAMESERVER_MAX : (int)nameserver.length,
                   nameserver.length > 0 ? nameserver.data : "");
    return false;
}

static bool unbound_set_nameservers(struct unbound *unbound,
                                    const struct dns_unbound_options *options,
                                    struct base_error *error_r)
{
    const char *path = options->resolv_conf != NULL ? options->resolv_conf : "/etc/resolv.conf";
    int error;

    for (size_t i = 0; i < options->nameserver_count; i++)
        if (!unbound_set_nameserver(unbound, options->nameservers[i], error_r))
            return false;
    if (options->nameserver_count > 0)
        return true;
    error = ub_ctx_resolvconf(unbound->ctx, path);
    if (error == 0)
        return true;
    base_error_set(error_r, "%s: %s: mend the file, or set nameservers = { \"ADDRESS\" }", path,
                   ub_strerror(error));
    return false;
}

/* libunbound opens the file itself, with the first question, and then says no more than that
 * something failed: whether it can be read is asked here. */
static bool unbound_set_trust_anchor(struct unbound *unbound, const char *path,
                                     struct base_error *error_r)
{
    size_t length;
    char *data;
    int error;

    if (path == NULL)
        return true;
    if (!base_file_read(path, TRUST_ANCHOR_MAX, &data, &length, error_r)) {
        base_error_prefix(error_r, "trust-anchor");
        return false;
    }
    base_mem_free(data);
    error = ub_ctx_add_ta_file(unbound->ctx, path);
    if (error != 0)
        base_error_set(error_r, "trust-anchor '%s': %s", path, ub_strerror(error));
    return error == 0;
}

/* The first question makes libunbound read its settings and start its thread. "localhost" is
 * answered by itself (RFC 6761 section 6.3). */
static bool unbound_ask_first(struct unbound *unbound, const struct dns_unbound_options *options,
                              struct base_error *error_r)
{
    struct dns_pending *pending;
    struct dns_answer *answer;
    struct dns_name name;
    bool is_good;

    if (dns_name_make(&name, BASE_TEXT("localhost")) != DNS_NAME_OK)
        base_panic("unbound_ask_first: no name");
    pending = unbound_ask(&unbound->resolver, &name, DNS_TYPE_A);
    answer = unbound_wait(pending, START_TIMEOUT_NS);
    is_good = answer != NULL && answer->status != DNS_STATUS_SERVFAIL;
    if (!is_good && options->trust_anchor != NULL)
        base_error_set(error_r,
                       "trust-anchor '%s': libunbound does not start with it: the file "
                       "holds DS or DNSKEY records, one a line (see unbound-anchor(8))",
                       options->trust_anchor);
    else if (!is_good)
        base_error_set(error_r, "libunbound does not start: raise the limits of open files and "
                                "memory (LimitNOFILE, MemoryMax)");
    dns_answer_unref(&answer);
    unbound_drop(&pending);
    return is_good;
}

static bool unbound_set_up(struct unbound *unbound, const struct dns_unbound_options *options,
                           struct base_error *error_r)
{
    unbound->ctx = ub_ctx_create();
    unbound->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (unbound->ctx == NULL || unbound->stop_fd < 0) {
        base_error_set(error_r, "libunbound does not start: raise the limits of open files and "
                                "memory (LimitNOFILE, MemoryMax)");
        return false;
    }
    /* It would write to stderr, of a daemon that has none. */
    ub_ctx_debugout(unbound->ctx, NULL);
    if (!unbound_set_options(unbound, options, error_r) ||
        !unbound_set_nameservers(unbound, options, error_r) ||
        !unbound_set_trust_anchor(unbound, options->trust_anchor, error_r))
        return false;
    if (ub_ctx_async(unbound->ctx, 1) != 0 || !unbound_start_pump(unbound)) {
        base_error_set(error_r, "no thread for DNS: raise the limit of threads (TasksMax)");
        return false;
    }
    if (!unbound_ask_first(unbound, options, error_r))
        return false;
    /* Names below "test." are the name servers' too, where a site has such a zone (RFC 6761
     * section 6.2). */
    (void)ub_ctx_zone_remove(unbound->ctx, "test.");
    return true;
}

struct dns_resolver *dns_unbound_create(const struct dns_unbound_options *options,
                                        struct base_error *error_r)
{
    struct unbound *unbound = base_mem_alloc_zero(1, sizeof(*unbound));

    unbound->resolver.ops = &unbound_ops;
    unbound->stop_fd = -1;
    unbound->cache = dns_cache_create();
    unbound->clock = base_clock_system();
    atomic_init(&unbound->held, 0);
    pthread_condattr_init(&unbound->cond_monotonic);
    pthread_condattr_setclock(&unbound->cond_monotonic, CLOCK_MONOTONIC);
    if (unbound_set_up(unbound, options, error_r))
        return &unbound->resolver;
    unbound_destroy(&unbound->resolver);
    return NULL;
}
