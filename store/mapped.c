/* The one copy of octets that may meet the end of the file notes where to go on if it does. SIGBUS
 * comes to the thread that did it, at the instruction that did it, so that the way back is that
 * thread's own: the only variable here that is not the caller's. A SIGBUS of anybody else ends the
 * process as it always did. */
#include "store/mapped.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static _Thread_local sigjmp_buf *way_back;

/* A jump leaves the handler without its end, which would give the signals back that it holds. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)info;
    if (way_back != NULL) {
        (void)pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
        siglongjmp(*way_back, 1);
    }
    /* It comes again as soon as this returns. */
    (void)signal(number, SIG_DFL);
}

bool store_mapped_open(struct store_mapped *mapped, int fd, uint64_t length)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    void *data;

    *mapped = (struct store_mapped){.data = NULL};
    if (length == 0 || length > SIZE_MAX || sigaction(SIGBUS, &action, NULL) != 0)
        return false;
    data = mmap(NULL, (size_t)length, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return false;
    *mapped = (struct store_mapped){data, (size_t)length};
    return true;
}

void store_mapped_close(struct store_mapped *mapped)
{
    if (mapped->data != NULL)
        (void)munmap((void *)mapped->data, mapped->length);
    *mapped = (struct store_mapped){.data = NULL};
}

bool store_mapped_read(const struct store_mapped *mapped, void *out, size_t length, uint64_t offset)
{
    sigjmp_buf here;

    if (offset > mapped->length || length > mapped->length - offset)
        return false;
    if (sigsetjmp(here, 0) != 0) {
        way_back = NULL;
        return false;
    }
    way_back = &here;
    /* The copy is made between the two. */
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(out, mapped->data + offset, length);
    atomic_signal_fence(memory_order_seq_cst);
    way_back = NULL;
    return true;
}
