"""How actions are said on the wire (docs/protocol.md). Pure."""

from __future__ import annotations

from typing import Any

from app.actions.records import BREAKS, ActionKind, ActionRecord, BreakState
from app.monitoring.views import iso

SENDER = "Proctor"


def message_of(record: ActionRecord) -> dict[str, Any]:
    """What the student's page shows: never who acted, and no reason kept for colleagues."""
    return {
        "message_id": record.action_id,
        "kind": "break" if record.kind in BREAKS else record.kind.value,
        "text": record.text,
        "from": SENDER,
        "at": iso(record.at),
        "minutes": record.minutes,
    }


def talk_of(record: ActionRecord) -> dict[str, Any]:
    """One line of the conversation, as the student sees it."""
    return {
        **message_of(record),
        "kind": "chat" if record.kind is ActionKind.CHAT else message_of(record)["kind"],
        "is_mine": record.is_from_student,
        "is_seen": record.seen_at is not None,
    }


def break_of(state: BreakState) -> dict[str, Any]:
    until_ms = None if state.until_at is None else state.until_at.timestamp() * 1000
    return {"state": state.state, "until_ms": until_ms, "left": state.left}


def action_of(record: ActionRecord) -> dict[str, Any]:
    """The whole action, for those who watch."""
    return {
        "action_id": record.action_id,
        "session_id": record.session_id,
        "exam_id": record.exam_id,
        "action": record.kind.value,
        "actor": record.actor,
        "actor_kind": record.actor_kind,
        "at": iso(record.at),
        "text": record.text,
        "reason": record.reason,
        "minutes": record.minutes,
        "until_at": iso(record.until_at) if record.until_at else None,
        "is_beyond": record.is_beyond,
        "is_for_student": record.is_for_student,
        "seen_at": iso(record.seen_at) if record.seen_at else None,
    }
