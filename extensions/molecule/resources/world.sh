#!/bin/sh
# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Run on a lab host: creates a namespace that stands for everything outside of the host. It has no route to the host's
# networks, so it can answer only packets that have the host's own address.
set -e
ip netns delete world 2>/dev/null || true
ip link delete outside 2>/dev/null || true
ip netns add world
ip link add outside type veth peer name eth0 netns world
ip address add 198.51.100.1/24 dev outside
ip address add 2001:db8:100::1/64 dev outside nodad
ip link set outside up
ip -n world address add 198.51.100.2/24 dev eth0
ip -n world address add 2001:db8:100::2/64 dev eth0 nodad
ip -n world link set lo up
ip -n world link set eth0 up
