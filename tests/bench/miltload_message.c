/* Small helpers of miltload, and messages cut into packets once, before the load begins. */
#include "tests/bench/miltload.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- helpers ----------------------------------------------------------- */

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("miltload: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}
void *xrealloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p)
        die("out of memory");
    return p;
}
uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
void be32(char *p, uint32_t v)
{
    p[0] = (char)(v >> 24);
    p[1] = (char)(v >> 16);
    p[2] = (char)(v >> 8);
    p[3] = (char)v;
}
uint32_t rd32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}
/* ---- message files ----------------------------------------------------- */

static void frame_add(struct frames *f, size_t *cap, char cmd, const char *a, size_t an,
                      const char *b, size_t bn, bool nuls)
{
    size_t pl = 1 + an + bn + (nuls ? 2 : 0);
    if (f->len + 4 + pl > *cap)
        f->p = xrealloc(f->p, *cap = (f->len + 4 + pl) * 2);
    f->off = xrealloc(f->off, (f->n + 2) * sizeof *f->off);
    f->off[f->n++] = f->len;
    char *q = f->p + f->len;
    be32(q, (uint32_t)pl);
    q[4] = cmd;
    q += 5;
    memcpy(q, a, an);
    q += an;
    if (nuls)
        *q++ = 0;
    if (bn) {
        memcpy(q, b, bn);
        q += bn;
    }
    if (nuls)
        *q++ = 0;
    f->len = (size_t)(q - f->p);
    f->off[f->n] = f->len;
}

void load_msg(struct msg *m, const char *path)
{
    FILE *fp = fopen(path, "rb");
    if (!fp)
        die("%s: %s", path, strerror(errno));
    struct stat sb;
    if (fstat(fileno(fp), &sb))
        die("%s: %s", path, strerror(errno));
    char *raw = xrealloc(NULL, (size_t)sb.st_size + 1);
    size_t n = fread(raw, 1, (size_t)sb.st_size, fp);
    fclose(fp);
    raw[n] = 0;
    *m = (struct msg){.path = path};

    size_t i = 0;
    while (i < n) { /* header section: lines end in LF or CRLF */
        size_t e = i;
        while (e < n && raw[e] != '\n')
            e++;
        size_t le = e;
        if (le > i && raw[le - 1] == '\r')
            le--;
        if (le == i) {
            i = e < n ? e + 1 : e;
            break;
        }
        if ((raw[i] == ' ' || raw[i] == '\t') && m->nh) {
            struct hdr *h = &m->h[m->nh - 1];
            h->val = xrealloc(h->val, h->vlen + 1 + (le - i) + 1);
            h->val[h->vlen++] = '\n'; /* MTAs pass folds as LF + blank */
            memcpy(h->val + h->vlen, raw + i, le - i);
            h->vlen += le - i;
            h->val[h->vlen] = 0;
        } else {
            char *colon = memchr(raw + i, ':', le - i);
            if (!colon)
                break; /* no header: the body starts here */
            m->h = xrealloc(m->h, (m->nh + 1) * sizeof *m->h);
            struct hdr *h = &m->h[m->nh++];
            h->nlen = (size_t)(colon - (raw + i));
            while (h->nlen && isblank((unsigned char)raw[i + h->nlen - 1]))
                h->nlen--;
            h->name = strndup(raw + i, h->nlen);
            size_t vs = (size_t)(colon + 1 - raw);
            h->vlen = le - vs;
            h->val = xrealloc(NULL, h->vlen + 1);
            memcpy(h->val, raw + vs, h->vlen);
            h->val[h->vlen] = 0;
        }
        i = e < n ? e + 1 : e;
    }
    m->body = xrealloc(NULL, (n - i) * 2 + 1);
    for (; i < n; i++) {
        if (raw[i] == '\n' && (m->blen == 0 || m->body[m->blen - 1] != '\r'))
            m->body[m->blen++] = '\r';
        m->body[m->blen++] = raw[i];
    }
    free(raw);

    for (int ls = 0; ls < 2; ls++) {
        size_t cap = 0;
        for (size_t k = 0; k < m->nh; k++) {
            const char *v = m->h[k].val;
            size_t vl = m->h[k].vlen;
            if (!ls && vl && *v == ' ') {
                v++;
                vl--;
            }
            frame_add(&m->hf[ls], &cap, 'L', m->h[k].name, m->h[k].nlen, v, vl, true);
        }
    }
    size_t cap = 0;
    for (size_t o = 0; o < m->blen; o += G.chunk) {
        size_t l = m->blen - o < G.chunk ? m->blen - o : G.chunk;
        frame_add(&m->bf, &cap, 'B', m->body + o, l, NULL, 0, false);
    }
}
void count(struct tallies *ts, const char *key, uint64_t by)
{
    for (size_t i = 0; i < ts->n; i++)
        if (!strcmp(ts->t[i].key, key)) {
            ts->t[i].n += by;
            return;
        }
    ts->t = xrealloc(ts->t, (ts->n + 1) * sizeof *ts->t);
    ts->t[ts->n].key = strdup(key);
    ts->t[ts->n++].n = by;
}

void lat_add(uint32_t **a, size_t *n, size_t *cap, uint64_t ns)
{
    if (*n == *cap)
        *a = xrealloc(*a, (*cap = *cap ? *cap * 2 : 4096) * sizeof **a);
    uint64_t us = ns / 1000;
    (*a)[(*n)++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}
