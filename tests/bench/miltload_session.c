/* A session as the MTA drives it: commands out, replies in, the next message. */
#include "tests/bench/miltload.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

static pthread_mutex_t apply_mx = PTHREAD_MUTEX_INITIALIZER;
static bool apply_done;

/* ---- session logic ----------------------------------------------------- */

static void start_conn(struct worker *w, struct conn *c);
static void pump(struct worker *w, struct conn *c);

static void free_mods(struct conn *c)
{
    for (unsigned i = 0; i < c->nmod; i++) {
        free(c->mod[i].a);
        free(c->mod[i].b);
    }
    free(c->mod);
    c->mod = NULL;
    c->nmod = 0;
}

static void drop_conn(struct worker *w, struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->nseg = c->iseg = 0;
    c->on = c->in = 0;
    c->segpos = 0;
    c->waiting = c->in_msg = c->want_out = c->quitting = false;
    c->done_here = 0;
    if (c->st == C_PARKED)
        atomic_fetch_sub(&parked, 1);
    if (c->st != C_OFF)
        w->live--;
    c->st = C_OFF;
    free_mods(c);
}

static bool more_work(void)
{
    return !atomic_load(&out_of_time) && atomic_load(&next_seq) < G.nmsg;
}

static void fail_conn(struct worker *w, struct conn *c, const char *what)
{
    char key[160];
    enum stage s = c->waiting ? c->wait : c->next;
    snprintf(key, sizeof key, "%s @%s", what, stage_name[s]);
    count(&w->err, key, 1);
    bool was_msg = c->in_msg;
    drop_conn(w, c);
    (void)was_msg;
    if (G.idle || !more_work())
        return;
    c->st = C_RETRY;
    w->live++;
    w->any_retry = true;
    c->t_retry = now_ns() + 20000000u; /* not a busy loop on a dead filter */
}

static void quit_conn(struct worker *w, struct conn *c)
{
    put_cmd(c, 'Q', NULL, 0);
    c->quitting = true;
    int r = flush_out(w, c);
    if (r != 1)
        drop_conn(w, c);
}

static void apply_mods(struct conn *c);

/* The message has its verdict (key). stage < ST_EOB: it ended early. */
static void finish_msg(struct worker *w, struct conn *c, const char *key, enum stage s)
{
    char k[700];
    if (s == ST_EOB)
        snprintf(k, sizeof k, "%s", key);
    else
        snprintf(k, sizeof k, "%s@%s", key, stage_name[s]);
    count(&w->res, k, 1);
    lat_add(&w->lat, &w->nlat, &w->latcap, now_ns() - c->t_msg);
    if (G.apply)
        apply_mods(c);
    free_mods(c);
    c->in_msg = false;
    c->done_here++;
    if (s != ST_EOB || G.abort_always)
        put_cmd(c, 'A', NULL, 0);
    if (!more_work()) {
        quit_conn(w, c);
        return;
    }
    if (c->done_here >= G.perconn) {
        if (G.quit_nc) {
            put_cmd(c, 'K', NULL, 0);
            c->done_here = 0;
            c->next = ST_CONNECT;
            pump(w, c);
            return;
        }
        quit_conn(w, c);
        if (c->st == C_OFF)
            start_conn(w, c);
        return;
    }
    c->next = ST_MAIL;
    pump(w, c);
}

/* The filter took a decision for the whole connection. */
static void finish_session(struct worker *w, struct conn *c, const char *key, enum stage s)
{
    uint64_t seq = atomic_fetch_add(&next_seq, 1);
    if (seq < G.nmsg) { /* one message's worth of work was decided by this */
        char k[700];
        snprintf(k, sizeof k, "%s@%s", key, stage_name[s]);
        count(&w->res, k, 1);
        lat_add(&w->lat, &w->nlat, &w->latcap, now_ns() - c->t_conn);
    }
    quit_conn(w, c);
    if (c->st == C_OFF && more_work())
        start_conn(w, c);
}

static void put_connect(struct conn *c)
{
    char b[1200];
    size_t n = (size_t)snprintf(b, 1024, "%s", G.host) + 1;
    bool six = strchr(G.ip, ':') != NULL;
    if (!strcmp(G.ip, "unknown"))
        b[n++] = 'U';
    else {
        b[n++] = six ? '6' : '4';
        b[n++] = (char)(G.port >> 8);
        b[n++] = (char)G.port;
        n += (size_t)snprintf(b + n, 100, "%s", G.ip) + 1;
    }
    put_cmd(c, 'C', b, n);
}

