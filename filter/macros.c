#include "filter/macros.h"

#include "base/log.h"

static const struct {
    const char *name;
    const char *needed_for;
    const char *postfix;
    const char *sendmail;
} table[FILTER_MACRO_COUNT] = {
    [FILTER_MACRO_MTA_NAME] =
        {"j", "the MTA's own name, which no stranger may use in Authentication-Results and in HELO",
         "milter_connect_macros = j {daemon_name} {daemon_port} v",
         "define(`confMILTER_MACROS_CONNECT', `j, {daemon_name}, {daemon_port}, v')"},
    [FILTER_MACRO_DAEMON_NAME] =
        {"{daemon_name}", "originating-daemons, inbound-daemons and rules with `daemon`",
         "milter_connect_macros = j {daemon_name} {daemon_port} v",
         "define(`confMILTER_MACROS_CONNECT', `j, {daemon_name}, {daemon_port}, v')"},
    [FILTER_MACRO_DAEMON_PORT] =
        {"{daemon_port}", "rules with `port`",
         "milter_connect_macros = j {daemon_name} {daemon_port} v",
         "define(`confMILTER_MACROS_CONNECT', `j, {daemon_name}, {daemon_port}, v')"},
    [FILTER_MACRO_QUEUE_ID] = {"i", "the queue id in log and record",
                               "milter_end_of_data_macros = i",
                               "define(`confMILTER_MACROS_EOM', `i')"},
    [FILTER_MACRO_VERIFY] = {"{verify}", "the client's certificate to be believed",
                             "(Postfix names trusted certificates only; send v: "
                             "milter_connect_macros = j {daemon_name} {daemon_port} v)",
                             "define(`confMILTER_MACROS_HELO', `{tls_version}, {cipher}, "
                             "{cipher_bits}, {cert_subject}, {cert_issuer}, {cn_subject}, "
                             "{cn_issuer}, {verify}')"},
};

void filter_macros_miss(struct filter_macros *macros, enum filter_macro macro)
{
    unsigned bit = 1U << macro;

    if ((atomic_fetch_or(&macros->named, bit) & bit) != 0) {
        return;
    }
    base_log_warning("the MTA does not send the macro %s, which is needed for %s; main.cf: %s; "
                     "sendmail.mc: %s",
                     table[macro].name, table[macro].needed_for, table[macro].postfix,
                     table[macro].sendmail);
}
