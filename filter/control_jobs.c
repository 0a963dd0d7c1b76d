#include "filter/control_jobs.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "filter/control.h"

static const char stopping[] = "the daemon is about to stop";

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
static struct filter_control_job *take_queued(struct filter_control_jobs *jobs)
{
    struct filter_control_job *job = jobs->queued;

    if (job != NULL) {
        jobs->queued = job->next;
        jobs->queued_count--;
    }
    return job;
}

/* Under the mutex. */
static void refuse(struct filter_control_jobs *jobs, struct filter_control_job *job,
                   const char *code, const char *text)
{
    filter_control_answer_fail(&job->answer, code, "%s", text);
    append(&jobs->done, job);
    (void)eventfd_write(jobs->done_fd, 1);
}

void filter_control_jobs_push(struct filter_control_jobs *jobs, struct filter_control_job *job)
{
    pthread_mutex_lock(&jobs->mutex);
    if (jobs->is_closed) {
        refuse(jobs, job, "stopping", stopping);
    } else if (jobs->queued_count == FILTER_CONTROL_JOBS_MAX) {
        refuse(jobs, job, "busy", "too many commands wait for their turn: try again");
    } else {
        append(&jobs->queued, job);
        jobs->queued_count++;
        (void)eventfd_write(jobs->queued_fd, 1);
    }
    pthread_mutex_unlock(&jobs->mutex);
}

void filter_control_jobs_abandon(struct filter_control_jobs *jobs, struct filter_control_job *job)
{
    struct filter_control_job **place = &jobs->queued;

    pthread_mutex_lock(&jobs->mutex);
    job->conn = NULL;
    while (*place != NULL && *place != job) {
        place = &(*place)->next;
    }
    if (*place == NULL || job->command->is_privileged) {
        job = NULL;
    } else {
        *place = job->next;
        jobs->queued_count--;
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (job != NULL) {
        filter_control_jobs_free(job);
    }
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
    struct filter_control_job *job;
    struct filter_control_request request;
    eventfd_t count;

    (void)eventfd_read(jobs->queued_fd, &count);
    pthread_mutex_lock(&jobs->mutex);
    job = take_queued(jobs);
    if (jobs->queued != NULL) {
        (void)eventfd_write(jobs->queued_fd, 1);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (job == NULL) {
        return;
    }
    request = (struct filter_control_request){.count = job->request.count - 1,
                                              .arguments = job->request.words + 1};
    job->command->run(job->context, &request, &job->answer);
    pthread_mutex_lock(&jobs->mutex);
    append(&jobs->done, job);
    (void)eventfd_write(jobs->done_fd, 1);
    pthread_mutex_unlock(&jobs->mutex);
}

void filter_control_jobs_close(struct filter_control_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->is_closed = true;
    while (jobs->queued != NULL) {
        refuse(jobs, take_queued(jobs), "stopping", stopping);
    }
    pthread_mutex_unlock(&jobs->mutex);
}
