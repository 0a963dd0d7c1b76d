/* SIGBUS comes to the thread that did it, at the instruction that did it, so that the way back is
 * that thread's own. */
#include "store/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <ucontext.h>

static _Thread_local sigjmp_buf *way_back;

void store_guard_leave(void)
{
    if (way_back != NULL)
        siglongjmp(*way_back, 1);
}

/* A jump leaves the handler without its end, which would give back the signals that it holds. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)info;
    if (way_back != NULL)
        (void)pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
    store_guard_leave();
    /* It comes again as soon as this returns. */
    (void)signal(number, SIG_DFL);
}

void store_guard_install(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    (void)sigaction(SIGBUS, &action, NULL);
}

bool store_guard_run(void (*work)(void *context), void *context)
{
    sigjmp_buf here;

    if (sigsetjmp(here, 0) != 0) {
        way_back = NULL;
        return false;
    }
    way_back = &here;
    /* The work is done between the two. */
    atomic_signal_fence(memory_order_seq_cst);
    work(context);
    atomic_signal_fence(memory_order_seq_cst);
    way_back = NULL;
    return true;
}
