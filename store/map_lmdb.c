/* Compiled maps, read as Postfix reads them (lmdb_table(5)): without LMDB's own lock file, under a
 * shared fcntl lock for as long as a transaction lasts, and a moment longer (store/lease.h).
 * postmap takes the exclusive lock before it writes, to see off those who still read pages that it
 * is going to reuse; a reader that comes later sees the old state until the new one is committed.
 *
 * A file that takes the place of another, or grows beyond what is mapped, is opened beside the old
 * one, which lives until its last reader is done.
 *
 * LMDB maps the file and believes its pages. One that something else overwrites in place (cp) has
 * no answers until it is whole again: what reads it is guarded (store/guard.h), and LMDB's
 * assertions end the same way. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
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
#include "store/guard.h"
#include "store/lease.h"
#include "store/map-private.h"

#define SUFFIX ".lmdb"
/* How often the path is looked at. */
#define CHECK_NS (100 * BASE_NS_PER_MS)
/* The longest key that LMDB can hold. */
#define KEY_MAX 511
/* Beside LMDB's own: the file ends before what was to be read, or makes no sense. */
#define CUT_OFF (-1)

/* One file, open. */
struct file {
    MDB_env *env;
    MDB_dbi dbi;
    struct store_lease *lease;
    struct stat stat;
    /* The map that has it as its current one, and runs; guarded by the map's mutex. */
    unsigned references;
    /* A transaction that nobody uses, for the next run; likewise. */
    MDB_txn *spare;
};

/* Whether keys have the NUL behind them that postmap writes. */
enum nul {
    NUL_UNKNOWN,
    NUL_WITH,
    NUL_WITHOUT,
};

struct map_lmdb {
    struct store_map map;
    char *path;
    struct base_clock system;
    const struct base_clock *clock;
    pthread_mutex_t lock;
    struct file *current;
    int64_t checked_ns;
    /* What could not be opened, told once. */
    struct stat refused;
    atomic_int nul;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void file_unref(struct file *file)
{
    if (--file->references > 0)
        return;
    if (file->spare != NULL)
        mdb_txn_abort(file->spare);
    store_lease_destroy(&file->lease);
    mdb_env_close(file->env);
    base_mem_free(file);
}

static void set_lmdb_error(struct base_error *error_r, const char *path, int status)
{
    if (status == MDB_INVALID || status == MDB_VERSION_MISMATCH || status == MDB_CORRUPTED)
        base_error_set(error_r,
                       "%s: no LMDB file that can be read: write it with postmap lmdb:", path);
    else if (status == CUT_OFF)
        base_error_set(error_r,
                       "%s: cut off, or written by something else than postmap lmdb:", path);
    else
        base_error_set(error_r, "%s: %s", path, mdb_strerror(status));
}

/* Looks at the file before LMDB maps it. */
static bool is_acceptable(const char *path, struct stat *stat_r, struct base_error *error_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is_good = false;

    if (fd < 0) {
        base_error_set(error_r, "%s: cannot open: %s%s", path, strerror(errno),
                       errno == ENOENT ? ": write it with postmap lmdb:" : "");
        return false;
    }
    if (fstat(fd, stat_r) != 0)
        base_error_set(error_r, "%s: cannot stat: %s", path, strerror(errno));
    else if (!S_ISREG(stat_r->st_mode))
        base_error_set(error_r, "%s: not a regular file", path);
    else if (stat_r->st_size == 0)
        base_error_set(error_r, "%s: empty: write it with postmap lmdb:", path);
    else
        is_good = base_file_is_trusted(stat_r, path, error_r);
    (void)close(fd);
    return is_good;
}

static void on_assertion(MDB_env *env, const char *text)
{
    (void)env;
    (void)text;
    store_guard_leave();
}

struct beginning {
    MDB_env *env;
    MDB_txn *txn;
    int status;
};

static void work_begin(void *context)
{
    struct beginning *it = context;

    it->status = it->txn != NULL ? mdb_txn_renew(it->txn)
                                 : mdb_txn_begin(it->env, NULL, MDB_RDONLY, &it->txn);
}

/* A new transaction that has to be left loses its few octets of memory: rather not begun. */
static bool is_cut_off(MDB_env *env, const struct stat *was)
{
    struct stat now;
    int fd = -1;

    return mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &now) != 0 || now.st_size < was->st_size;
}

