"""The manifest's grammar: what is read, and what is reported and left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.evaluation.manifest import Enrolment, ManifestError, Segment, load_manifest
from tools.evaluation.motion import gaze_truth, looks_straight

COLUMNS = (
    "file,faces,persons,phones,head,gaze,identity,speakers,kind,seconds,truth_segments,group,enrol"
)


def _folder(tmp_path: Path, *rows: str, columns: str = COLUMNS) -> Path:
    for name in ("a.jpg", "b.jpg", "v.mp4", "s.wav", "own.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "manifest.csv").write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def test_a_full_row_is_read(tmp_path: Path) -> None:
    manifest = load_manifest(
        _folder(
            tmp_path,
            "a.jpg,2,3,1,image-left,down,ann,,image,,,East Asian,",
            "s.wav,,,,,,,2,conversation,12.5,0-4.09:ann;4.5-12:bob,,own.wav#0-6",
        )
    )
    picture, sound = manifest.items
    assert (picture.faces, picture.persons, picture.phones) == (2, 3, 1)
    assert (picture.head, picture.gaze, picture.identity) == ("image-left", "down", "ann")
    assert picture.group == "East Asian"
    assert sound.segments == (Segment(0, 4.09, "ann"), Segment(4.5, 12, "bob"))
    assert sound.enrol == Enrolment("own.wav", 0, 6)
    assert manifest.problems == ()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("faces", "-1"),
        ("faces", "1.0"),
        ("faces", "many"),
        ("persons", "1e3"),
        ("phones", "2"),
        ("phones", "yes"),
        ("head", "left"),
        ("gaze", "Center"),
        ("seconds", "-3"),
        ("kind", "photo"),
        ("speakers", "two"),
        ("truth_segments", "4-2:ann"),
        ("truth_segments", "0-4 ann"),
        ("truth_segments", "0-4:ann;;"),
        ("enrol", "own.wav#6-0"),
        ("enrol", "own.wav"),
        ("enrol", "missing.wav#0-6"),
        ("enrol", "../own.wav#0-6"),
    ],
)
def test_a_cell_outside_the_grammar_is_reported_and_counts_as_unlabelled(
    tmp_path: Path, column: str, cell: str
) -> None:
    names = COLUMNS.split(",")
    row = [""] * len(names)
    row[0], row[names.index("kind")] = "s.wav", "speech"
    row[names.index(column)] = cell
    manifest = load_manifest(_folder(tmp_path, ",".join(row)))
    (item,) = manifest.items
    attribute = {"truth_segments": "segments"}.get(column, column)
    assert getattr(item, attribute) in (None, "", ())
    (problem,) = manifest.problems
    assert column in problem
    assert repr(cell)[1:-1] in problem


def test_the_rest_of_a_row_with_a_bad_cell_stands(tmp_path: Path) -> None:
    manifest = load_manifest(_folder(tmp_path, "a.jpg,one,1,0,,,,,image,,,,"))
    (item,) = manifest.items
    assert item.faces is None
    assert item.persons == 1


@pytest.mark.parametrize("file", ["missing.jpg", "../a.jpg", "", "/etc/passwd", "."])
def test_a_row_whose_file_is_not_in_the_folder_is_reported(tmp_path: Path, file: str) -> None:
    manifest = load_manifest(_folder(tmp_path, f"{file},1,,,,,,,image,,,,"))
    assert manifest.items == ()
    assert "is not a file of this folder" in manifest.problems[0]


def test_a_file_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    manifest = load_manifest(_folder(tmp_path, "a.jpg,1,,,,,,,image,,,,", "a.jpg,0,,,,,,,,,,,"))
    assert [item.faces for item in manifest.items] == [1]
    assert "twice" in manifest.problems[0]


def test_columns_that_are_missing_are_not_labelled(tmp_path: Path) -> None:
    manifest = load_manifest(_folder(tmp_path, "a.jpg,1", columns="file,faces"))
    (item,) = manifest.items
    assert (item.faces, item.kind, item.phones) == (1, "image", None)


def test_a_folder_without_a_manifest_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="name a folder that holds one"):
        load_manifest(tmp_path)


def test_a_manifest_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no column named file"):
        load_manifest(_folder(tmp_path, "1", columns="faces"))


def test_video_segments_are_frames_with_known_labels(tmp_path: Path) -> None:
    row = "v.mp4,1,,,,,,,video,,0-10 center;11-20 image-left;21-22 blink;30-40 id:ann;5-6 head:up,,"
    manifest = load_manifest(_folder(tmp_path, row))
    (item,) = manifest.items
    assert [gaze_truth(item, frame) for frame in (0, 10, 11, 20, 21, 41)] == [
        "center", "center", "image-left", "image-left", "", "",
    ]  # fmt: skip
    assert not looks_straight(item)


def test_the_gaze_cell_of_a_video_holds_for_every_frame_blinks_included(tmp_path: Path) -> None:
    row = "v.mp4,1,,,,center,,,video,,3-4 blink,,"
    (item,) = load_manifest(_folder(tmp_path, row)).items
    assert [gaze_truth(item, frame) for frame in (0, 3, 99)] == ["center"] * 3
    assert looks_straight(item)


@pytest.mark.parametrize("label", ["id:", "wink", "head:round"])
def test_an_unknown_label_of_a_video_segment_is_reported(tmp_path: Path, label: str) -> None:
    manifest = load_manifest(_folder(tmp_path, f"v.mp4,,,,,,,,video,,0-3 {label},,"))
    assert manifest.items[0].segments == ()
    assert label in manifest.problems[0]


def test_a_picture_of_several_people_stands_for_none_of_them(tmp_path: Path) -> None:
    rows = ("a.jpg,,,,,,ann+bob,,image,,,,", "b.jpg,,,,,,ann then bob,,image,,,,")
    manifest = load_manifest(_folder(tmp_path, *rows))
    assert [item.person for item in manifest.items] == ["", ""]
    assert manifest.problems == ()
