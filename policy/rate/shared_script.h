/* The script that the shared store runs: shared.lua, made a string by the build. */
#ifndef POLICY_RATE_SHARED_SCRIPT_H
#define POLICY_RATE_SHARED_SCRIPT_H

extern const char rate_shared_script[];

#endif
