/* Compiled maps as postmap writes them (lmdb_table(5)): in place, one transaction of LMDB's, behind
 * fcntl locks instead of LMDB's lock file. postmap takes the exclusive lock for a moment, to see
 * off readers of states that it is going to overwrite, keeps the shared one while it writes, and
 * commits.
 *
 * Here the shared lock is taken, as Postfix does, whenever a state of the file is opened. What is
 * looked up in it is not locked, for two system calls would cost as much as the look-up, but
 * checked afterwards (store/lmdb_state.h): if the state was overwritten meanwhile, the last one is
 * opened and asked again. So postmap waits for nobody, and nobody gets an answer that was never in
 * the map.
 *
 * The lock belongs to the open file (F_OFD_SETLK), for the locks of a process would be gone as soon
 * as any of its threads let go of one. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/lmdb_state.h"
#include "store/map-private.h"

#define SUFFIX ".lmdb"
/* How often the path is looked at. */
#define CHECK_NS (100 * BASE_NS_PER_MS)
/* postmap holds the exclusive lock for a moment; whoever holds it longer is no reason to hang. */
#define LOCK_TRIES 5000
/* Of a look-up: a file that is overwritten by something else than postmap may soon be whole. */
#define FIND_TRIES 20
#define WAIT_NS    1000000L

/* Whether keys have the NUL behind them that postmap writes. */
enum nul {
    NUL_UNKNOWN,
    NUL_WITH,
    NUL_WITHOUT,
};

/* A state and who reads it. */
struct view {
    struct store_lmdb_state *state;
    /* enum nul, of this state. */
    atomic_int nul;
    /* The map that has it as its current one, and runs; guarded by the map's mutex. */
    unsigned references;
};

struct map_lmdb {
    struct store_map map;
    char *path;
    struct base_clock system;
    const struct base_clock *clock;
    pthread_mutex_t lock;
    /* All below is guarded. */
    struct view *current;
    int64_t checked_ns;
    /* What could not be opened, told once. */
    struct stat refused;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void wait_a_little(void)
{
    const struct timespec wait = {.tv_nsec = WAIT_NS};

    (void)nanosleep(&wait, NULL);
}

/* --- views ----------------------------------------------------------------------------------- */

static void view_unref(struct view *view)
{
    if (--view->references > 0)
        return;
    store_lmdb_state_close(&view->state);
    base_mem_free(view);
}

static bool is_acceptable(int fd, const char *path, struct base_error *error_r)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0)
        base_error_set(error_r, "%s: cannot stat: %s", path, strerror(errno));
    else if (!S_ISREG(stat.st_mode))
        base_error_set(error_r, "%s: not a regular file", path);
    else if (stat.st_size == 0)
        base_error_set(error_r, "%s: empty: write it with postmap lmdb:", path);
    else
        return base_file_is_trusted(&stat, path, error_r);
    return false;
}

static bool set_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool take_lock(int fd, const char *path, struct base_error *error_r)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (set_lock(fd, F_RDLCK))
            return true;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            break;
        wait_a_little();
    }
    base_error_set(error_r, "%s: cannot lock: %s", path, strerror(errno));
    return false;
}

/* With one user; NULL and *error_r: there is no state that could be read. */
static struct view *view_open(const char *path, struct base_error *error_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct store_lmdb_state *state;
    struct view *view;

    if (fd < 0) {
        base_error_set(error_r, "%s: cannot open: %s%s", path, strerror(errno),
                       errno == ENOENT ? ": write it with postmap lmdb:" : "");
        return NULL;
    }
    if (!is_acceptable(fd, path, error_r) || !take_lock(fd, path, error_r)) {
        (void)close(fd);
        return NULL;
    }
    state = store_lmdb_state_open(fd, path, error_r);
    if (state == NULL)
        return NULL;
    (void)set_lock(fd, F_UNLCK);
    view = base_mem_alloc_zero(1, sizeof(*view));
    view->state = state;
    view->references = 1;
    atomic_init(&view->nul, NUL_UNKNOWN);
    return view;
}

/* --- runs ------------------------------------------------------------------------------------ */

/* With the mutex held. */
static void set_current(struct map_lmdb *lmdb, struct view *view)
{
    view_unref(lmdb->current);
    lmdb->current = view;
}

/* With the mutex held: looks at the path now and then. What cannot be opened leaves the old one in
 * its place. */
static void check_replaced(struct map_lmdb *lmdb)
{
    int64_t now_ns = base_clock_mono_ns(lmdb->clock);
    struct base_error error;
    struct stat found;
    struct view *view;

    if (now_ns - lmdb->checked_ns < CHECK_NS)
        return;
    lmdb->checked_ns = now_ns;
    if (stat(lmdb->path, &found) != 0 ||
        is_same(&found, store_lmdb_state_stat(lmdb->current->state)) ||
        is_same(&found, &lmdb->refused))
        return;
    view = view_open(lmdb->path, &error);
    if (view != NULL) {
        set_current(lmdb, view);
        return;
    }
    lmdb->refused = found;
    base_log_warning("%s; the file that was read before stays in use", error.text);
}

static bool begin(struct store_map *map, struct store_map_run *run, struct base_error *error_r)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)map;

    (void)error_r;
    pthread_mutex_lock(&lmdb->lock);
    check_replaced(lmdb);
    run->pinned = lmdb->current;
    lmdb->current->references++;
    pthread_mutex_unlock(&lmdb->lock);
    return true;
}

static void end(struct store_map_run *run)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)run->map;

    pthread_mutex_lock(&lmdb->lock);
    view_unref(run->pinned);
    pthread_mutex_unlock(&lmdb->lock);
}