/* What writing a command leads to. */
enum step {
    /* The next command goes with it. */
    STEP_ON,
    /* Its reply is waited for. */
    STEP_AWAIT,
    /* The connection was taken care of. */
    STEP_DONE
};

static enum step await(struct conn *c, enum stage s)
{
    c->wait = s;
    c->waiting = true;
    return STEP_AWAIT;
}

/* The command gets a reply unless the filter asked for none (`silent`). */
static enum step answered(struct conn *c, uint32_t silent, enum stage s)
{
    return (c->prot & silent) ? STEP_ON : await(c, s);
}

static enum step step_mail(struct worker *w, struct conn *c)
{
    char b[1100];
    if (c->done_here == 0)
        lat_add(&w->clat, &w->clatn, &w->clatcap, now_ns() - c->t_conn);
    uint64_t seq = atomic_fetch_add(&next_seq, 1);
    if (seq >= G.nmsg || atomic_load(&out_of_time)) {
        quit_conn(w, c);
        return STEP_DONE;
    }
    c->seq = seq;
    c->m = &G.msg[seq % G.nmsgs];
    c->in_msg = true;
    c->rcpt_ok = 0;
    c->idx = 0;
    c->t_msg = now_ns();
    put_macros(c, 'M');
    c->next = ST_RCPT;
    if (c->prot & P_NOMAIL)
        return STEP_ON;
    snprintf(b, sizeof b, "<%s>", G.from);
    put_str(c, 'M', b);
    return answered(c, P_NR_MAIL, ST_MAIL);
}

static enum step step_rcpt(struct worker *w, struct conn *c)
{
    char b[1100];
    if (c->idx >= G.nrcpt) {
        c->idx = 0;
        c->next = ST_DATA;
        if (c->rcpt_ok)
            return STEP_ON;
        finish_msg(w, c, "all recipients rejected", ST_RCPT);
        return STEP_DONE;
    }
    put_macros(c, 'R');
    snprintf(b, sizeof b, "<%s>", G.rcpt[c->idx++]);
    if (c->prot & P_NORCPT) {
        c->rcpt_ok++;
        return STEP_ON;
    }
    put_str(c, 'R', b);
    if (!(c->prot & P_NR_RCPT))
        return await(c, ST_RCPT);
    c->rcpt_ok++;
    return STEP_ON;
}

/* Packets that were made beforehand: all of them at once, or one a reply. */
static enum step step_frames(struct conn *c, const struct frames *f, uint32_t no, uint32_t silent,
                             enum stage s)
{
    if ((c->prot & no) || c->idx >= f->n) {
        c->idx = 0;
        c->next = s + 1;
        return STEP_ON;
    }
    if (c->prot & silent) {
        put_ext(c, f->p, f->len);
        c->idx = f->n;
        return STEP_ON;
    }
    put_ext(c, f->p + f->off[c->idx], f->off[c->idx + 1] - f->off[c->idx]);
    c->idx++;
    return await(c, s);
}

static enum step step_plain(struct conn *c, uint32_t no, uint32_t silent, enum stage s)
{
    put_macros(c, stage_cmd[s]);
    c->next = s + 1;
    if (c->prot & no)
        return STEP_ON;
    if (s == ST_CONNECT)
        put_connect(c);
    else if (s == ST_HELO)
        put_str(c, 'H', G.helo);
    else
        put_cmd(c, stage_cmd[s], NULL, 0);
    return answered(c, silent, s);
}

static enum step step(struct worker *w, struct conn *c)
{
    switch (c->next) {
    case ST_CONNECT:
        return step_plain(c, P_NOCONNECT, P_NR_CONN, ST_CONNECT);
    case ST_HELO:
        return step_plain(c, P_NOHELO, P_NR_HELO, ST_HELO);
    case ST_MAIL:
        return step_mail(w, c);
    case ST_RCPT:
        return step_rcpt(w, c);
    case ST_DATA:
        return step_plain(c, P_NODATA, P_NR_DATA, ST_DATA);
    case ST_HEADER:
        return step_frames(c, &c->m->hf[(c->prot & P_LEADSPC) != 0], P_NOHDRS, P_NR_HDR, ST_HEADER);
    case ST_EOH:
        return step_plain(c, P_NOEOH, P_NR_EOH, ST_EOH);
    case ST_BODY:
        return step_frames(c, &c->m->bf, P_NOBODY, P_NR_BODY, ST_BODY);
    case ST_EOB:
        put_macros(c, 'E');
        put_cmd(c, 'E', NULL, 0);
        return await(c, ST_EOB);
    default:
        die("internal: stage");
    }
}

