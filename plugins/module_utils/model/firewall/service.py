# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps firewall rules in place without Ansible: at boot, and after others have removed or replaced rules.

A script loads what is stored, puts the rule for marked packets at the head of others' chains, and has the bridges of libvirt's
active networks in the sets `LIVE`. A service runs it at boot, when nftables.service is reloaded, and when the kernel reports that
rules or interfaces were changed. A hook of libvirt runs it when a network is started, before the first guest is connected; libvirt
only finds it when it is started the next time. None of them needs Python or asks libvirt for anything that takes time.
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import DEFAULT_MASK, MASK
from .nft import DIGEST, FAMILY, ISOLATED, NETWORKS
from .steps import DIRECTORY, SystemFile

SCRIPT = "/usr/local/lib/virtnet.kvm/firewall"
UNIT = "virtnet-kvm-firewall.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
HOOK = "/etc/libvirt/hooks/network.d/virtnet-kvm"
_OURS = "# Made by virtnet.kvm; changes here are overwritten"

_SCRIPT = r"""#!/bin/bash
@OURS@
# Loads the firewall rules of virtnet.kvm where they are missing, and accepts at the head of others' chains what they mark.
# usage: firewall restore|watch|started|stopped
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
mask=@MASK@ default=@DEFAULT_MASK@

log() { echo "virtnet.kvm: $*" >&2; }

# The name of the table that a file loads.
table() { sed -n 's/^table @FAMILY@ \([^ {]*\)$/\1/p' "$1" | head -n 1; }

# Prints the bridges that libvirt creates for the networks in these files, after the name of each set of ours that a bridge belongs to,
# and after "zoned" if libvirt gives it a zone of firewalld.
bridges_in() {
    awk -F \' '
        function print_bridge() {
            if (bridge == "" || foreign) return
            print "@NETWORKS@", bridge
            if (isolated) print "@ISOLATED@", bridge
            if (zoned) print "zoned", bridge
        }
        FNR == 1 { print_bridge(); bridge = ""; foreign = open = zoned = 0; isolated = 1 }
        /^    <forward[ >\/]/ {
            isolated = 0; open = /mode=.open./; foreign = /mode=.(bridge|private|vepa|passthrough|hostdev)./
        }
        /^    <bridge name=/ { bridge = $2; zoned = !open || / zone=/ }
        END { print_bridge() }' "$@" 2>/dev/null
}

# Prints the bridges of active networks, and the lines of $1.
networks() {
    local -a files=()
    local file
    for file in /run/libvirt/network/*.xml; do
        [[ ! -r $file ]] || files+=("$file")
    done
    { echo "${1-}"; ((!${#files[@]})) || bridges_in "${files[@]}"; } | sed '/^$/d' | sort -u
}

# Prints what gives the sets of a table, which a file loads, their bridges; $2 has the lines of networks. A bridge that is there
# without a network may be of one that is being started.
bridges() {
    local name set there bridge
    name=$(table "$1")
    for set in $(sed -n 's/^  set \(@NETWORKS@\|@ISOLATED@\) .*/\1/p' "$1"); do
        there=$(nft list set @FAMILY@ "$name" "$set" 2>/dev/null) && echo "flush set @FAMILY@ $name $set"
        {
            sed -n "s/^$set //p" <<<"$2"
            for bridge in $(grep -o '"[^"]*"' <<<"$there" | tr -d '"'); do
                grep -q " $bridge\$" <<<"$2" || [[ ! -e /sys/class/net/$bridge ]] || echo "$bridge"
            done
        } | sed "s/.*/add element @FAMILY@ $name $set { \"&\" }/"
    done
}

# What is loaded from each file has the file's digest as the name of an empty chain. $1: lines of networks besides the active ones
load() {
    local file digest
    for file in @DIRECTORY@/*.nft; do
        [[ -e $file ]] || continue
        digest=$(sed -n 's/^ *chain \(@DIGEST@[0-9a-f]*\) .*/\1/p' "$file" | head -n 1)
        nft list chain @FAMILY@ "$(table "$file")" "$digest" >/dev/null 2>&1 && continue
        # nft has the kernel load helpers, but not what translates the addresses in their connections
        sed -n 's/^ *ct helper .* type "\([a-z]*\)" .*/nf_nat_\1/p' "$file" | xargs -r -n 1 modprobe -q
        { cat "$file"; bridges "$file" "$(networks "$1")" | grep -v '^flush'; } | nft -f - && log "loaded $file"
    done
}

# Has the bridges in the sets of all tables. One at a time, as each reads what is there and writes it again.
fill() {
    local file lines
    mkdir -p /run/virtnet.kvm
    (
        flock -w 5 8
        lines=$(networks "$1")
        for file in @DIRECTORY@/*.nft; do
            [[ -e $file ]] || continue
            bridges "$file" "$lines" | nft -f - 2>/dev/null
        done
    ) 8>/run/virtnet.kvm/networks.lock
}

# Returns whether libvirt has networks with rules, but not all of its chains are there: a flush while libvirt is being started leaves
# those that it creates afterwards.
libvirt_is_flushed() {
    grep -LE '<forward [^>]*mode=.(open|bridge|private|vepa|passthrough|hostdev)' /run/libvirt/network/*.xml 2>/dev/null |
        grep -q . || return 1
    nft list chain ip libvirt_network forward 2>/dev/null | grep -q jump && return 1
    iptables -w -S FORWARD 2>/dev/null | grep -q LIBVIRT_ &&
        iptables -w -t nat -S POSTROUTING 2>/dev/null | grep -q LIBVIRT_ && return 1
    return 0
}

# libvirt creates all of its rules again when firewalld says that it has reloaded.
ask_libvirt() {
    libvirt_is_flushed || return 0
    log "libvirt's rules are missing; asking libvirt to create them again"
    # A libvirt that has just been started doesn't listen yet.
    for _ in {1..4}; do
        busctl emit /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 Reloaded || return 0
        for _ in {1..15}; do
            libvirt_is_flushed || return 0
            sleep 0.2
        done
    done
    systemctl try-restart virtnetworkd.service libvirtd.service
}

# Prints the bridges of networks that firewalld has in no zone; nothing without firewalld. $1: the lines of networks
without_zone() {
    local rules bridge
    rules=$(nft -t list table inet firewalld 2>/dev/null) || return 0
    for bridge in $(sed -n 's/^zoned //p' <<<"$1"); do
        grep -qF "iifname \"$bridge\"" <<<"$rules" || echo "$bridge"
    done
}

# libvirt creates bridges before it notices that firewalld starts. If that happens meanwhile, as at boot, the bridges are in no zone,
# and their guests have neither DHCP nor DNS. A user may have taken a bridge out of all zones, so it asks some times only.
ask_for_zones() {
    local asked=/run/virtnet.kvm/zones missing
    missing=$(without_zone "$1")
    [[ $missing ]] || { rm -f "$asked"; return 0; }
    [[ $missing$1 != "$(cat "$asked" 2>/dev/null)" ]] || return 0
    for _ in {1..8}; do
        for _ in {1..5}; do
            [[ $(without_zone "$1") ]] || return 0
            sleep 0.2
        done
        log "asking libvirt for the zones of" $missing
        busctl emit /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 Reloaded
    done
    echo "$missing$1" >"$asked"
}

is_first() { head -n 1 | grep -q "$mask"; }

open_nft() {
    local family handle
    for family in ip ip6; do
        nft list chain "$family" libvirt_network forward >/dev/null 2>&1 || continue
        nft list chain "$family" libvirt_network forward | sed '1,/hook/d' | is_first && continue
        nft -a list chain "$family" libvirt_network forward | sed -n 's/.*virtnet.kvm.* handle //p' |
            while read -r handle; do nft delete rule "$family" libvirt_network forward handle "$handle"; done
        nft insert rule "$family" libvirt_network forward meta mark \& "$mask" == "$mask" accept comment '"virtnet.kvm"'
        log "opened $family libvirt_network forward"
    done
}

# A rule at the end of a chain that drops by its policy, for what default rules allow.
open_end() {
    local -a rule=(-m mark --mark "$default/$default" -m comment --comment virtnet.kvm -j ACCEPT)
    grep -q '^-P FORWARD DROP' <<<"$2" || return 0
    grep -q "$default" <<<"$2" && return 0
    "$1" -w -A FORWARD "${rule[@]}" && log "opened the end of FORWARD of $1"
}

open_iptables() {
    local tool rules
    local -a rule=(-m mark --mark "$mask/$mask" -m comment --comment virtnet.kvm -j ACCEPT)
    for tool in iptables ip6tables; do
        rules=$("$tool" -w -S FORWARD 2>/dev/null) || continue
        open_end "$tool" "$rules"
        grep -q -e LIBVIRT_ -e '^-P FORWARD DROP' <<<"$rules" || continue
        grep '^-A' <<<"$rules" | is_first && continue
        while "$tool" -w -D FORWARD "${rule[@]}" 2>/dev/null; do :; done
        "$tool" -w -I FORWARD 1 "${rule[@]}" && log "opened FORWARD of $tool"
    done
}

# The bridges first: a hook doesn't wait for others then. $1: lines of networks besides the active ones
restore() {
    fill "$1"
    (
        flock -w 60 9
        load "$1"
        fill "$1"
        ask_libvirt
        open_nft
        open_iptables
    ) 9>/run/virtnet.kvm/firewall.lock
}

# Prints what the kernel reports about rules and interfaces, and ends if one of the two ends.
# Of rules nothing else, because nft 1.0.6 crashes on elements of maps.
news() {
    stdbuf -oL nft monitor rules &
    stdbuf -oL ip -o monitor link &
    wait -n
    kill $(jobs -p)
}

# Rules come and go in groups: it waits until there is no news for a moment, at most two seconds, and acts at most once in a second.
# libvirt writes the file of a network some time after it has created the bridge, so it looks again after news of interfaces.
watch() { news | follow; }

follow() {
    local line status end rules looks=10 known found
    known=$(networks)
    restore ''
    while :; do
        ask_for_zones "$known"
        if ((looks)); then read -r -t 1 line; else read -r line; fi
        status=$?
        ((status == 0 || status > 128)) || break
        ((status == 0)) || { line='' looks=$((looks - 1)); }
        rules='' end=$((SECONDS + 2))
        while [[ $line ]]; do
            case $line in
            [0-9]* | Deleted*) looks=3 ;;
            *virtnet* | *libvirt* | *LIBVIRT* | *FORWARD* | *ERROR*) rules=yes ;; # nft has lost news
            esac
            ((SECONDS < end)) && read -r -t 0.2 line || line=''
        done
        found=$(networks)
        [[ $rules || $found != "$known" ]] || continue
        known=$found
        restore ''
        sleep 1
    done
}

case ${1-} in
watch) watch ;;
restore) restore '' ;;
started) restore "$(bridges_in -)" ;; # by the hook: libvirt writes the file of the network after it
stopped) fill '' ;;
*) sed -n 's/^# usage/usage/p' "$0" >&2; exit 2 ;;
esac
"""

