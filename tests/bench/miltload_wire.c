/* What miltload writes, and its printing of a conversation. */
#include "tests/bench/miltload.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- verbose printing -------------------------------------------------- */

static void pr_esc(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '\n')
            fputs("\\n", stdout);
        else if (ch == '\r')
            fputs("\\r", stdout);
        else if (ch == '\t')
            fputs("\\t", stdout);
        else if (ch < 32 || ch == 127)
            printf("\\x%02x", ch);
        else
            putchar(ch);
    }
}
static void pr_nul(const char *p, size_t n) /* NUL separated strings */
{
    size_t i = 0;
    while (i < n) {
        size_t l = strnlen(p + i, n - i);
        fputs(" [", stdout);
        pr_esc(p + i, l);
        putchar(']');
        i += l + 1;
    }
}
static void v_cmd(char cmd, const char *d, size_t n)
{
    static const struct {
        char c;
        const char *s;
    } nm[] = {{'O', "OPTNEG"},  {'D', "MACRO"}, {'C', "CONNECT"}, {'H', "HELO"},   {'M', "MAIL"},
              {'R', "RCPT"},    {'T', "DATA"},  {'L', "HEADER"},  {'N', "EOH"},    {'B', "BODY"},
              {'E', "BODYEOB"}, {'A', "ABORT"}, {'Q', "QUIT"},    {'K', "QUIT_NC"}};
    const char *s = "?";
    for (size_t i = 0; i < sizeof nm / sizeof *nm; i++)
        if (nm[i].c == cmd)
            s = nm[i].s;
    printf(">> %s", s);
    if (cmd == 'O' && n >= 12)
        printf(" version=%u actions=0x%x protocol=0x%x", rd32(d), rd32(d + 4), rd32(d + 8));
    else if (cmd == 'D' && n) {
        printf(" for %c:", d[0]);
        pr_nul(d + 1, n - 1);
    } else if (cmd == 'B')
        printf(" %zu octets", n);
    else if (cmd == 'C') {
        size_t l = strnlen(d, n);
        fputs(" [", stdout);
        pr_esc(d, l);
        if (l + 1 < n)
            printf("] family=%c", d[l + 1]);
        if (l + 4 < n) {
            printf(" port=%u addr=",
                   (unsigned)((unsigned char)d[l + 2] << 8 | (unsigned char)d[l + 3]));
            pr_esc(d + l + 4, strnlen(d + l + 4, n - l - 4));
        }
    } else
        pr_nul(d, n);
    putchar('\n');
}
static void v_frames(const char *p, size_t n)
{
    while (n >= 5) {
        size_t l = rd32(p);
        v_cmd(p[4], p + 5, l - 1);
        p += 4 + l;
        n -= 4 + l;
    }
}
const char *reply_name(char r)
{
    switch (r) {
    case 'a':
        return "accept";
    case 'c':
        return "continue";
    case 'd':
        return "discard";
    case 'r':
        return "reject";
    case 't':
        return "tempfail";
    case 'y':
        return "replycode";
    case 'p':
        return "progress";
    case 's':
        return "skip";
    case 'f':
        return "connfail";
    case '4':
        return "shutdown";
    case 'O':
        return "optneg";
    case 'h':
        return "ADDHEADER";
    case 'i':
        return "INSHEADER";
    case 'm':
        return "CHGHEADER";
    case 'b':
        return "REPLBODY";
    case 'q':
        return "QUARANTINE";
    case '+':
        return "ADDRCPT";
    case '2':
        return "ADDRCPT_PAR";
    case '-':
        return "DELRCPT";
    case 'e':
        return "CHGFROM";
    case 'l':
        return "SETSYMLIST";
    default:
        return NULL;
    }
}
void v_reply(char r, const char *d, size_t n)
{
    const char *nm = reply_name(r);
    printf("<< %s", nm ? nm : "UNKNOWN");
    if (!nm)
        printf(" 0x%02x", (unsigned char)r);
    if (r == 'O' && n >= 12) {
        printf(" version=%u actions=0x%x protocol=0x%x", rd32(d), rd32(d + 4), rd32(d + 8));
        for (size_t i = 12; i + 4 < n;) {
            size_t l = strnlen(d + i + 4, n - i - 4);
            printf(" symlist[%u]=\"", rd32(d + i));
            pr_esc(d + i + 4, l);
            putchar('"');
            i += 4 + l + 1;
        }
    } else if ((r == 'm' || r == 'i') && n >= 4) {
        printf(" index=%u", rd32(d));
        pr_nul(d + 4, n - 4);
    } else if (r == 'b')
        printf(" %zu octets", n);
    else
        pr_nul(d, n);
    putchar('\n');
}
/* ---- output side ------------------------------------------------------- */

