"""The benchmarks' front door."""

from __future__ import annotations

import pytest

from tools.bench import main


def test_a_bench_gets_the_arguments_after_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["scoring", "--help"])
    assert stopped.value.code == 0
    assert "--sessions" in capsys.readouterr().out


def test_without_a_known_name_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["nothing"]) == 2
    assert main(["--help"]) == 0
    assert "scoring,detectors" in capsys.readouterr().out