/* Write commands until one needs a reply. */
static void pump(struct worker *w, struct conn *c)
{
    enum step did;
    do {
        if (G.idle && c->next > (enum stage)G.idle_stage && !atomic_load(&release_parked)) {
            int r = flush_out(w, c);
            if (r < 0) {
                fail_conn(w, c, "write error");
                return;
            }
            if (c->st != C_PARKED) {
                c->st = C_PARKED;
                atomic_fetch_add(&parked, 1);
            }
            return;
        }
        if (G.abort_stage >= 0 && c->in_msg && (int)c->next > G.abort_stage) {
            finish_msg(w, c, "aborted", (enum stage)G.abort_stage);
            return;
        }
        did = step(w, c);
        if (did == STEP_DONE)
            return;
    } while (did == STEP_ON);
    c->t_last = now_ns();
    if (flush_out(w, c) < 0)
        fail_conn(w, c, "write error");
}

static void save_mod(struct conn *c, char r, const char *d, size_t n)
{
    struct mod m = {.cmd = r};
    if (r == 'm' || r == 'i') {
        if (n < 4)
            return;
        m.idx = rd32(d);
        d += 4;
        n -= 4;
    }
    m.alen = r == 'b' ? n : strnlen(d, n);
    m.a = xrealloc(NULL, m.alen + 1);
    memcpy(m.a, d, m.alen);
    m.a[m.alen] = 0;
    if (m.alen + 1 < n) {
        m.blen = strnlen(d + m.alen + 1, n - m.alen - 1);
        m.b = strndup(d + m.alen + 1, m.blen);
    }
    c->mod = xrealloc(c->mod, (c->nmod + 1) * sizeof *c->mod);
    c->mod[c->nmod++] = m;
}

static void handle_negotiation(struct worker *w, struct conn *c, char r, const char *d, size_t n)
{
    if (r != 'O' || n < 12) {
        fail_conn(w, c, "no OPTNEG reply");
        return;
    }
    uint32_t ver = rd32(d);
    c->act = rd32(d + 4);
    c->prot = rd32(d + 8);
    if (ver < 2 || (c->act & ~G.act) || (c->prot & ~G.prot)) {
        fail_conn(w, c, "bad OPTNEG reply");
        return;
    }
    c->waiting = false;
    c->next = ST_CONNECT;
    pump(w, c);
}

/* accept, reject, tempfail, discard, or a reply code */
static void handle_verdict(struct worker *w, struct conn *c, char r, const char *d, size_t n)
{
    char key[640];
    enum stage s = c->wait;
    c->waiting = false;
    if (r == 'y')
        snprintf(key, sizeof key, "replycode:%.*s",
                 (int)(strnlen(d, n) > 600 ? 600 : strnlen(d, n)), d);
    else
        snprintf(key, sizeof key, "%s", reply_name(r));
    if (s == ST_CONNECT || s == ST_HELO) {
        finish_session(w, c, key, s);
        return;
    }
    if (s == ST_RCPT && (r == 'r' || r == 't' || r == 'y')) {
        char k2[700];
        snprintf(k2, sizeof k2, "recipient %s", key);
        count(&w->res, k2, 1);
        pump(w, c);
        return;
    }
    finish_msg(w, c, key, s);
}

static void handle_continue(struct worker *w, struct conn *c)
{
    enum stage s = c->wait;
    c->waiting = false;
    if (s == ST_EOB) {
        finish_msg(w, c, "continue", s);
        return;
    }
    if (s == ST_RCPT)
        c->rcpt_ok++;
    pump(w, c);
}

static void handle(struct worker *w, struct conn *c, char r, const char *d, size_t n)
{
    char key[640];
    if (G.verbose)
        v_reply(r, d, n);
    c->t_last = now_ns();
    if (!c->waiting || c->st == C_PARKED) {
        fail_conn(w, c, "unexpected packet");
    } else if (c->wait == ST_NEG) {
        handle_negotiation(w, c, r, d, n);
    } else if (r == 'p') {
        count(&w->mods, "PROGRESS", 1);
    } else if (strchr("himbq+2-e", r) && r) {
        if (c->wait != ST_EOB) {
            fail_conn(w, c, "modification before end of message");
            return;
        }
        count(&w->mods, reply_name(r), 1);
        if (G.apply && !apply_done)
            save_mod(c, r, d, n);
    } else if (r == 'c') {
        handle_continue(w, c);
    } else if (r == 's' && c->wait == ST_BODY) {
        c->waiting = false;
        c->idx = SIZE_MAX;
        pump(w, c);
    } else if (strchr("artdy", r) && r) {
        handle_verdict(w, c, r, d, n);
    } else if (r == 'f' || r == '4') {
        snprintf(key, sizeof key, "filter replied %s", reply_name(r));
        fail_conn(w, c, key);
    } else {
        snprintf(key, sizeof key, "unexpected reply 0x%02x", (unsigned char)r);
        fail_conn(w, c, key);
    }
}

