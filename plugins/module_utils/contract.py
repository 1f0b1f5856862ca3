# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine, the runner, the kinds of resources and the drivers agree on.

A kind of resource is an extension: it brings a `Kind`, its `Resource`, and, where it needs them, `Facts` and a `Driver`. All that
the rest of the collection knows about it is in these classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, ClassVar, Generic, Optional, Protocol, TypeVar

State = TypeVar("State")
DriverType = TypeVar("DriverType", bound="Driver")
FactsType = TypeVar("FactsType", bound="Facts")

# A module's parameters, checked by Ansible; an argument spec; a printable form; notes that JSON can hold.
Options = Mapping[str, object]
ArgumentSpec = dict[str, dict[str, object]]
Shown = dict[str, object]
Notes = Mapping[str, object]


# -- the host --------------------------------------------------------------------------------------------------------------


class Driver:
    """Access to one thing of a host: libvirt's networks, the interfaces of a namespace, the files of the boot tools."""

    def forget(self) -> None:
        """Drops what was read of the host, as the host has been changed."""

    def close(self) -> None:
        """Gives back what the driver has open."""


class Host(Protocol):
    """A host, as steps and resources see it."""

    @property
    def uri(self) -> str:
        """The libvirt URI of the host."""

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        """Returns the driver of a kind, which is opened at its first use.

        ``kind`` is the abstract class that the model knows; ``where`` is the network namespace, for a driver that has one.
        """

    def forget(self) -> None:
        """Makes all drivers drop what they have read."""


Opener = Callable[[Host, Optional[str]], Driver]


class Facts:
    """What plans have to know of a host besides the resource that they are for.

    Facts are read at their first use, once in a run. A plan tells them what it changes, so that later plans see the host as it
    will be.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def host(self) -> Host:
        return self.world.host


class World:
    """The facts of a run, by their class."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._facts: dict[type[Facts], Facts] = {}

    def facts(self, kind: type[FactsType]) -> FactsType:
        """Returns the one object of this class."""
        found = self._facts.get(kind)
        if not isinstance(found, kind):
            found = self._facts[kind] = kind(self)
        return found


# -- steps and plans -------------------------------------------------------------------------------------------------------


class Step(ABC):
    """One change of the host, which is done or not done at all.

    A ``composite`` step consists of several changes: it is also undone when it fails itself.
    """

    composite: ClassVar[bool] = False

    @property
    @abstractmethod
    def words(self) -> str:
        """What the step does, beginning with a verb: ``create bridge br0``."""

    @abstractmethod
    def do(self, host: Host) -> None:
        """Makes the change. Raises `VirtnetError`."""

    @abstractmethod
    def undo(self, host: Host) -> None:
        """Takes the change back. Raises `VirtnetError`."""


class Handler(ABC):
    """What is done once, after all steps, if a step has notified it; when steps are undone, it is done again after that."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What the handler does, beginning with a verb."""

    @abstractmethod
    def merge(self, other: Handler) -> Optional[Handler]:
        """Returns one handler that does what this and the other do; ``None`` if they have to be done one by one."""

    @abstractmethod
    def triggered_by(self, steps: Sequence[Step]) -> bool:
        """Returns whether one of the steps notifies this handler."""

    @abstractmethod
    def do(self, host: Host) -> None: ...

    @abstractmethod
    def undo(self, host: Host) -> None: ...


@dataclass(frozen=True)
class Plan(Generic[State]):
    """The steps to the desired state, and the state that they lead to.

    ``after`` is that state as far as it is known when the resource is planned, see `Resource.predicted`. ``notes`` is what a
    later run needs if this one is killed. ``returned`` is what the module returns about the plan, such as the method.
    """

    steps: tuple[Step, ...]
    after: State
    warnings: tuple[str, ...] = ()
    handlers: tuple[Handler, ...] = ()
    notes: Notes = field(default_factory=dict)
    returned: Options = field(default_factory=dict)


# -- resources -------------------------------------------------------------------------------------------------------------


class AnyResource(ABC):
    """A declared resource of any kind."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that the user gave."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The kind and the name, and what else tells two of them apart: ``bridge br0 in lab``."""

    @property
    def path(self) -> str:
        """Where the options stand, such as ``bridges[0]``; empty at the top."""
        return ""

    @property
    @abstractmethod
    def present(self) -> bool:
        """Whether the resource should be there. Those that should not are removed first, to make room."""

    @abstractmethod
    def observe(self, host: Host) -> Outcome:
        """Reads the current state, with which the way to the desired one begins."""


class Resource(AnyResource, Generic[State]):
    """A declared resource whose state is a ``State``."""

    def provides(self, current: State) -> frozenset[str]:
        """Returns what other resources may need, such as ``interface br0``."""
        del current
        return frozenset()

    def needs(self, current: State) -> frozenset[str]:
        """Returns what must be there as long as the resource is there, of what other resources of the run provide."""
        del current
        return frozenset()

    def leaves(self, current: State) -> frozenset[str]:
        """Returns what the resource needs now and will not need any more, of what other resources of the run provide.

        If the run removes that, it does so after this resource has been changed.
        """
        del current
        return frozenset()

    @abstractmethod
    def current(self, host: Host) -> State:
        """Reads the state of the resource from the host."""

    @abstractmethod
    def plan(self, current: State, world: World, notes: Notes) -> Plan[State]:
        """Plans the way to the desired state. Pure; raises `OptionError` or `VirtnetError` for what can't be done.

        ``notes`` are those of a run that was killed; empty if there was none.
        """

    def predicted(self, plan: Plan[State], world: World) -> State:
        """Returns the state after the run. It is asked for when all resources are planned."""
        del world
        return plan.after

    @abstractmethod
    def show(self, state: State, plan: Plan[State]) -> Shown:
        """Returns the printable form of a state, in the structure of the options."""

    def describe(self, host: Host, state: State) -> Options:
        """Returns what the module returns about the resource itself."""
        del host, state
        return {}

    def observe(self, host: Host) -> Outcome:
        return _OutcomeOf(self, self.current(host))


