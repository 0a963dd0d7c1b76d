/* Statements are prepared once. Of a write-ahead log nothing is lost when the process is killed,
 * and with synchronous = FULL nothing when the machine is. */
#include "store/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Milliseconds that somebody else's look into the file is waited for. */
#define BUSY_MS 2000

/* So long after its time a hold is still there, for somebody to see that it is over: a week. */
#define OVER_NS (INT64_C(7) * 86400 * 1000000000)

/* Rows of a layout that is not this one are of another version. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY, name BLOB, key BLOB, about BLOB,"
    " until INTEGER, UNIQUE (name, key));"
    "CREATE TABLE IF NOT EXISTS counts (id INTEGER, window INTEGER, value INTEGER, slot INTEGER,"
    " amount INTEGER, expires INTEGER, PRIMARY KEY (id, window, value, slot)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS counts_expires ON counts (expires);";

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    GET,
    SET,
    KEY,
    KEY_ID,
    OLD_VALUE,
    COUNT,
    HOLD,
    FORGET_COUNTS,
    FORGET_KEY,
    EXPIRE_COUNTS,
    EXPIRE_KEYS,
    READ_COUNTS,
    READ_HOLDS,
    STATEMENTS,
};

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [GET] = "SELECT text FROM facts WHERE name = ?1",
    [SET] = "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET text = excluded.text",
    [KEY] = "INSERT INTO keys (name, key, about) VALUES (?1, ?2, ?3)"
            " ON CONFLICT DO UPDATE SET about = excluded.about WHERE about <> excluded.about",
    [KEY_ID] = "SELECT id FROM keys WHERE name = ?1 AND key = ?2",
    [OLD_VALUE] = "DELETE FROM counts WHERE id = ?1 AND window = ?2 AND value = ?3 AND slot < ?4",
    [COUNT] = "INSERT INTO counts VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
              " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount,"
              " expires = excluded.expires",
    [HOLD] = "UPDATE keys SET until = ?2 WHERE id = ?1",
    [FORGET_COUNTS] = "DELETE FROM counts WHERE id = ?1",
    [FORGET_KEY] = "DELETE FROM keys WHERE id = ?1",
    [EXPIRE_COUNTS] = "DELETE FROM counts WHERE expires <= ?1",
    [EXPIRE_KEYS] = "DELETE FROM keys WHERE (until IS NULL OR until <= ?2)"
                    " AND NOT EXISTS (SELECT 1 FROM counts WHERE counts.id = keys.id)",
    [READ_COUNTS] = "SELECT name, key, about, window, value, slot, amount, expires"
                    " FROM counts JOIN keys USING (id)",
    [READ_HOLDS] = "SELECT name, key, about, until FROM keys WHERE until IS NOT NULL",
};

struct store_ledger {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENTS];
    char *path;
    bool is_open;
};

static bool fail(const struct store_ledger *ledger, struct base_error *error_r)
{
    base_error_set(error_r, "%s: %s", ledger->path,
                   ledger->database == NULL ? "out of memory" : sqlite3_errmsg(ledger->database));
    return false;
}

static void bind_text(sqlite3_stmt *statement, int at, struct base_text text)
{
    (void)sqlite3_bind_blob64(statement, at, text.length == 0 ? "" : text.data, text.length,
                              SQLITE_STATIC);
}

/* Runs a statement that gives no rows; what is bound stays until the next use. */
static bool run(struct store_ledger *ledger, enum statement which, struct base_error *error_r)
{
    sqlite3_stmt *statement = ledger->statements[which];
    int status = sqlite3_step(statement);
    bool is_good = status == SQLITE_DONE || status == SQLITE_ROW;

    if (!is_good)
        (void)fail(ledger, error_r);
    (void)sqlite3_reset(statement);
    return is_good;
}

/* SQLite would make it readable for everybody that the umask lets. */
static bool make_file(const char *path, struct base_error *error_r)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

