/* Arguments are decimal or hexadecimal digits; nothing that a stranger wrote is among them. */
#include "policy/rate/shared_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/random.h"
#include "policy/rate/shared_script.h"
#include "store/hmac.h"

#define CALL_MAX   (1U << 24)
#define EPOCH_MASK ((UINT64_C(1) << 48) - 1)

void rate_call_init(struct rate_call *call, const char *what, const struct rate_expected *expected)
{
    uint64_t fresh;

    base_random_draw(&fresh, sizeof(fresh));
    *call = (struct rate_call){.text = base_mem_alloc_zero(1, sizeof(*call->text))};
    base_buf_init(call->text, NULL, CALL_MAX);
    rate_call_add(call, base_text_of(what));
    rate_call_add_int(call, (int64_t)(fresh & EPOCH_MASK) + 1);
    rate_call_add_int(call, (int64_t)expected->epoch);
    rate_call_add_int(call, expected->time_us);
}

void rate_call_deinit(struct rate_call *call)
{
    base_buf_deinit(call->text);
    base_mem_free(call->text);
    base_mem_free(call->arguments);
    *call = (struct rate_call){NULL};
}

void rate_call_add(struct rate_call *call, struct base_text text)
{
    if (call->count == call->capacity) {
        call->capacity = call->capacity == 0 ? 64 : call->capacity * 2;
        call->arguments =
            base_mem_realloc(call->arguments, call->capacity * sizeof(*call->arguments));
    }
    call->arguments[call->count].offset = call->text->length;
    call->arguments[call->count].length = text.length;
    call->count++;
    base_buf_append_text(call->text, text);
}

void rate_call_add_int(struct rate_call *call, int64_t number)
{
    char digits[24];

    if (number > RATE_SHARED_MAX)
        number = RATE_SHARED_MAX;
    (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
    rate_call_add(call, base_text_of(digits));
}

void rate_call_add_hex(struct rate_call *call, const void *octets, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *at = octets;
    char digits[2 * STORE_HMAC_OCTETS];

    for (size_t i = 0; i < length && i < STORE_HMAC_OCTETS; i++) {
        digits[2 * i] = hex[at[i] >> 4];
        digits[2 * i + 1] = hex[at[i] & 15];
    }
    rate_call_add(call, (struct base_text){digits, 2 * length});
}

int64_t rate_call_us(int64_t ns)
{
    return ns < 0 ? -1 : (ns + 999) / 1000;
}

struct rate_digest rate_call_key(const struct store_hmac *hmac, struct base_text name,
                                 struct base_text key)
{
    unsigned char octets[STORE_HMAC_OCTETS];
    struct rate_digest digest;

    store_hmac_digest(hmac, name, key, octets);
    memcpy(digest.octets, octets, sizeof(digest.octets));
    return digest;
}

uint64_t rate_call_value(const struct store_hmac *hmac, struct base_text value)
{
    unsigned char octets[STORE_HMAC_OCTETS];
    uint64_t number;

    store_hmac_digest(hmac, BASE_TEXT(""), value, octets);
    memcpy(&number, octets, sizeof(number));
    return number;
}

void rate_call_add_item(struct rate_call *call, const struct rate_digest *digest,
                        const struct rate_item *item, uint64_t value, bool has_value,
                        uint64_t epoch, const int64_t floors[RATE_WINDOWS_MAX], int64_t held_ns)
{
    rate_call_add_hex(call, digest->octets, sizeof(digest->octets));
    rate_call_add_int(call, (int64_t)epoch);
    rate_call_add_int(call, rate_call_us(held_ns));
    rate_call_add_int(call, item->is_refusing ? 1 : 0);
    rate_call_add_int(call, item->amount);
    if (has_value)
        rate_call_add_hex(call, &value, sizeof(value));
    else
        rate_call_add(call, BASE_TEXT(""));
    rate_call_add_int(call, rate_call_us(item->hold_ns));
    rate_call_add_int(call, item->warn_percent);
    rate_call_add_int(call, item->windows->count);
    for (unsigned i = 0; i < item->windows->count; i++) {
        rate_call_add_int(call, item->windows->at[i].limit);
        rate_call_add_int(call, item->windows->at[i].percent);
        rate_call_add_int(call, rate_call_us(item->windows->at[i].length_ns));
        rate_call_add_int(call, floors[i]);
    }
}

static bool has_head(const struct store_redis_reply *reply)
{
    return reply->count >= RATE_ANSWER_REST && reply->numbers[RATE_ANSWER_EPOCH] >= 1 &&
           reply->numbers[RATE_ANSWER_EPOCH] <= RATE_SHARED_MAX &&
           reply->numbers[RATE_ANSWER_TIME] >= 1 &&
           reply->numbers[RATE_ANSWER_TIME] <= RATE_SHARED_MAX;
}

enum store_redis_status rate_call_run(const struct rate_call *call, struct store_redis *redis,
                                      int64_t timeout_ns, struct store_redis_reply *reply_r)
{
    struct base_text *arguments = base_mem_alloc_zero(call->count, sizeof(*arguments));
    struct store_redis_call out = {.script = rate_shared_script,
                                   .key = BASE_TEXT("{postseal}"),
                                   .arguments = arguments,
                                   .argument_count = call->count};
    enum store_redis_status status;

    if (call->text->is_over)
        base_panic("a call of the shared store is longer than its items allow");
    for (size_t i = 0; i < call->count; i++)
        arguments[i] = (struct base_text){call->text->data + call->arguments[i].offset,
                                          call->arguments[i].length};
    status = store_redis_run(redis, &out, timeout_ns, reply_r);
    base_mem_free(arguments);
    if (status == STORE_REDIS_OK && !has_head(reply_r)) {
        (void)snprintf(reply_r->fault, sizeof(reply_r->fault), "its answer is not the script's");
        status = STORE_REDIS_REFUSED;
    }
    return status;
}

/* A number of the answer, in range. */
static bool take(const struct store_redis_reply *reply, size_t *at, int64_t min, int64_t max,
                 int64_t *number_r)
{
    if (*at >= reply->count || reply->numbers[*at] < min || reply->numbers[*at] > max)
        return false;
    *number_r = reply->numbers[(*at)++];
    return true;
}

bool rate_call_read_used(const struct store_redis_reply *reply, size_t *at, unsigned count,
                         int64_t used_r[RATE_WINDOWS_MAX])
{
    int64_t number;

    memset(used_r, 0, RATE_WINDOWS_MAX * sizeof(*used_r));
    if (!take(reply, at, count, count, &number))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!take(reply, at, 0, RATE_SHARED_MAX, &used_r[i]))
            return false;
    return true;
}

