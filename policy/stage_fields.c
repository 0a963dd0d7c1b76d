#include "policy/stage_fields.h"

#include "base/arena.h"
#include "policy/session-private.h"

static bool is_early(enum policy_stage stage)
{
    return stage == POLICY_STAGE_CONNECT || stage == POLICY_STAGE_HELO;
}

void policy_session_keep_field(struct policy_session *session, enum policy_stage stage,
                               const struct policy_new_field *field)
{
    const struct policy_new_field **list =
        is_early(stage) ? &session->session_fields : &session->fields;
    struct policy_new_field *copy;

    for (const struct policy_new_field *it = *list; it != NULL; it = it->next)
        if (it->name.data == field->name.data)
            return;
    copy =
        base_arena_alloc(is_early(stage) ? session->connection : session->message, sizeof(*copy));
    if (copy == NULL)
        return;
    *copy = *field;
    copy->next = *list;
    *list = copy;
}

/* A later rule replaces that field. */
static bool is_superseded(const struct policy_session *session,
                          const struct policy_new_field *field)
{
    for (const struct policy_new_field *it = session->fields; it != field; it = it->next)
        if (it->is_replacement && it->rule != field->rule &&
            base_text_equals_nocase(it->name, field->name))
            return true;
    return false;
}

/* The message's own; those that we have inserted have no index. */
static bool delete_own(struct policy_session *session, struct base_text name)
{
    struct policy_field *field;
    size_t position = 0;

    while ((field = policy_header_next(&session->header, name, &position)) != NULL)
        if (field->index > 0 && !policy_edits_delete(&session->edits, field))
            return false;
    return true;
}

bool policy_session_insert_fields(struct policy_session *session)
{
    for (const struct policy_new_field *it = session->fields; it != NULL; it = it->next) {
        struct base_buf value;

        if (is_superseded(session, it))
            continue;
        if (it->is_replacement && !delete_own(session, it->name))
            return false;
        base_buf_init(&value, session->message, 1 + it->value.length);
        base_buf_append_char(&value, ' ');
        base_buf_append_text(&value, it->value);
        if (value.is_over || !policy_edits_insert(&session->edits, &session->header, it->name,
                                                  base_buf_text(&value)))
            return false;
    }
    return true;
}
