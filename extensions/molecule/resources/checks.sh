#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Comes before the commands of a scenario, on a host or in a guest, whose shell is busybox's.

said=/tmp/said.$$

seconds() { cut -d. -f1 /proc/uptime; }

# until_so SECONDS COMMAND: try a command until it succeeds, for so long at most; what the last try said is in the file $said.
until_so() {
    until_end=$(($(seconds) + $1))
    until (eval "$2") >"$said" 2>&1; do
        [ "$(seconds)" -lt "$until_end" ] || return 1
        sleep 0.3
    done
}

# check SAYS COMMAND: whether it is so, at $where. What must be has $patience seconds for it. What must not be, a command
# that begins with '!', is tried once: it is for checks before it to show that there is a way at all.
check() {
    case $2 in
    '! '*) within=0 after='' ;;
    *) within=${patience:?} after=" after $patience s" ;;
    esac
    if until_so "$within" "$2"; then
        echo "ok: $1"
    else
        wrong=1
        echo "NOT SO$after: ${where:?}: $1"
        echo "    $2"
        tail -n 20 "$said" | sed 's/^/    /'
    fi
}

# checked: after the last check; fails if something is not so, and shows the addresses then.
checked() {
    rm -f "$said"
    [ -n "${wrong-}" ] || return 0
    echo "    ip address of $where:"
    { ip -brief address 2>/dev/null || ip address; } | sed 's/^/    /'
    return 1
}
