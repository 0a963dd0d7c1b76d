/* The process under load, and the summary in JSON. */
#include "tests/bench/miltload.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- process statistics ------------------------------------------------ */

struct pstat pid_stat(pid_t p)
{
    struct pstat s = {0};
    char path[64], buf[4096];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)p);
    FILE *f = fopen(path, "r");
    if (!f)
        return s;
    size_t n = fread(buf, 1, sizeof buf - 1, f);
    fclose(f);
    buf[n] = 0;
    char *q = strrchr(buf, ')');
    unsigned long ut = 0, stt = 0;
    if (q)
        sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &stt);
    double hz = (double)sysconf(_SC_CLK_TCK);
    s.user = (double)ut / hz;
    s.sys = (double)stt / hz;
    snprintf(path, sizeof path, "/proc/%d/status", (int)p);
    if ((f = fopen(path, "r"))) {
        while (fgets(buf, sizeof buf, f)) {
            sscanf(buf, "VmRSS: %ld", &s.rss_kb);
            sscanf(buf, "VmHWM: %ld", &s.hwm_kb);
            sscanf(buf, "Threads: %d", &s.threads);
        }
        fclose(f);
    }
    return s;
}
void reset_hwm(pid_t p)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)p);
    int fd = open(path, O_WRONLY);
    if (fd >= 0) {
        if (write(fd, "5", 1) < 0) { /* only a statistic */
        }
        close(fd);
    }
}
/* ---- report ------------------------------------------------------------ */

static int cmp32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}
static double pct(const uint32_t *a, size_t n, double q)
{
    if (!n)
        return 0;
    size_t i = (size_t)(q * (double)(n - 1) + 0.5);
    return a[i] / 1000.0;
}
static void js(FILE *o, const char *s)
{
    fputc('"', o);
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\')
            fprintf(o, "\\%c", ch);
        else if (ch < 32)
            fprintf(o, "\\u%04x", ch);
        else
            fputc(ch, o);
    }
    fputc('"', o);
}
static void js_tally(FILE *o, const char *name, const struct tallies *t)
{
    fprintf(o, "  \"%s\": {", name);
    for (size_t i = 0; i < t->n; i++) {
        fputs(i ? ", " : "", o);
        js(o, t->t[i].key);
        fprintf(o, ": %llu", (unsigned long long)t->t[i].n);
    }
    fputs("},\n", o);
}
static void add_tallies(struct tallies *sum, const struct tallies *t)
{
    for (size_t k = 0; k < t->n; k++)
        count(sum, t->t[k].key, t->t[k].n);
}

static void add_times(uint32_t **sum, size_t *n, const uint32_t *more, size_t more_n)
{
    *sum = xrealloc(*sum, (*n + more_n) * sizeof **sum);
    if (more_n)
        memcpy(*sum + *n, more, more_n * sizeof **sum);
    *n += more_n;
}

void merge(struct worker *s, const struct worker *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        add_tallies(&s->res, &w[i].res);
        add_tallies(&s->err, &w[i].err);
        add_tallies(&s->mods, &w[i].mods);
        add_times(&s->lat, &s->nlat, w[i].lat, w[i].nlat);
        add_times(&s->clat, &s->clatn, w[i].clat, w[i].clatn);
        s->bytes_out += w[i].bytes_out;
        s->conns += w[i].conns;
    }
    qsort(s->lat, s->nlat, sizeof *s->lat, cmp32);
    qsort(s->clat, s->clatn, sizeof *s->clat, cmp32);
}

static void report_pids(FILE *o, const struct outcome *out)
{
    const struct worker *s = &out->sum;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    fputs("  \"pids\": [", o);
    double tot = 0;
    long hwm = 0;
    for (unsigned i = 0; i < G.npid; i++) {
        double u = out->after[i].user - out->before[i].user,
               y = out->after[i].sys - out->before[i].sys;
        tot += u + y;
        hwm += out->after[i].hwm_kb;
        fprintf(o,
                "%s\n    {\"pid\": %d, \"user_s\": %.2f, \"sys_s\": %.2f, \"rss_before_kb\": "
                "%ld, \"rss_held_kb\": %ld, \"rss_after_kb\": %ld, \"rss_peak_kb\": %ld, "
                "\"threads_held\": %d, \"threads_after\": %d}",
                i ? "," : "", (int)G.pid[i], u, y, out->before[i].rss_kb,
                G.idle ? out->held[i].rss_kb : out->after[i].rss_kb, out->after[i].rss_kb,
                out->after[i].hwm_kb, out->held[i].threads, out->after[i].threads);
    }
    fprintf(o,
            "],\n  \"filter_cpu_s\": %.2f, \"filter_cpu_s_per_1000\": %.4f, "
            "\"filter_rss_peak_kb\": %ld,\n",
            tot, s->nlat ? tot * 1000 / (double)s->nlat : 0, hwm);
    fprintf(o, "  \"miltload_cpu_s\": %.3f\n}\n",
            (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec / 1e6 +
                (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec / 1e6);
}

void report(FILE *o, const struct outcome *out)
{
    const struct worker *s = &out->sum;
    fputs("{\n  \"target\": ", o);
    js(o, G.target);
    fprintf(o, ",\n  \"concurrency\": %u, \"per_connection\": %u, \"threads\": %u,\n", G.conc,
            G.perconn, G.threads);
    fprintf(o,
            "  \"messages\": %zu, \"connections\": %llu, \"wall_s\": %.4f, \"messages_per_s\": "
            "%.1f, \"mbytes_per_s\": %.2f,\n",
            s->nlat, (unsigned long long)s->conns, out->wall, (double)s->nlat / out->wall,
            (double)s->bytes_out / out->wall / 1e6);
    double sum = 0;
    for (size_t i = 0; i < s->nlat; i++)
        sum += s->lat[i];
    fprintf(o,
            "  \"latency_ms\": {\"mean\": %.3f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, "
            "\"max\": %.3f},\n",
            s->nlat ? sum / (double)s->nlat / 1000 : 0, pct(s->lat, s->nlat, .5),
            pct(s->lat, s->nlat, .9), pct(s->lat, s->nlat, .99), pct(s->lat, s->nlat, 1));
    fprintf(o,
            "  \"session_setup_ms\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": "
            "%.3f},\n",
            pct(s->clat, s->clatn, .5), pct(s->clat, s->clatn, .9), pct(s->clat, s->clatn, .99),
            pct(s->clat, s->clatn, 1));
    js_tally(o, "replies", &s->res);
    js_tally(o, "modifications", &s->mods);
    js_tally(o, "errors", &s->err);
    if (G.idle)
        fprintf(o, "  \"idle_sessions\": %u,\n", out->held_n);
    report_pids(o, out);
}
