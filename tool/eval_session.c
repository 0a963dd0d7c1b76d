#include "tool/eval_session.h"

#include "base/mem.h"
#include "policy/replay.h"
#include "tool/args.h"

/* {NULL, 0} when the flag was not given: the MTA did not say it. */
static struct base_text flag_text(const struct tool_args *args, const char *name)
{
    const char *value = tool_args_get(args, name);

    return value == NULL ? (struct base_text){NULL, 0} : base_text_of(value);
}

bool tool_address_parse(const char *text, struct sockaddr_storage *address_r,
                        struct base_error *error_r)
{
    struct base_error error;

    if (policy_replay_address(text, address_r, &error))
        return true;
    base_error_set(error_r, "--ip: %s", error.text);
    return false;
}

static struct policy_tls_facts tls_flags(const struct tool_args *args)
{
    return policy_replay_tls(flag_text(args, "tls"), flag_text(args, "cipher"),
                             flag_text(args, "cipher-bits"), flag_text(args, "cert-subject"),
                             flag_text(args, "cert-issuer"));
}

bool tool_envelope_init(struct tool_envelope *envelope_r, const struct tool_args *args,
                        struct base_error *error_r)
{
    *envelope_r = (struct tool_envelope){
        .connect.client_name = flag_text(args, "client-name"),
        .connect.daemon_name = flag_text(args, "daemon"),
        .helo.helo = flag_text(args, "helo"),
        .connect.daemon_port = flag_text(args, "port"),
        .helo.tls = tls_flags(args),
        .mail.tls = tls_flags(args),
        .mail.declared_size = flag_text(args, "size"),
        .mail.reverse_path = flag_text(args, "from"),
        .mail.auth_type = flag_text(args, "auth-mech"),
        .mail.auth_authen = flag_text(args, "login"),
    };
    if (!tool_address_parse(tool_args_get(args, "ip"), &envelope_r->address, error_r))
        return false;
    envelope_r->connect.address = (const struct sockaddr *)&envelope_r->address;
    return true;
}

bool tool_eval_session(struct policy_session *session, const struct tool_envelope *envelope,
                       const struct tool_args *args, const struct policy_saved_message *message,
                       tool_eval_stage *each, void *context)
{
    size_t count = 0;

    while (tool_args_at(args, "rcpt", count) != NULL)
        count++;
    struct base_text *recipients = base_mem_alloc_zero(count + 1, sizeof(*recipients));
    const struct policy_replay replay = {
        .client = flag_text(args, "ip"),
        .connect = envelope->connect,
        .helo = envelope->helo,
        .mail = envelope->mail,
        .recipients = recipients,
        .recipient_count = count,
        .message = message,
        .each = each,
        .context = context,
    };

    for (size_t i = 0; i < count; i++)
        recipients[i] = base_text_of(tool_args_at(args, "rcpt", i));
    bool is_ended = policy_replay_run(session, &replay);

    base_mem_free(recipients);
    return is_ended;
}
