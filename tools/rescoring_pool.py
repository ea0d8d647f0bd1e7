"""Scores the sessions of an exam again in processes of their own, one per core at most.

Each process opens the store itself and holds one session at a time, and only so many sessions are
handed out ahead of the answers, so an exam of any size takes the memory of a few sessions.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from app.errors import Unavailable
from app.records import SessionRecord
from app.reports.rescoring import Comparison, Skipped, rescored_exam
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.policy import Policy

MOST_PROCESSES = 8
# Starting processes takes about as long as scoring this many sessions.
FEW = 8
_AHEAD = 4

_repository: Repository | None = None
_policy: Policy | None = None


def rescored_in_processes(
    settings: Settings,
    repository: Repository,
    sessions: Sequence[SessionRecord],
    policy: Policy,
    processes: int | None = None,
) -> Iterator[Comparison | Skipped]:
    """Each session under another policy, in the order given.

    Raises what `app.reports.rescoring.rescored_exam` does, and Unavailable when a process dies.
    """
    count = min(processes or os.cpu_count() or 1, MOST_PROCESSES)
    if count < 2 or len(sessions) <= FEW:
        yield from rescored_exam(repository, sessions, policy)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _open, (settings, policy)) as pool:
        waiting: deque[Future[Comparison | Skipped]] = deque()
        try:
            for session in sessions:
                if len(waiting) >= count * _AHEAD:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(_one, session))
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise Unavailable(
                "A process that scores sessions was ended, perhaps for want of memory. Start again."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _open(settings: Settings, policy: Policy) -> None:
    global _repository, _policy
    _repository, _policy = open_repository(settings), policy


def _one(session: SessionRecord) -> Comparison | Skipped:
    if _repository is None or _policy is None:
        raise RuntimeError("this process was not opened")
    (result,) = rescored_exam(_repository, [session], _policy)
    return result
