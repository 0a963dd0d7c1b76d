/* miltload - load generator for the Sendmail milter protocol, version 6.
 *
 * Plays the MTA's side (option negotiation as Postfix 3.x does it) against any milter, drives many
 * concurrent sessions from one or a few epoll threads, and reports throughput, latency and replies
 * as JSON. `miltload --help`. */
#include "tests/bench/miltload.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 256

const char *const stage_name[ST_N] = {"connect", "helo", "mail", "rcpt", "data",
                                      "header",  "eoh",  "body", "eom",  "optneg"};
const char stage_cmd[ST_N] = {'C', 'H', 'M', 'R', 'T', 'L', 'N', 'B', 'E', 'O'};

struct settings G = {.conc = 1,
                     .perconn = 1,
                     .threads = 1,
                     .timeout_s = 60,
                     .maxtime_s = 300,
                     .hold_s = 3,
                     .nmsg = 1,
                     .chunk = 65535,
                     .ip = "192.0.2.1",
                     .host = "client.example.net",
                     .helo = "client.example.net",
                     .from = "sender@example.net",
                     .port = 40000,
                     .idle_stage = ST_HELO,
                     .abort_stage = -1,
                     .act = ACT_ALL,
                     .prot = PROT_ALL};

_Atomic uint64_t next_seq;
atomic_uint parked;
atomic_bool release_parked, out_of_time;
static const char *files[MAX_FILES];
static size_t nfiles;

/* ---- command line ------------------------------------------------------ */

static void usage(void)
{
    puts("usage: miltload [options] TARGET\n"
         "\n"
         "TARGET is unix:/path, inet:PORT@HOST or inet6:PORT@HOST.\n"
         "\n"
         "load\n"
         "  -c N            concurrent sessions (1)\n"
         "  -n N            messages in all (1)\n"
         "  -k N            messages per connection (1; as one SMTP session with N mails)\n"
         "  -t N            threads (1)\n"
         "  --quit-nc       after -k messages send QUIT_NC and start the next SMTP session\n"
         "                  on the same milter connection, instead of QUIT and reconnecting\n"
         "                  (libmilter ignores QUIT_NC, and then CONNECT, after an ACCEPT reply:\n"
         "                  such a filter shows up here as timeout @connect)\n"
         "  --abort-always  send ABORT after each message, also one with a final reply\n"
         "  --abort-at S    send ABORT instead of what follows stage S (mail, rcpt, data,\n"
         "                  header, eoh, body); such messages count as aborted@S\n"
         "  --max-time S    start no message after S seconds (300)\n"
         "  --timeout S     give up a session without a reply for S seconds (60)\n"
         "\n"
         "message\n"
         "  -f FILE         RFC 5322 file, LF or CRLF; repeat for a mix (round robin).\n"
         "                  Without -f a small built-in message is sent.\n"
         "  --ip ADDR       client address, or 'unknown' (192.0.2.1)\n"
         "  --port N        client port (40000)\n"
         "  --host NAME     client host name as the MTA resolved it (client.example.net)\n"
         "  --helo NAME     HELO name (client.example.net)\n"
         "  --from ADDR     envelope sender without <> (sender@example.net; '' is allowed)\n"
         "  --rcpt ADDR     recipient, repeatable (rcpt@example.org)\n"
         "  -m S:NAME=VAL   macro for stage S (a command letter C H M R T N E, or a stage\n"
         "                  name); %n in VAL is the message's number; repeatable.\n"
         "                  Example: -m 'M:{auth_authen}=joe'\n"
         "  --no-macros     drop the default macros (j, v, {daemon_name}, i and so on)\n"
         "  --chunk N       body chunk size (65535)\n"
         "  --protocol HEX  protocol steps to offer (0x1fffff, as Postfix)\n"
         "  --actions HEX   actions to offer (0x1ff, as Postfix)\n"
         "\n"
         "memory of open sessions\n"
         "  --idle          open -c sessions, hold them after --idle-stage, sample --pid\n"
         "  --idle-stage S  connect, helo, mail, rcpt, data, header, eoh or body (helo)\n"
         "  --hold S        seconds to hold (3)\n"
         "\n"
         "output\n"
         "  -v              print the whole conversation (forces -c 1 -n 1 -t 1)\n"
         "  -o FILE         write the JSON summary there ('-': standard output, the default)\n"
         "  --pid PID       report that process's CPU time and memory too; repeatable;\n"
         "                  resets its peak RSS first (needs the right to do so)\n"
         "  --apply FILE    write the first message with the filter's modifications applied\n"
         "  -q              no JSON on standard output\n"
         "\n"
         "Replies are awaited as the negotiated protocol says: the NR_* and NO* flags that\n"
         "the filter asked for are honoured, and as in Postfix all commands up to the next\n"
         "awaited reply are sent with one write. Latency runs from MAIL to the final reply;\n"
         "session_setup from connect() to MAIL. A reply that is not at end of message is\n"
         "reported as reply@stage. Exit status: 0, or 1 if there was any error.");
}

