# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the shaping of an interface, for tc_shaping and for the items of the option ``shaping`` of fabric."""

from __future__ import annotations

import textwrap

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_QUEUE = r"""
queue:
  description:
    - Queueing discipline in which packets wait. What is left out has the default of the kernel.
    - If left out, packets wait in a plain FIFO as long as the transmit queue of the interface.
  type: dict
  suboptions:
    kind:
      description: Kind of the queueing discipline. The kernel must have it.
      type: str
      required: true
      choices: [fq_codel, sfq, pfifo, bfifo, tbf, cake]
    limit:
      description:
        - Most packets in the queue. 10240 by default for V(fq_codel), 1000 for V(pfifo), and 127 for V(sfq), which can't have more.
        - For V(bfifo) and V(tbf), most bytes, such as V(64kb). 1000 frames by default for V(bfifo).
      type: str
    flows:
      description: Queues of V(fq_codel) that flows are hashed to. 1024 by default.
      type: int
    target:
      description: Delay that V(fq_codel) accepts. 5ms by default.
      type: str
    interval:
      description: Time in which V(fq_codel) expects the delay to fall below the target. 100ms by default.
      type: str
    quantum:
      description: Bytes that a flow of V(fq_codel) or V(sfq) sends before it is the turn of another one. One frame by default.
      type: int
    ecn:
      description: Whether V(fq_codel) marks packets instead of dropping them, where both ends know ECN. V(true) by default.
      type: bool
    memory_limit:
      description: Most memory that V(fq_codel) uses. 32mb by default.
      type: str
    perturb:
      description: Seconds after which V(sfq) hashes flows in another way. 0 by default, which is never.
      type: int
    rate:
      description: Rate of V(tbf), which needs one, or of V(cake), which has no limit by default.
      type: str
    burst:
      description: Size of the bucket of V(tbf). What passes in 4 ms by default, and two frames at least.
      type: str
    latency:
      description: Longest time that packets wait in V(tbf). 50ms by default. Not together with C(limit).
      type: str
    diffserv:
      description: Tins of V(cake), by the DSCP of packets. V(diffserv3) by default.
      type: str
      choices: [diffserv3, diffserv4, diffserv8, besteffort, precedence]
    isolation:
      description: What V(cake) takes for one flow. V(triple-isolate) by default.
      type: str
      choices: [flowblind, srchost, dsthost, hosts, flows, dual-srchost, dual-dsthost, triple-isolate]
    rtt:
      description: Round trip time that V(cake) expects. 100ms by default.
      type: str
    nat:
      description: Whether V(cake) looks for hosts behind NAT on this host. V(false) by default.
      type: bool
    wash:
      description: Whether V(cake) removes the DSCP of packets. V(false) by default.
      type: bool
    ack_filter:
      description: Whether V(cake) drops acknowledgements of TCP that later ones in the queue contain. V(no) by default.
      type: str
      choices: ["no", "yes", aggressive]
"""

_IMPAIR = r"""
impair:
  description:
    - Impairments of netem (tc-netem(8)), for tests of what uses the network. Not together with C(queue).
    - Percentages are written as V(0.1%).
  type: dict
  suboptions:
    delay:
      description: Time that packets are delayed, such as V(50ms).
      type: str
    jitter:
      description: Time by which the delay varies.
      type: str
    delay_correlation:
      description: Percentage by which a delay depends on the one before it.
      type: str
    distribution:
      description: Distribution of the delays. V(uniform) by default. The others need the tables of iproute2 on the host.
      type: str
      choices: [uniform, normal, pareto, paretonormal]
    loss:
      description: Percentage of packets that are lost, independently of each other. Not together with C(loss_model).
      type: str
    loss_correlation:
      description: Percentage by which the loss of a packet depends on that of the one before it.
      type: str
    loss_model:
      description: Gilbert-Elliott model of loss, which comes in bursts (C(loss gemodel) of tc).
      type: dict
      suboptions:
        p:
          description: Chance to enter the bad state.
          type: str
          required: true
        r:
          description: Chance to leave the bad state. 100% minus C(p) by default.
          type: str
        bad:
          description: Percentage that is lost in the bad state (C(1-h) of tc). 100% by default.
          type: str
        good:
          description: Percentage that is lost in the good state (C(1-k) of tc). 0% by default.
          type: str
    duplicate:
      description: Percentage of packets that are sent twice. The kernel allows it for one impairment of an interface only.
      type: str
    duplicate_correlation:
      description: Percentage by which it depends on the packet before.
      type: str
    corrupt:
      description: Percentage of packets in which one bit is changed.
      type: str
    corrupt_correlation:
      description: Percentage by which it depends on the packet before.
      type: str
    reorder:
      description: Percentage of packets that are sent at once, and so before those that are delayed. Needs a delay.
      type: str
    reorder_correlation:
      description: Percentage by which it depends on the packet before.
      type: str
    gap:
      description: Only each packet of this number is reordered. 1 by default.
      type: int
    rate:
      description: Rate of the link that is imitated.
      type: str
    limit:
      description: Most packets that are delayed at the same time. 1000 by default; it drops more than that.
      type: int
    seed:
      description: Seed of the random numbers, with which losses can be repeated. The kernel chooses one by default.
      type: int
"""

_RATES = r"""
ceil:
  description: Most that it may use when others leave it. Its rate by default.
  type: str
burst:
  description: Size of the bucket of its rate, such as V(64kb). What passes in 4 ms by default, and two frames at least.
  type: str
cburst:
  description: Size of the bucket of its ceil. As for C(burst) by default.
  type: str
"""

