/* Buckets of a few entries each: a new one takes the place of the oldest. */
#include "policy/rate/sent.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "policy/rate/hash.h"

#define KEPT_NS        (7 * 86400 * BASE_NS_PER_S)
#define SENDER_KEPT_NS (86400 * BASE_NS_PER_S)

enum {
    WAYS = 8
};

struct entry {
    uint64_t hash;
    /* 0: free. */
    int64_t time_ns;
    /* Of whom no bounce has come yet. */
    uint32_t recipients;
    char login[RATE_SENT_LOGIN_MAX + 1];
};

struct sender {
    uint64_t hash;
    /* When the login used it last; 0: free. */
    int64_t time_ns;
    /* When somebody else did, or may have done; 0: never. */
    int64_t others_ns;
    /* "" where it is not known. */
    char login[RATE_SENT_LOGIN_MAX + 1];
};

struct senders {
    /* The latest use of what was forgotten here. */
    int64_t lost_ns;
    struct sender at[WAYS];
};

struct rate_sent {
    pthread_mutex_t lock;
    uint64_t seed[2];
    /* A power of two. */
    size_t buckets;
    struct entry (*entries)[WAYS];
    /* As many buckets. */
    struct senders *senders;
};

struct rate_sent *rate_sent_create(size_t max)
{
    struct rate_sent *sent = base_mem_alloc_zero(1, sizeof(*sent));

    pthread_mutex_init(&sent->lock, NULL);
    base_random_seed(sent->seed, sizeof(sent->seed));
    sent->buckets = 1;
    while (sent->buckets * WAYS < max)
        sent->buckets *= 2;
    sent->entries = base_mem_alloc_zero(sent->buckets, sizeof(*sent->entries));
    sent->senders = base_mem_alloc_zero(sent->buckets, sizeof(*sent->senders));
    return sent;
}

void rate_sent_destroy(struct rate_sent **sent)
{
    struct rate_sent *it = *sent;

    *sent = NULL;
    if (it == NULL)
        return;
    pthread_mutex_destroy(&it->lock);
    base_mem_free(it->entries);
    base_mem_free(it->senders);
    base_mem_free(it);
}

static struct entry *find_entry(struct rate_sent *sent, uint64_t hash)
{
    struct entry *bucket = sent->entries[hash & (sent->buckets - 1)];

    for (unsigned i = 0; i < WAYS; i++)
        if (bucket[i].hash == hash && bucket[i].time_ns != 0)
            return &bucket[i];
    return NULL;
}

static struct entry *find_oldest(struct rate_sent *sent, uint64_t hash)
{
    struct entry *bucket = sent->entries[hash & (sent->buckets - 1)];
    struct entry *oldest = bucket;

    for (unsigned i = 1; i < WAYS; i++)
        if (bucket[i].time_ns < oldest->time_ns)
            oldest = &bucket[i];
    return oldest;
}

void rate_sent_note(struct rate_sent *sent, struct base_text message_id, struct base_text login,
                    unsigned recipients, int64_t now_ns)
{
    uint64_t hash = rate_hash(sent->seed, message_id);
    struct entry *it;

    if (message_id.length == 0 || login.length == 0 || login.length > RATE_SENT_LOGIN_MAX)
        return;
    pthread_mutex_lock(&sent->lock);
    it = find_entry(sent, hash);
    if (it == NULL || !base_text_equals_nocase(base_text_of(it->login), login)) {
        it = it == NULL ? find_oldest(sent, hash) : it;
        *it = (struct entry){.hash = hash};
        memcpy(it->login, login.data, login.length);
    }
    it->time_ns = now_ns;
    it->recipients += recipients;
    pthread_mutex_unlock(&sent->lock);
}

unsigned rate_sent_take(struct rate_sent *sent, struct base_text message_id, unsigned recipients)
{
    struct entry *it;

    pthread_mutex_lock(&sent->lock);
    it = find_entry(sent, rate_hash(sent->seed, message_id));
    if (it == NULL)
        recipients = 0;
    else if (recipients > it->recipients)
        recipients = it->recipients;
    if (it != NULL)
        it->recipients -= recipients;
    pthread_mutex_unlock(&sent->lock);
    return recipients;
}

bool rate_sent_find(struct rate_sent *sent, struct base_text message_id, int64_t now_ns,
                    char login[RATE_SENT_LOGIN_MAX + 1])
{
    const struct entry *it;
    bool is_found;

    pthread_mutex_lock(&sent->lock);
    it = find_entry(sent, rate_hash(sent->seed, message_id));
    is_found = it != NULL && now_ns - it->time_ns < KEPT_NS;
    if (is_found)
        memcpy(login, it->login, sizeof(it->login));
    pthread_mutex_unlock(&sent->lock);
    return is_found;
}

