/* Why a state holds until the second one after it is begun: the writer of transaction T takes pages
 * that transactions up to T - 2 gave free, which are those that state T - 2 had no need of any
 * more. (With readers in LMDB's lock file it would take fewer; postmap has none.) State N stands in
 * page N mod 2, so that it is overwritten by state N + 2, which is written before any page of the
 * transaction after it. */
#include "store/lmdb_state.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/lmdb_page.h"
#include "store/mapped.h"

/* A tree of more levels than this is none. */
#define DEPTH_MAX 32
/* Branches that are kept: those of some 10 million entries. */
#define KEPT_MAX 4096
/* Pages 0 and 1. */
#define METAS 2
/* postmap commits between two looks at them, at most. */
#define LOOKS 10

struct store_lmdb_state {
    int fd;
    struct stat stat;
    struct store_mapped mapped;
    struct store_lmdb_meta meta;
    /* Where the state stands, and what stands in the other one. */
    size_t slot;
    size_t other;
    /* By the number of the page; NULL: not kept. */
    _Atomic(unsigned char *) *kept;
    size_t places;
    atomic_uint kept_count;
};

static bool read_at(const struct store_lmdb_state *state, void *out, size_t length, uint64_t offset)
{
    return store_mapped_read(&state->mapped, out, length, offset);
}

/* --- opening --------------------------------------------------------------------------------- */

struct metas {
    unsigned char octets[METAS][STORE_LMDB_META_OCTETS];
};

static bool read_metas(const struct store_lmdb_state *state, struct metas *metas,
                       struct store_lmdb_meta read[METAS])
{
    return read_at(state, metas->octets[0], STORE_LMDB_META_OCTETS, 0) &&
           store_lmdb_meta_read(metas->octets[0], &read[0]) &&
           read_at(state, metas->octets[1], STORE_LMDB_META_OCTETS, read[0].page_size) &&
           store_lmdb_meta_read(metas->octets[1], &read[1]) &&
           read[0].page_size == read[1].page_size;
}

/* Read twice: what is the same both times was not about to be written. */
static bool find_last(struct store_lmdb_state *state)
{
    struct metas first, second;
    struct store_lmdb_meta read[METAS];

    for (unsigned i = 0; i < LOOKS; i++) {
        if (!read_metas(state, &first, read) || !read_metas(state, &second, read))
            return false;
        if (memcmp(&first, &second, sizeof(first)) != 0)
            continue;
        state->slot = read[1].transaction > read[0].transaction ? 1 : 0;
        state->meta = read[state->slot];
        state->other = read[1 - state->slot].transaction;
        return true;
    }
    return false;
}

struct store_lmdb_state *store_lmdb_state_open(int fd, const char *path, struct base_error *error_r)
{
    struct store_lmdb_state *state = base_mem_alloc_zero(1, sizeof(*state));
    uint64_t pages;

    state->fd = fd;
    if (fstat(fd, &state->stat) != 0) {
        base_error_set(error_r, "%s: cannot stat: %s", path, strerror(errno));
        store_lmdb_state_close(&state);
        return NULL;
    }
    if (!store_mapped_open(&state->mapped, fd, (uint64_t)state->stat.st_size) ||
        !find_last(state)) {
        base_error_set(error_r,
                       "%s: no LMDB file that can be read: write it with postmap lmdb:", path);
        store_lmdb_state_close(&state);
        return NULL;
    }
    pages = (uint64_t)state->stat.st_size / state->meta.page_size + 1;
    state->places = pages < state->meta.last_page ? (size_t)pages : state->meta.last_page + 1;
    state->kept = base_mem_alloc_zero(state->places, sizeof(*state->kept));
    return state;
}

void store_lmdb_state_close(struct store_lmdb_state **state)
{
    struct store_lmdb_state *it = *state;

    *state = NULL;
    if (it == NULL)
        return;
    for (size_t i = 0; i < it->places && atomic_load(&it->kept_count) > 0; i++)
        if (it->kept[i] != NULL)
            base_mem_free(it->kept[i]);
    base_mem_free(it->kept);
    store_mapped_close(&it->mapped);
    (void)close(it->fd);
    base_mem_free(it);
}

const struct stat *store_lmdb_state_stat(const struct store_lmdb_state *state)
{
    return &state->stat;
}

/* --- is it still what it was? ---------------------------------------------------------------- */

static bool has_transaction(const struct store_lmdb_state *state, size_t slot, size_t transaction)
{
    size_t now;

    /* After what was read, never before. */
    atomic_thread_fence(memory_order_acquire);
    return read_at(state, &now, sizeof(now),
                   slot * state->meta.page_size + STORE_LMDB_META_TRANSACTION) &&
           now == transaction;
}