/* Write the message as the MTA would have passed it on. First message only. */
static void apply_mods(struct conn *c)
{
    pthread_mutex_lock(&apply_mx);
    if (apply_done) {
        pthread_mutex_unlock(&apply_mx);
        return;
    }
    apply_done = true;
    const struct msg *m = c->m;
    struct line {
        const char *n, *v;
        bool sp, del;
    } *l = NULL;
    size_t nl = 0;
    l = xrealloc(NULL, (m->nh + c->nmod + 1) * sizeof *l);
    for (size_t i = 0; i < m->nh; i++)
        l[nl++] = (struct line){m->h[i].name, m->h[i].val, false, false};
    bool sp = !(c->prot & P_LEADSPC), newbody = false;
    for (unsigned k = 0; k < c->nmod; k++) {
        struct mod *o = &c->mod[k];
        const char *v = o->b ? o->b : "";
        if (o->cmd == 'h')
            l[nl++] = (struct line){o->a, v, sp, false};
        else if (o->cmd == 'i') {
            size_t at = o->idx > nl ? nl : o->idx;
            if (at == 1)
                at = 0; /* as sendmail/Postfix: 0 and 1 are the top */
            memmove(l + at + 1, l + at, (nl - at) * sizeof *l);
            l[at] = (struct line){o->a, v, sp, false};
            nl++;
        } else if (o->cmd == 'm') {
            uint32_t seen = 0;
            for (size_t i = 0; i < nl; i++)
                if (!l[i].del && !strcasecmp(l[i].n, o->a) && ++seen == (o->idx ? o->idx : 1)) {
                    if (*v) {
                        l[i].v = v;
                        l[i].sp = sp;
                    } else
                        l[i].del = true;
                    break;
                }
        } else if (o->cmd == 'b')
            newbody = true;
    }
    FILE *fp = fopen(G.apply, "wb");
    if (!fp)
        die("%s: %s", G.apply, strerror(errno));
    for (size_t i = 0; i < nl; i++) {
        if (l[i].del)
            continue;
        fprintf(fp, "%s:%s", l[i].n, l[i].sp ? " " : "");
        for (const char *q = l[i].v; *q; q++) {
            if (*q == '\r')
                continue;
            if (*q == '\n')
                fputc('\r', fp);
            fputc(*q, fp);
        }
        fputs("\r\n", fp);
    }
    fputs("\r\n", fp);
    if (newbody) {
        for (unsigned k = 0; k < c->nmod; k++)
            if (c->mod[k].cmd == 'b')
                fwrite(c->mod[k].a, 1, c->mod[k].alen, fp);
    } else
        fwrite(m->body, 1, m->blen, fp);
    if (fclose(fp))
        die("%s: %s", G.apply, strerror(errno));
    free(l);
    pthread_mutex_unlock(&apply_mx);
}

static void connected(struct worker *w, struct conn *c)
{
    c->st = C_UP;
    char b[12];
    be32(b, 6);
    be32(b + 4, G.act);
    be32(b + 8, G.prot);
    put_cmd(c, 'O', b, 12);
    c->wait = ST_NEG;
    c->waiting = true;
    c->t_last = now_ns();
    if (flush_out(w, c) < 0)
        fail_conn(w, c, "write error");
}