static void add_macro(const char *arg)
{
    const char *col = strchr(arg, ':'), *eq = col ? strchr(col, '=') : NULL;
    if (!col || !eq)
        die("-m %s: want STAGE:NAME=VALUE", arg);
    char cmd = 0;
    size_t sl = (size_t)(col - arg);
    if (sl == 1)
        cmd = *arg;
    else
        for (int i = 0; i < ST_NEG; i++)
            if (strlen(stage_name[i]) == sl && !strncasecmp(stage_name[i], arg, sl))
                cmd = stage_cmd[i];
    if (!cmd || !strchr("CHMRTNE", cmd))
        die("-m %s: unknown stage", arg);
    char *name = strndup(col + 1, (size_t)(eq - col - 1));
    for (size_t i = 0; i < G.nmac; i++) /* a later one replaces */
        if (G.mac[i].cmd == cmd && !strcmp(G.mac[i].name, name)) {
            G.mac[i].val = strdup(eq + 1);
            G.mac[i].dyn = strstr(eq, "%n") != NULL;
            free(name);
            return;
        }
    G.mac = xrealloc(G.mac, (G.nmac + 1) * sizeof *G.mac);
    G.mac[G.nmac++] = (struct macro){cmd, name, strdup(eq + 1), strstr(eq, "%n") != NULL};
}

static int parse_stage(const char *s)
{
    for (int i = 0; i < ST_NEG; i++)
        if (!strcasecmp(s, stage_name[i]))
            return i;
    die("unknown stage %s", s);
    return -1;
}

static unsigned long num(const char *s, unsigned long lo, unsigned long hi, const char *what)
{
    char *e;
    errno = 0;
    unsigned long v = strtoul(s, &e, 0);
    if (errno || *e || e == s || *s == '-' || v < lo || v > hi)
        die("%s: bad number %s", what, s);
    return v;
}

static void parse_target(const char *t)
{
    G.target = t;
    if (!strncmp(t, "unix:", 5) || !strncmp(t, "local:", 6)) {
        const char *p = strchr(t, ':') + 1;
        struct sockaddr_un *u = (struct sockaddr_un *)&G.sa;
        if (strlen(p) >= sizeof u->sun_path)
            die("%s: path too long", p);
        u->sun_family = AF_UNIX;
        strcpy(u->sun_path, p);
        G.salen = sizeof *u;
        return;
    }
    bool six = !strncmp(t, "inet6:", 6);
    if (!six && strncmp(t, "inet:", 5))
        die("%s: want unix:/path or inet:port@host", t);
    char port[16], host[256];
    if (sscanf(strchr(t, ':') + 1, "%15[0-9]@%255s", port, host) != 2)
        die("%s: want inet:port@host", t);
    struct addrinfo hi = {.ai_family = six ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM}, *ai;
    int e = getaddrinfo(host, port, &hi, &ai);
    if (e)
        die("%s: %s", t, gai_strerror(e));
    memcpy(&G.sa, ai->ai_addr, ai->ai_addrlen);
    G.salen = ai->ai_addrlen;
    freeaddrinfo(ai);
}

enum {
    O_IP = 256,
    O_PORT,
    O_HOST,
    O_HELO,
    O_FROM,
    O_RCPT,
    O_NOMAC,
    O_CHUNK,
    O_PROT,
    O_ACT,
    O_IDLE,
    O_IDLEST,
    O_HOLD,
    O_PID,
    O_APPLY,
    O_QNC,
    O_ABALW,
    O_ABAT,
    O_MAXT,
    O_TMO,
    O_HELP
};

static const struct option lo[] = {{"ip", 1, 0, O_IP},
                                   {"port", 1, 0, O_PORT},
                                   {"host", 1, 0, O_HOST},
                                   {"helo", 1, 0, O_HELO},
                                   {"from", 1, 0, O_FROM},
                                   {"rcpt", 1, 0, O_RCPT},
                                   {"no-macros", 0, 0, O_NOMAC},
                                   {"chunk", 1, 0, O_CHUNK},
                                   {"protocol", 1, 0, O_PROT},
                                   {"actions", 1, 0, O_ACT},
                                   {"idle", 0, 0, O_IDLE},
                                   {"idle-stage", 1, 0, O_IDLEST},
                                   {"hold", 1, 0, O_HOLD},
                                   {"pid", 1, 0, O_PID},
                                   {"apply", 1, 0, O_APPLY},
                                   {"quit-nc", 0, 0, O_QNC},
                                   {"abort-always", 0, 0, O_ABALW},
                                   {"abort-at", 1, 0, O_ABAT},
                                   {"max-time", 1, 0, O_MAXT},
                                   {"timeout", 1, 0, O_TMO},
                                   {"help", 0, 0, O_HELP},
                                   {0, 0, 0, 0}};

