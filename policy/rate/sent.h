/* Who sent which message, by its Message-ID: so that a bounce that comes back, which names it, can
 * be counted against the login. Strangers do not know the ids of mail that they have not got. A
 * table of fixed size; past it, and after a week, the oldest is forgotten. And which login used
 * which envelope sender within a day, for bounces that name no Message-ID: anybody can make up such
 * a one. Thread-safe. */
#ifndef POLICY_RATE_SENT_H
#define POLICY_RATE_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct rate_sent;

/* Messages that the daemon remembers, and octets of a login; mail of a longer one is not. */
#define RATE_SENT_MAX       ((size_t)1 << 17)
#define RATE_SENT_LOGIN_MAX 43

/* `max` is rounded up. Never NULL. */
struct rate_sent *rate_sent_create(size_t max);
/* Sets *sent to NULL; NULL inside is fine. */
void rate_sent_destroy(struct rate_sent **sent);
/* With so many recipients; sent again, of the same login, they are added. */
void rate_sent_note(struct rate_sent *sent, struct base_text message_id, struct base_text login,
                    unsigned recipients, int64_t now_ns);
/* So many recipients of the message have not got it; how many of them are new: a message cannot
 * come back from more recipients than it had. */
unsigned rate_sent_take(struct rate_sent *sent, struct base_text message_id, unsigned recipients);
/* The login into `login`; false: nobody here sent that. */
bool rate_sent_find(struct rate_sent *sent, struct base_text message_id, int64_t now_ns,
                    char login[RATE_SENT_LOGIN_MAX + 1]);

/* Canonical envelope senders. `login` is {NULL, 0} for mail of ours without one. */
void rate_sent_note_sender(struct rate_sent *sent, struct base_text sender, struct base_text login,
                           int64_t now_ns);
/* False also where another login, or mail without one, had that sender within a day, or may have
 * had it: what was known of it had to be forgotten. */
bool rate_sent_find_sender(struct rate_sent *sent, struct base_text sender, int64_t now_ns,
                           char login[RATE_SENT_LOGIN_MAX + 1]);

/* Finds Message-ID fields in the body of a bounce, chunk by chunk, broken anywhere. */
struct rate_bounce {
    /* A line as far as it matters; past that it is skipped. */
    char line[512];
    size_t length;
    bool is_too_long;
    /* "Message-ID:" stood alone on the line before. */
    bool is_folded;
    /* How often "Action:" stood there, before any of them, and how often with "failed" (RFC 3464
     * section 2.3.3). */
    unsigned actions;
    unsigned failures;
    unsigned found;
};

/* Ids that are looked at in one bounce. */
#define RATE_BOUNCE_IDS 8

/* `each` is called with what stands from '<' to '>'. */
void rate_bounce_read(struct rate_bounce *bounce, struct base_text chunk,
                      void (*each)(void *context, struct base_text message_id), void *context);

#endif
