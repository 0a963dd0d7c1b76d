/* From what the library found to a verdict on one signature. */
#ifndef POLICY_DKIM_JUDGE_H
#define POLICY_DKIM_JUDGE_H

#include <stdint.h>

struct dkim_pass_signature;
struct dkim_signature;
struct policy_header;

/* Completes signature->verdict, which nothing spoke against until now. `body_octets` is the length
 * of the body in the signature's canonical form, asked for where there is l=. */
void dkim_judge(struct dkim_signature *signature, const struct dkim_pass_signature *found,
                const struct policy_header *header, uint64_t body_octets);

#endif
