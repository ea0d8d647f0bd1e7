"""REST: the review of flags, the outcome of sessions, and how often people confirm."""

from __future__ import annotations

from datetime import datetime

from app.access.needs import (
    EVIDENCE_READ,
    EXAMS_WRITE,
    FLAGS_DECIDE,
    OUTCOME_SET,
    REVIEW_REOPEN,
)
from app.api.review_models import (
    DecideFlags,
    ExamCountPart,
    ExamReview,
    ExamsToReview,
    ExamToReview,
    PutReviewTerms,
    QueueSession,
    RatePart,
    Reopen,
    ReviewAnswer,
    ReviewRates,
    ReviewTermsAnswer,
    SessionReview,
    SetOutcome,
)
from app.api.review_shapes import (
    case_part,
    episode_part,
    may_part,
    person_of,
    queue_flags,
    session_part,
    step_part,
    terms_of,
)
from app.errors import CandorError, NotFound
from app.ids import check_chosen_id
from app.records import ClipRecord, ReviewState, SessionRecord
from app.review.case import case_of
from app.review.decided import decided_flags
from app.review.episodes import episodes_of, flags_of
from app.review.model import Case, CaseState, Outcome, Release
from app.review.rates import ENOUGH, Rate, rates_of
from app.review.reviews import in_order
from app.web.routes import Call, Route

MOST_SESSIONS = 1_000
DUE = (CaseState.READY, CaseState.PROPOSED)
GONE = {404: "There is no such session or flag."}


def exams(call: Call) -> ExamsToReview:
    """Exams with flags, those with the most waiting first."""
    repository = call.services.repository
    clips: dict[str, dict[str, list[ClipRecord]]] = {}
    for clip in repository.clips():
        if call.by.may_see(clip.exam_id):
            clips.setdefault(clip.exam_id, {}).setdefault(clip.session_id, []).append(clip)
    found = [_exam(call, exam_id, sessions) for exam_id, sessions in clips.items()]
    found.sort(key=lambda each: (-each.appeals, -each.waiting, -each.due, each.exam_id))
    return ExamsToReview(exams=found)


def _exam(call: Call, exam_id: str, clips: dict[str, list[ClipRecord]]) -> ExamToReview:
    steps = call.services.repository.reviewing.steps_of_exam(exam_id)
    cases = [
        case_of(each, steps.get(each, ()), [clip.clip_id for clip in clips.get(each, ())])
        for each in {**clips, **steps}
    ]
    return ExamToReview(
        exam_id=exam_id,
        flags=sum(len(those) for those in clips.values()),
        waiting=sum(len(case.waiting) for case in cases),
        sessions=len(cases),
        due=sum(case.state in DUE for case in cases),
        appeals=sum(case.state is CaseState.APPEALED for case in cases),
        newest_at=max(
            (clip.flagged_at for those in clips.values() for clip in those), default=None
        ),
    )


def exam(call: Call) -> ExamReview:
    """The queue: sessions with a flag or a step of a review, in the order of their start."""
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    services = call.services
    repository = services.repository
    steps = repository.reviewing.steps_of_exam(exam_id)
    sessions = []
    for session in reversed(repository.sessions(exam_id=exam_id, limit=MOST_SESSIONS)):
        clips = repository.clips(session.session_id) if session.flagged_intervals else ()
        mine = steps.get(session.session_id, [])
        if not clips and not mine:
            continue
        case = case_of(session.session_id, mine, [clip.clip_id for clip in in_order(clips)])
        sessions.append(_queued(call, session, clips, case))
    return ExamReview(
        exam_id=exam_id,
        terms=terms_of(services.reviews.terms(exam_id)),
        sessions=sessions,
        may_change=_is_allowed(call),
    )


def _queued(
    call: Call, session: SessionRecord, clips: tuple[ClipRecord, ...], case: Case
) -> QueueSession:
    repository = call.services.repository
    intervals = [record.interval for record in repository.intervals(session.session_id)]
    flags = flags_of(clips, intervals, repository.violations(session.session_id))
    return QueueSession(
        session=session_part(session),
        review=case_part(case),
        flags=queue_flags(episodes_of(flags), case),
    )