/* --- envelope senders ----------------------------------------------------------------------------
 */

static struct sender *find_sender(struct senders *senders, uint64_t hash)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (senders->at[i].hash == hash && senders->at[i].time_ns != 0)
            return &senders->at[i];
    return NULL;
}

/* In place of the one that was used longest ago. What that one said is lost to every sender here.
 */
static struct sender *add_sender(struct senders *senders, uint64_t hash)
{
    struct sender *oldest = &senders->at[0];

    for (unsigned i = 1; i < WAYS; i++)
        if (senders->at[i].time_ns < oldest->time_ns)
            oldest = &senders->at[i];
    if (senders->lost_ns < oldest->time_ns)
        senders->lost_ns = oldest->time_ns;
    *oldest = (struct sender){.hash = hash, .others_ns = senders->lost_ns};
    return oldest;
}

void rate_sent_note_sender(struct rate_sent *sent, struct base_text sender, struct base_text login,
                           int64_t now_ns)
{
    uint64_t hash = rate_hash(sent->seed, sender);
    struct senders *senders = &sent->senders[hash & (sent->buckets - 1)];
    struct base_text kept = login.length > RATE_SENT_LOGIN_MAX ? (struct base_text){"", 0} : login;
    struct sender *it;

    pthread_mutex_lock(&sent->lock);
    it = find_sender(senders, hash);
    if (it == NULL)
        it = add_sender(senders, hash);
    else if (!base_text_equals_nocase(base_text_of(it->login), kept))
        it->others_ns = it->time_ns;
    it->time_ns = now_ns;
    memset(it->login, 0, sizeof(it->login));
    if (kept.length > 0)
        memcpy(it->login, kept.data, kept.length);
    pthread_mutex_unlock(&sent->lock);
}

bool rate_sent_find_sender(struct rate_sent *sent, struct base_text sender, int64_t now_ns,
                           char login[RATE_SENT_LOGIN_MAX + 1])
{
    uint64_t hash = rate_hash(sent->seed, sender);
    const struct sender *it;
    bool is_found;

    pthread_mutex_lock(&sent->lock);
    it = find_sender(&sent->senders[hash & (sent->buckets - 1)], hash);
    is_found = it != NULL && it->login[0] != '\0' && now_ns - it->time_ns < SENDER_KEPT_NS &&
               (it->others_ns == 0 || now_ns - it->others_ns >= SENDER_KEPT_NS);
    if (is_found)
        memcpy(login, it->login, sizeof(it->login));
    pthread_mutex_unlock(&sent->lock);
    return is_found;
}

/* --- bounces -------------------------------------------------------------------------------------
 */

static void read_value(struct rate_bounce *bounce, struct base_text value,
                       void (*each)(void *context, struct base_text message_id), void *context)
{
    struct base_text rest = base_text_trim(value);

    if (rest.length < 3 || rest.data[0] != '<' || rest.data[rest.length - 1] != '>' ||
        bounce->found >= RATE_BOUNCE_IDS)
        return;
    bounce->found++;
    each(context, rest);
}

static void read_line(struct rate_bounce *bounce,
                      void (*each)(void *context, struct base_text message_id), void *context)
{
    static const struct base_text name = {"Message-ID:", 11};
    static const struct base_text action = {"Action:", 7};
    struct base_text line = {bounce->line, bounce->length};
    bool was_folded = bounce->is_folded;

    bounce->is_folded = false;
    if (bounce->is_too_long)
        return;
    if (was_folded && line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        read_value(bounce, line, each, context);
    } else if (base_text_starts_with_nocase(line, name)) {
        struct base_text value = {line.data + name.length, line.length - name.length};

        bounce->is_folded = base_text_trim(value).length == 0;
        read_value(bounce, value, each, context);
    } else if (base_text_starts_with_nocase(line, action)) {
        struct base_text value = {line.data + action.length, line.length - action.length};

        /* Behind the returned header stands what the sender wrote. */
        if (bounce->found > 0)
            return;
        bounce->actions++;
        if (base_text_starts_with_nocase(base_text_trim(value), BASE_TEXT("failed")))
            bounce->failures++;
    }
}

void rate_bounce_read(struct rate_bounce *bounce, struct base_text chunk,
                      void (*each)(void *context, struct base_text message_id), void *context)
{
    for (size_t i = 0; i < chunk.length && bounce->found < RATE_BOUNCE_IDS; i++) {
        if (chunk.data[i] == '\n') {
            read_line(bounce, each, context);
            bounce->length = 0;
            bounce->is_too_long = false;
        } else if (bounce->length < sizeof(bounce->line)) {
            bounce->line[bounce->length++] = chunk.data[i];
        } else {
            bounce->is_too_long = true;
        }
    }
}
