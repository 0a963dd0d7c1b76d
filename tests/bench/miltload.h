/* The parts of miltload, a load generator for the milter protocol (version 6): it plays the MTA's
 * side. See miltload.c. */
#ifndef TESTS_BENCH_MILTLOAD_H
#define TESTS_BENCH_MILTLOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

/* ---- protocol constants ------------------------------------------------ */

#define ACT_ALL 0x000001ffu /* ADDHDRS .. SETSYMLIST                          */

#define P_NOCONNECT 0x000001u
#define P_NOHELO    0x000002u
#define P_NOMAIL    0x000004u
#define P_NORCPT    0x000008u
#define P_NOBODY    0x000010u
#define P_NOHDRS    0x000020u
#define P_NOEOH     0x000040u
#define P_NR_HDR    0x000080u
#define P_NODATA    0x000200u
#define P_SKIP      0x000400u
#define P_RCPT_REJ  0x000800u
#define P_NR_CONN   0x001000u
#define P_NR_HELO   0x002000u
#define P_NR_MAIL   0x004000u
#define P_NR_RCPT   0x008000u
#define P_NR_DATA   0x010000u
#define P_NR_EOH    0x040000u
#define P_NR_BODY   0x080000u
#define P_LEADSPC   0x100000u
#define PROT_ALL    0x001fffffu /* what Postfix offers                           */

enum stage {
    ST_CONNECT,
    ST_HELO,
    ST_MAIL,
    ST_RCPT,
    ST_DATA,
    ST_HEADER,
    ST_EOH,
    ST_BODY,
    ST_EOB,
    ST_NEG,
    ST_N
};
extern const char *const stage_name[ST_N];
extern const char stage_cmd[ST_N];

/* ---- configuration ----------------------------------------------------- */

struct hdr {
    char *name, *val;
    size_t nlen, vlen;
};

struct frames { /* pre-framed packets, contiguous                  */
    char *p;
    size_t len;
    size_t *off;
    size_t n; /* off[n] == len                                   */
};

struct msg {
    const char *path;
    struct hdr *h;
    size_t nh;
    char *body;
    size_t blen;         /* CRLF line ends                              */
    struct frames hf[2]; /* headers: [0] one leading blank cut, [1] kept */
    struct frames bf;    /* body                                        */
};

struct macro {
    char cmd;
    char *name, *val;
    bool dyn;
};

#define MAX_PID  32
#define MAX_RCPT 1000

struct settings {
    const char *target;
    struct sockaddr_storage sa;
    socklen_t salen;
    unsigned conc, perconn, threads, timeout_s, maxtime_s, hold_s;
    uint64_t nmsg;
    size_t chunk;
    const char *ip, *host, *helo, *from, *out, *apply;
    unsigned port;
    const char *rcpt[MAX_RCPT];
    unsigned nrcpt;
    struct macro *mac;
    size_t nmac;
    struct msg *msg;
    size_t nmsgs;
    bool verbose, quit_nc, abort_always, idle, quiet;
    int idle_stage, abort_stage;
    uint32_t act, prot;
    pid_t pid[MAX_PID];
    unsigned npid;
};
extern struct settings G;

extern _Atomic uint64_t next_seq;
extern atomic_uint parked;
extern atomic_bool release_parked, out_of_time;

/* ---- per-thread state -------------------------------------------------- */

struct tally {
    char *key;
    uint64_t n;
};
struct tallies {
    struct tally *t;
    size_t n;
};

struct mod {
    char cmd;
    uint32_t idx;
    char *a, *b;
    size_t alen, blen;
};

struct seg {
    bool ext;
    const char *p;
    size_t off, len;
};

enum cstate {
    C_OFF,
    C_RETRY,
    C_CONNECTING,
    C_UP,
    C_PARKED
};

struct conn {
    enum cstate st;
    int fd;
    uint32_t act, prot;
    enum stage next, wait;
    size_t idx; /* rcpt, header or body packet to be sent next */
    bool waiting, want_out, in_msg, quitting;
    unsigned rcpt_ok, done_here;
    uint64_t seq;
    const struct msg *m;
    struct seg seg[16];
    unsigned nseg, iseg;
    size_t segpos;
    char *ob;
    size_t on, ocap;
    char *ib;
    size_t in, icap;
    uint64_t t_conn, t_msg, t_last, t_retry;
    struct mod *mod;
    unsigned nmod;
};

struct worker {
    pthread_t th;
    int ep;
    struct conn *c;
    unsigned nc, live;
    bool any_retry;
    struct tallies res, err, mods;
    uint32_t *lat, *clat; /* microseconds */
    size_t nlat, clatn, latcap, clatcap;
    uint64_t bytes_out, conns;
};

struct pstat {
    double user, sys;
    long rss_kb, hwm_kb, pss_kb;
    int threads;
};

/* miltload_message.c: small helpers, and messages cut into packets. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *xrealloc(void *p, size_t n);
uint64_t now_ns(void);
void be32(char *p, uint32_t v);
uint32_t rd32(const char *p);
void load_msg(struct msg *m, const char *path);
void count(struct tallies *ts, const char *key, uint64_t by);
void lat_add(uint32_t **a, size_t *n, size_t *cap, uint64_t ns);

/* miltload_wire.c: what goes out, and printing both directions. */
const char *reply_name(char r);
void v_reply(char r, const char *d, size_t n);
void put_cmd(struct conn *c, char cmd, const char *d, size_t n);
void put_str(struct conn *c, char cmd, const char *s);
void put_ext(struct conn *c, const char *p, size_t len);
void put_macros(struct conn *c, char cmd);
/* 0: all was written; 1: the socket is full; -1: error. */
int flush_out(struct worker *w, struct conn *c);

/* miltload_session.c: the state machine of a session, one worker thread for many. */
void *worker_main(void *arg);

/* miltload_report.c: the process under load, and the summary. */
struct pstat pid_stat(pid_t p);
void reset_hwm(pid_t p);
struct outcome {
    struct worker *workers;
    struct worker sum;
    double wall;
    unsigned held_n;
    struct pstat before[MAX_PID], held[MAX_PID], after[MAX_PID];
};
void merge(struct worker *sum, const struct worker *w, unsigned n);
void report(FILE *o, const struct outcome *outcome);

#endif
