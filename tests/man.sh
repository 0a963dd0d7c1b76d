#!/bin/sh
# What mandoc has to say against the manual pages. MANDOC and srcdir come from the makefile.
: "${srcdir:=.}"
if [ -z "$MANDOC" ]; then
    echo "man: mandoc is missing; on Debian: apt-get install mandoc"
    exit 1
fi
# Whether a page that is referred to is installed here depends on the machine.
faults=$("$MANDOC" -T lint "$srcdir"/doc/*.[1-8] 2>/dev/null |
    grep -v 'referenced manual not found')
[ -z "$faults" ] && exit 0
echo "$faults"
exit 1
