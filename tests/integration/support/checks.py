# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What must hold of every run of every module, whatever it is about."""

from __future__ import annotations

import pprint
from typing import Any

from .host import Host, difference
from .interfaces import with_routes_of_their_own, without_changing_timers

# What check mode must foretell of one resource. The key that is its kind's, and `diff`, have the rest.
_EACH = ("changed", "actions", "before", "after")
FORETOLD: dict[str, tuple[str, ...]] = {
    "virt_net": (*_EACH, "method", "guests", "steps", "seconds"),
    "linux_bridge": (*_EACH, "method", "files", "persist"),
    "nat_portforward": (*_EACH, "targets"),
    "nat_outbound": (*_EACH, "sources"),
    "guest_nic": (*_EACH, "method", "pending"),
    "fabric": ("changed", "actions", "diff"),
}
for _module in ("vlan_iface", "tuntap", "macvlan_iface", "net_namespace", "veth_pair"):
    FORETOLD[_module] = FORETOLD["linux_bridge"]


# A file without a namespace, which a crash leaves, is none.
_NAMESPACES = "cd /run/netns 2>/dev/null || exit 0; for each in *; do nsenter --net=$each true 2>/dev/null && echo $each; done; true"

# What tc says of all interfaces, and which there are.
_TC = """cd /sys/class/net; for each in *; do echo $each; cat $each/ifalias; tc -d qdisc show dev $each; tc -d class show dev $each | grep "class htb"
tc -d filter show dev $each; tc -d filter show dev $each ingress 2>/dev/null; done; grep -r . /var/lib/virtnet.kvm/shaping --include=*.json 2>/dev/null; true"""
_GUESTS = "for each in $(virsh list --all --name); do virsh dumpxml --inactive $each; virsh dumpxml $each; done"


# Filters as libvirt has stored them, bindings, and which devices are up.
_FILTERS = """
cd /etc/libvirt/nwfilter && grep -v '^<!--' *.xml; cd /run/libvirt/nwfilter-binding 2>/dev/null && cat *.xml 2>/dev/null
ip -o link show up | cut -d: -f2
"""


def _steady(found: dict[str, Any]) -> dict[str, Any]:
    """What was looked at, but for whether the route to an address's subnet is the kernel's: a tool makes one a moment later."""
    if "interfaces" not in found:
        return found
    interfaces = {
        name: {**each, "addresses": with_routes_of_their_own(each["addresses"])}
        for name, each in found["interfaces"].items()
    }
    return {**found, "interfaces": interfaces}


def _look(host: Host, args: dict[str, Any], module: str) -> dict[str, Any]:
    """All that the module could have changed, as others see it."""
    if module.startswith("virt_net") or (module == "fabric" and set(args) <= {"networks", "uri"}):
        return host.look()
    if module == "guest_nic":
        return {"guests": host.shell(_GUESTS)}
    if module.startswith("nwfilter") or {"filters", "filter_bindings"} & set(args):
        return {"filters": host.shell(_FILTERS)}
    if module in ("net_namespace", "veth_pair") or {"namespaces", "veth_pairs"} & set(args):
        names = host.shell(_NAMESPACES).split()
        return {**host.interfaces(), "namespaces": {name: host.interfaces(name)["interfaces"] for name in names}}
    if module == "tc_shaping":
        return {"tc": host.shell(_TC)}
    if module == "fabric":
        return host.everything()
    return host.interfaces(args.get("netns"))


def _same(before: dict[str, Any], after: dict[str, Any], message: str) -> None:
    """Both looks at the host must agree; a failure says in which lines they don't."""
    before, after = without_changing_timers(before, after), without_changing_timers(after, before)
    assert after == before, "\n".join([message, *difference(_lines(before), _lines(after))])


def _lines(found: dict[str, Any]) -> list[str]:
    return pprint.pformat(found, width=150).splitlines()


def converge(
    host: Host, args: dict[str, Any], *, module: str = "virt_net", changed: bool | None = None
) -> dict[str, Any]:
    """Run it in check mode, for real, and twice again: nothing but the real run may change anything, and all agree."""
    before = _look(host, args, module)
    foretold = host.ok(module, args, check=True)
    _same(before, _look(host, args, module), f"check mode has changed the host: {args}")
    real = host.ok(module, args)
    for key in FORETOLD.get(module, _EACH):
        assert foretold.get(key) == real.get(key), f"{key}: foretold {foretold.get(key)}, came {real.get(key)}"
    assert foretold["diff"] == real["diff"]
    assert real["changed"] == bool(real["actions"])
    if changed is not None:
        assert real["changed"] == changed, f"changed is {real['changed']}, actions {real['actions']}: {args}"
    settled = _steady(_look(host, args, module))
    for check in (False, True):
        again = host.ok(module, args, check=check)
        assert not again["changed"] and again["actions"] == [], f"a second run would {again['actions']}: {args}"
        if "before" in FORETOLD.get(module, _EACH):
            assert again["before"] == again["after"]
            # of files that it shares with others, such as a port's, only those that it touched are shown
            shown, came = dict(again["after"]), dict(real["after"])
            assert shown.pop("files", {}).items() <= came.pop("files", {}).items()
            assert shown == came
    _same(settled, _steady(_look(host, args, module)), f"a second run has changed the host: {args}")
    return real


def refused(host: Host, args: dict[str, Any], *said: str, module: str = "virt_net", option: str | None = None) -> str:
    """It must be refused, check mode or not, in one sentence that says ``said``, with nothing touched."""
    before = _look(host, args, module)
    messages = set()
    for check in (True, False):
        result = host.module(module, args, check=check)
        assert result.get("failed"), f"not refused: {args}: {result}"
        assert not result.get("exception"), result["exception"]
        messages.add(str(result["msg"]))
        if option is not None:
            assert result.get("option") == option, f"option is {result.get('option')}: {result['msg']}"
    _same(before, _look(host, args, module), f"it was refused, but has changed the host: {args}")
    assert len(messages) == 1, messages
    message = messages.pop()
    assert "\n" not in message and message.strip() == message
    for words in said:
        assert words in message, f"{words!r} is not in: {message}"
    return message
