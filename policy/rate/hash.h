/* SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): strangers choose keys,
 * the seed keeps them from choosing chains. */
#ifndef POLICY_RATE_HASH_H
#define POLICY_RATE_HASH_H

#include <stdint.h>

#include "base/text.h"

uint64_t rate_hash(const uint64_t seed[2], struct base_text text);

#endif
