/* Connections are taken from the pool, used for one call, and put back if nothing went wrong. */
#include "store/redis.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/redis_nodes.h"
#include "store/redis_url.h"
#include "store/stream.h"

/* Connections that are kept while nobody uses them, and those at once. */
#define IDLE_MAX 16
#define OPEN_MAX 64
/* The server's own bound. */
#define ARGS_MAX (1 << 20)
/* Nodes that send from one to the next in one call. */
#define MOVES_MAX 2

struct connection {
    struct store_stream stream;
    redisReader *reader;
    /* Of store_redis_nodes, when it was made. */
    unsigned generation;
    struct connection *next;
};

struct store_redis {
    struct store_redis_url url;
    char *user;
    struct store_tls *tls;
    pthread_mutex_t lock;
    pthread_cond_t is_free;
    /* All below is guarded. */
    char *password;
    struct store_redis_nodes nodes;
    /* Since the last look at the nodes. */
    bool has_answered;
    bool has_failed;
    /* It has said that it is of no cluster. */
    bool is_alone;
    struct connection *idle;
    unsigned idle_count;
    unsigned open_count;
    const char *script;
    char digest[41];
};

static int64_t now_ns(void)
{
    struct base_clock clock = base_clock_system();

    return base_clock_mono_ns(&clock);
}

/* --- connections ----------------------------------------------------------------------------- */

static void connection_destroy(struct connection *connection)
{
    store_stream_close(&connection->stream);
    if (connection->reader != NULL)
        redisReaderFree(connection->reader);
    base_mem_free(connection);
}

/* The next answer; NULL: none in time, or nonsense. The caller frees it. */
static redisReply *read_reply(struct connection *connection, int64_t deadline_ns)
{
    char chunk[16384];
    void *reply = NULL;
    size_t total = 0;

    while (redisReaderGetReply(connection->reader, &reply) == REDIS_OK && reply == NULL) {
        size_t count = store_stream_read(&connection->stream, chunk, sizeof(chunk), deadline_ns);

        total += count;
        if (count == 0 || total > STORE_REDIS_ANSWER_MAX ||
            redisReaderFeed(connection->reader, chunk, count) != REDIS_OK)
            return NULL;
    }
    return reply;
}

static bool send_command(struct connection *connection, int count, const char **words,
                         const size_t *lengths, int64_t deadline_ns)
{
    char *command = NULL;
    int length = redisFormatCommandArgv(&command, count, words, lengths);
    bool is_sent =
        length > 0 && store_stream_write(&connection->stream, command, (size_t)length, deadline_ns);

    if (command != NULL) {
        base_mem_wipe(command, (size_t)length);
        redisFreeCommand(command);
    }
    return is_sent;
}

/* AUTH and SELECT: "+OK" or the reason why not. */
static bool say(struct connection *connection, int count, const char **words, int64_t deadline_ns,
                char *fault, size_t size)
{
    redisReply *reply;
    bool is_ok;

    if (!send_command(connection, count, words, NULL, deadline_ns))
        return false;
    reply = read_reply(connection, deadline_ns);
    is_ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        (void)snprintf(fault, size, "%s: %s", words[0], reply->str);
    freeReplyObject(reply);
    return is_ok;
}

static bool greet(const struct store_redis *redis, const char *password,
                  struct connection *connection, int64_t deadline_ns, char *fault, size_t size)
{
    const char *with_user[] = {"AUTH", redis->user, password};
    const char *alone[] = {"AUTH", password};
    char database[16];
    const char *select[] = {"SELECT", database};

    (void)snprintf(database, sizeof(database), "%u", redis->url.database);
    if (password != NULL && redis->user != NULL &&
        !say(connection, 3, with_user, deadline_ns, fault, size))
        return false;
    if (password != NULL && redis->user == NULL &&
        !say(connection, 2, alone, deadline_ns, fault, size))
        return false;
    return redis->url.database == 0 || say(connection, 2, select, deadline_ns, fault, size);
}

static void forget(char *password)
{
    if (password != NULL)
        base_mem_wipe(password, strlen(password));
    base_mem_free(password);
}

