/* A small name server on 127.0.0.1, UDP and TCP, for tests of the libunbound backend. What it
 * answers stands in the question: the second label says how it behaves, the first is free.
 *
 *   ok        TXT: the first label; A: 192.0.2.1 and 192.0.2.2; PTR, MX: "host.example"
 *   big       TXT of 4,000 octets: truncated by UDP, whole by TCP
 *   nodata    no record, with an SOA;  bare: no record and no SOA
 *   nx        NXDOMAIN
 *   servfail, refused, formerr, notimp
 *   silent    nothing
 *   alias     a CNAME to "target.ok.example" and what that has
 *   loop      a CNAME to itself
 *   shorta    an A of three octets;  cut: a message that ends inside a record
 *   badtxt    a TXT whose string is longer than the record
 *   longname  PTR of 255 octets;  dotlabel: PTR with a label that holds a dot
 *   pointer   PTR whose name is a compression pointer to itself
 *   garbage   octets that are no message;  other: an answer to another question */
#ifndef FAKE_DNS_SERVER_H
#define FAKE_DNS_SERVER_H

#include <stdatomic.h>

struct fake_dns_server;

/* On a free port. */
struct fake_dns_server *fake_dns_server_start(void);
void fake_dns_server_stop(struct fake_dns_server **server);
/* "127.0.0.1@PORT" */
const char *fake_dns_server_address(const struct fake_dns_server *server);
/* Questions that came in. */
unsigned fake_dns_server_count(const struct fake_dns_server *server);

#endif
