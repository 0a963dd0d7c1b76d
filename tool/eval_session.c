#include "tool/eval_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tool/args.h"
#include "tool/message_file.h"

/* As Postfix and Sendmail hand the body over. */
#define CHUNK_MAX 65535

struct run {
    struct policy_session *session;
    tool_eval_stage *each;
    void *context;
};

/* {NULL, 0} when the flag was not given: the MTA did not say it. */
static struct base_text flag_text(const struct tool_args *args, const char *name)
{
    const char *value = tool_args_get(args, name);

    return value == NULL ? (struct base_text){NULL, 0} : base_text_of(value);
}

bool tool_address_parse(const char *text, struct sockaddr_storage *address_r,
                        struct base_error *error_r)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)address_r;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)address_r;

    memset(address_r, 0, sizeof(*address_r));
    if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1)
        address_r->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1)
        address_r->ss_family = AF_INET6;
    else if (strcmp(text, "local") == 0)
        address_r->ss_family = AF_UNIX;
    if (address_r->ss_family != AF_UNSPEC)
        return true;
    base_error_set(error_r,
                   "--ip: \"%s\" is not an address: write 192.0.2.1, 2001:db8::1, or local for "
                   "mail of a program on this host",
                   text);
    return false;
}

bool tool_envelope_init(struct tool_envelope *envelope_r, const struct tool_args *args,
                        struct base_error *error_r)
{
    *envelope_r = (struct tool_envelope){
        .connect.client_name = flag_text(args, "client-name"),
        .connect.daemon_name = flag_text(args, "daemon"),
        .helo.helo = flag_text(args, "helo"),
        .helo.tls_version = flag_text(args, "tls"),
        .helo.cipher_bits = flag_text(args, "cipher-bits"),
        .mail.reverse_path = flag_text(args, "from"),
        .mail.auth_type = flag_text(args, "auth-mech"),
        .mail.auth_authen = flag_text(args, "login"),
    };
    if (!tool_address_parse(tool_args_get(args, "ip"), &envelope_r->address, error_r))
        return false;
    envelope_r->connect.address = (const struct sockaddr *)&envelope_r->address;
    return true;
}

static bool ends_message(const struct policy_verdict *verdict)
{
    return verdict->action == POLICY_ACTION_REJECT || verdict->action == POLICY_ACTION_TEMPFAIL ||
           verdict->action == POLICY_ACTION_DISCARD;
}

/* True: go on. */
static bool say(const struct run *run, enum policy_stage stage, struct base_text what,
                const struct policy_verdict *verdict)
{
    run->each(run->context, stage, what, verdict);
    return !ends_message(verdict);
}

/* A refused recipient is only that one's end, and the message's when none is left. */
static bool say_recipients(const struct run *run, const struct tool_args *args)
{
    bool has_one = tool_args_at(args, "rcpt", 0) == NULL;
    const struct policy_verdict *verdict;
    const char *rcpt;

    for (size_t i = 0; (rcpt = tool_args_at(args, "rcpt", i)) != NULL; i++) {
        verdict = policy_session_rcpt(run->session, base_text_of(rcpt));
        if (say(run, POLICY_STAGE_RCPT, base_text_of(rcpt), verdict))
            has_one = true;
        else if (verdict->action == POLICY_ACTION_DISCARD)
            return false;
    }
    return has_one;
}

static bool say_envelope(const struct run *run, const struct tool_envelope *envelope,
                         const struct tool_args *args)
{
    struct base_text none = {NULL, 0};

    if (!say(run, POLICY_STAGE_CONNECT, flag_text(args, "ip"),
             policy_session_connect(run->session, &envelope->connect)))
        return false;
    if (envelope->helo.helo.data != NULL &&
        !say(run, POLICY_STAGE_HELO, envelope->helo.helo,
             policy_session_helo(run->session, &envelope->helo)))
        return false;
    if (!say(run, POLICY_STAGE_MAIL, envelope->mail.reverse_path,
             policy_session_mail(run->session, &envelope->mail)))
        return false;
    return say_recipients(run, args) &&
           say(run, POLICY_STAGE_DATA, none, policy_session_data(run->session));
}

static void say_body(const struct run *run, struct base_text body)
{
    struct base_text chunk;

    while (body.length > 0) {
        chunk.data = body.data;
        chunk.length = body.length < CHUNK_MAX ? body.length : CHUNK_MAX;
        policy_session_body(run->session, chunk);
        body.data += chunk.length;
        body.length -= chunk.length;
    }
}

bool tool_eval_session(struct policy_session *session, const struct tool_envelope *envelope,
                       const struct tool_args *args, const struct tool_message *message,
                       tool_eval_stage *each, void *context)
{
    struct run run = {session, each, context};
    struct base_text none = {NULL, 0};

    if (!say_envelope(&run, envelope, args))
        return false;
    for (size_t i = 0; i < message->field_count; i++)
        policy_session_field(session, message->fields[i].name, message->fields[i].value);
    if (!say(&run, POLICY_STAGE_EOH, none, policy_session_eoh(session)))
        return false;
    say_body(&run, message->body);
    (void)say(&run, POLICY_STAGE_EOM, none, policy_session_eom(session, NULL, NULL));
    return true;
}
