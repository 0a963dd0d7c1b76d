/* One object and one key of the log line; both only for the mail of a login. */
#include "policy/decision_identity.h"

#include "base/json.h"
#include "base/log.h"
#include "policy/decision.h"
#include "policy/evaluation_identity.h"

void policy_decision_log_identity(const struct policy_decision *decision,
                                  struct base_log_line *line)
{
    char storage[128];
    struct base_buf list;

    if (decision->identity == NULL)
        return;
    base_buf_init_fixed(&list, storage, sizeof(storage));
    for (enum policy_identity_part part = 0; part < POLICY_IDENTITY_PARTS; part++) {
        enum policy_owned owned = decision->identity->parts[part].owned;

        if (!decision->identity->has[part] ||
            (owned != POLICY_OWNED_NO && owned != POLICY_OWNED_FAULT))
            continue;
        if (list.length > 0)
            base_buf_append_char(&list, ',');
        base_buf_append_cstr(&list, policy_identity_part_text(part));
        if (owned == POLICY_OWNED_FAULT)
            base_buf_append_cstr(&list, "/error");
    }
    if (list.length > 0)
        base_log_line_add(line, "unowned", base_buf_text(&list));
}

/* Members have '_' where options have '-'. */
static void set_part(struct base_json *object, enum policy_identity_part part,
                     const struct policy_ownership *ownership)
{
    static const char *const names[] = {
        [POLICY_IDENTITY_SENDER] = "sender",
        [POLICY_IDENTITY_AUTHOR] = "author",
        [POLICY_IDENTITY_SENDER_HEADER] = "sender_header",
        [POLICY_IDENTITY_REPLY_TO] = "reply_to",
        [POLICY_IDENTITY_RESENT] = "resent",
    };
    struct base_json *one = base_json_object();

    base_json_set_cstr(one, "owned", policy_owned_text(ownership->owned));
    base_json_set_cstr(one, "by", ownership->by);
    base_json_set_text_or_null(one, "address", ownership->address);
    base_json_set_cstr(one, "fault", ownership->fault);
    base_json_set(object, names[part], one);
}

void policy_decision_json_identity(const struct policy_decision *decision, struct base_json *object)
{
    struct base_json *identity;

    if (decision->identity == NULL) {
        base_json_set_null(object, "identity");
        return;
    }
    identity = base_json_object();
    for (enum policy_identity_part part = 0; part < POLICY_IDENTITY_PARTS; part++)
        if (decision->identity->has[part])
            set_part(identity, part, &decision->identity->parts[part]);
    base_json_set(object, "identity", identity);
}
