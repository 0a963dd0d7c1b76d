#include "policy/bulk/warning.h"

#include "base/log.h"
#include "policy/bulk/meter.h"

void bulk_warning_check(struct rate_store *store, const struct bulk_place *place, int64_t used,
                        int64_t limit, const char *id)
{
    unsigned percent = bulk_meter_warn(store, place, used, limit);
    struct base_log_line line;

    if (percent == 0)
        return;
    base_log_line_begin(&line);
    base_log_line_add_cstr(&line, "event", "bulk-warning");
    base_log_line_add_cstr(&line, "id", id);
    base_log_line_add(&line, "author-domain", place->author);
    base_log_line_add(&line, "provider", place->provider);
    base_log_line_add_int(&line, "percent", (int64_t)percent);
    base_log_line_add_int(&line, "recipients", used);
    base_log_line_add_int(&line, "limit", limit);
    base_log_line_end(&line, BASE_LOG_WARNING);
}
