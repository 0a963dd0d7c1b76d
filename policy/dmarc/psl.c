/* RFC 7489 section 3.2, over libpsl. Rules of both parts of the list count, and an unlisted top
 * level domain is a public suffix. */
#include "policy/dmarc/psl.h"

#include <libpsl.h>

#include "base/mem.h"
#include "dns/name.h"

struct dmarc_psl {
    psl_ctx_t *list;
};

struct dmarc_psl *dmarc_psl_create(struct base_error *error_r)
{
    struct dmarc_psl *psl;
    psl_ctx_t *list = psl_latest(NULL);

    if (list == NULL) {
        base_error_set(error_r, "there is no public suffix list, which `dmarc-method` asks for: "
                                "install it (Debian: publicsuffix), or use `dmarc-method = "
                                "treewalk`");
        return NULL;
    }
    psl = base_mem_alloc_zero(1, sizeof(*psl));
    psl->list = list;
    return psl;
}

void dmarc_psl_destroy(struct dmarc_psl **psl)
{
    if (*psl == NULL)
        return;
    psl_free((*psl)->list);
    base_mem_free(*psl);
    *psl = NULL;
}

void dmarc_psl_organizational(const struct dmarc_psl *psl, const struct dns_name *name,
                              struct dns_name *organizational_r)
{
    /* It points into the name: its labels tell how many of ours to keep. */
    const char *found = psl_registrable_domain(psl->list, name->text);
    unsigned labels = 1;

    *organizational_r = *name;
    if (found == NULL)
        return;
    for (const char *c = found; *c != '\0'; c++)
        labels += *c == '.';
    dns_name_suffix(organizational_r, name, labels);
}
