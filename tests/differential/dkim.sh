#!/bin/sh
# 500 generated messages, signed by us, verified by libopendkim and by dkimpy. The seed is the clock
# unless --seed says otherwise; it is printed, and a run is repeated with
#   tests/differential/dkim.sh --seed N        (in the build directory)
set -eu

seed=$(date +%s)
if [ "${1:-}" = --seed ]; then
    seed=$2
fi
: "${srcdir:=.}"

python=
for candidate in ${PYTHON3:-} /usr/bin/python3 python3; do
    if "$candidate" -c 'import dkim, nacl' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo 'skipped: no python3 with dkimpy and PyNaCl (Debian: python3-dkim, python3-nacl)'
    exit 77
fi

echo "seed $seed"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
tests/differential/dkim_generate "$seed" 500 >"$directory/messages"
"$python" "$srcdir/tests/differential/dkim_compare.py" <"$directory/messages"
