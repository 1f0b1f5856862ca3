#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Run on the neighbour: serves leases and advertises a prefix in each LAN.
set -e
# hosts forget the routes of a neighbour that says it is no router
sysctl -qw net.ipv6.conf.all.forwarding=1
for number in 1 2 3 4; do
    ip address replace 10.8$number.0.1/24 dev eth$number
    ip address replace fd8$number::1/64 dev eth$number
    ip link set eth$number up
    dnsmasq --conf-file=/dev/null --interface=eth$number --except-interface=lo --bind-interfaces --port=0 --no-ping --user=root \
        --leasefile-ro --dhcp-range=10.8$number.0.100,10.8$number.0.199,255.255.255.0,1h --enable-ra \
        --dhcp-range=fd8$number::,ra-only,64,1h --ra-param=eth$number,10,1800 \
        --dhcp-option=option:dns-server,10.8$number.0.53 --pid-file=/run/dnsmasq-$number.pid
done
