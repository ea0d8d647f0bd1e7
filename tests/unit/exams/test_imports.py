"""Questions from CSV, GIFT and Moodle XML, and what hostile files get."""

from __future__ import annotations

import pytest

from app.errors import InvalidInput
from app.exams.imports.bring_in import read_questions
from app.exams.records import Question

GIFT = r"""// a comment
$CATEGORY: nature

::Powers:: What is 2\=2 \{sort of\}? {
  =four #right
  ~five
  ~six
}

Two is prime. {T}

Which are prime? {~%50%two ~%50%three ~%-100%four}

How do plants make sugar? {=photosynthesis =Photo synthesis}

g {#9.81:0.05}

A number from one to three {#1..3}

The capital is {=Paris ~Rome} of France.

Say why. {}
"""

MOODLE = """<?xml version="1.0" encoding="UTF-8"?>
<quiz>
<question type="category"><category><text>top</text></category></question>
<question type="multichoice"><name><text>n</text></name>
 <questiontext format="html"><text><![CDATA[<p>What is <b>two</b> \\(2^1\\)?</p><ul><li>x</li></ul>
 <script>alert(1)</script>]]></text></questiontext>
 <defaultgrade>2.0</defaultgrade><single>true</single>
 <answer fraction="100" format="html"><text>two &amp; only</text></answer>
 <answer fraction="0"><text>three</text></answer></question>
<question type="multichoice"><questiontext><text>Primes?</text></questiontext><single>false</single>
 <answer fraction="50"><text>2</text></answer><answer fraction="50"><text>3</text></answer>
 <answer fraction="-100"><text>4</text></answer></question>
<question type="truefalse"><questiontext><text>Yes?</text></questiontext>
 <answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer>
</question>
<question type="shortanswer"><questiontext><text>Sugar?</text></questiontext><usecase>1</usecase>
 <answer fraction="100"><text>photosynthesis</text></answer></question>
<question type="numerical"><questiontext><text>g?</text></questiontext>
 <answer fraction="100"><text>9.81</text><tolerance>0.05</tolerance></answer></question>
<question type="essay"><questiontext><text>Why?</text></questiontext>
 <graderinfo><text>look for light</text></graderinfo></question>
</quiz>"""

CSV = """kind;text;points;penalty;option1;option2;option3;right;tolerance
single;What is two?;2;0,5;two;three;four;1;
multiple;Primes?;1;;two;three;four;1 2;
numeric;g?;;;;;;9,81;0,05
short;Sugar?;;;;;;photosynthesis | light;
long;Why?;4;;;;;;
"""


def right(question: Question) -> list[str]:
    return [option.text for option in question.options if option.is_right]


def test_gift_is_taken_over() -> None:
    found = read_questions(GIFT, "gift")
    assert found.problems == ()
    kinds = [question.kind for question in found.questions]
    assert kinds == [
        "single",
        "single",
        "multiple",
        "short",
        "numeric",
        "numeric",
        "single",
        "long",
    ]
    first = found.questions[0]
    assert first.text == "What is 2=2 {sort of}?"
    assert (right(first), len(first.options)) == (["four"], 3)
    assert right(found.questions[1]) == ["True"]
    assert right(found.questions[2]) == ["two", "three"]
    assert found.questions[3].accepted == ("photosynthesis", "Photo synthesis")
    assert (found.questions[4].number, found.questions[4].tolerance) == (9.81, 0.05)
    assert (found.questions[5].number, found.questions[5].tolerance) == (2, 1)
    assert found.questions[6].text == "The capital is _____ of France."


def test_moodle_xml_is_taken_over_without_its_html() -> None:
    found = read_questions(MOODLE, "moodle")
    assert found.problems == ()
    kinds = [question.kind for question in found.questions]
    assert kinds == ["single", "multiple", "single", "short", "numeric", "long"]
    first = found.questions[0]
    assert first.text == "What is **two** $2^1$?\n\n- x"
    assert (first.points, right(first)) == (2, ["two & only"])
    assert right(found.questions[1]) == ["2", "3"]
    assert found.questions[3].is_case_kept
    assert found.questions[5].guide == "look for light"


def test_csv_is_taken_over() -> None:
    found = read_questions(CSV, "csv")
    assert found.problems == ()
    first = found.questions[0]
    assert (first.points, first.penalty, right(first)) == (2, 0.5, ["two"])
    assert found.questions[2].number == 9.81
    assert found.questions[3].accepted == ("photosynthesis", "light")


def test_each_question_that_cannot_be_taken_is_named_with_its_line() -> None:
    text = "kind,text,right,option1,option2\nsingle,A?,3,x,y\nessay,B?,,,\nnumeric,C?,x,,\n"
    found = read_questions(text, "csv")
    assert [problem.line for problem in found.problems] == [2, 3, 4]
    gift = read_questions("A {=a -> b =c -> d}\n\nB {~x ~y}\n\nC\n", "gift")
    assert [problem.line for problem in gift.problems] == [1, 3, 5]
    assert "Matching" in gift.problems[0].message


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<quiz><question>&b;</question></quiz>"
)
OUTSIDE = (
    '<!DOCTYPE q [<!ENTITY x SYSTEM "file:///etc/passwd">]><quiz><question>&x;</question></quiz>'
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        OUTSIDE,
        "<quiz>",
        "",
        "\0",
        "<html/>",
        "<quiz/>",
        "<a>" * 50_000,
        "<quiz>" + "<question>" * 20_000,
    ],
    ids=["bomb", "outside", "open", "empty", "nul", "other", "none", "deep", "deep quiz"],
)
def test_hostile_xml_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_questions(text, "moodle")


@pytest.mark.parametrize("form", ["csv", "gift", "moodle"])
def test_a_file_that_is_too_large_is_refused(form: str) -> None:
    with pytest.raises(InvalidInput, match="larger"):
        read_questions("x" * 900_001, form)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["{" * 5000, "~" * 5000 + "}", "A {" + "~%" * 5000 + "}", "::" * 5000, "\\" * 5000 + "{=a}"],
)
def test_hostile_gift_is_read_or_refused(text: str) -> None:
    try:
        found = read_questions(text, "gift")
    except InvalidInput:
        return
    assert found.questions == () or len(found.questions) <= 1


def test_more_questions_than_an_exam_may_have_are_named() -> None:
    found = read_questions("kind,text\n" + "long,Why?\n" * 600, "csv")
    assert len(found.questions) == 500
    assert len(found.problems) == 1