def _is_allowed(call: Call) -> bool:
    try:
        EXAMS_WRITE.check(call.by)
    except CandorError:
        return False
    return True


def session(call: Call) -> SessionReview:
    services = call.services
    repository = services.repository
    record = services.sessions.get(call.path["session_id"])
    session_id = record.session_id
    terms = services.reviews.terms(record.exam_id)
    case = services.reviews.case(session_id)
    intervals = [each.interval for each in repository.intervals(session_id)]
    flags = flags_of(repository.clips(session_id), intervals, repository.violations(session_id))
    blocks = [each.data for each in repository.trace(session_id)] if flags else []
    links = services.media_links.of(call.caller)
    return SessionReview(
        session=session_part(record),
        terms=terms_of(terms),
        review=case_part(case),
        may=may_part(case, call.by, terms, record, services.clock.now()),
        episodes=[episode_part(each, case, record, blocks, links) for each in episodes_of(flags)],
        steps=[step_part(each) for each in services.reviews.steps(session_id)],
    )


def decide(call: Call) -> ReviewAnswer:
    body: DecideFlags = call.body
    case = call.services.reviews.decide(
        call.path["session_id"],
        person_of(call.by),
        body.clip_ids,
        ReviewState(body.decision),
        body.reason,
    )
    return _answer(call, case)


def set_outcome(call: Call) -> ReviewAnswer:
    body: SetOutcome = call.body
    reviews, person = call.services.reviews, person_of(call.by)
    session_id = call.path["session_id"]
    return _answer(
        call, reviews.set_outcome(session_id, person, Outcome(body.outcome), body.reason)
    )


def say_final(call: Call) -> ReviewAnswer:
    body: SetOutcome = call.body
    reviews, person = call.services.reviews, person_of(call.by)
    session_id = call.path["session_id"]
    return _answer(call, reviews.say_final(session_id, person, Outcome(body.outcome), body.reason))


def reopen(call: Call) -> ReviewAnswer:
    body: Reopen = call.body
    session_id = call.path["session_id"]
    return _answer(call, call.services.reviews.reopen(session_id, person_of(call.by), body.reason))


def _answer(call: Call, case: Case) -> ReviewAnswer:
    services = call.services
    record = services.sessions.get(case.session_id)
    terms = services.reviews.terms(record.exam_id)
    now: datetime = services.clock.now()
    return ReviewAnswer(
        session_id=case.session_id,
        review=case_part(case),
        may=may_part(case, call.by, terms, record, now),
    )


def get_terms(call: Call) -> ReviewTermsAnswer:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    terms = call.services.reviews.terms(exam_id)
    return ReviewTermsAnswer(exam_id=exam_id, terms=terms_of(terms))


def put_terms(call: Call) -> ReviewTermsAnswer:
    body: PutReviewTerms = call.body
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    terms = call.services.reviews.put_terms(
        exam_id, body.people, body.appeal_days, Release(body.release)
    )
    return ReviewTermsAnswer(exam_id=exam_id, terms=terms_of(terms))


def rates(call: Call) -> ReviewRates:
    return _rates(call, "")


def exam_rates(call: Call) -> ReviewRates:
    return _rates(call, check_chosen_id(call.path["exam_id"], "The exam id"))


def _rates(call: Call, exam_id: str) -> ReviewRates:
    repository = call.services.repository
    clips = [
        clip
        for clip in repository.clips()
        if call.by.may_see(clip.exam_id) and exam_id in ("", clip.exam_id)
    ]
    if exam_id and not clips:
        raise NotFound("This exam has no flag.")
    decided = decided_flags(repository, clips)
    return ReviewRates(
        enough=ENOUGH,
        rules=[_rate(each) for each in rates_of(decided.by_rule, decided.points)],
        detectors=[_rate(each) for each in rates_of(decided.by_detector, {})],
        exams=[
            ExamCountPart(
                exam_id=each.exam_id,
                confirmed=each.confirmed,
                dismissed=each.dismissed,
                unclear=each.unclear,
            )
            for each in decided.exams
        ],
    )