static struct connection *connection_create(struct store_redis *redis, int64_t deadline_ns,
                                            char *fault, size_t size)
{
    struct connection *connection = base_mem_alloc_zero(1, sizeof(*connection));
    struct store_address address;
    bool has_address;
    char *password;
    bool is_good;

    (void)pthread_mutex_lock(&redis->lock);
    address = redis->nodes.current;
    has_address = redis->nodes.has_current;
    connection->generation = redis->nodes.generation;
    password = redis->password == NULL ? NULL : base_mem_strdup(redis->password);
    (void)pthread_mutex_unlock(&redis->lock);
    connection->stream.fd = -1;
    connection->reader = redisReaderCreate();
    (void)snprintf(fault, size, "%s",
                   has_address ? "no connection in time" : "its name cannot be resolved");
    is_good = connection->reader != NULL && has_address &&
              store_stream_open(&connection->stream, &address, redis->tls, deadline_ns) &&
              greet(redis, password, connection, deadline_ns, fault, size);
    forget(password);
    if (is_good) {
        fault[0] = '\0';
        return connection;
    }
    connection_destroy(connection);
    return NULL;
}

/* A place among OPEN_MAX, and an idle connection if there is one. */
static bool enter(struct store_redis *redis, int64_t deadline_ns, struct connection **idle_r)
{
    bool is_in = true;

    *idle_r = NULL;
    (void)pthread_mutex_lock(&redis->lock);
    while (is_in && redis->open_count >= OPEN_MAX) {
        struct timespec until = base_clock_deadline(deadline_ns - now_ns());

        is_in = pthread_cond_clockwait(&redis->is_free, &redis->lock, CLOCK_MONOTONIC, &until) == 0;
    }
    if (is_in) {
        redis->open_count++;
        *idle_r = redis->idle;
        if (redis->idle != NULL) {
            redis->idle = redis->idle->next;
            redis->idle_count--;
        }
    }
    (void)pthread_mutex_unlock(&redis->lock);
    return is_in;
}

/* All that it has said was an answer to what was asked. */
static bool is_clean(const struct connection *connection)
{
    return connection->reader->pos == connection->reader->len;
}

/* `connection` may be NULL: it has failed and is gone. */
static void leave(struct store_redis *redis, struct connection *connection)
{
    (void)pthread_mutex_lock(&redis->lock);
    redis->open_count--;
    if (connection != NULL && redis->idle_count < IDLE_MAX && is_clean(connection) &&
        connection->generation == redis->nodes.generation) {
        connection->next = redis->idle;
        redis->idle = connection;
        redis->idle_count++;
        connection = NULL;
    }
    (void)pthread_cond_signal(&redis->is_free);
    (void)pthread_mutex_unlock(&redis->lock);
    if (connection != NULL)
        connection_destroy(connection);
}

/* After a failure none of them is trusted: the name may have moved to another server, and this one
 * be a replica that only refuses, or not be there without a word. */
static void drop_idle(struct store_redis *redis)
{
    struct connection *idle;

    (void)pthread_mutex_lock(&redis->lock);
    idle = redis->idle;
    redis->idle = NULL;
    redis->idle_count = 0;
    (void)pthread_mutex_unlock(&redis->lock);
    while (idle != NULL) {
        struct connection *next = idle->next;

        connection_destroy(idle);
        idle = next;
    }
}

/* --- the store ------------------------------------------------------------------------------- */

struct store_redis *store_redis_create(const struct store_redis_options *options,
                                       struct base_error *error_r)
{
    struct store_redis *redis = base_mem_alloc_zero(1, sizeof(*redis));

    (void)pthread_mutex_init(&redis->lock, NULL);
    (void)pthread_cond_init(&redis->is_free, NULL);
    if (!store_redis_url_parse(options->url, &redis->url, error_r)) {
        store_redis_destroy(&redis);
        return NULL;
    }
    if (redis->url.is_tls) {
        redis->tls = store_tls_create(options->ca_file, redis->url.host, error_r);
        if (redis->tls == NULL) {
            store_redis_destroy(&redis);
            return NULL;
        }
    }
    redis->user = options->user == NULL ? NULL : base_mem_strdup(options->user);
    store_redis_set_password(redis, options->password);
    store_redis_refresh(redis);
    return redis;
}

void store_redis_destroy(struct store_redis **redis)
{
    if (*redis == NULL)
        return;
    drop_idle(*redis);
    forget((*redis)->password);
    base_mem_free((*redis)->user);
    store_tls_destroy(&(*redis)->tls);
    (void)pthread_cond_destroy(&(*redis)->is_free);
    (void)pthread_mutex_destroy(&(*redis)->lock);
    base_mem_free(*redis);
    *redis = NULL;
}