static bool prepare(struct store_ledger *ledger, struct base_error *error_r)
{
    if (sqlite3_open_v2(ledger->path, &ledger->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return fail(ledger, error_r);
    (void)sqlite3_busy_timeout(ledger->database, BUSY_MS);
    if (sqlite3_exec(ledger->database, schema, NULL, NULL, NULL) != SQLITE_OK)
        return fail(ledger, error_r);
    for (unsigned i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v2(ledger->database, texts[i], -1, &ledger->statements[i], NULL) !=
            SQLITE_OK)
            return fail(ledger, error_r);
    return true;
}

struct store_ledger *store_ledger_open(const char *path, struct base_error *error_r)
{
    struct store_ledger *ledger = base_mem_alloc_zero(1, sizeof(*ledger));

    ledger->path = base_mem_strdup(path);
    if (!make_file(path, error_r) || !prepare(ledger, error_r))
        store_ledger_close(&ledger);
    return ledger;
}

void store_ledger_close(struct store_ledger **ledger)
{
    struct store_ledger *it = *ledger;

    *ledger = NULL;
    if (it == NULL)
        return;
    for (unsigned i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(it->statements[i]);
    (void)sqlite3_close(it->database);
    base_mem_free(it->path);
    base_mem_free(it);
}

bool store_ledger_get(struct store_ledger *ledger, const char *name, char *out, size_t size)
{
    sqlite3_stmt *statement = ledger->statements[GET];
    bool is_there = false;

    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        size_t length = (size_t)sqlite3_column_bytes(statement, 0);
        const void *text = sqlite3_column_text(statement, 0);

        is_there = text != NULL && length < size;
        if (is_there) {
            memcpy(out, text, length);
            out[length] = '\0';
        }
    }
    (void)sqlite3_reset(statement);
    return is_there;
}

bool store_ledger_set(struct store_ledger *ledger, const char *name, const char *text,
                      struct base_error *error_r)
{
    (void)sqlite3_bind_text(ledger->statements[SET], 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(ledger->statements[SET], 2, text, -1, SQLITE_STATIC);
    return run(ledger, SET, error_r);
}

bool store_ledger_begin(struct store_ledger *ledger, struct base_error *error_r)
{
    if (ledger->is_open)
        (void)run(ledger, ROLLBACK, error_r);
    ledger->is_open = run(ledger, BEGIN, error_r);
    return ledger->is_open;
}

bool store_ledger_end(struct store_ledger *ledger, struct base_error *error_r)
{
    if (!ledger->is_open)
        return true;
    ledger->is_open = !run(ledger, COMMIT, error_r);
    return !ledger->is_open;
}

/* The number of the key, made if need be (`about` not NULL); 0: it is not there, or a fault. */
static int64_t id_of(struct store_ledger *ledger, struct base_text name, struct base_text key,
                     const struct base_text *about, struct base_error *error_r)
{
    sqlite3_stmt *find = ledger->statements[KEY_ID];
    sqlite3_stmt *make = ledger->statements[KEY];
    int64_t id = 0;

    if (about != NULL) {
        bind_text(make, 1, name);
        bind_text(make, 2, key);
        bind_text(make, 3, *about);
        if (!run(ledger, KEY, error_r))
            return 0;
    }
    bind_text(find, 1, name);
    bind_text(find, 2, key);
    if (sqlite3_step(find) == SQLITE_ROW)
        id = sqlite3_column_int64(find, 0);
    else if (about != NULL)
        (void)fail(ledger, error_r);
    (void)sqlite3_reset(find);
    return id;
}

bool store_ledger_count(struct store_ledger *ledger, const struct store_ledger_row *row,
                        struct base_error *error_r)
{
    sqlite3_stmt *old = ledger->statements[OLD_VALUE];
    sqlite3_stmt *count = ledger->statements[COUNT];
    int64_t id = id_of(ledger, row->name, row->key, &row->about, error_r);

    if (id == 0)
        return false;
    if (row->value != 0) {
        (void)sqlite3_bind_int64(old, 1, id);
        (void)sqlite3_bind_int(old, 2, row->window);
        (void)sqlite3_bind_int64(old, 3, row->value);
        (void)sqlite3_bind_int64(old, 4, row->slot);
        if (!run(ledger, OLD_VALUE, error_r))
            return false;
    }
    (void)sqlite3_bind_int64(count, 1, id);
    (void)sqlite3_bind_int(count, 2, row->window);
    (void)sqlite3_bind_int64(count, 3, row->value);
    (void)sqlite3_bind_int64(count, 4, row->slot);
    (void)sqlite3_bind_int64(count, 5, row->amount);
    (void)sqlite3_bind_int64(count, 6, row->expires_ns);
    return run(ledger, COUNT, error_r);
}

bool store_ledger_hold(struct store_ledger *ledger, const struct store_ledger_hold *hold,
                       struct base_error *error_r)
{
    int64_t id = id_of(ledger, hold->name, hold->key, &hold->about, error_r);

    if (id == 0)
        return false;
    (void)sqlite3_bind_int64(ledger->statements[HOLD], 1, id);
    (void)sqlite3_bind_int64(ledger->statements[HOLD], 2, hold->until_ns);
    return run(ledger, HOLD, error_r);
}

bool store_ledger_forget(struct store_ledger *ledger, struct base_text name, struct base_text key,
                         struct base_error *error_r)
{
    int64_t id = id_of(ledger, name, key, NULL, error_r);

    (void)sqlite3_bind_int64(ledger->statements[FORGET_COUNTS], 1, id);
    (void)sqlite3_bind_int64(ledger->statements[FORGET_KEY], 1, id);
    return run(ledger, FORGET_COUNTS, error_r) && run(ledger, FORGET_KEY, error_r);
}

bool store_ledger_expire(struct store_ledger *ledger, int64_t now_ns, struct base_error *error_r)
{
    (void)sqlite3_bind_int64(ledger->statements[EXPIRE_COUNTS], 1, now_ns);
    (void)sqlite3_bind_int64(ledger->statements[EXPIRE_KEYS], 2, now_ns - OVER_NS);
    return store_ledger_begin(ledger, error_r) && run(ledger, EXPIRE_COUNTS, error_r) &&
           run(ledger, EXPIRE_KEYS, error_r) && store_ledger_end(ledger, error_r);
}

static struct base_text text_at(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);

    return (struct base_text){data == NULL ? "" : data,
                              (size_t)sqlite3_column_bytes(statement, column)};
}

bool store_ledger_read(struct store_ledger *ledger,
                       void (*count)(void *context, const struct store_ledger_row *row),
                       void (*hold)(void *context, const struct store_ledger_hold *hold),
                       void *context, struct base_error *error_r)
{
    sqlite3_stmt *counts = ledger->statements[READ_COUNTS];
    sqlite3_stmt *holds = ledger->statements[READ_HOLDS];
    int status;

    while ((status = sqlite3_step(counts)) == SQLITE_ROW)
        count(context, &(struct store_ledger_row){.name = text_at(counts, 0),
                                                  .key = text_at(counts, 1),
                                                  .about = text_at(counts, 2),
                                                  .window = sqlite3_column_int(counts, 3),
                                                  .value = sqlite3_column_int64(counts, 4),
                                                  .slot = sqlite3_column_int64(counts, 5),
                                                  .amount = sqlite3_column_int64(counts, 6),
                                                  .expires_ns = sqlite3_column_int64(counts, 7)});
    (void)sqlite3_reset(counts);
    if (status != SQLITE_DONE)
        return fail(ledger, error_r);
    while ((status = sqlite3_step(holds)) == SQLITE_ROW)
        hold(context, &(struct store_ledger_hold){.name = text_at(holds, 0),
                                                  .key = text_at(holds, 1),
                                                  .about = text_at(holds, 2),
                                                  .until_ns = sqlite3_column_int64(holds, 3)});
    (void)sqlite3_reset(holds);
    return status == SQLITE_DONE || fail(ledger, error_r);
}