/* The run's state is gone: on with the last one, which somebody else may have opened already. */
static bool renew(struct store_map_run *run, struct base_error *error_r)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)run->map;
    struct view *view = NULL;
    bool is_newer;

    pthread_mutex_lock(&lmdb->lock);
    is_newer = lmdb->current != run->pinned;
    if (!is_newer) {
        view = view_open(lmdb->path, error_r);
        if (view != NULL)
            set_current(lmdb, view);
    }
    if (is_newer || view != NULL) {
        view_unref(run->pinned);
        run->pinned = lmdb->current;
        lmdb->current->references++;
    }
    pthread_mutex_unlock(&lmdb->lock);
    return is_newer || view != NULL;
}

/* --- look-ups -------------------------------------------------------------------------------- */

static enum store_lmdb_found ask(struct view *view, struct base_text key, struct base_buf *value)
{
    int nul = atomic_load_explicit(&view->nul, memory_order_relaxed);
    enum store_lmdb_found found = STORE_LMDB_STATE_NONE;
    struct base_text with_nul = {key.data, key.length + 1};

    if (nul != NUL_WITHOUT)
        found = store_lmdb_state_find(view->state, with_nul, value);
    if (found == STORE_LMDB_STATE_FOUND && nul == NUL_UNKNOWN)
        atomic_store(&view->nul, NUL_WITH);
    if (found != STORE_LMDB_STATE_NONE || nul == NUL_WITH)
        return found;
    found = store_lmdb_state_find(view->state, key, value);
    if (found == STORE_LMDB_STATE_FOUND && nul == NUL_UNKNOWN)
        atomic_store(&view->nul, NUL_WITHOUT);
    return found;
}

/* Whether an answer was the map's. The first of a run is of its last state, and the others of the
 * same. That a key is not there is believed only if nothing at all has written into the file. */
static bool does_stand(const struct store_map_run *run, enum store_lmdb_found found)
{
    const struct view *view = run->pinned;

    if (found == STORE_LMDB_STATE_BROKEN)
        return false;
    if (run->has_answered)
        return store_lmdb_state_is_whole(view->state);
    return store_lmdb_state_is_last(view->state) &&
           (found == STORE_LMDB_STATE_FOUND || store_lmdb_state_is_untouched(view->state));
}

static enum store_map_answer find(struct store_map_run *run, struct base_text key,
                                  struct base_buf *value, struct base_error *error_r)
{
    const struct map_lmdb *lmdb = (const struct map_lmdb *)run->map;
    bool is_renewed = false;

    for (unsigned i = 0; i < FIND_TRIES; i++) {
        enum store_lmdb_found found = ask(run->pinned, key, value);

        if (does_stand(run, found)) {
            run->has_answered = true;
            return found == STORE_LMDB_STATE_FOUND ? STORE_MAP_FOUND : STORE_MAP_NONE;
        }
        base_buf_clear(value);
        if (i > 1)
            wait_a_little();
        is_renewed = renew(run, error_r);
    }
    if (is_renewed)
        base_error_set(error_r,
                       "%s: damaged, or written by something else than postmap lmdb:", lmdb->path);
    return STORE_MAP_FAULT;
}

static void destroy(struct store_map *map)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)map;

    if (lmdb->current != NULL)
        view_unref(lmdb->current);
    pthread_mutex_destroy(&lmdb->lock);
    base_mem_free(lmdb->path);
    base_mem_free(lmdb);
}

/* The source is newer: somebody edited it and did not run postmap, as Postfix says, too. */
static void warn_if_older(const struct map_lmdb *lmdb, const struct store_map_options *options)
{
    const struct stat *compiled = store_lmdb_state_stat(lmdb->current->state);
    struct base_error text;
    struct stat source;
    char *path;

    if (options == NULL || options->warn == NULL)
        return;
    path = base_mem_strndup(lmdb->path, strlen(lmdb->path) - strlen(SUFFIX));
    if (stat(path, &source) == 0 && source.st_mtime > compiled->st_mtime) {
        base_error_set(&text, "%s: older than its source: postmap lmdb:%s", lmdb->path, path);
        options->warn(options->context, text.text);
    }
    base_mem_free(path);
}

/* The name is Postfix's, without the suffix; with it is taken, too. */
static char *path_of(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(SUFFIX);
    char *path;

    if (length > suffix && strcmp(name + length - suffix, SUFFIX) == 0)
        return base_mem_strdup(name);
    path = base_mem_alloc(length + suffix + 1);
    memcpy(path, name, length);
    memcpy(path + length, SUFFIX, suffix + 1);
    return path;
}

struct store_map *store_map_lmdb_open(const char *path, const struct store_map_options *options,
                                      struct base_error *error_r)
{
    static const struct store_map_ops ops = {
        .begin = begin, .find = find, .end = end, .destroy = destroy};
    struct map_lmdb *lmdb = base_mem_alloc_zero(1, sizeof(*lmdb));

    lmdb->map.ops = &ops;
    lmdb->path = path_of(path);
    lmdb->system = base_clock_system();
    lmdb->clock = options != NULL && options->clock != NULL ? options->clock : &lmdb->system;
    lmdb->checked_ns = base_clock_mono_ns(lmdb->clock);
    pthread_mutex_init(&lmdb->lock, NULL);
    lmdb->current = view_open(lmdb->path, error_r);
    if (lmdb->current == NULL) {
        destroy(&lmdb->map);
        return NULL;
    }
    store_fold_init(&lmdb->map.fold);
    warn_if_older(lmdb, options);
    return &lmdb->map;
}