class Outcome(ABC):
    """What becomes of one resource in a run: its current state, its plan, the predicted state, and what the host has then.

    The states have types that only the resource knows, so these are their printable forms. ``returned`` is what the module
    returns about the plan.
    """

    place: int = 0  # in the order in which the plans are applied

    def __init__(self) -> None:
        self.shown_before: Shown = {}
        self.shown_after: Shown = {}
        self.warnings: list[str] = []
        self.steps: tuple[Step, ...] = ()
        self.handlers: tuple[Handler, ...] = ()
        self.notes: Notes = {}
        self.returned: Options = {}

    @property
    @abstractmethod
    def resource(self) -> AnyResource: ...

    @property
    def label(self) -> str:
        return self.resource.label

    @property
    def changed(self) -> bool:
        return bool(self.steps or self.handlers)

    @property
    def actions(self) -> list[str]:
        return [*(step.words for step in self.steps), *(handler.words for handler in self.handlers)]

    @abstractmethod
    def provides(self) -> frozenset[str]: ...

    @abstractmethod
    def needs(self) -> frozenset[str]: ...

    @abstractmethod
    def leaves(self) -> frozenset[str]: ...

    @abstractmethod
    def plan(self, world: World, notes: Notes) -> None:
        """Plans the resource. Raises as `Resource.plan`."""

    @abstractmethod
    def predict(self, world: World) -> None:
        """Sets ``shown_after``, when all resources are planned."""

    @abstractmethod
    def verify(self, host: Host) -> None:
        """Reads the state again after the steps, and warns where it isn't the predicted one."""

    @abstractmethod
    def result(self, host: Host) -> dict[str, object]:
        """Returns what a module returns about the resource."""


class _OutcomeOf(Outcome, Generic[State]):
    def __init__(self, resource: Resource[State], current: State) -> None:
        super().__init__()
        self._resource = resource
        self._state = current
        self._plan: Plan[State] = Plan((), current)

    @property
    def resource(self) -> Resource[State]:
        return self._resource

    def provides(self) -> frozenset[str]:
        return self._resource.provides(self._state)

    def needs(self) -> frozenset[str]:
        return self._resource.needs(self._state)

    def leaves(self) -> frozenset[str]:
        return self._resource.leaves(self._state)

    def plan(self, world: World, notes: Notes) -> None:
        plan = self._plan = self._resource.plan(self._state, world, notes)
        self.steps, self.handlers, self.notes = plan.steps, plan.handlers, plan.notes
        self.returned = plan.returned
        self.warnings = list(plan.warnings)
        self.shown_before = self.shown_after = self._resource.show(self._state, plan)

    def predict(self, world: World) -> None:
        self.shown_after = self._resource.show(self._resource.predicted(self._plan, world), self._plan)

    def verify(self, host: Host) -> None:
        self._state = self._resource.current(host)
        shown = self._resource.show(self._state, self._plan)
        keys = {*shown, *self.shown_after}
        differing = sorted(key for key in keys if shown.get(key) != self.shown_after.get(key))
        if differing:
            self.warnings.append(
                f"{self.label}: the host has other values than predicted for {', '.join(differing)}; see the diff"
            )
        self.shown_after = shown

    def result(self, host: Host) -> dict[str, object]:
        return {
            "changed": self.changed,
            "actions": self.actions,
            "before": self.shown_before,
            "after": self.shown_after,
            **self.returned,
            **self._resource.describe(host, self._state),
        }


# -- kinds -----------------------------------------------------------------------------------------------------------------


class Kind(ABC):
    """A kind of resource, as the modules, ``fabric`` and the roles know it. ``kinds/registry.py`` lists all of them."""

    #: The list of ``fabric`` that holds resources of this kind; also what the ``_info`` module returns.
    plural: ClassVar[str]
    #: Whether a checkpoint restores such resources.
    restorable: ClassVar[bool] = False
    #: Options of all modules of the kind, which ``fabric`` has once for all its lists.
    common_options: ClassVar[ArgumentSpec] = {}
    #: Options of the ``_info`` module besides ``name`` and the common ones.
    info_options: ClassVar[ArgumentSpec] = {}
    #: The drivers that resources of the kind use, by the class that they ask for.
    drivers: ClassVar[Mapping[type[Driver], Opener]] = {}

    @abstractmethod
    def argument_spec(self) -> ArgumentSpec:
        """Returns the options of one resource."""

    def constraints(self) -> dict[str, list[tuple[str, ...]]]:
        """Returns which options exclude or require each other, in the words of Ansible's argument spec."""
        return {}

    @abstractmethod
    def parse(self, options: Options, path: str = "") -> AnyResource:
        """Returns the resource that the options declare. Raises `OptionError`, below ``path``."""

    @abstractmethod
    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        """Returns what the ``_info`` module returns of the resources with these names; ``None`` for all of them."""

    def info_on_host(self, host: Host) -> Options:
        """Returns what the ``_info`` module returns besides the resources."""
        del host
        return {}

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        """Returns a resource of the kind as it is planned beside the others of the run, of all kinds."""
        del others
        return resource