static bool read_item(const struct store_redis_reply *reply, size_t *at, struct rate_item *item,
                      int64_t used_r[RATE_WINDOWS_MAX])
{
    int64_t answer;
    int64_t window;
    int64_t wait_us;
    int64_t is_warning;
    int64_t is_new;
    int64_t is_released;

    if (!take(reply, at, RATE_FREE, RATE_HELD, &answer) ||
        !take(reply, at, 0, RATE_WINDOWS_MAX - 1, &window) ||
        !take(reply, at, 0, RATE_SHARED_MAX, &item->used) ||
        !take(reply, at, 0, RATE_SHARED_MAX, &item->whole) ||
        !take(reply, at, -1, INT64_MAX / 1000, &wait_us) || !take(reply, at, 0, 1, &is_warning) ||
        !take(reply, at, 0, 1, &is_new) || !take(reply, at, 0, 1, &is_released) ||
        !rate_call_read_used(reply, at, item->windows->count, used_r))
        return false;
    item->answer = (enum rate_answer)answer;
    item->window = (unsigned)window;
    item->wait_ns = wait_us < 0 ? -1 : wait_us * 1000;
    item->is_warning_due = is_warning == 1;
    item->is_newly_blocked = is_new == 1;
    item->is_released = is_released == 1;
    return item->window < item->windows->count || item->windows->count == 0;
}

bool rate_call_read_charge(const struct store_redis_reply *reply, struct rate_item *items,
                           size_t count, bool *is_ok_r, int64_t (*used_r)[RATE_WINDOWS_MAX])
{
    size_t at = RATE_ANSWER_REST;

    if (reply->numbers[RATE_ANSWER_NUMBER] != 0 && reply->numbers[RATE_ANSWER_NUMBER] != 1)
        return false;
    *is_ok_r = reply->numbers[RATE_ANSWER_NUMBER] == 1;
    for (size_t i = 0; i < count; i++)
        if (!read_item(reply, &at, &items[i], used_r[i]))
            return false;
    return at == reply->count;
}
