/* The decision record: everything that was found and decided about one message, for the log line,
 * for --json, and later for reports. Every decision has an id of our own; the queue id is an alias
 * where there is one (mail refused at MAIL or RCPT has none). Lives with its message. */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/verdict.h"

struct base_json;
struct base_log_line;
struct dkim_verdicts;
struct dmarc_outcome;
struct dns_lookups;
struct policy_authres_trusted;
struct policy_dnslist_outcome;
struct policy_edits;
struct policy_exception;
struct policy_identity_evaluation;
struct policy_iprev;
struct policy_mailing_list;
struct policy_bulk;
struct policy_rate_hit;
struct policy_tls;
struct policy_rule_hit;
struct spf_outcome;

enum policy_direction {
    POLICY_DIRECTION_INBOUND,
    POLICY_DIRECTION_OUTBOUND,
    POLICY_DIRECTION_TRUSTED,
};

/* "inbound", "outbound", "trusted". */
const char *policy_direction_text(enum policy_direction direction);

/* The author domain of the From field (RFC 9989 section 4.5 and ours). */
enum policy_author_outcome {
    POLICY_AUTHOR_UNKNOWN,
    /* Exactly one author domain (several addresses of one domain are one). */
    POLICY_AUTHOR_ONE,
    /* Several domains, or several From fields. */
    POLICY_AUTHOR_MULTIPLE,
    POLICY_AUTHOR_NONE,
    POLICY_AUTHOR_INVALID,
};

/* An address in the display names or comments of From. */
enum policy_display_address {
    POLICY_DISPLAY_NONE,
    /* Of the author domain, all of them. */
    POLICY_DISPLAY_SAME,
    POLICY_DISPLAY_OTHER_DOMAIN,
};

/* One signature that we made, or tried to. */
struct policy_signature {
    struct base_text domain;
    struct base_text selector;
    const char *algorithm;
    /* NULL when it was made, else why not. */
    const char *fault;
    struct policy_signature *next;
};

/* One recipient, as sent, without brackets. */
struct policy_recipient {
    struct base_text address;
    const struct policy_recipient *next;
};

/* The author domain's owner asked for one thing, and another was done (RFC 9990, PolicyOverride).
 */
struct policy_override {
    /* "local_policy", "mailing_list", "trusted_forwarder", "other". */
    const char *type;
    const char *comment;
    struct policy_override *next;
};

struct policy_decision {
    /* 16 characters of [0-9a-v], time-ordered, unique in the process. "" before MAIL. */
    char id[17];
    int64_t time_s;
    struct base_text queue_id;
    enum policy_direction direction;
    /* Why it has this direction: "authenticated", "daemon", "network", "default". */
    const char *direction_by;
    struct base_text client_address;
    struct base_text client_name;
    struct base_text helo;
    /* What the MTA says of itself: j, v, {daemon_name}, {daemon_port}; 0: not said. */
    struct base_text mta_name;
    struct base_text mta_version;
    struct base_text daemon_name;
    unsigned daemon_port;
    /* NULL: none was told of. */
    const struct policy_tls *tls;
    struct base_text login;
    struct base_text auth_mechanism;
    /* Whom the client itself names as the author (AUTH= of MAIL): nothing is known of it. */
    struct base_text auth_author;
    /* Key bits of the mechanism's own layer. */
    bool has_auth_bits;
    unsigned auth_bits;
    /* SIZE= of MAIL. */
    bool has_declared_size;
    uint64_t declared_size;
    /* As sent, without brackets; "" for the null reverse-path. */
    struct base_text mail_from;
    unsigned recipients;
    struct base_text first_recipient;
    /* In the order of RCPT; up to `recipients-kept` of them. */
    const struct policy_recipient *kept_recipients;
    uint64_t body_octets;
    enum policy_author_outcome author;
    /* A-label; {NULL, 0} unless `author` is ONE. */
    struct base_text author_domain;
    /* Why there is not exactly one, in words; NULL if there is. */
    const char *author_reason;
    /* Only where `author` is ONE. */
    enum policy_display_address display_address;
    struct base_text message_id;

    struct policy_verdict verdict;
    /* mode = observe: what would have been answered, else NULL. */
    const struct policy_verdict *would;

