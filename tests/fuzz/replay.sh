#!/bin/sh
# Runs each fuzz target over its corpus once. FUZZ_TARGETS and srcdir come from the makefile.
: "${srcdir:=.}" "${FUZZ_TARGETS:?names no target: run this through make check}"
status=0
for target in $FUZZ_TARGETS; do
    name=${target##*/fuzz_}
    corpus=$srcdir/tests/data/fuzz/$name
    count=$(find "$corpus" -type f | wc -l)
    if [ "$count" -eq 0 ]; then
        echo "$name: no corpus in $corpus"
        status=1
        continue
    fi
    # A build with libFuzzer takes its options; tests/fuzz/replay.c has none.
    case $("$target" -help=1 2>&1) in
    *max_total_time*) options=-runs=0 ;;
    *) options= ;;
    esac
    if output=$("$target" $options "$corpus" 2>&1); then
        echo "$name: $count inputs"
    else
        echo "$name: FAILED"
        echo "$output" | tail -n 40
        status=1
    fi
done
exit $status