void store_redis_set_password(struct store_redis *redis, const char *password)
{
    char *copy = password == NULL ? NULL : base_mem_strdup(password);
    char *old;

    (void)pthread_mutex_lock(&redis->lock);
    old = redis->password;
    redis->password = copy;
    (void)pthread_mutex_unlock(&redis->lock);
    forget(old);
}

static bool is_local(const struct store_redis *redis)
{
    return redis->url.path[0] != '\0';
}

void store_redis_refresh(struct store_redis *redis)
{
    struct store_redis_list named = {.count = 0};

    if (is_local(redis))
        named.count = store_address_unix(redis->url.path, &named.at[0]) ? 1 : 0;
    else
        named.count = store_address_resolve(redis->url.host, redis->url.port, named.at,
                                            STORE_REDIS_NODES_MAX);
    (void)pthread_mutex_lock(&redis->lock);
    store_redis_nodes_name(&redis->nodes, &named);
    if (redis->has_failed && !redis->has_answered)
        store_redis_nodes_try_next(&redis->nodes);
    redis->has_failed = false;
    redis->has_answered = false;
    (void)pthread_mutex_unlock(&redis->lock);
}

/* --- a call ---------------------------------------------------------------------------------- */

/* SHA-1 is what EVALSHA takes; nothing depends on its strength here. */
static void digest_script(struct store_redis *redis, const char *script, char out[41])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    (void)pthread_mutex_lock(&redis->lock);
    if (redis->script != script &&
        EVP_Digest(script, strlen(script), octets, &length, EVP_sha1(), NULL) == 1) {
        redis->script = script;
        for (unsigned i = 0; i < length && i < 20; i++)
            (void)snprintf(redis->digest + 2 * i, 3, "%02x", octets[i]);
    }
    memcpy(out, redis->digest, sizeof(redis->digest));
    (void)pthread_mutex_unlock(&redis->lock);
}

static redisReply *evaluate(struct connection *connection, const char *command, const char *what,
                            const struct store_redis_call *call, int64_t deadline_ns,
                            enum store_redis_status *status_r)
{
    size_t count = 4 + call->argument_count;
    const char **words = base_mem_alloc_zero(count, sizeof(*words));
    size_t *lengths = base_mem_alloc_zero(count, sizeof(*lengths));
    redisReply *reply = NULL;

    words[0] = command;
    words[1] = what;
    words[2] = "1";
    words[3] = call->key.data;
    for (size_t i = 0; i < 3; i++)
        lengths[i] = strlen(words[i]);
    lengths[3] = call->key.length;
    for (size_t i = 0; i < call->argument_count; i++) {
        words[4 + i] = call->arguments[i].data == NULL ? "" : call->arguments[i].data;
        lengths[4 + i] = call->arguments[i].length;
    }
    *status_r = STORE_REDIS_UNKNOWN;
    if (count <= ARGS_MAX && send_command(connection, (int)count, words, lengths, deadline_ns))
        reply = read_reply(connection, deadline_ns);
    base_mem_free(words);
    base_mem_free(lengths);
    return reply;
}

static enum store_redis_status take_numbers(const redisReply *reply,
                                            struct store_redis_reply *reply_r)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        (void)snprintf(reply_r->fault, sizeof(reply_r->fault), "%s", reply->str);
        return STORE_REDIS_REFUSED;
    }
    (void)snprintf(reply_r->fault, sizeof(reply_r->fault), "its answer is not an array of numbers");
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > STORE_REDIS_NUMBERS_MAX)
        return STORE_REDIS_REFUSED;
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER)
            return STORE_REDIS_REFUSED;
        reply_r->numbers[i] = reply->element[i]->integer;
    }
    reply_r->count = reply->elements;
    reply_r->fault[0] = '\0';
    return STORE_REDIS_OK;
}

static enum store_redis_status run_on(struct store_redis *redis, struct connection *connection,
                                      const struct store_redis_call *call, int64_t deadline_ns,
                                      struct store_redis_reply *reply_r)
{
    enum store_redis_status status;
    char digest[41];
    redisReply *reply;

