/* Only what a server says in a field that can be read as a whole is a fact. */
#include "policy/authres_trusted.h"

#include "base/arena.h"
#include "policy/authres.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

static struct policy_authres_trusted *read_field(struct policy_session *session,
                                                 const struct policy_field *field)
{
    struct policy_authres_trusted *trusted;

    if (field->is_left_out || field->value.length > POLICY_AUTHRES_TRUSTED_OCTETS)
        return NULL;
    trusted = base_arena_alloc(session->message, sizeof(*trusted));
    if (trusted == NULL || !authres_field_parse(session->message, field->value, &trusted->field) ||
        !policy_authserv_ids_contain(session->snapshot->trusted_authserv_ids,
                                     trusted->field.authserv_id))
        return NULL;
    return trusted;
}

void policy_authres_read_trusted(struct policy_session *session)
{
    const struct policy_snapshot *snapshot = session->snapshot;
    const struct policy_authres_trusted **tail = &session->decision.trusted_results;
    const struct policy_field *field;
    size_t position = 0;

    if (snapshot->options->trusted_authserv_ids.count == 0 ||
        !policy_networks_contain(snapshot->trusted, &session->client))
        return;
    for (size_t seen = 0; seen < POLICY_AUTHRES_TRUSTED_MAX; seen++) {
        struct policy_authres_trusted *trusted;

        field =
            policy_header_next(&session->header, BASE_TEXT("Authentication-Results"), &position);
        if (field == NULL)
            return;
        trusted = read_field(session, field);
        if (trusted == NULL)
            continue;
        *tail = trusted;
        tail = &trusted->next;
    }
}
