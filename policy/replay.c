#include "policy/replay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/saved_message.h"

/* As Postfix and Sendmail hand the body over. */
#define CHUNK_MAX 65535

bool policy_replay_address(const char *text, struct sockaddr_storage *address_r,
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
                   "\"%s\" is not an address: write 192.0.2.1, 2001:db8::1, or local for mail of a "
                   "program on this host",
                   text);
    return false;
}

struct policy_tls_facts policy_replay_tls(struct base_text version, struct base_text cipher,
                                          struct base_text cipher_bits,
                                          struct base_text cert_subject,
                                          struct base_text cert_issuer)
{
    bool has_certificate = cert_subject.length > 0 || cert_issuer.length > 0;

    return (struct policy_tls_facts){
        .version = version,
        .cipher = cipher,
        .cipher_bits = cipher_bits,
        .cert_subject = cert_subject,
        .cert_issuer = cert_issuer,
        .cn_subject = cert_subject,
        .cn_issuer = cert_issuer,
        .verify = has_certificate ? BASE_TEXT("OK") : (struct base_text){NULL, 0},
    };
}

static bool ends_message(const struct policy_verdict *verdict)
{
    return verdict->action == POLICY_ACTION_REJECT || verdict->action == POLICY_ACTION_TEMPFAIL ||
           verdict->action == POLICY_ACTION_DISCARD || verdict->is_bypass;
}

/* True: go on. */
static bool say(const struct policy_replay *replay, enum policy_stage stage, struct base_text what,
                const struct policy_verdict *verdict)
{
    replay->each(replay->context, stage, what, verdict);
    return !ends_message(verdict);
}

/* A refused recipient is only that one's end, and the message's when none is left. */
static bool say_recipients(struct policy_session *session, const struct policy_replay *replay)
{
    bool has_one = replay->recipient_count == 0;

    for (size_t i = 0; i < replay->recipient_count; i++) {
        struct base_text recipient = replay->recipients[i];
        const struct policy_verdict *verdict = policy_session_rcpt(session, recipient);

        if (say(replay, POLICY_STAGE_RCPT, recipient, verdict))
            has_one = true;
        else if (verdict->action == POLICY_ACTION_DISCARD)
            return false;
    }
    return has_one;
}

static bool say_envelope(struct policy_session *session, const struct policy_replay *replay)
{
    struct base_text none = {NULL, 0};

    if (!say(replay, POLICY_STAGE_CONNECT, replay->client,
             policy_session_connect(session, &replay->connect)))
        return false;
    if (replay->helo.helo.data != NULL && !say(replay, POLICY_STAGE_HELO, replay->helo.helo,
                                               policy_session_helo(session, &replay->helo)))
        return false;
    if (!say(replay, POLICY_STAGE_MAIL, replay->mail.reverse_path,
             policy_session_mail(session, &replay->mail)))
        return false;
    return say_recipients(session, replay) &&
           say(replay, POLICY_STAGE_DATA, none, policy_session_data(session));
}

static void say_body(struct policy_session *session, struct base_text body)
{
    struct base_text chunk;

    while (body.length > 0) {
        chunk.data = body.data;
        chunk.length = body.length < CHUNK_MAX ? body.length : CHUNK_MAX;
        policy_session_body(session, chunk);
        body.data += chunk.length;
        body.length -= chunk.length;
    }
}

bool policy_replay_run(struct policy_session *session, const struct policy_replay *replay)
{
    const struct policy_saved_message *message = replay->message;
    struct base_text none = {NULL, 0};

    if (!say_envelope(session, replay))
        return false;
    for (size_t i = 0; i < message->field_count; i++)
        policy_session_field(session, message->fields[i].name, message->fields[i].value);
    if (!say(replay, POLICY_STAGE_EOH, none, policy_session_eoh(session)))
        return false;
    say_body(session, message->body);
    (void)say(replay, POLICY_STAGE_EOM, none, policy_session_eom(session, NULL, NULL));
    return true;
}