    digest_script(redis, call->script, digest);
    reply = evaluate(connection, "EVALSHA", digest, call, deadline_ns, &status);
    /* A server that was restarted, or whose scripts were flushed. */
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        reply = evaluate(connection, "EVAL", call->script, call, deadline_ns, &status);
    }
    if (reply == NULL) {
        (void)snprintf(reply_r->fault, sizeof(reply_r->fault), "no answer in time");
        return status;
    }
    status = take_numbers(reply, reply_r);
    freeReplyObject(reply);
    return status;
}

/* A connection that nobody else has, of the pool or new; NULL: none in time. */
static struct connection *obtain(struct store_redis *redis, struct connection *idle,
                                 int64_t deadline_ns, char *fault, size_t size)
{
    /* One that the server has closed meanwhile. */
    if (idle != NULL && !store_stream_is_quiet(&idle->stream)) {
        connection_destroy(idle);
        idle = NULL;
    }
    return idle != NULL ? idle : connection_create(redis, deadline_ns, fault, size);
}

/* The server says who has the slot. Those that are told at once all go there. */
static bool follow(struct store_redis *redis, const struct store_redis_reply *reply)
{
    struct store_address to;

    if (is_local(redis) || !store_redis_read_moved(base_text_of(reply->fault), &to))
        return false;
    (void)pthread_mutex_lock(&redis->lock);
    store_redis_nodes_move(&redis->nodes, &to);
    (void)pthread_mutex_unlock(&redis->lock);
    return true;
}

static void note_outcome(struct store_redis *redis, bool is_ok)
{
    (void)pthread_mutex_lock(&redis->lock);
    redis->has_answered = redis->has_answered || is_ok;
    redis->has_failed = redis->has_failed || !is_ok;
    redis->is_alone = redis->is_alone && is_ok;
    (void)pthread_mutex_unlock(&redis->lock);
}

enum store_redis_status store_redis_run(struct store_redis *redis,
                                        const struct store_redis_call *call, int64_t timeout_ns,
                                        struct store_redis_reply *reply_r)
{
    int64_t deadline_ns = now_ns() + timeout_ns;
    enum store_redis_status status = STORE_REDIS_DOWN;
    struct connection *connection;
    bool is_moved = true;

    reply_r->count = 0;
    (void)snprintf(reply_r->fault, sizeof(reply_r->fault), "too many calls at once");
    if (!enter(redis, deadline_ns, &connection))
        return status;
    for (unsigned i = 0; is_moved && i <= MOVES_MAX; i++) {
        is_moved = false;
        connection = obtain(redis, connection, deadline_ns, reply_r->fault, sizeof(reply_r->fault));
        if (connection == NULL) {
            /* What a node that has sent us elsewhere was asked has not run. */
            status = STORE_REDIS_DOWN;
            break;
        }
        status = run_on(redis, connection, call, deadline_ns, reply_r);
        if (status == STORE_REDIS_OK)
            break;
        connection_destroy(connection);
        connection = NULL;
        is_moved = status == STORE_REDIS_REFUSED && follow(redis, reply_r);
        drop_idle(redis);
    }
    note_outcome(redis, status == STORE_REDIS_OK);
    leave(redis, connection);
    return status;
}

void store_redis_learn(struct store_redis *redis, int64_t timeout_ns)
{
    const char *words[] = {"CLUSTER", "SLOTS"};
    int64_t deadline_ns = now_ns() + timeout_ns;
    struct store_redis_list nodes = {.count = 0};
    struct connection *connection;
    redisReply *reply = NULL;
    bool is_alone;
    char fault[200];

    (void)pthread_mutex_lock(&redis->lock);
    is_alone = redis->is_alone || is_local(redis);
    (void)pthread_mutex_unlock(&redis->lock);
    if (is_alone || !enter(redis, deadline_ns, &connection))
        return;
    connection = obtain(redis, connection, deadline_ns, fault, sizeof(fault));
    if (connection != NULL && send_command(connection, 2, words, NULL, deadline_ns))
        reply = read_reply(connection, deadline_ns);
    is_alone = reply != NULL && !store_redis_read_slots(reply, &nodes);
    (void)pthread_mutex_lock(&redis->lock);
    redis->is_alone = is_alone;
    store_redis_nodes_learn(&redis->nodes, &nodes);
    (void)pthread_mutex_unlock(&redis->lock);
    if (reply == NULL && connection != NULL) {
        connection_destroy(connection);
        connection = NULL;
    }
    freeReplyObject(reply);
    leave(redis, connection);
}