/* What the MTA's side of a conversation looks like. */
static bool set_facts(int ch)
{
    switch (ch) {
    case O_IP:
        G.ip = optarg;
        break;
    case O_PORT:
        G.port = (unsigned)num(optarg, 0, 65535, "--port");
        break;
    case O_HOST:
        G.host = optarg;
        break;
    case O_HELO:
        G.helo = optarg;
        break;
    case O_FROM:
        G.from = optarg;
        break;
    case O_RCPT:
        if (G.nrcpt == MAX_RCPT)
            die("too many --rcpt");
        G.rcpt[G.nrcpt++] = optarg;
        break;
    case O_NOMAC:
        G.nmac = 0;
        break;
    case O_CHUNK:
        G.chunk = num(optarg, 1, 1048576, "--chunk");
        break;
    case O_PROT:
        G.prot = (uint32_t)num(optarg, 0, 0xffffffff, "--protocol");
        break;
    case O_ACT:
        G.act = (uint32_t)num(optarg, 0, 0xffffffff, "--actions");
        break;
    default:
        return false;
    }
    return true;
}

static bool set_run(int ch)
{
    switch (ch) {
    case O_IDLE:
        G.idle = true;
        break;
    case O_IDLEST:
        G.idle_stage = parse_stage(optarg);
        break;
    case O_HOLD:
        G.hold_s = (unsigned)num(optarg, 0, 3600, "--hold");
        break;
    case O_PID:
        if (G.npid == MAX_PID)
            die("too many --pid");
        G.pid[G.npid++] = (pid_t)num(optarg, 1, 1u << 30, "--pid");
        break;
    case O_APPLY:
        G.apply = optarg;
        break;
    case O_QNC:
        G.quit_nc = true;
        break;
    case O_ABALW:
        G.abort_always = true;
        break;
    case O_ABAT:
        G.abort_stage = parse_stage(optarg);
        if (G.abort_stage < ST_MAIL || G.abort_stage > ST_BODY)
            die("--abort-at: mail .. body");
        break;
    case O_MAXT:
        G.maxtime_s = (unsigned)num(optarg, 1, 86400, "--max-time");
        break;
    case O_TMO:
        G.timeout_s = (unsigned)num(optarg, 1, 86400, "--timeout");
        break;
    default:
        return false;
    }
    return true;
}

static bool set_short(int ch)
{
    switch (ch) {
    case 'c':
        G.conc = (unsigned)num(optarg, 1, 100000, "-c");
        break;
    case 'n':
        G.nmsg = num(optarg, 1, 1000000000, "-n");
        break;
    case 'k':
        G.perconn = (unsigned)num(optarg, 1, 1000000000, "-k");
        break;
    case 't':
        G.threads = (unsigned)num(optarg, 1, 64, "-t");
        break;
    case 'f':
        if (nfiles == MAX_FILES)
            die("too many -f");
        files[nfiles++] = optarg;
        break;
    case 'm':
        add_macro(optarg);
        break;
    case 'o':
        G.out = optarg;
        break;
    case 'v':
        G.verbose = true;
        break;
    case 'q':
        G.quiet = true;
        break;
    default:
        return false;
    }
    return true;
}

/* False: usage was printed; the exit status is *status_r. */
static bool read_options(int argc, char **argv, int *status_r)
{
    int ch;
    *status_r = 2;
    while ((ch = getopt_long(argc, argv, "c:n:k:t:f:m:o:vqh", lo, NULL)) != -1) {
        if (ch == 'h' || ch == O_HELP) {
            usage();
            *status_r = 0;
            return false;
        }
        if (!set_short(ch) && !set_facts(ch) && !set_run(ch)) {
            fputs("try miltload --help\n", stderr);
            return false;
        }
    }
    if (optind + 1 != argc) {
        fputs("miltload: want one TARGET; try miltload --help\n", stderr);
        return false;
    }
    parse_target(argv[optind]);
    return true;
}

