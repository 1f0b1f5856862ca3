#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints what the role needs to know about a host, as lines of key=value. Changes nothing, and needs only a shell. The task sets before:
#   profile=   the profile of tuned that is requested; empty if none is
: "${profile:=}"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
cd /

parameters='net.core.rmem_max net.core.wmem_max net.core.optmem_max
    net.core.netdev_max_backlog net.core.netdev_budget net.core.netdev_budget_usecs
    net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.bridge.bridge-nf-call-arptables'

# The files that systemd-sysctl reads after those of the role: by name, whatever the directory (sysctl.d(5)).
later=$(for file in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
    [ ! -r "$file" ] || echo "$file"
done | awk -F/ '$NF > "70-virtnet-kvm-zzz" && !seen[$NF]++ { print $NF, $0 }' | LC_ALL=C sort | cut -d' ' -f2)

for parameter in $parameters; do
    path=/proc/sys/$(echo "$parameter" | tr . /)
    [ ! -r "$path" ] || echo "live.$parameter=$(cat "$path")"
    # shellcheck disable=SC2013,SC2086  # names of files that the host's packages and administrators have given
    for file in $later; do
        value=$(sed -n "s|^[ \t]*-\{0,1\}$(echo "$parameter" | sed 's|\.|[./]|g')[ \t]*=[ \t]*\(.*[^ \t]\)[ \t]*\$|\1|p" "$file" | tail -n 1)
        [ -z "$value" ] || echo "later.$parameter=$value $file"
    done
done

for group in buffers backlog bridge_nf_call; do
    file=/etc/sysctl.d/70-virtnet-kvm-$(echo $group | tr _ -).conf
    [ ! -e "$file" ] || echo "before.$group=$(grep '^# Before: ' "$file" | head -n 1)"
done

for file in /etc/sysctl.d/70-virtnet-kvm-*.conf /etc/udev/rules.d/80-virtnet-kvm-bridge.rules /etc/modules-load.d/virtnet-kvm-vhost.conf \
    /etc/systemd/system/irqbalance.service.d/virtnet-kvm.conf /var/lib/virtnet.kvm/tuning/*.json; do
    [ ! -r "$file" ] || echo "sum.$file=$(sha256sum <"$file" | cut -d' ' -f1)"
done

# A unit whose conditions don't hold is as active as it can be, once it was started: irqbalance on a host with one CPU.
active() {
    systemctl is-active "$1" || {
        systemctl is-enabled "$1" && [ "$(systemctl show --value --property ConditionResult "$1")" = no ] &&
            [ -n "$(systemctl show --value --property ConditionTimestamp "$1")" ]
    }
}

yes() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }
echo "bridge_rule=$(yes test -e /etc/udev/rules.d/80-virtnet-kvm-bridge.rules)"
echo "vhost_file=$(yes test -e /etc/modules-load.d/virtnet-kvm-vhost.conf)"
echo "vhost_loaded=$(yes test -d /sys/module/vhost_net)"
echo "vhost_known=$(yes eval 'test -d /sys/module/vhost_net || modprobe --dry-run vhost_net')"
echo "irqbalance_drop_in=$(yes test -e /etc/systemd/system/irqbalance.service.d/virtnet-kvm.conf)"

for unit in irqbalance.service tuned.service; do
    echo "has.$unit=$(yes systemctl cat $unit)"
    echo "enabled.$unit=$(yes systemctl is-enabled $unit)"
    echo "active.$unit=$(yes active $unit)"
    memory=/var/lib/virtnet.kvm/tuning/$unit.json
    [ ! -e "$memory" ] || echo "memory.$unit=$(cat "$memory")"
done

# The file of a profile of tuned. Those of the administrator come first, and newer versions have a directory for profiles.
profile_file() {
    for directory in /etc/tuned/profiles /etc/tuned /usr/lib/tuned/profiles /usr/lib/tuned; do
        [ ! -r "$directory/$1/tuned.conf" ] || { echo "$directory/$1/tuned.conf"; return 0; }
    done
    return 1
}

# The kernel parameters that a profile and those that it includes set.
profile_sets() {
    file=$(profile_file "$1") || return 0
    awk '/^\[/ { section = $0 } section == "[sysctl]" && /=/ { sub(/[ \t]*=.*/, ""); gsub("/", "."); print }' "$file"
    for included in $(sed -n 's/^include[ \t]*=[ \t]*//p' "$file" | tr ',' ' '); do
        (profile_sets "$included")
    done
}

stored=$(cat /etc/tuned/active_profile 2>/dev/null)
echo "tuned_stored=$stored"
echo "tuned_mode=$(cat /etc/tuned/profile_mode 2>/dev/null)"
active=
if systemctl is-active --quiet tuned.service 2>/dev/null; then
    active=$stored
fi
echo "tuned_profile=${profile:-$active}"
echo "tuned_known=$(yes profile_file "$profile")"
# By default, tuned sets what sysctl.d(5) has after what its profile has.
if grep -q '^[[:space:]]*reapply_sysctl[[:space:]]*=[[:space:]]*\(0\|[Ff]alse\|[Nn]o\|[Oo]ff\)' /etc/tuned/tuned-main.conf 2>/dev/null; then
    echo "tuned_sets=$(for each in ${profile:-$active}; do profile_sets "$each"; done | sort -u | tr '\n' ' ')"
fi
