#!/bin/sh
# tests/fuzz/run.sh SECONDS: runs each fuzz target that long, beginning with its corpus, in a build
# with libFuzzer (`make fuzz`). New inputs are kept in fuzz-corpus/NAME, what makes a target fail in
# fuzz-found/: a fault's input goes to tests/data/fuzz/NAME together with the mend.
: "${srcdir:=.}" "${FUZZ_TARGETS:?names no target: run this through make fuzz}"
seconds=${1:?seconds}
status=0
mkdir -p fuzz-found
for target in $FUZZ_TARGETS; do
    name=${target##*/fuzz_}
    mkdir -p "fuzz-corpus/$name"
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="fuzz-found/$name-" "fuzz-corpus/$name" "$srcdir/tests/data/fuzz/$name" \
        >"fuzz-found/$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz-found/$name.log")
        echo "$name: $runs runs in $seconds s, no fault"
        grep '^evaluations:' "fuzz-found/$name.log" | tail -n 1
    else
        echo "$name: FAILED, see fuzz-found/$name.log"
        tail -n 20 "fuzz-found/$name.log"
        status=1
    fi
done
exit $status
