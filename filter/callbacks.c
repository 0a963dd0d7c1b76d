/* Every callback may find no private data: libmilter closes connections that never said a word
 * (port probes), and aborts outside of messages. */
#include "filter/callbacks.h"

#include <stddef.h>

#include <libmilter/mfapi.h>

#include "filter/daemon.h"
#include "filter/message.h"
#include "filter/session.h"

/* smfi_setbacklog(): what may wait to be accepted; the kernel bounds it by net.core.somaxconn. */
#define BACKLOG 1024

/* libmilter's callbacks carry nothing of ours before there is a session: this is where the process
 * keeps the pointer to its configuration and what goes with it. Written once, before any thread. */
static struct filter_daemon *the_daemon;

/* --- what the session asks of libmilter ----------------------------------------------------------
 */

static const char *mta_macro(void *context, const char *name)
{
    return smfi_getsymval(context, (char *)name);
}

/* Of arguments that are NULL, libmilter reads none behind the first. */
static bool mta_set_reply(void *context, const char *code, const char *enhanced,
                          const char *const *lines)
{
    char *line[FILTER_MTA_LINES_MAX] = {NULL};

    for (size_t i = 0; i < FILTER_MTA_LINES_MAX && lines[i] != NULL; i++) {
        line[i] = (char *)lines[i];
    }
    if (line[1] == NULL) {
        return smfi_setreply(context, (char *)code, (char *)enhanced, line[0]) == MI_SUCCESS;
    }
    return smfi_setmlreply(context, code, enhanced, line[0], line[1], line[2], line[3], line[4],
                           line[5], line[6], line[7], NULL) == MI_SUCCESS;
}

static bool mta_delete_field(void *context, const char *name, unsigned index)
{
    return smfi_chgheader(context, (char *)name, (int)index, NULL) == MI_SUCCESS;
}

static bool mta_insert_field(void *context, const char *name, const char *value)
{
    return smfi_insheader(context, 0, (char *)name, (char *)value) == MI_SUCCESS;
}

static bool mta_quarantine(void *context, const char *reason)
{
    return smfi_quarantine(context, (char *)reason) == MI_SUCCESS;
}

static void mta_progress(void *context)
{
    (void)smfi_progress(context);
}

static const struct filter_mta_ops mta_ops = {
    .macro = mta_macro,
    .set_reply = mta_set_reply,
    .delete_field = mta_delete_field,
    .insert_field = mta_insert_field,
    .quarantine = mta_quarantine,
    .progress = mta_progress,
};

static struct filter_mta mta_of(SMFICTX *ctx)
{
    return (struct filter_mta){.ops = &mta_ops, .context = ctx};
}

/* --- the callbacks -------------------------------------------------------------------------------
 */

static void ask_for_macros(SMFICTX *ctx, const struct filter_protocol *protocol)
{
    static const struct {
        enum policy_stage stage;
        int list;
    } lists[] = {
        {POLICY_STAGE_CONNECT, SMFIM_CONNECT}, {POLICY_STAGE_HELO, SMFIM_HELO},
        {POLICY_STAGE_MAIL, SMFIM_ENVFROM},    {POLICY_STAGE_RCPT, SMFIM_ENVRCPT},
        {POLICY_STAGE_DATA, SMFIM_DATA},       {POLICY_STAGE_EOH, SMFIM_EOH},
        {POLICY_STAGE_EOM, SMFIM_EOM},
    };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *macros = filter_negotiate_macros(protocol, lists[i].stage);

        if (macros != NULL) {
            (void)smfi_setsymlist(ctx, lists[i].list, (char *)macros);
        }
    }
}

static sfsistat callback_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
                                   unsigned long f2, unsigned long f3, unsigned long *actions_r,
                                   unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
    struct filter_offer offer = {.actions = actions, .steps = steps};
    struct filter_session *session = smfi_getpriv(ctx);

    (void)f2;
    (void)f3;
    filter_session_destroy(&session);
    session = filter_session_create(the_daemon, &offer);
    smfi_setpriv(ctx, session);
    if (session == NULL) {
        return SMFIS_REJECT;
    }
    *actions_r = session->protocol.actions;
    *steps_r = session->protocol.steps;
    *f2_r = 0;
    *f3_r = 0;
    ask_for_macros(ctx, &session->protocol);
    return SMFIS_CONTINUE;
}

static sfsistat callback_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_connect(session, &mta, host, address);
}

static sfsistat callback_helo(SMFICTX *ctx, char *helo)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_helo(session, &mta, helo);
}

static sfsistat callback_mail(SMFICTX *ctx, char **argv)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_mail(session, &mta, argv);
}

static sfsistat callback_rcpt(SMFICTX *ctx, char **argv)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_rcpt(session, &mta, argv[0]);
}

static sfsistat callback_data(SMFICTX *ctx)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_data(session, &mta);
}

static sfsistat callback_header(SMFICTX *ctx, char *name, char *value)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_field(session, &mta, name, value);
}

static sfsistat callback_eoh(SMFICTX *ctx)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_eoh(session, &mta);
}

static sfsistat callback_body(SMFICTX *ctx, unsigned char *chunk, size_t length)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_body(session, &mta, chunk, length);
}

static sfsistat callback_eom(SMFICTX *ctx)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_eom(session, &mta);
}

static sfsistat callback_unknown(SMFICTX *ctx, const char *command)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    return session == NULL ? SMFIS_TEMPFAIL : filter_message_command(session, &mta, command);
}

static sfsistat callback_abort(SMFICTX *ctx)
{
    struct filter_session *session = smfi_getpriv(ctx);
    struct filter_mta mta = mta_of(ctx);

    if (session != NULL) {
        filter_message_end(session, &mta);
    }
    return SMFIS_CONTINUE;
}

static sfsistat callback_close(SMFICTX *ctx)
{
    struct filter_session *session = smfi_getpriv(ctx);

    filter_session_destroy(&session);
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

bool filter_callbacks_register(struct filter_daemon *daemon, const char *listen,
                               int64_t mta_timeout_ms)
{
    struct smfiDesc description = {
        .xxfi_name = "postseald",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
        .xxfi_connect = callback_connect,
        .xxfi_helo = callback_helo,
        .xxfi_envfrom = callback_mail,
        .xxfi_envrcpt = callback_rcpt,
        .xxfi_header = callback_header,
        .xxfi_eoh = callback_eoh,
        .xxfi_body = callback_body,
        .xxfi_eom = callback_eom,
        .xxfi_abort = callback_abort,
        .xxfi_close = callback_close,
        .xxfi_unknown = callback_unknown,
        .xxfi_data = callback_data,
        .xxfi_negotiate = callback_negotiate,
    };

    the_daemon = daemon;
    smfi_setmaxdatasize(FILTER_MESSAGE_FIELD_MAX);
    return smfi_register(description) == MI_SUCCESS && smfi_setconn((char *)listen) == MI_SUCCESS &&
           smfi_settimeout((int)((mta_timeout_ms + 999) / 1000)) == MI_SUCCESS &&
           smfi_setbacklog(BACKLOG) == MI_SUCCESS;
}
