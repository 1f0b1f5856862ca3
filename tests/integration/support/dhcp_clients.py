# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A DHCP client for ifupdown."""

from __future__ import annotations

# A DHCP client in any case; busybox has one, which Debian's ifupdown knows.
CLIENT = """
command -v dhclient || command -v dhcpcd || command -v udhcpc || {
    ln -s "$(command -v busybox)" /sbin/udhcpc
    mkdir -p /usr/share/udhcpc /etc/udhcpc
    cat >/etc/udhcpc/default.script <<'END'
#!/bin/sh
case $1 in
deconfig) ip link set dev $interface up;;
bound|renew)
    ip address replace $ip/$mask valid_lft $lease preferred_lft $lease dev $interface
    ip route replace default via $router dev $interface metric ${IF_METRIC:-50}
    echo "nameserver $dns" >/etc/resolv.conf;;
esac
END
    chmod 755 /etc/udhcpc/default.script
    ln -sf /etc/udhcpc/default.script /usr/share/udhcpc/default.script
}
"""
