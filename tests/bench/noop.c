/* The floor to measure against: a filter that libmilter hands everything to and that does nothing.
 * noop SOCKET; not installed, built by tests/bench/mta_throughput.py. */
#include <libmilter/mfapi.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

static sfsistat accept_at_eom(SMFICTX *context)
{
    (void)context;
    return SMFIS_ACCEPT;
}

static sfsistat pass_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
    (void)context, (void)host, (void)address;
    return SMFIS_CONTINUE;
}

static sfsistat pass_helo(SMFICTX *context, char *helo)
{
    (void)context, (void)helo;
    return SMFIS_CONTINUE;
}

static sfsistat pass_envelope(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_CONTINUE;
}

static sfsistat pass_field(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return SMFIS_CONTINUE;
}

static sfsistat pass_eoh(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

static sfsistat pass_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    (void)context, (void)chunk, (void)length;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc filter = {
        .xxfi_name = "noop",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = pass_connect,
        .xxfi_helo = pass_helo,
        .xxfi_envfrom = pass_envelope,
        .xxfi_envrcpt = pass_envelope,
        .xxfi_header = pass_field,
        .xxfi_eoh = pass_eoh,
        .xxfi_body = pass_body,
        .xxfi_eom = accept_at_eom,
    };

    if (argc != 2) {
        fprintf(stderr, "usage: noop SOCKET\n");
        return 64;
    }
    umask(0);
    if (smfi_setconn(argv[1]) == MI_FAILURE || smfi_setbacklog(1024) == MI_FAILURE ||
        smfi_register(filter) == MI_FAILURE)
        return 1;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
