#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: predict
short_description: Predict what a host needs for its topologies
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Compares a host with a list of topologies, and returns everything that would change. The playbooks and the roles of this collection
    begin with it. If nothing would change, it is their only task on the host.
  - Converts the topologies as the filter P(virtnet.kvm.as_fabric#filter) does, reads with a shell script what the host lacks, and runs
    M(virtnet.kvm.fabric) in check mode.
  - Changes nothing. In check mode, the task is changed if the host would change, and has the diff.
  - A mistake in a topology is one sentence with the name of the host, and is found before the host is contacted.
  - A host that has none of the variables is skipped.
options:
  variable:
    description:
      - Name of the variable with the list of topologies, such as V(virtnet_topologies). It is a name and not the value, so that an
        error in a template of the value is one sentence, too.
    type: str
  lists:
    description:
      - Names of the variables with other lists, by the list of M(virtnet.kvm.fabric) that each becomes. What belongs to a variable that the
        host doesn't have stays as it is.
    type: dict
    suboptions:
      filters:
        description:
          - Name of the variable with network filters, such as V(virtnet_filters).
        type: str
      portforwards:
        description:
          - Name of the variable with port forwards, such as V(virtnet_forwards). They are the set O(set).
        type: str
      outbound:
        description:
          - Name of the variable with outbound rules, such as V(virtnet_outbound). They are the set O(set).
        type: str
      policies:
        description:
          - Name of the variable with policy rules, such as V(virtnet_policy). They are the set O(set).
        type: str
      guest_nics:
        description:
          - Name of the variable with guests and the complete lists of their NICs, such as V(virtnet_guests).
        type: str
      shaping:
        description:
          - Name of the variable with the shaping of interfaces, such as V(virtnet_shaping).
        type: str
  set:
    description:
      - Name of the set of rules that the lists of firewall rules are.
    type: str
    default: site
  prefix:
    description:
      - Prefix of variables in error messages, as in P(virtnet.kvm.as_fabric#filter).
    type: str
  state:
    description:
      - V(absent) predicts the removal of all topologies. With O(prepare), it returns what stays on the host.
    type: str
    choices: [absent]
  options:
    description:
      - Result of the filter P(virtnet.kvm.as_fabric#filter). If given, the topologies in O(variable) are only used for the defaults
        of O(forward_ipv4) and O(forward_ipv6).
    type: dict
  prepare:
    description:
      - Whether packages, daemons and forwarding of the host are compared as well, as the role P(virtnet.kvm.host#role) needs them.
    type: bool
    default: false
  prepared:
    description:
      - Task files of the role that were applied before. If the host still lacks what they provide, the task fails.
    type: list
    elements: str
    default: []
  predicted:
    description:
      - Steps that the run has predicted before, RV(rule_steps). They are not predicted again. Only for check mode, in which a host
        is the same for each role of a play.
    type: list
    elements: str
    default: []
  publish:
    description:
      - What an earlier task has returned as RV(publish). This task publishes it, and predicts nothing.
    type: dict
  types:
    description:
      - Types of the topologies. If left out, the types in O(variable).
    type: list
    elements: str
  manage_packages:
    description:
      - Whether missing packages are installed. The default is V(true).
    type: bool
  require_kvm:
    description:
      - Whether a host without C(/dev/kvm) is refused. The default is V(false).
    type: bool
  forward_ipv4:
    description:
      - Whether IPv4 forwarding is needed. The default is V(true), unless all types are V(bridged) or V(vlan_trunk) and there are no
        outbound rules.
    type: bool
  forward_ipv6:
    description:
      - Whether IPv6 forwarding is needed. The default is V(true) if a network of type V(nat), V(routed) or V(open) or an outbound rule
        has IPv6.
    type: bool
  return_via:
    description:
      - Addresses by which the routers outside reach the host, at most one of each IP version. The default is the addresses from which it sends
        to the outside by its default routes.
    type: list
    elements: str
    default: []
  uri:
    description:
      - The libvirt daemon to connect to, as in M(virtnet.kvm.fabric).
    type: str
extends_documentation_fragment:
  - virtnet.kvm.attributes
attributes:
  diff_mode:
    support: partial
    details:
      - Only in check mode. In other runs, the tasks that make the changes have the diff.
notes:
  - This is an action. It runs on the controller, and runs a script and a module on the host.
seealso:
  - module: virtnet.kvm.fabric
  - plugin: virtnet.kvm.as_fabric
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Predict what the host needs
  virtnet.kvm.predict:
    variable: virtnet_topologies
    prepare: true
  register: predicted

- name: Show the steps
  ansible.builtin.debug:
    msg: "{{ predicted.actions | default([]) }}"
"""

RETURN = r"""
ready:
  description: Whether the host has packages and daemons, so that its networks can be predicted.
  returned: success, unless skipped
  type: bool
  sample: true
parts:
  description: Task files of the role that make the changes, in order. Empty if nothing would change.
  returned: success, unless skipped
  type: list
  elements: str
  sample: [forwarding, networks, report]
actions:
  description: Everything that would be done, in words.
  returned: when the host would change
  type: list
  elements: str
  sample:
    - write and load /etc/sysctl.d/99-virtnet-kvm.conf
    - create network lan
    - set autostart=true on network lan
    - start network lan
changes:
  description: For each bridge, VLAN interface, network and set of rules that would change, the steps.
  returned: when one of them would change
  type: dict
  sample: {bridges: {}, vlans: {}, networks: {lan: [create network lan]}}
problems:
  description: What the host lacks before its networks can be predicted.
  returned: when RV(ready=false)
  type: list
  elements: str
  sample: ["missing: python3-libvirt, dnsmasq"]
packages:
  description: Packages that would be installed.
  returned: when packages, daemons or forwarding would change
  type: list
  elements: str
  sample: [dnsmasq-base, python3-libvirt]
options:
  description: Options for M(virtnet.kvm.fabric), as the filter P(virtnet.kvm.as_fabric#filter) returns them.
  returned: when one of them would change
  type: dict
return_routes:
  description: Routes to the networks of type V(routed) and V(open) that the routers outside need.
  returned: with O(prepare), if there are such networks
  type: list
  elements: dict
  sample: [{to: 10.9.0.0/24, via: 192.168.1.10}]
notes:
  description: The routes in RV(return_routes), in words.
  returned: with RV(return_routes)
  type: list
  elements: str
  sample: [the routers outside need the route 10.9.0.0/24 via 192.168.1.10]
rule_steps:
  description: All steps of sets of rules that the run has predicted so far.
  returned: in check mode, when the host would change
  type: list
  elements: str
  sample: [enable the service that keeps the rules in place]
publish:
  description:
    - The key RV(ansible_facts) and the statistics of the run, for a task that publishes them when the changes are applied. If one of them fails,
      routers keep the routes that they have.
  returned: instead of RV(ansible_facts), if the host changes
  type: dict
ansible_facts:
  description: Facts of the host.
  returned: with O(prepare), if there are topologies of type V(routed) or V(open), and nothing is changed or the task runs in check mode
  type: dict
  contains:
    virtnet_return_routes:
      description:
        - The routes that the routers outside need to all such networks of the host that the run knows. The statistics of the run have
          them by host, as M(ansible.builtin.set_stats) sets them.
      type: list
      elements: dict
      returned: always
      sample: [{to: 10.9.0.0/24, via: 192.168.1.10}]
    virtnet_return_route_sets:
      description: The same as sets for M(virtnet.kvm.static_routes), one for each network. That of a network that is removed is absent.
      type: list
      elements: dict
      returned: always
      sample: [{name: kvm1.routed0, routes: [{to: 10.9.0.0/24, via: 192.168.1.10}]}]
stays:
  description: What stays on the host when the topologies are removed.
  returned: with O(state=absent) and O(prepare)
  type: list
  elements: str
  sample: [packages and daemons of libvirt]
sysctl_file:
  description: File that enables forwarding at boot. Empty if O(state=absent) and the host doesn't have it.
  returned: when packages, daemons or forwarding would change, or with RV(stays)
  type: str
  sample: /etc/sysctl.d/99-virtnet-kvm.conf
"""
