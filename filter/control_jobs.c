#include "filter/control_jobs.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "filter/control.h"

bool filter_control_jobs_init(struct filter_control_jobs *jobs, struct base_error *error_r)
{
    *jobs = (struct filter_control_jobs){.queued_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                         .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (pthread_mutex_init(&jobs->mutex, NULL) != 0) {
        base_panic("no mutex for the control socket");
    }
    if (jobs->queued_fd < 0 || jobs->done_fd < 0) {
        base_error_set(error_r, "no event descriptor: %s", strerror(errno));
        return false;
    }
    return true;
}

static void free_all(struct filter_control_job **list)
{
    while (*list != NULL) {
        struct filter_control_job *job = *list;

        *list = job->next;
        filter_control_jobs_free(job);
    }
}

void filter_control_jobs_deinit(struct filter_control_jobs *jobs)
{
    free_all(&jobs->queued);
    free_all(&jobs->done);
    if (jobs->queued_fd >= 0) {
        (void)close(jobs->queued_fd);
    }
    if (jobs->done_fd >= 0) {
        (void)close(jobs->done_fd);
    }
    pthread_mutex_destroy(&jobs->mutex);
}

void filter_control_jobs_free(struct filter_control_job *job)
{
    filter_control_answer_deinit(&job->answer);
    base_mem_free(job);
}

static void append(struct filter_control_job **list, struct filter_control_job *job)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    job->next = NULL;
    *list = job;
}

/* Under the mutex. */
static void refuse(struct filter_control_jobs *jobs, struct filter_control_job *job)
{
    filter_control_answer_fail(&job->answer, "stopping", "the daemon is about to stop");
    append(&jobs->done, job);
    (void)eventfd_write(jobs->done_fd, 1);
}

void filter_control_jobs_push(struct filter_control_jobs *jobs, struct filter_control_job *job)
{
    pthread_mutex_lock(&jobs->mutex);
    if (jobs->is_closed) {
        refuse(jobs, job);
    } else {
        append(&jobs->queued, job);
        (void)eventfd_write(jobs->queued_fd, 1);
    }
    pthread_mutex_unlock(&jobs->mutex);
}

struct filter_control_job *filter_control_jobs_pop_done(struct filter_control_jobs *jobs)
{
    struct filter_control_job *job;

    pthread_mutex_lock(&jobs->mutex);
    job = jobs->done;
    if (job != NULL) {
        jobs->done = job->next;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

void filter_control_jobs_run(struct filter_control_jobs *jobs)
{
    struct filter_control_job *list;
    eventfd_t count;

    (void)eventfd_read(jobs->queued_fd, &count);
    /* What comes meanwhile is for the next time: a client that asks for a reload after the other
     * must not keep the main thread from its signals. */
    pthread_mutex_lock(&jobs->mutex);
    list = jobs->queued;
    jobs->queued = NULL;
    pthread_mutex_unlock(&jobs->mutex);
    while (list != NULL) {
        struct filter_control_job *job = list;
        struct filter_control_request request = {.count = job->request.count - 1,
                                                 .arguments = job->request.words + 1};

        list = job->next;
        job->command->run(job->context, &request, &job->answer);
        pthread_mutex_lock(&jobs->mutex);
        append(&jobs->done, job);
        (void)eventfd_write(jobs->done_fd, 1);
        pthread_mutex_unlock(&jobs->mutex);
    }
}

void filter_control_jobs_close(struct filter_control_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->is_closed = true;
    while (jobs->queued != NULL) {
        struct filter_control_job *job = jobs->queued;

        jobs->queued = job->next;
        refuse(jobs, job);
    }
    pthread_mutex_unlock(&jobs->mutex);
}