/* With the file's lock; `*txn` is reset, or NULL. One that fails is none afterwards. */
static int begin_txn(const struct file *file, MDB_txn **txn)
{
    struct beginning it = {.env = file->env, .txn = *txn};

    if (it.txn == NULL && is_cut_off(file->env, &file->stat))
        return CUT_OFF;
    if (!store_guard_run(work_begin, &it))
        it.status = CUT_OFF;
    if (it.status != 0 && it.txn != NULL) {
        mdb_txn_abort(it.txn);
        it.txn = NULL;
    }
    *txn = it.txn;
    return it.status;
}

/* The one database of the file; remembers what the file was when it was opened. */
static bool prepare(struct file *file, const char *path, const struct stat *looked_at,
                    struct base_error *error_r)
{
    MDB_txn *txn = NULL;
    int fd = -1;
    int status = mdb_env_open(file->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0644);

    if (status == 0)
        status = mdb_env_get_fd(file->env, &fd);
    if (status == 0)
        status = mdb_env_set_assert(file->env, on_assertion);
    if (status == 0)
        status = begin_txn(file, &txn);
    if (status == 0) {
        status = mdb_dbi_open(txn, NULL, 0, &file->dbi);
        mdb_txn_abort(txn);
    }
    if (status != 0) {
        set_lmdb_error(error_r, path, status);
        return false;
    }
    if (fstat(fd, &file->stat) != 0 || file->stat.st_dev != looked_at->st_dev ||
        file->stat.st_ino != looked_at->st_ino) {
        base_error_set(error_r, "%s: replaced while it was opened", path);
        return false;
    }
    file->lease = store_lease_create(fd);
    return true;
}

static struct file *file_open(const char *path, struct base_error *error_r)
{
    struct file *file;
    struct stat stat;

    if (!is_acceptable(path, &stat, error_r))
        return NULL;
    file = base_mem_alloc_zero(1, sizeof(*file));
    file->references = 1;
    file->stat = stat;
    store_guard_install();
    int status = mdb_env_create(&file->env);

    if (status != 0) {
        set_lmdb_error(error_r, path, status);
        base_mem_free(file);
        return NULL;
    }
    if (!prepare(file, path, &stat, error_r)) {
        file_unref(file);
        return NULL;
    }
    return file;
}

/* With the mutex held. What cannot be opened leaves the old file in its place. */
static void reopen(struct map_lmdb *lmdb, const struct stat *found)
{
    struct base_error error;
    struct file *file;

    if (is_same(found, &lmdb->refused))
        return;
    file = file_open(lmdb->path, &error);
    if (file == NULL) {
        lmdb->refused = *found;
        base_log_warning("%s; the file that was read before stays in use", error.text);
        return;
    }
    file_unref(lmdb->current);
    lmdb->current = file;
    atomic_store(&lmdb->nul, NUL_UNKNOWN);
}

static void check_replaced(struct map_lmdb *lmdb)
{
    int64_t now_ns = base_clock_mono_ns(lmdb->clock);
    struct stat found;

    if (now_ns - lmdb->checked_ns < CHECK_NS)
        return;
    lmdb->checked_ns = now_ns;
    if (stat(lmdb->path, &found) == 0 && !is_same(&found, &lmdb->current->stat))
        reopen(lmdb, &found);
}

/* The file that answers a run, and a transaction of an earlier one if there is one. */
static struct file *acquire(struct map_lmdb *lmdb, bool is_anew, MDB_txn **txn_r)
{
    struct file *file;
    struct stat found;

    pthread_mutex_lock(&lmdb->lock);
    if (is_anew && stat(lmdb->path, &found) == 0)
        reopen(lmdb, &found);
    check_replaced(lmdb);
    file = lmdb->current;
    file->references++;
    *txn_r = file->spare;
    file->spare = NULL;
    pthread_mutex_unlock(&lmdb->lock);
    return file;
}

/* `txn` is reset, or NULL. */
static void release(struct map_lmdb *lmdb, struct file *file, MDB_txn *txn)
{
    pthread_mutex_lock(&lmdb->lock);
    if (file->spare == NULL) {
        file->spare = txn;
        txn = NULL;
    }
    if (txn != NULL)
        mdb_txn_abort(txn);
    file_unref(file);
    pthread_mutex_unlock(&lmdb->lock);
}

