#include "filter/edits.h"

#include <stddef.h>

#include "base/text.h"
#include "policy/edits.h"

/* The deletion with the highest index below *limit over all names; NULL: no more. Few edits a
 * message, so looking through all of them each time is cheap. */
static const struct policy_edit *next_deletion(const struct policy_edits *edits, size_t limit,
                                               const struct policy_edit *after)
{
    const struct policy_edit *best = NULL;
    bool is_behind_after = after == NULL;

    for (const struct policy_edit *edit = edits->first; edit != NULL; edit = edit->next) {
        if (edit == after) {
            is_behind_after = true;
        } else if (edit->op == POLICY_EDIT_DELETE &&
                   (edit->index < limit || (edit->index == limit && is_behind_after)) &&
                   (best == NULL || edit->index > best->index)) {
            best = edit;
        }
    }
    return best;
}

static bool delete_fields(const struct filter_mta *mta, const struct policy_edits *edits)
{
    const struct policy_edit *edit = next_deletion(edits, SIZE_MAX, NULL);

    while (edit != NULL) {
        if (!mta->ops->delete_field(mta->context, edit->name.data, edit->index)) {
            return false;
        }
        edit = next_deletion(edits, edit->index, edit);
    }
    return true;
}

static bool insert_fields(const struct filter_mta *mta, const struct filter_protocol *protocol,
                          const struct policy_edits *edits)
{
    bool keeps_blank = filter_protocol_has_leading_blank(protocol);

    for (const struct policy_edit *edit = edits->first; edit != NULL; edit = edit->next) {
        const char *value = edit->value.data;

        if (edit->op != POLICY_EDIT_INSERT) {
            continue;
        }
        /* Without SMFIP_HDR_LEADSPC the MTA puts one blank in front itself. */
        if (!keeps_blank && value[0] == ' ') {
            value++;
        }
        if (!mta->ops->insert_field(mta->context, edit->name.data, value)) {
            return false;
        }
    }
    return true;
}

bool filter_edits_apply(const struct filter_mta *mta, const struct filter_protocol *protocol,
                        const struct policy_edits *edits)
{
    return delete_fields(mta, edits) && insert_fields(mta, protocol, edits);
}
