#!/bin/sh
# `make install DESTDIR=` into an empty directory: what an administrator needs must be there, and
# the unit must name where things really are. MAKE and install_dirs come from the makefile.
eval "${install_dirs:?names no directory: run this through make check}"
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
if ! "${MAKE:-make}" -s install DESTDIR="$root" >"$root/log" 2>&1; then
    tail -n 20 "$root/log"
    exit 1
fi
status=0
for file in "$sbindir/postseald" "$bindir/postseal" "$sysconfdir/postseal/postseal.conf.sample" \
    "$unitdir/postseald.service" "$sysusersdir/postseal.conf" "$tmpfilesdir/postseal.conf" \
    "$mandir/man1/postseal.1" "$mandir/man5/postseal.conf.5" "$mandir/man5/postseal-tests.5" \
    "$mandir/man8/postseald.8" "$docdir/README.md" "$docdir/examples/single-server.conf" "$docdir/examples/gateway.conf" \
    "$docdir/examples/relay.conf" "$docdir/examples/relay.tests" "$docdir/examples/manual.tests"; do
    if [ ! -s "$root$file" ]; then
        echo "install: no $file"
        status=1
    fi
done
unit=$root$unitdir/postseald.service
if ! grep -Fqx "ExecStart=$sbindir/postseald -c $sysconfdir/postseal/postseal.conf" "$unit"; then
    echo "install: the unit does not start $sbindir/postseald"
    status=1
fi
if ! grep -Fqx "ExecReload=+$bindir/postseal reload -c $sysconfdir/postseal/postseal.conf" "$unit"; then
    echo "install: the unit does not reload by $bindir/postseal"
    status=1
fi
if grep -n '@[a-z]*@' "$unit"; then
    echo "install: the unit holds a name that was not replaced"
    status=1
fi
exit $status