static bool begin(struct store_map *map, struct store_map_run *run, struct base_error *error_r)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)map;
    int status = MDB_MAP_RESIZED;

    /* A file that has grown beyond what is mapped is opened again, and it may grow meanwhile; one
     * that was overwritten may be whole by now. */
    for (unsigned i = 0; i < 5 && (status == MDB_MAP_RESIZED || status == CUT_OFF); i++) {
        MDB_txn *txn;
        struct file *file = acquire(lmdb, i > 0, &txn);

        if (!store_lease_join(file->lease)) {
            base_error_set(error_r, "%s: cannot lock: %s", lmdb->path, strerror(errno));
            release(lmdb, file, txn);
            return false;
        }
        status = begin_txn(file, &txn);
        if (status == 0) {
            run->pinned = file;
            run->view = txn;
            return true;
        }
        store_lease_leave(file->lease);
        release(lmdb, file, NULL);
    }
    set_lmdb_error(error_r, lmdb->path, status);
    return false;
}

static void end(struct store_map_run *run)
{
    struct file *file = run->pinned;

    mdb_txn_reset(run->view);
    store_lease_leave(file->lease);
    release((struct map_lmdb *)run->map, file, run->view);
}

struct look_up {
    const struct store_map_run *run;
    MDB_val key;
    /* The octets behind the key, and behind the value. */
    size_t nul;
    struct base_buf *value;
    int status;
};

/* Takes the value out of the file, too. */
static void work_get(void *context)
{
    struct look_up *it = context;
    const struct file *file = it->run->pinned;
    MDB_envinfo info;
    MDB_val found;

    it->status = mdb_get(it->run->view, file->dbi, &it->key, &found);
    if (it->status == 0) {
        size_t most = found.mv_size <= it->value->max ? found.mv_size : it->value->max + 1;
        size_t length = strnlen(found.mv_data, most);

        base_buf_append(it->value, found.mv_data, length);
        /* postmap's have a NUL at the end alone; zeros are what is not written yet. */
        if (it->nul > 0 && length + it->nul < most)
            it->status = CUT_OFF;
    }
    /* Looks at the file's first pages, which are gone if it was cut off meanwhile. */
    (void)mdb_env_info(file->env, &info);
}

static int get(const struct store_map_run *run, struct base_text key, size_t nul,
               struct base_buf *value)
{
    struct look_up it = {.run = run, .nul = nul, .value = value};

    it.key = (MDB_val){.mv_size = key.length + nul, .mv_data = (void *)key.data};
    if (it.key.mv_size > KEY_MAX)
        return MDB_NOTFOUND;
    return store_guard_run(work_get, &it) ? it.status : CUT_OFF;
}

static enum store_map_answer find(const struct store_map_run *run, struct base_text key,
                                  struct base_buf *value, struct base_error *error_r)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)run->map;
    int nul = atomic_load_explicit(&lmdb->nul, memory_order_relaxed);
    int status = MDB_NOTFOUND;

    if (nul != NUL_WITHOUT) {
        status = get(run, key, 1, value);
        if (status == 0 && nul == NUL_UNKNOWN)
            atomic_store(&lmdb->nul, NUL_WITH);
    }
    if (status == MDB_NOTFOUND && nul != NUL_WITH) {
        status = get(run, key, 0, value);
        if (status == 0 && nul == NUL_UNKNOWN)
            atomic_store(&lmdb->nul, NUL_WITHOUT);
    }
    if (status == 0)
        return STORE_MAP_FOUND;
    if (status == MDB_NOTFOUND)
        return STORE_MAP_NONE;
    set_lmdb_error(error_r, lmdb->path, status);
    return STORE_MAP_FAULT;
}

static void destroy(struct store_map *map)
{
    struct map_lmdb *lmdb = (struct map_lmdb *)map;

    if (lmdb->current != NULL)
        file_unref(lmdb->current);
    pthread_mutex_destroy(&lmdb->lock);
    base_mem_free(lmdb->path);
    base_mem_free(lmdb);
}

/* The source is newer: somebody edited it and did not run postmap, as Postfix says, too. */
static void warn_if_older(const struct map_lmdb *lmdb, const struct store_map_options *options)
{
    struct base_error text;
    struct stat source;
    char *path;

    if (options == NULL || options->warn == NULL)
        return;
    path = base_mem_strndup(lmdb->path, strlen(lmdb->path) - strlen(SUFFIX));
    if (stat(path, &source) == 0 && source.st_mtime > lmdb->current->stat.st_mtime) {
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
    atomic_init(&lmdb->nul, NUL_UNKNOWN);
    lmdb->current = file_open(lmdb->path, error_r);
    if (lmdb->current == NULL) {
        destroy(&lmdb->map);
        return NULL;
    }
    store_fold_init(&lmdb->map.fold);
    warn_if_older(lmdb, options);
    return &lmdb->map;
}