_UNIT = """@OURS@
[Unit]
Description=Firewall rules of virtnet.kvm
Documentation=https://galaxy.ansible.com/ui/repo/published/virtnet/kvm/
After=nftables.service firewalld.service ufw.service
ReloadPropagatedFrom=nftables.service

[Service]
ExecStart=@SCRIPT@ watch
ExecReload=@SCRIPT@ restore
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""

# A hook that fails would keep a network from being started (https://libvirt.org/hooks.html).
_HOOK = """#!/bin/sh
@OURS@
case $2 in
started | updated) @SCRIPT@ started >/dev/null 2>&1 ;;
stopped) @SCRIPT@ stopped </dev/null >/dev/null 2>&1 ;;
esac
exit 0
"""


def service_files() -> Mapping[str, SystemFile]:
    """Returns the files of the service by path, in the order in which they are written."""
    return {
        SCRIPT: SystemFile(_filled(_SCRIPT), 0o755),
        HOOK: SystemFile(_filled(_HOOK), 0o755),
        UNIT_FILE: SystemFile(_filled(_UNIT), 0o644),
    }


def _filled(text: str) -> str:
    words = {
        "OURS": _OURS,
        "DEFAULT_MASK": DEFAULT_MASK,
        "MASK": MASK,
        "DIRECTORY": DIRECTORY,
        "FAMILY": FAMILY,
        "DIGEST": DIGEST,
        "NETWORKS": NETWORKS,
        "ISOLATED": ISOLATED,
        "SCRIPT": SCRIPT,
    }
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text