_CLASS = (
    r"""
name:
  description: Name of the class, of 1 to 32 letters, digits, C(_), C(.) and C(-).
  type: str
  required: true
parent:
  description: Class that it is below. The whole direction by default.
  type: str
rate:
  description: Rate that the class always has. All rates below a class must not be more than its own.
  type: str
  required: true
"""
    + _RATES.lstrip("\n")
    + r"""priority:
  description: Priority for bandwidth that others leave, from 0, the highest and the default, to 7.
  type: int
quantum:
  description:
    - Bytes that it sends of what others leave before it is the turn of another class.
    - By default in the ratio of the rates, so that classes of one parent share in that ratio.
  type: int
"""
    + _QUEUE.lstrip("\n")
    + _IMPAIR.lstrip("\n")
)

_FILTER = r"""
class:
  description: Class of the packets that match.
  type: str
  required: true
family:
  description: IP version. By default that of the addresses, and both if there are none.
  type: str
  choices: [ipv4, ipv6]
protocol:
  description: IP protocol, V(tcp), V(udp), V(sctp), V(icmp), V(icmpv6), another name, or a number.
  type: str
source:
  description: Source address, or a network in CIDR form.
  type: str
destination:
  description: Destination address, or a network in CIDR form.
  type: str
source_port:
  description: Source port, or a range such as V(3260-3262). Needs V(tcp), V(udp) or V(sctp).
  type: str
destination_port:
  description: Destination port, or a range. Needs V(tcp), V(udp) or V(sctp).
  type: str
source_mac:
  description: Source MAC address.
  type: str
destination_mac:
  description: Destination MAC address.
  type: str
dscp:
  description: DSCP by its name, such as V(ef), V(af41) or V(cs1), or its number.
  type: str
vlan:
  description: VLAN id. If left out, both tagged and untagged packets match.
  type: int
mark:
  description: Mark of netfilter (C(meta mark) of nftables). It can't be combined, and there is none in O(ingress).
  type: int
"""

_SIDE = (
    r"""
rate:
  description:
    - Rate of the direction. With it the root is HTB, and all classes are below one class with this rate.
    - Units are those of tc(8), V(10mbit) for bits and V(1mbps) for bytes per second, with V(k), V(m), V(g), V(t) and V(ki), V(mi) and so on.
  type: str
"""
    + _RATES.lstrip("\n")
    + r"""default:
  description: Class of all packets that no filter matches, such as those of ARP. Needed where there are classes.
  type: str
classes:
  description:
    - Complete list of the classes. An item is complete too, what is left out of it has its default.
    - Spare bandwidth of a class is shared by those below it in the ratio of their rates, up to their C(ceil).
  type: list
  elements: dict
  suboptions:
"""
    + textwrap.indent(_CLASS.strip("\n") + "\n", "    ")
    + r"""filters:
  description:
    - Complete list of the filters. The first one that matches a packet decides.
    - All criteria of an item must match. They match inside VLAN tags as well.
  type: list
  elements: dict
  suboptions:
"""
    + textwrap.indent(_FILTER.strip("\n") + "\n", "    ")
    + _QUEUE.lstrip("\n")
    + _IMPAIR.lstrip("\n")
)

_POLICE = r"""
police:
  description:
    - Drops what comes in above a rate, without a queue. Prefer C(rate), because TCP gets much less by this.
    - Not together with other options of the direction.
  type: dict
  suboptions:
    rate:
      description: Rate above which packets are dropped.
      type: str
      required: true
    burst:
      description: Size of the bucket. What passes in 4 ms by default, and two frames at least.
      type: str
"""


def _side(text: str) -> str:
    return textwrap.indent(text.strip("\n") + "\n", "    ")


_OPTIONS = (
    r"""
device:
  description: Name of the interface, in the network namespace of the host.
  type: str
  required: true
egress:
  description:
    - What the host sends by the interface. B(For the tap of a guest or a port of a bridge, that is what goes to the guest.)
    - If left out, it stays as it is. An option that is left out of it, too. An empty dict removes the shaping of this direction.
    - Without O(egress.rate) there are no classes, and O(egress.queue) or O(egress.impair) is the root itself.
    - O(egress.queue) and O(egress.impair) are only possible without O(egress.classes).
  type: dict
  suboptions:
"""
    + _side(_SIDE + _POLICE.lstrip("\n").replace("- Drops what", "- Only possible in O(ingress). Drops what"))
    + r"""ingress:
  description:
    - What comes in by the interface. B(For the tap of a guest, that is what the guest sends.)
    - It is sent through an interface of the kind IFB that is created and removed with it, and is shaped there. It is done before nftables
      and before the bridge see a packet.
    - It has the options of O(egress), with the same meaning.
  type: dict
  suboptions:
"""
    + _side(_SIDE + _POLICE.lstrip("\n"))
    + r"""persist:
  description:
    - Whether the shaping is applied whenever the interface is created, such as at a start of the guest of a tap, at a start of a network, and at
      a boot. A rule of udev and a service of the collection do that.
    - With V(true) the interface needn't be there yet. Its name must be fixed. Names like C(vnet0) are refused, because libvirt counts them up.
    - If left out, it stays as it is. It is V(false) for a new shaping.
  type: bool
state:
  description:
    - Whether the interface has a shaping. With V(absent), all that the module has created is removed, and what was there before is restored.
  type: str
  choices: [present, absent]
  default: present
"""
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
shaping:
  description:
    - Shaping of interfaces. Each item has the options of M(virtnet.kvm.tc_shaping), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "shaping[]", depth=2)
    )