static void settle(void)
{
    struct rlimit rl;
    if (!G.nrcpt)
        G.rcpt[G.nrcpt++] = "rcpt@example.org";
    if (G.verbose) {
        G.conc = 1;
        G.nmsg = 1;
        G.threads = 1;
    }
    if (!G.idle && G.conc > G.nmsg)
        G.conc = (unsigned)G.nmsg;
    if (G.idle)
        G.nmsg = UINT32_MAX;
    if (G.threads > G.conc)
        G.threads = G.conc;
    if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur < G.conc + 64u) {
        rl.rlim_cur = G.conc + 64u < rl.rlim_max ? G.conc + 64u : rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
}

static void load_files(void)
{
    char tmp[] = "/tmp/miltload.XXXXXX";
    bool is_own = !nfiles;
    if (is_own) {
        static const char def[] =
            "From: Sender <sender@example.net>\r\nTo: rcpt@example.org\r\nSubject: test\r\n"
            "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: "
            "<1@example.net>\r\n\r\nHello.\r\n";
        int fd = mkstemp(tmp);
        if (fd < 0 || write(fd, def, sizeof def - 1) < 0)
            die("%s: %s", tmp, strerror(errno));
        close(fd);
        files[nfiles++] = tmp;
    }
    G.nmsgs = nfiles;
    G.msg = xrealloc(NULL, nfiles * sizeof *G.msg);
    for (size_t i = 0; i < nfiles; i++)
        load_msg(&G.msg[i], files[i]);
    if (is_own)
        unlink(tmp);
}

static struct worker *start(void)
{
    struct worker *w = calloc(G.threads, sizeof *w);
    if (!w)
        die("out of memory");
    for (unsigned i = 0; i < G.threads; i++) {
        w[i].nc = G.conc / G.threads + (i < G.conc % G.threads);
        w[i].c = calloc(w[i].nc, sizeof *w[i].c);
        if (!w[i].c)
            die("out of memory");
    }
    for (unsigned i = 0; i < G.threads; i++)
        if (pthread_create(&w[i].th, NULL, worker_main, &w[i]))
            die("pthread_create");
    return w;
}

static void hold(uint64_t limit, struct outcome *out)
{
    while (now_ns() < limit && atomic_load(&parked) < G.conc)
        usleep(20000);
    usleep((useconds_t)G.hold_s * 1000000u);
    out->held_n = atomic_load(&parked);
    for (unsigned i = 0; i < G.npid; i++)
        out->held[i] = pid_stat(G.pid[i]);
    atomic_store(&out_of_time, true);
    atomic_store(&release_parked, true);
}

static void join(struct worker *w, uint64_t limit)
{
    for (unsigned i = 0; i < G.threads; i++) {
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        uint64_t left = limit > now_ns() ? limit - now_ns() : 0;
        ts.tv_sec += (time_t)(left / 1000000000u);
        if (pthread_timedjoin_np(w[i].th, NULL, &ts)) {
            atomic_store(&out_of_time, true);
            pthread_join(w[i].th, NULL);
        }
    }
}

static void run(struct outcome *out)
{
    for (unsigned i = 0; i < G.npid; i++) {
        reset_hwm(G.pid[i]);
        out->before[i] = out->held[i] = pid_stat(G.pid[i]);
    }
    uint64_t t0 = now_ns();
    uint64_t limit = t0 + (uint64_t)G.maxtime_s * 1000000000u;
    struct worker *w = out->workers = start();
    if (G.idle)
        hold(limit, out);
    join(w, limit);
    out->wall = (double)(now_ns() - t0) / 1e9;
    for (unsigned i = 0; i < G.npid; i++)
        out->after[i] = pid_stat(G.pid[i]);
    merge(&out->sum, w, G.threads);
}

static void print(const struct outcome *out)
{
    FILE *o = stdout;
    if (G.out && strcmp(G.out, "-")) {
        o = fopen(G.out, "w");
        if (!o)
            die("%s: %s", G.out, strerror(errno));
    } else if (G.quiet || (G.verbose && !G.out))
        return;
    report(o, out);
    if (o != stdout)
        fclose(o);
}

int main(int argc, char **argv)
{
    static const char *const defmac[] = {"C:j=mx.example.org",
                                         "C:{daemon_name}=mx.example.org",
                                         "C:{daemon_addr}=192.0.2.25",
                                         "C:v=Postfix 3.7.11",
                                         "M:{mail_mailer}=smtp",
                                         "R:i=4Q%n",
                                         "T:i=4Q%n",
                                         "N:i=4Q%n",
                                         "E:i=4Q%n"};
    static struct outcome out;
    int status;
    for (size_t i = 0; i < sizeof defmac / sizeof *defmac; i++)
        add_macro(defmac[i]);
    if (!read_options(argc, argv, &status))
        return status;
    signal(SIGPIPE, SIG_IGN);
    settle();
    load_files();
    run(&out);
    print(&out);
    return out.sum.err.n ? 1 : 0;
}
