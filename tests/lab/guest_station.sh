#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
# Run on a lab host: starts and stops stations, which are small guests without a machine of their own.
#   guest_station.sh start NAME MAC PORT [NAME MAC PORT ...]   side by side
#   guest_station.sh stop NAME ...
# What they are plugged in comes by the environment: bridge, pvid (the VLAN of the port), isolated (yes), and of the station
# vlan (a tag on eth0) and address (with its prefix length, in place of a lease).
#
# A station is a process and its namespaces: network, mounts, name and process ids. What it made ends with that process.
# On the host, /run/virtnet-lab/NAME/state has its process id and the name of its port; the rest is in its own /run.
set -eu
: "${bridge=}" "${pvid=}" "${isolated=}" "${vlan=}" "${address=}"
stations=/run/virtnet-lab
home=${0%/*}

die() {
    echo "$*" >&2
    exit 1
}

# alive NAME: sets pid and port. The process bears the port's name, so that another that got an old id isn't taken for it.
alive() {
    pid='' port='' comm=''
    { read -r pid port <"$stations/$1/state" && read -r comm <"/proc/$pid/comm"; } 2>/dev/null || return 1
    [ "$comm" = "$port" ]
}

# fresh: the settings that a kernel starts with; some of the machine's own are inherited.
fresh() {
    for which in all default; do
        for setting in ipv4:forwarding=0 ipv4:rp_filter=0 ipv4:accept_redirects=1 ipv4:secure_redirects=1 \
            ipv4:send_redirects=1 ipv4:shared_media=1 ipv4:proxy_arp=0 ipv4:arp_filter=0 ipv4:arp_ignore=0 \
            ipv4:arp_announce=0 ipv4:arp_accept=0 ipv4:arp_notify=0 ipv4:log_martians=0 ipv4:route_localnet=0 \
            ipv6:forwarding=0 ipv6:disable_ipv6=0 ipv6:accept_ra=1 ipv6:autoconf=1 ipv6:accept_redirects=1 \
            ipv6:use_tempaddr=0 ipv6:addr_gen_mode=0 ipv6:dad_transmits=1; do
            path=/proc/sys/net/${setting%:*}/conf/$which/${setting#*:}
            [ ! -e "${path%=*}" ] || echo "${path#*=}" >"${path%=*}"
        done
    done
}

# plug: makes the cable, between the host's network namespace, which is open as 9, and the station's own, as 8.
plug() {
    exec 8</proc/self/ns/net
    read -r mtu <"/sys/class/net/$bridge/mtu"
    # As libvirt does for a tap, so that no bridge takes its own address from the port.
    nsenter --net=/proc/self/fd/9 ip -batch - <<END
link add $port address fe${mac#??} mtu $mtu type veth peer name eth0 address $mac mtu $mtu netns /proc/self/fd/8
link set $port master $bridge
${isolated:+link set $port type bridge_slave isolated on}
END
    : >"$stations/$name/plugged"
    [ -z "$pvid" ] || nsenter --net=/proc/self/fd/9 bridge -batch - <<END
vlan del dev $port vid 1-4094
vlan add dev $port vid $pvid pvid untagged
END
    nsenter --net=/proc/self/fd/9 ip link set "$port" up
    exec 8<&- 9<&-
}

# see_own: the station's own view of processes and devices, its own /run, /tmp and resolver.
see_own() {
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t tmpfs station /run
    mount -t tmpfs station /tmp
    : >/run/resolv.conf
    mount --bind /run/resolv.conf /etc/resolv.conf
    echo "$name" >/proc/sys/kernel/hostname
}

# hold NAME MAC PORT: the station's first process. It says "ready", and no more.
hold() {
    name=$1 mac=$2 port=$3 device=eth0
    trap '' INT HUP
    trap 'exit 0' TERM
    read -r pid _ </proc/self/stat # the host's number, as its /proc is still here
    echo "$port" >/proc/self/comm
    echo "$pid $port" >"$stations/$name/state"
    fresh
    plug
    see_own
    [ -z "$vlan" ] || device=eth0.$vlan
    ip -batch - <<END
link set lo up
link set eth0 up
${vlan:+link add link eth0 name $device type vlan id $vlan}
${vlan:+link set $device up}
${address:+address add $address dev $device}
END
    [ -n "$address" ] || busybox udhcpc -f -i "$device" -s "$home/dhcp" -x "hostname:$name" -p /run/udhcpc.pid \
        -t 8 -T 2 -A 1 </dev/null >/run/udhcpc.log 2>&1 &
    echo ready
    exec </dev/null >/dev/null 2>&1
    # It waits for all processes of the station that have lost their parent.
    while :; do
        sleep 86400 &
        wait $!
    done
}

# start_one NAME MAC PORT
start_one() {
    if ! mkdir "$stations/$1" 2>/dev/null; then
        ! alive "$1" || die "guest $1 is there already"
        stop "$1"
        mkdir "$stations/$1"
    fi
    said=$(unshare --net --mount --uts --pid --propagation slave sh "$0" hold "$@" 2>&1) || true
    [ "$said" = ready ] || {
        stop "$1"
        die "guest $1: $said"
    }
}

start() {
    [ -d "/sys/class/net/$bridge/bridge" ] || die "bridge $bridge: there is none on this host; is its network started?"
    [ -z "$pvid" ] || grep -q 1 "/sys/class/net/$bridge/bridge/vlan_filtering" 2>/dev/null ||
        die "bridge $bridge: it filters no VLANs, so that no port of it can be in VLAN $pvid"
    mkdir -p "$stations"
    exec 9</proc/self/ns/net
    jobs='' failed=0
    while [ $# -gt 0 ]; do
        start_one "$1" "$2" "$3" &
        jobs="$jobs $!"
        shift 3
    done
    for job in $jobs; do wait "$job" || failed=1; done
    return "$failed"
}

stop() {
    for name; do
        [ -d "$stations/$name" ] || continue
        running=1
        alive "$name" || running=0
        # The port first: a namespace ends some time after its last process.
        if [ -e "$stations/$name/plugged" ]; then ip link delete "$port" 2>/dev/null || true; fi
        [ "$running" = 0 ] || kill -KILL "$pid" 2>/dev/null || true
        tries=250
        while [ "$running" = 1 ] && alive "$name"; do
            tries=$((tries - 1))
            [ "$tries" -gt 0 ] || die "guest $name: its process $pid does not end"
            sleep 0.02
        done
        rm -r "${stations:?}/$name"
    done
}

action=$1
shift
case $action in
hold)
    # The first process that is started here is the first one of the new process ids.
    hold "$@" &
    ;;
start | stop) "$action" "$@" ;;
*) die "$action: expected start or stop" ;;
esac
