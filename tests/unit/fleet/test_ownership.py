"""Which server runs a session, and what happens when one dies: on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.fleet.ownership import LEASE_S, ORPHAN_S, Ownership
from app.store.members import StoredMembers
from app.store.repository import Repository
from tests.engines import ENGINES, engine_of
from tests.fakes import FakeClock


class Server:
    """One server: what it runs, what it was told."""

    def __init__(self, store: StoredMembers, clock: FakeClock, running: set[str]) -> None:
        self.runs: list[str] = []
        self.claimed: list[str] = []
        self.given_up = 0
        self.others: dict[str, Server] = {}
        self.gives_back = True
        self.ownership = Ownership(
            store,
            clock,
            self._ask_release,
            self.claimed.append,
            self._give_up,
            lambda: running,
            lambda _session_id: True,
            self.runs.append,
        )
        self.ownership.join()

    @property
    def name(self) -> str:
        return self.ownership.member_id

    def _ask_release(self, owner: str, session_id: str) -> bool:
        other = self.others[owner]
        if other.gives_back:
            other.ownership.give_back(session_id)
        return other.gives_back

    def _give_up(self) -> None:
        self.given_up += 1


class World:
    """Two servers over one store."""

    def __init__(self, store: StoredMembers) -> None:
        self.clock = FakeClock()
        self.store = store
        self.running: set[str] = set()
        self.one = Server(store, self.clock, self.running)
        self.two = Server(store, self.clock, self.running)
        for server in (self.one, self.two):
            server.others = {each.name: each for each in (self.one, self.two)}
        self.live(1.0)

    def live(self, seconds: float, *alive: Server) -> None:
        """Time passes; only these servers (or both) say that they are there."""
        for _ in range(round(seconds / 0.5)):
            self.clock.advance(0.5)
            for server in alive or (self.one, self.two):
                server.ownership.beat_once()
                server.ownership.look()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with engine_of("neosqlite", tmp_path) as engine:
        yield World(Repository(engine).members)


def test_a_session_has_one_owner_and_moves_when_it_is_asked_for(world: World) -> None:
    world.one.ownership.claim("s")
    assert world.two.ownership.owner("s") == world.one.name
    assert not world.two.ownership.claim_free("s")
    world.two.ownership.claim("s")
    assert world.one.ownership.owner("s") == world.two.name
    # It was handed over as it should be: nothing is left to settle.
    assert world.two.claimed == []


def test_the_sessions_of_a_server_that_died_are_free_after_the_lease(world: World) -> None:
    world.one.ownership.claim("s")
    world.live(LEASE_S - 1, world.two)
    assert not world.two.ownership.claim_free("s")
    world.live(2, world.two)
    assert world.two.ownership.claim_free("s")
    assert world.two.claimed == ["s"]


def test_a_server_that_was_given_up_learns_it_and_ends(world: World) -> None:
    world.live(LEASE_S + 1, world.two)
    world.one.ownership.beat_once()
    assert world.one.given_up == 1
    assert world.two.given_up == 0


def test_a_database_that_was_away_makes_nobody_look_dead(world: World) -> None:
    world.one.ownership.claim("s")
    world.clock.advance(60)
    world.two.ownership.look()
    world.live(1)
    assert world.two.ownership.owner("s") == world.one.name


def test_orphans_are_taken_up_after_a_while_and_once(world: World) -> None:
    world.running.add("s")
    world.one.ownership.claim("s")
    world.live(LEASE_S + 1, world.two)
    world.two.ownership.adopt()
    assert world.two.runs == []
    world.live(ORPHAN_S + 1, world.two)
    world.two.ownership.adopt()
    world.two.ownership.adopt()
    assert world.two.runs == ["s"]
    world.running.clear()
    world.two.ownership.adopt()
    assert world.store.owner("s") is None


def test_a_server_that_does_not_give_a_session_back_keeps_it(world: World) -> None:
    world.one.ownership.claim("s")
    world.one.gives_back = False
    world.two.ownership.stop()
    with pytest.raises(Unavailable):
        world.two.ownership.claim("s")
    assert world.store.owner("s") == world.one.name


def test_a_server_that_leaves_frees_its_sessions_at_once(world: World) -> None:
    world.one.ownership.claim("s")
    world.one.ownership.leave()
    world.live(0.5, world.two)
    assert world.two.ownership.claim_free("s")


@pytest.mark.parametrize("name", ENGINES)
def test_of_several_that_want_the_same_one_gets_it(name: str, tmp_path: Path) -> None:
    with engine_of(name, tmp_path) as engine:
        store = Repository(engine).members
        assert store.pass_on("s", None, "a")
        assert not store.pass_on("s", None, "b")
        assert not store.pass_on("s", "c", "b")
        assert store.pass_on("s", "a", "b")
        assert store.owners() == {"s": "b"}
        store.join("b")
        assert store.beat("b", 1)
        (member,) = store.members()
        assert store.beat("b", 2)
        assert not store.give_up(member)
        assert store.give_up(store.members()[0])
        assert not store.beat("b", 3)
        store.forget("s")
        assert store.owner("s") is None
