"""Scores a finished session, or all of an exam, under another policy, without media."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.errors import NotFound
from app.ids import is_ours
from app.policies import load_policy, policy_named, presets
from app.records import SessionRecord
from app.reports.rescoring import Comparison, Skipped, rescored
from app.settings import Settings
from app.store import Repository
from app.store.documents import plain
from scoring.policy import Policy, policy_to_dict
from tools.rescoring_pool import rescored_in_processes
from tools.stored import opened, told


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every session was scored, 1 when some could not be, 2 when none could."""
    parser = argparse.ArgumentParser(prog="./run.sh rescore", description=__doc__)
    parser.add_argument("what", metavar="SESSION|EXAM", help="a session's id or an exam's id")
    parser.add_argument(
        "--policy", required=True, metavar="FILE|PRESET", help="a YAML file, or a preset's name"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write ledger or summary here")
    given = parser.parse_args(arguments)
    return told(lambda: _rescore(given.what, given.policy, given.json))


def _rescore(what: str, policy_name: str, json_file: Path | None) -> int:
    with opened() as (settings, repository):
        policy = _policy(policy_name, settings)
        session = repository.session(what) if is_ours(what) else None
        if session is not None:
            return _one(repository, session, policy, json_file)
        sessions = repository.sessions(exam_id=what)
        if not sessions:
            raise NotFound(f"There is no session and no session of an exam {what}.")
        return _exam(settings, repository, sessions, policy, json_file)


def _policy(name: str, settings: Settings) -> Policy:
    if name in {preset.name for preset in presets()}:
        return policy_named(name, settings)
    return load_policy(Path(name))


def _one(
    repository: Repository, session: SessionRecord, policy: Policy, json_file: Path | None
) -> int:
    result = rescored(repository, session, policy)
    _show(result.comparison)
    _write(
        json_file,
        {
            "policy": policy_to_dict(policy),
            "comparison": comparison_to_dict(result.comparison),
            "ledger": plain(result.ledger),
        },
    )
    return 0


def _exam(
    settings: Settings,
    repository: Repository,
    sessions: Sequence[SessionRecord],
    policy: Policy,
    json_file: Path | None,
) -> int:
    comparisons: list[Comparison] = []
    skipped: list[Skipped] = []
    for result in rescored_in_processes(settings, repository, sessions, policy):
        if isinstance(result, Skipped):
            skipped.append(result)
            print(f"{result.session.session_id}  skipped: {result.reason}")
            continue
        comparisons.append(result)
        _show(result)
    before = sum(len(each.before.flagged) for each in comparisons)
    after = sum(len(each.after.flagged) for each in comparisons)
    changed = sum(each.is_changed for each in comparisons)
    print(
        f"{len(comparisons)} sessions under {policy.name}: {changed} change,"
        f" flagged intervals {before} -> {after}, {len(skipped)} skipped"
    )
    _write(
        json_file,
        {
            "policy": policy_to_dict(policy),
            "sessions": [comparison_to_dict(each) for each in comparisons],
            "skipped": [[each.session.session_id, each.reason] for each in skipped],
        },
    )
    if not skipped:
        return 0
    return 1 if comparisons else 2


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """Plain data, with what was gained and lost."""
    gained, lost = comparison.gained, comparison.lost
    data: dict[str, Any] = plain(comparison)
    return {**data, "gained": plain(gained), "lost": plain(lost)}


def _show(each: Comparison) -> None:
    before, after = each.before, each.after
    print(
        f"{each.session_id}  {each.user_id}  {each.exam_id}  score {before.total_score:g} ->"
        f" {after.total_score:g}, flagged {len(before.flagged)} -> {len(after.flagged)}"
    )
    for word, spans in (("gained", each.gained), ("lost", each.lost)):
        if spans:
            print(f"  {word}: {_spans(spans)}")
    for rule in sorted(before.violations.keys() | after.violations.keys()):
        was, now = before.violations.get(rule, 0), after.violations.get(rule, 0)
        if was != now:
            print(f"  {rule}: {was} -> {now}")


def _spans(spans: Iterable[tuple[float, float]]) -> str:
    return ", ".join(f"{start:g}-{end:g} s" for start, end in spans)


def _write(file: Path | None, data: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