static void ob_reserve(struct conn *c, size_t n)
{
    if (c->on + n > c->ocap)
        c->ob = xrealloc(c->ob, c->ocap = (c->on + n) * 2);
}
static void seg_ob(struct conn *c, size_t off, size_t len)
{
    struct seg *l = c->nseg > c->iseg ? &c->seg[c->nseg - 1] : NULL;
    if (l && !l->ext && l->off + l->len == off) {
        l->len += len;
        return;
    }
    if (c->nseg == 16)
        die("internal: too many segments");
    c->seg[c->nseg++] = (struct seg){.off = off, .len = len};
}
void put_ext(struct conn *c, const char *p, size_t len)
{
    if (!len)
        return;
    if (G.verbose)
        v_frames(p, len);
    if (len <= 4096) { /* cheaper to copy than to gather */
        ob_reserve(c, len);
        memcpy(c->ob + c->on, p, len);
        seg_ob(c, c->on, len);
        c->on += len;
        return;
    }
    if (c->nseg == 16)
        die("internal: too many segments");
    c->seg[c->nseg++] = (struct seg){.ext = true, .p = p, .len = len};
}
void put_cmd(struct conn *c, char cmd, const char *d, size_t n)
{
    if (G.verbose)
        v_cmd(cmd, d, n);
    ob_reserve(c, n + 5);
    char *q = c->ob + c->on;
    be32(q, (uint32_t)(n + 1));
    q[4] = cmd;
    if (n)
        memcpy(q + 5, d, n);
    seg_ob(c, c->on, n + 5);
    c->on += n + 5;
}
void put_str(struct conn *c, char cmd, const char *s)
{
    put_cmd(c, cmd, s, strlen(s) + 1);
}

void put_macros(struct conn *c, char cmd)
{
    char buf[8192];
    size_t n = 0;
    buf[n++] = cmd;
    for (size_t i = 0; i < G.nmac; i++) {
        const struct macro *m = &G.mac[i];
        if (m->cmd != cmd)
            continue;
        char num[32];
        size_t nl = strlen(m->name);
        if (n + nl + strlen(m->val) + 64 > sizeof buf)
            break;
        memcpy(buf + n, m->name, nl + 1);
        n += nl + 1;
        if (m->dyn) {
            for (const char *v = m->val; *v; v++)
                if (v[0] == '%' && v[1] == 'n') {
                    int k = snprintf(num, sizeof num, "%llu", (unsigned long long)c->seq);
                    if (n + (size_t)k + 2 > sizeof buf)
                        break;
                    memcpy(buf + n, num, (size_t)k);
                    n += (size_t)k;
                    v++;
                } else
                    buf[n++] = *v;
            buf[n++] = 0;
        } else {
            size_t vl = strlen(m->val);
            memcpy(buf + n, m->val, vl + 1);
            n += vl + 1;
        }
    }
    if (n > 1)
        put_cmd(c, 'D', buf, n);
}

static void arm(struct worker *w, struct conn *c, bool out)
{
    if (c->want_out == out)
        return;
    c->want_out = out;
    struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(w->ep, EPOLL_CTL_MOD, c->fd, &ev);
}

/* 0 done, 1 pending, -1 error */
int flush_out(struct worker *w, struct conn *c)
{
    while (c->iseg < c->nseg) {
        struct iovec iov[16];
        int n = 0;
        for (unsigned i = c->iseg; i < c->nseg; i++) {
            struct seg *s = &c->seg[i];
            const char *p = s->ext ? s->p : c->ob + s->off;
            size_t skip = i == c->iseg ? c->segpos : 0;
            iov[n].iov_base = (char *)(uintptr_t)(p + skip);
            iov[n++].iov_len = s->len - skip;
        }
        struct msghdr mh = {.msg_iov = iov, .msg_iovlen = (size_t)n};
        ssize_t r = sendmsg(c->fd, &mh, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN) {
                arm(w, c, true);
                return 1;
            }
            return -1;
        }
        w->bytes_out += (uint64_t)r;
        size_t left = (size_t)r;
        while (left) {
            struct seg *s = &c->seg[c->iseg];
            size_t rem = s->len - c->segpos;
            if (left < rem) {
                c->segpos += left;
                break;
            }
            left -= rem;
            c->iseg++;
            c->segpos = 0;
        }
    }
    c->nseg = c->iseg = 0;
    c->on = 0;
    c->segpos = 0;
    arm(w, c, false);
    return 0;
}