    /* Outbound: why nothing was signed ("no sign block", "two From fields", ...), else NULL. */
    const char *unsigned_reason;
    struct policy_signature *signatures;
    /* Authentication-Results fields of others that claimed to be ours, and were removed. */
    unsigned authres_removed;
    /* What servers that we trust found; NULL: nothing that can be read. */
    const struct policy_authres_trusted *trusted_results;
    /* Inbound: what was found. NULL: not evaluated. They live with the message. */
    const struct spf_outcome *spf;
    const struct spf_outcome *helo_spf;
    const struct dkim_verdicts *dkim;
    /* "pass", ..., "none": the best of the signatures. */
    const char *dkim_word;
    const struct dmarc_outcome *dmarc;
    struct policy_override *overrides;
    /* It kept a rule about DMARC from acting; NULL: none did. */
    const struct policy_exception *exception;
    /* NULL: not evaluated. */
    const struct policy_iprev *iprev;
    /* DNS lists, those that were asked and others; NULL: none was asked. */
    const struct policy_dnslist_outcome *dnslists;
    size_t dnslist_count;
    const struct policy_mailing_list *mailing_list;
    /* Of a login's mail: what of it is the login's own. NULL: not evaluated. */
    const struct policy_identity_evaluation *identity;
    /* Rules that matched, the last one first; those of connect and HELO are in session_hits. */
    struct policy_rule_hit *hits;
    struct policy_rule_hit *session_hits;
    /* What rates said, the last one first. */
    struct policy_rate_hit *rates;
    /* NULL: not looked at. */
    struct policy_bulk *bulk;
    /* The value of the field that was added; {NULL, 0} if none was. */
    struct base_text authres;
    /* Recipients that rules refused at RCPT. */
    unsigned recipients_refused;
    /* What caps made us leave out, in words; NULL if nothing. */
    const char *left_out;
    /* The message ended before end of message: true from MAIL until end of message is decided. */
    bool is_aborted;
    /* From MAIL to the end of message; 0 before. */
    int64_t elapsed_ns;
};

/* "unknown", "one", "multiple", "none", "invalid". */
const char *policy_author_outcome_text(enum policy_author_outcome outcome);
/* "none", "same", "other-domain". */
const char *policy_display_address_text(enum policy_display_address display);
/* A new id: milliseconds of the wall clock, a tag of the process, a counter. Thread-safe. */
void policy_decision_make_id(char id[17], int64_t wall_ns);

/* Appends the documented keys of the one log line (postseald(8), LOG), in this order; in brackets
 * those that are left out when there is nothing to say:
 *   id [queue] dir by [daemon] [port] client [client-name] [helo] [tls] [cipher] [cipher-bits]
 *   [cert] [cert-subject] [cert-issuer] [login] [mech] [auth-bits] [auth-author] from
 *   [declared-size] rcpts [to] author [author-reason] [msgid] size
 *   action [code] [enhanced] [text] [rule] [would] [signed] [unsigned]
 *   [unowned] [spf] [helo-spf] [dkim] [dmarc] [dmarc-policy] [dmarc-psl] [iprev] [dnsbl] [dnswl]
 *   [observed] [overdue] [override] [refused] [rate] [rate-key] [rate-count] [rate-sent]
 *   [rate-limit] [rate-result] [rate-mode] [authres-removed] [left-out] [aborted] ms
 * `to` is the first recipient; `author` the author domain, or the outcome in angle brackets
 * ("<none>"); `size` the octets of body seen; `signed` a list of d/s/a joined by commas; `would`
 * the action that mode = observe held back, with its code; `dkim` a list of result/d joined by
 * commas; `dmarc-policy` what the owner asks for a message that fails; `observed` the rules with
 * mode = observe that matched; `refused` the recipients that rules refused. */
void policy_decision_log(const struct policy_decision *decision, struct base_log_line *line);
/* A new object with the documented members (postseal(1), eval --json), null where unknown:
 *   "id" "time" "queue_id" "direction" "direction_by" "client" {"address","name","helo","login"}
 *   "mta" {"name","version","daemon","port"}   "auth" {"mechanism","bits","author"}
 *   "tls" {"version","cipher","bits","certificate","subject","issuer"} or null   "declared_size"
 *   "mail_from" "recipients" {"count","kept":[...]} "message_id" "body_octets"
 *   "author" {"outcome","domain","reason","display_address"}
 *   "verdict" {"stage","action","code","enhanced","text","rule"}   "would": null or the like
 *   "identity" {"sender","author","sender_header","reply_to","resent"} of {"owned","by","address",
 *               "fault"}, or null
 *   "spf" {"result","identity","domain","reason","term","explanation","terms","voids"} or null
 *   "helo_spf" the like   "dkim" [{"result","reason","d","s","i","a","bits","flags":[...]}]
 *   "dmarc" {"result","disposition","policy","policy_tag","author_domain","organizational_domain",
 *            "policy_domain","spf_aligned","dkim_aligned","method","psl","reason","record"} or null
 *   "rules" [{"name","stage","mode","matched","action"}]   "overrides" [{"type","comment"}]
 *   "authentication_results"   "recipients_refused"
 *   "rates" [{"name","key","count","limit","used","result","action","mode","wait"}]
 *   "bulk" {"author_domain","one_click_unsubscribe","author_aligned",
 *           "providers" [{"provider","recipients","used","limit","bulk"}]} or null
 *   "signatures" [{"d","s","a","result","fault"}]   "unsigned_reason"
 *   "authres_removed" "left_out" "aborted" "ms"
 *   "edits" [{"op","index","name","value"}]   "dns" [{"name","type","status","ms"}]
 * `edits` and `lookups` may be NULL: empty lists. */
struct base_json *policy_decision_json(const struct policy_decision *decision,
                                       const struct policy_edits *edits,
                                       const struct dns_lookups *lookups);

#endif