static void start_conn(struct worker *w, struct conn *c)
{
    c->fd = socket(G.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket: %s", strerror(errno));
    if (G.sa.ss_family != AF_UNIX) {
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (c->st != C_RETRY) {
        w->live++;
        c->t_conn = now_ns();
    }
    c->wait = ST_NEG;
    c->next = ST_NEG;
    c->t_last = now_ns();
    int r = connect(c->fd, (struct sockaddr *)&G.sa, G.salen);
    if (r < 0 && errno == EAGAIN) { /* unix socket, backlog full */
        close(c->fd);
        c->fd = -1;
        c->st = C_RETRY;
        w->any_retry = true;
        c->t_retry = now_ns() + 1000000u;
        return;
    }
    if (r < 0 && errno != EINPROGRESS) {
        c->st = C_CONNECTING;
        char k[100];
        snprintf(k, sizeof k, "connect: %s", strerror(errno));
        fail_conn(w, c, k);
        return;
    }
    w->conns++;
    c->want_out = r < 0;
    struct epoll_event ev = {.events = EPOLLIN | (r < 0 ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(w->ep, EPOLL_CTL_ADD, c->fd, &ev))
        die("epoll_ctl: %s", strerror(errno));
    if (r < 0)
        c->st = C_CONNECTING;
    else
        connected(w, c);
}

static void on_read(struct worker *w, struct conn *c)
{
    for (;;) {
        if (c->icap - c->in < 4096)
            c->ib = xrealloc(c->ib, c->icap = c->icap ? c->icap * 2 : 8192);
        size_t room = c->icap - c->in;
        ssize_t r = recv(c->fd, c->ib + c->in, room, 0);
        if (r < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN)
                return;
            fail_conn(w, c, strerror(errno));
            return;
        }
        if (r == 0) {
            fail_conn(w, c, "filter closed the connection");
            return;
        }
        c->in += (size_t)r;
        int fd = c->fd;
        size_t pos = 0;
        while (c->in - pos >= 5) {
            size_t l = rd32(c->ib + pos);
            if (l == 0 || l > (64u << 20)) {
                fail_conn(w, c, "bad packet length");
                return;
            }
            if (c->in - pos < 4 + l)
                break;
            /* handle() may drop the connection and start another one, which
             * sets c->in to 0 */
            size_t keep = c->in;
            handle(w, c, c->ib[pos + 4], c->ib + pos + 5, l - 1);
            if (c->fd != fd || c->in != keep || c->st == C_OFF)
                return;
            pos += 4 + l;
        }
        memmove(c->ib, c->ib + pos, c->in - pos);
        c->in -= pos;
        if ((size_t)r < room)
            return; /* drained */
    }
}

void *worker_main(void *arg)
{
    struct worker *w = arg;
    w->ep = epoll_create1(EPOLL_CLOEXEC);
    if (w->ep < 0)
        die("epoll_create1: %s", strerror(errno));
    for (unsigned i = 0; i < w->nc; i++) {
        w->c[i].fd = -1;
        if (G.idle || more_work())
            start_conn(w, &w->c[i]);
    }
    struct epoll_event ev[256];
    uint64_t last_tick = now_ns();
    while (w->live) {
        int n = epoll_wait(w->ep, ev, 256, w->any_retry ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c->fd < 0 || c->st == C_OFF || c->st == C_RETRY)
                continue;
            if (ev[i].events & EPOLLOUT) {
                if (c->st == C_CONNECTING) {
                    int e = 0;
                    socklen_t el = sizeof e;
                    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &el);
                    if (e) {
                        char k[100];
                        snprintf(k, sizeof k, "connect: %s", strerror(e));
                        fail_conn(w, c, k);
                        continue;
                    }
                    connected(w, c);
                } else {
                    int r = flush_out(w, c);
                    if (r < 0) {
                        fail_conn(w, c, "write error");
                        continue;
                    }
                    if (r == 0 && c->quitting) {
                        drop_conn(w, c);
                        if (more_work())
                            start_conn(w, c);
                        continue;
                    }
                }
            }
            if (c->fd >= 0 && (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                on_read(w, c);
        }
        uint64_t t = now_ns();
        if (w->any_retry || t - last_tick > 100000000u || atomic_load(&release_parked)) {
            bool again = false;
            for (unsigned i = 0; i < w->nc; i++) {
                struct conn *c = &w->c[i];
                if (c->st == C_RETRY) {
                    if (atomic_load(&out_of_time)) {
                        w->live--;
                        c->st = C_OFF;
                        continue;
                    }
                    if (t >= c->t_retry) {
                        start_conn(w, c);
                    }
                    if (c->st == C_RETRY)
                        again = true;
                } else if (c->st == C_PARKED && atomic_load(&release_parked)) {
                    quit_conn(w, c);
                } else if (c->st != C_OFF && c->st != C_PARKED &&
                           t - c->t_last > (uint64_t)G.timeout_s * 1000000000u && t > c->t_last) {
                    fail_conn(w, c, "timeout");
                    if (c->st == C_RETRY)
                        again = true;
                }
            }
            w->any_retry = again;
            last_tick = t;
        }
    }
    close(w->ep);
    return NULL;
}
