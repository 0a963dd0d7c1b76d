#!/bin/sh
# Generated SPF records and zones: ours, python3-spf and a plain third reading of RFC 7208. The seed
# is the clock unless --seed says otherwise; it is printed, and a run is repeated with
#   tests/differential/spf.sh --seed N [--cases N]       (in the build directory)
set -eu

: "${srcdir:=.}"
python=
for candidate in ${PYTHON3:-} /usr/bin/python3 python3; do
    if "$candidate" -c 'import spf' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo 'skipped: no python3 with pyspf (Debian: python3-spf)'
    exit 77
fi
PYTHONDONTWRITEBYTECODE=1 exec "$python" "$srcdir/tests/differential/spf_compare.py" "$@"