def _rate(rate: Rate) -> RatePart:
    return RatePart(
        name=rate.name,
        flags=rate.flags,
        decided=rate.decided,
        confirmed=rate.confirmed,
        rate=rate.rate,
        low=rate.low,
        high=rate.high,
        points=rate.points,
        suggested=rate.suggested,
        says=rate.says,
    )


SESSION = {"session_id": "The session's id."}
EXAM = {"exam_id": "The exam's id."}
ROUTES = (
    Route(
        "GET",
        "/api/review/exams",
        "exams_to_review",
        "The exams that have flags, and what waits in them",
        exams,
        needs=EVIDENCE_READ,
        answer=ExamsToReview,
    ),
    Route(
        "GET",
        "/api/review/rates",
        "review_rates",
        "How often people confirm the flags of each rule and detector, and points that would fit",
        rates,
        needs=EVIDENCE_READ,
        answer=ReviewRates,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/review/rates",
        "exam_review_rates",
        "The same for one exam",
        exam_rates,
        needs=EVIDENCE_READ,
        answer=ReviewRates,
        refusals={404: "This exam has no flag."},
        parameters=EXAM,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/review",
        "exam_review",
        "The queue of an exam's flags, session by session",
        exam,
        needs=EVIDENCE_READ,
        answer=ExamReview,
        parameters=EXAM,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/review-terms",
        "review_terms",
        "How an exam's sessions are reviewed",
        get_terms,
        needs=EVIDENCE_READ,
        answer=ReviewTermsAnswer,
        parameters=EXAM,
    ),
    Route(
        "PUT",
        "/api/exam/{exam_id}/review-terms",
        "put_review_terms",
        "Set how many people an outcome needs, how long a student may appeal, and what they see",
        put_terms,
        needs=EXAMS_WRITE,
        body=PutReviewTerms,
        answer=ReviewTermsAnswer,
        parameters=EXAM,
    ),
    Route(
        "GET",
        "/api/session/{session_id}/review",
        "session_review",
        "A session's flags with their reasons and looks, and everything people did about them",
        session,
        needs=EVIDENCE_READ,
        answer=SessionReview,
        refusals=GONE,
        parameters=SESSION,
    ),
    Route(
        "POST",
        "/api/session/{session_id}/review/flags",
        "decide_flags",
        "Confirm or dismiss flags of one session together, or say that it cannot be told",
        decide,
        needs=FLAGS_DECIDE,
        body=DecideFlags,
        answer=ReviewAnswer,
        refusals={**GONE, 409: "The session has an outcome."},
        parameters=SESSION,
    ),
    Route(
        "POST",
        "/api/session/{session_id}/review/outcome",
        "set_outcome",
        "Set a session's outcome; where two people are wanted, by another than who confirmed",
        set_outcome,
        needs=OUTCOME_SET,
        body=SetOutcome,
        answer=ReviewAnswer,
        refusals={**GONE, 409: "Flags are undecided, or the review is appealed or final."},
        parameters=SESSION,
    ),
    Route(
        "POST",
        "/api/session/{session_id}/review/final",
        "say_final",
        "Say the final word: after an appeal, or when the student cannot appeal any more",
        say_final,
        needs=OUTCOME_SET,
        body=SetOutcome,
        answer=ReviewAnswer,
        refusals={**GONE, 409: "There is no outcome, or the student may still appeal."},
        parameters=SESSION,
    ),
    Route(
        "POST",
        "/api/session/{session_id}/review/reopen",
        "reopen_review",
        "Take a session's outcome back; what was done stays in the record",
        reopen,
        needs=REVIEW_REOPEN,
        body=Reopen,
        answer=ReviewAnswer,
        refusals={**GONE, 409: "There is no outcome."},
        parameters=SESSION,
    ),
)
