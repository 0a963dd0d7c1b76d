#include "tool/message_header.h"

#include "policy/saved_message.h"

bool tool_message_header(const struct policy_saved_message *message, struct base_arena *arena,
                         struct policy_header *header_r, struct base_error *error_r)
{
    static const struct policy_header_caps caps = {100000, 16 * 1024 * 1024};

    policy_header_init(header_r, arena);
    for (size_t i = 0; i < message->field_count; i++)
        policy_header_append(header_r, &caps, message->fields[i].name, message->fields[i].value);
    if (header_r->is_cut)
        base_error_set(error_r,
                       "the message's header is too large: more than %zu fields or %zu "
                       "octets",
                       caps.max_fields, caps.max_octets);
    return !header_r->is_cut;
}
