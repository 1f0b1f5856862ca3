#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints everything that the role needs to know about a host, as lines of key=value. One script is used because a module for
# each question would take longer than the rest of the role. Changes nothing, and needs only a shell. The task sets before:
#   python=   the interpreter that Ansible uses on the host, empty if Ansible searches for one
#   file=     the sysctl file of the role
#   debian=, redhat=   the packages of these distributions, and of those that are derived from them
: "${python:=}" "${file:?}" "${debian:=}" "${redhat:=}"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
# Python searches for libraries in the directory where it is started.
cd /

ID=unknown ID_LIKE='' PRETTY_NAME=unknown
# shellcheck source=/dev/null
[ ! -r /etc/os-release ] || . /etc/os-release
family=other
case " $ID $ID_LIKE " in
*" debian "*) family=debian ;;
*" rhel "* | *" fedora "* | *" centos "*) family=redhat ;;
esac
echo "family=$family"
echo "system=$PRETTY_NAME"
echo "user=$(id -u)"
[ -d /run/systemd/system ] && echo systemd=yes || echo systemd=no
[ -c /dev/kvm ] && echo kvm=yes || echo kvm=no

for candidate in "$python" /usr/bin/python3 /usr/libexec/platform-python python3; do
    ! command -v "${candidate:-none}" >/dev/null 2>&1 || break
done
# Asks the daemon over the connection that the modules will use.
python_answers=$("$candidate" - 2>/dev/null <<'END'
import importlib.util, sys
print("python=%d.%d" % sys.version_info[:2])
print("path=" + sys.executable)
required = ("libvirt", "lxml", "pyroute2")
print("libraries=" + " ".join(name for name in required if importlib.util.find_spec(name) is None))
version, trouble = "", "libvirt's Python library is missing"
try:
    import libvirt
    libvirt.registerErrorHandler(lambda context, error: None, None)
    connection = libvirt.open("qemu:///system")
    connection.numOfNetworks()
    version, trouble = connection.getLibVersion(), ""
except ImportError:
    pass
except libvirt.libvirtError as error:
    trouble = " ".join(str(error).split())
print("libvirt=%s" % version)
print("trouble=" + trouble)
END
) || python_answers=python=none
echo "$python_answers"

commands=
for command in dnsmasq nft; do
    command -v "$command" >/dev/null 2>&1 || commands="$commands $command"
done
echo "commands=${commands# }"

# The single daemon or the modular daemons, as the host is set up.
has() { systemctl cat "$1" >/dev/null 2>&1; }
enabled() { systemctl is-enabled --quiet "$1" 2>/dev/null; }
daemons=
if has virtnetworkd.service && has virtqemud.service && ! enabled libvirtd.service; then
    daemons='virtqemud virtnetworkd'
elif has libvirtd.service; then
    daemons=libvirtd
fi
off=
for daemon in $daemons; do
    enabled "$daemon.service" || off="$off $daemon.service"
done
echo "daemons=$daemons"
echo "off=${off# }"

# firewalld rejects the guests of a network whose bridge has no zone, and libvirt starts no network that has one without firewalld.
firewalld=no
if [ -d /etc/firewalld ] && enabled firewalld.service; then
    firewalld=enabled
    ! systemctl is-active --quiet firewalld.service || firewalld=running
fi
echo "firewalld=$firewalld"

# Packages that aren't installed, if something is missing.
case $python_answers in
*libraries=[a-z]* | python=none) lacks=some ;;
*) lacks=$commands ;;
esac
if [ -n "$lacks" ] || [ -z "$daemons" ]; then
    lacks=
    installed() { false; }
    case $family in
    debian)
        installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
        packages=$debian
        ;;
    redhat)
        installed() { rpm --query "$1" >/dev/null 2>&1; }
        packages=$redhat
        ;;
    *) packages= ;;
    esac
    for package in $packages; do
        installed "$package" || lacks="$lacks $package"
    done
fi
echo "lacks=${lacks# }"

# The host's own addresses towards the outside: those from which it would send to any address there. No packet is sent.
source_towards() { ip "$1" route get "$2" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p'; }
echo "source4=$(source_towards -4 1.1.1.1)"
echo "source6=$(source_towards -6 2000::1)"

# Files that systemd reads at boot after that of the role, and that turn the forwarding off again (sysctl.d(5)).
turned_off() {
    grep -lsE "^[[:space:]]*-?net[./]$1[[:space:]]*=[[:space:]]*0[[:space:]]*\$" /etc/sysctl.d/*.conf /run/sysctl.d/*.conf \
        /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf | while read -r found; do
        name=${found##*/}
        # one in /etc hides those of its name
        [ "$found" = "/etc/sysctl.d/$name" ] || [ ! -e "/etc/sysctl.d/$name" ] || continue
        [ "$(printf '%s\n' "${file##*/}" "$name" | LC_ALL=C sort | tail -n 1)" != "$name" ] || echo "$found"
    done | tail -n 1
}
echo "reset4=$(turned_off 'ipv4[./]ip_forward')"
echo "reset6=$(turned_off 'ipv6[./]conf[./]all[./]forwarding')"

setting() { cat "/proc/sys/net/$1" 2>/dev/null; }
echo "ipv4=$(setting ipv4/ip_forward)"
echo "ipv6=$(setting ipv6/conf/all/forwarding)"
# A kernel that forwards IPv6 ignores router advertisements, unless accept_ra is 2. Interfaces with routes from router
# advertisements would lose these routes, unless a network manager handles the advertisements (it sets accept_ra to 0). The file
# has the interfaces that were found by an earlier run.
advertised=$(sed -n 's,^net/ipv6/conf/\(.*\)/accept_ra = 2$,\1,p' "$file" 2>/dev/null)
for interface in $(ip -6 route show proto ra 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p'); do
    [ "$(setting "ipv6/conf/$interface/accept_ra")" != 1 ] || advertised="$advertised $interface"
done
# shellcheck disable=SC2086  # words, each on a line
echo "advertised=$(printf '%s\n' $advertised | sort -u | tr '\n' ' ')"
echo "sum=$(sha256sum 2>/dev/null <"$file" | cut -d" " -f1)"