bool store_lmdb_state_is_last(const struct store_lmdb_state *state)
{
    return has_transaction(state, 1 - state->slot, state->other);
}

bool store_lmdb_state_is_whole(const struct store_lmdb_state *state)
{
    return has_transaction(state, state->slot, state->meta.transaction);
}

bool store_lmdb_state_is_untouched(const struct store_lmdb_state *state)
{
    struct stat now;

    return fstat(state->fd, &now) == 0 && now.st_size == state->stat.st_size &&
           now.st_mtim.tv_sec == state->stat.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == state->stat.st_mtim.tv_nsec;
}

/* --- looking up ------------------------------------------------------------------------------ */

static const unsigned char *find_kept(const struct store_lmdb_state *state, size_t number)
{
    if (number >= state->places)
        return NULL;
    return atomic_load_explicit(&state->kept[number], memory_order_acquire);
}

static void keep(struct store_lmdb_state *state, size_t number, const unsigned char *page)
{
    size_t size = state->meta.page_size;
    unsigned char *none = NULL;
    unsigned char *copy;

    if (number >= state->places || atomic_load(&state->kept_count) >= KEPT_MAX)
        return;
    copy = base_mem_alloc(size);
    memcpy(copy, page, size);
    if (atomic_compare_exchange_strong(&state->kept[number], &none, copy))
        (void)atomic_fetch_add(&state->kept_count, 1);
    else
        base_mem_free(copy);
}

static bool append_overflow(const struct store_lmdb_state *state,
                            const struct store_lmdb_value *found, struct base_buf *value)
{
    unsigned char header[STORE_LMDB_HEADER_OCTETS];
    uint64_t offset = (uint64_t)found->overflow * state->meta.page_size;
    size_t length = found->text.length;
    size_t skip;
    char *octets;
    bool is_read;

    if (found->overflow > state->meta.last_page ||
        !read_at(state, header, sizeof(header), offset) ||
        !store_lmdb_overflow_read(header, state->meta.page_size, found->overflow, length, &skip) ||
        offset + skip + length > (uint64_t)state->stat.st_size)
        return false;
    octets = base_mem_alloc(length + 1);
    is_read = read_at(state, octets, length, offset + skip);
    if (is_read)
        base_buf_append(value, octets, strnlen(octets, length));
    base_mem_free(octets);
    return is_read;
}

static enum store_lmdb_found find_in_leaf(const struct store_lmdb_state *state,
                                          const struct store_lmdb_page *page, struct base_text key,
                                          struct base_buf *value)
{
    struct store_lmdb_value found;

    switch (store_lmdb_leaf_find(page, key, &found)) {
    case STORE_LMDB_FOUND:
        base_buf_append(value, found.text.data, strnlen(found.text.data, found.text.length));
        return STORE_LMDB_STATE_FOUND;
    case STORE_LMDB_ELSEWHERE:
        return append_overflow(state, &found, value) ? STORE_LMDB_STATE_FOUND
                                                     : STORE_LMDB_STATE_BROKEN;
    case STORE_LMDB_NONE:
        return STORE_LMDB_STATE_NONE;
    case STORE_LMDB_BROKEN:
        break;
    }
    return STORE_LMDB_STATE_BROKEN;
}

enum store_lmdb_found store_lmdb_state_find(struct store_lmdb_state *state, struct base_text key,
                                            struct base_buf *value)
{
    unsigned char room[STORE_LMDB_PAGE_MAX];
    size_t size = state->meta.page_size;
    size_t number = state->meta.root;

    if (number == STORE_LMDB_PAGE_NONE)
        return STORE_LMDB_STATE_NONE;
    for (unsigned depth = 0; depth < DEPTH_MAX && number <= state->meta.last_page; depth++) {
        const unsigned char *kept = find_kept(state, number);
        struct store_lmdb_page page = {.data = kept != NULL ? kept : room, .size = size};
        size_t child;

        if (kept == NULL && !read_at(state, room, size, (uint64_t)number * size))
            return STORE_LMDB_STATE_BROKEN;
        switch (store_lmdb_page_read(&page, number)) {
        case STORE_LMDB_LEAF:
            return find_in_leaf(state, &page, key, value);
        case STORE_LMDB_BRANCH:
            if (!store_lmdb_branch_find(&page, key, &child))
                return STORE_LMDB_STATE_BROKEN;
            break;
        case STORE_LMDB_DAMAGED:
            return STORE_LMDB_STATE_BROKEN;
        }
        if (kept == NULL)
            keep(state, number, room);
        number = child;
    }
    return STORE_LMDB_STATE_BROKEN;
}
