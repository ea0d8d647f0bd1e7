from __future__ import annotations

import pytest

from app.intake.mailbox import LATE_FRAMES_S, LATE_SOUND_S, Mailbox
from detectors.messages import Frame, Mark, Sound


def frames(fps: float, seconds: float, start_s: float = 0.0) -> list[Frame]:
    return [Frame(start_s + index / fps, b"jpeg") for index in range(round(fps * seconds))]


@pytest.mark.parametrize("capture_fps", [2, 5, 10, 15])
def test_two_frames_a_second_are_analysed_whatever_the_capture_rate(capture_fps: float) -> None:
    mailbox, taken = Mailbox(2), 0
    for second in range(20):
        mailbox.put(frames(capture_fps, 1, second))
        taken += len(mailbox.take().frames)
    assert taken == 40


def test_the_batching_of_frames_does_not_change_which_are_analysed() -> None:
    stream = frames(5, 12, 0.137)
    together, apart = Mailbox(2), Mailbox(2)
    one_by_one: list[Frame] = []
    for frame in stream:
        apart.put([frame])
        one_by_one += apart.take().frames
    in_batches: list[Frame] = []
    for start in range(0, len(stream), 5):
        together.put(stream[start : start + 5])
        in_batches += together.take().frames
    assert one_by_one == in_batches


def test_the_newest_frames_win_and_the_lost_ones_are_counted() -> None:
    mailbox = Mailbox(2)
    mailbox.put(frames(2, 10))
    taken = mailbox.take().frames
    assert [frame.at_s for frame in taken] == [7, 7.5, 8, 8.5, 9, 9.5]
    assert mailbox.dropped_frames == 14


def test_sound_keeps_its_order_and_is_taken_a_few_seconds_at_a_time() -> None:
    mailbox = Mailbox(2)
    mailbox.put(sounds=[Sound(second, bytes(32_000)) for second in range(8)])
    assert [sound.at_s for sound in mailbox.take().sounds] == [0, 1, 2, 3, 4]
    assert mailbox.has_work
    assert [sound.at_s for sound in mailbox.take().sounds] == [5, 6, 7]
    assert not mailbox.has_work


def test_sound_that_waits_too_long_is_dropped_and_counted() -> None:
    mailbox = Mailbox(2)
    mailbox.put(sounds=[Sound(second, bytes(32_000)) for second in range(30)])
    assert mailbox.dropped_sound_s == 10
    assert mailbox.take().sounds[0].at_s == 10


def test_an_empty_mailbox_gives_nothing() -> None:
    mailbox = Mailbox(2)
    assert not mailbox.put()
    assert mailbox.take().is_empty


def test_what_is_in_hand_is_pending_until_it_is_done() -> None:
    mailbox = Mailbox(2)
    mailbox.put(frames(2, 2, 10))
    mailbox.take()
    assert not mailbox.has_work
    assert mailbox.pending_from_s == 10
    mailbox.done()
    assert mailbox.pending_from_s == float("inf")


def test_what_a_lost_worker_had_in_hand_is_analysed_again_in_order() -> None:
    mailbox = Mailbox(2)
    mailbox.put(frames(2, 1, 10), [Sound(10, bytes(32_000))])
    taken = mailbox.take()
    mailbox.put(frames(2, 1, 11))
    mailbox.put_back()
    again = mailbox.take()
    assert again.frames[:2] == taken.frames
    assert [frame.at_s for frame in again.frames] == [10, 10.5, 11, 11.5]
    assert again.sounds == taken.sounds


def test_what_has_no_room_while_it_is_live_overflows_and_is_not_dropped() -> None:
    late = Mailbox(2, LATE_FRAMES_S, LATE_SOUND_S)
    mailbox = Mailbox(2, overflow=late.put_sampled)
    mailbox.put(frames(2, 10))
    assert mailbox.dropped_frames == 0
    assert [frame.at_s for frame in mailbox.take().frames] == [7, 7.5, 8, 8.5, 9, 9.5]
    assert late.waiting_s == 7
    assert late.pending_from_s == 0


def test_late_frames_are_taken_oldest_first_in_any_order_of_arrival() -> None:
    mailbox = Mailbox(2, LATE_FRAMES_S, LATE_SOUND_S)
    mailbox.put(frames(2, 2, 50))
    mailbox.put(frames(2, 2, 20))
    assert [frame.at_s for frame in mailbox.take().frames][:4] == [20, 20.5, 21, 21.5]


def test_a_slower_pace_thins_what_waits_and_what_comes_evenly() -> None:
    box = Mailbox(2.0)
    box.put(frames=[Frame(second / 2, b"jpeg") for second in range(6)])
    box.pace(0.5, 4.0)
    box.put(frames=[Frame(3 + second / 2, b"jpeg") for second in range(4)])
    taken = box.take()
    assert taken.patience == 4
    assert [frame.at_s for frame in taken.frames] == [2.0, 3.0, 4.0]
    assert (box.thinned_frames, box.dropped_frames) == (3, 2)
    box.pace(1.0, 1.0)
    box.put(frames=[Frame(5 + second / 2, b"jpeg") for second in range(4)])
    taken = box.take()
    assert [frame.at_s for frame in taken.frames] == [5.0, 5.5, 6.0, 6.5]
    assert taken.patience == 1


def test_sound_and_marks_stay_whole_at_every_pace() -> None:
    box = Mailbox(2.0)
    box.pace(0.1, 20.0)
    box.put(sounds=[Sound(float(second), bytes(32_000)) for second in range(4)])
    box.put_mark(Mark("register", 1.0))
    taken = box.take()
    assert len(taken.sounds) == 4
    assert len(taken.marks) == 1


def test_a_picture_that_comes_again_hours_later_is_not_analysed_again() -> None:
    mailbox = Mailbox(2)
    for second in range(2 * 3600):
        mailbox.put(frames(2, 1, second))
        mailbox.take()
    mailbox.put(frames(2, 1, 5))
    assert not mailbox.has_work
