/* What is said to the shared store's script (shared.lua) and what it answers: an array of whole
 * numbers, each of which is checked before it is believed. */
#ifndef POLICY_RATE_SHARED_CALL_H
#define POLICY_RATE_SHARED_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/known.h"
#include "policy/rate/store.h"
#include "store/redis.h"

struct base_buf;
struct store_hmac;

/* What the numbers of the script can say exactly. */
#define RATE_SHARED_MAX (INT64_C(1) << 53)

/* What each answer begins with: the server's epoch and time, and a number of the call's own. */
enum rate_answer_place {
    RATE_ANSWER_EPOCH,
    RATE_ANSWER_TIME,
    RATE_ANSWER_NUMBER,
    RATE_ANSWER_REST,
};

/* What the server is expected to say of itself, after what was heard last. */
struct rate_expected {
    /* 0: nothing was heard. */
    uint64_t epoch;
    /* Its time then, in microseconds. */
    int64_t time_us;
};

struct rate_call {
    struct base_buf *text;
    /* Offsets and lengths of what is in `text`: it moves as it grows. */
    struct rate_call_argument {
        size_t offset;
        size_t length;
    } * arguments;
    size_t count;
    size_t capacity;
};

void rate_call_init(struct rate_call *call, const char *what, const struct rate_expected *expected);
void rate_call_deinit(struct rate_call *call);
void rate_call_add(struct rate_call *call, struct base_text text);
void rate_call_add_int(struct rate_call *call, int64_t number);
/* 32 or 16 hexadecimal digits: a key's digest, a reservation, a value's. */
void rate_call_add_hex(struct rate_call *call, const void *octets, size_t length);
/* Nanoseconds as the script's microseconds, rounded up; -1 stays. */
int64_t rate_call_us(int64_t ns);

struct rate_digest rate_call_key(const struct store_hmac *hmac, struct base_text name,
                                 struct base_text key);
uint64_t rate_call_value(const struct store_hmac *hmac, struct base_text value);
/* One item: its key, what it wants, its windows, and what this host knows of it, from that epoch of
 * the server's: the least that each counts, and how long it is held (0: not; -1: until it is
 * released). */
void rate_call_add_item(struct rate_call *call, const struct rate_digest *digest,
                        const struct rate_item *item, uint64_t value, bool has_value,
                        uint64_t epoch, const int64_t floors[RATE_WINDOWS_MAX], int64_t held_ns);

enum store_redis_status rate_call_run(const struct rate_call *call, struct store_redis *redis,
                                      int64_t timeout_ns, struct store_redis_reply *reply_r);

/* The answer to a charge, into the items; used_r a row an item. False: not what the script says. */
__attribute__((warn_unused_result)) bool rate_call_read_charge(
    const struct store_redis_reply *reply, struct rate_item *items, size_t count, bool *is_ok_r,
    int64_t (*used_r)[RATE_WINDOWS_MAX]);
/* The answer to what was added: what each window of the next item counts now; *at begins at
 * RATE_ANSWER_REST. */
__attribute__((warn_unused_result)) bool rate_call_read_used(const struct store_redis_reply *reply,
                                                             size_t *at, unsigned count,
                                                             int64_t used_r[RATE_WINDOWS_MAX]);

#endif
