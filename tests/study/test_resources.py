"""Memory and time that are asked for a run on a cluster follow what runs of its method took."""

import json

import pytest

from study.plan import load_study
from study.resources import UNKNOWN_MB, UNKNOWN_SECONDS, Taken, _most, memory_mb, minutes, taken


@pytest.fixture
def cell():
    return load_study("figure3").cell("Hopper", "trpo")


def finished(root, cell, seed=0, *, task=None, key=None, steps=100_000, seconds=10.0, peak=300.0, **others):
    """A run of the cell's algorithm, which collected and updated for so many seconds."""
    record = {"status": "finished", "steps": steps, "wall_seconds": 10 * seconds, "peak_memory_mb": peak}
    record |= {"collect_seconds": 0.75 * seconds, "update_seconds": 0.25 * seconds}
    folder = root / f"results/runs/{cell.method.algo}/{task or cell.task}/{key or cell.key}/seed{seed}"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record | others))


def test_the_most_that_any_run_of_the_cell_took_decides(tmp_path, cell):
    finished(tmp_path, cell, 0, seconds=10.0, peak=300.0)
    finished(tmp_path, cell, 1, seconds=6.0, peak=350.0)
    assert taken(cell, tmp_path) == Taken(1e-4, 350.0), "not the seconds of starting and compiling"
    assert minutes(cell, 1, tmp_path) == 7, "3 and twice the 1.67 that a million steps then take"
    assert memory_mb(cell, 1, tmp_path) == 1200, "1.2 × 350 and 750"


def test_a_second_try_has_twice_as_much_and_later_ones_three_times(tmp_path, cell):
    finished(tmp_path, cell)
    assert [minutes(cell, attempt, tmp_path) for attempt in (1, 2, 3, 6)] == [7, 13, 19, 19]
    assert [memory_mb(cell, attempt, tmp_path) for attempt in (1, 2, 3, 6)] == [1200, 2300, 3400, 3400]


def test_without_a_run_of_the_algorithm_the_guess_is_generous(tmp_path, cell):
    assert taken(cell, tmp_path) == Taken(UNKNOWN_SECONDS, UNKNOWN_MB)


@pytest.mark.parametrize(
    "near", [{"task": "Swimmer", "key": "0" * 12}, {"key": "0" * 12}, {}], ids=["algorithm", "task", "cell"]
)
def test_runs_of_the_algorithm_then_of_its_task_then_of_the_cell(tmp_path, cell, near):
    for seconds, place in enumerate([{"task": "Swimmer", "key": "0" * 12}, {"key": "0" * 12}, {}], 1):
        finished(tmp_path, cell, seconds=float(seconds), **place)
        if place == near:
            assert taken(cell, tmp_path).seconds == pytest.approx(seconds * 1e-5)
            return


def test_runs_that_diverged_or_are_damaged_say_nothing(tmp_path, cell):
    finished(tmp_path, cell, 0, status="diverged", seconds=0.1)
    finished(tmp_path, cell, 1)
    path = tmp_path / cell.folder(1) / "run.json"
    for content in (path.read_text()[:40], "[]", "null", '{"status": "finished", "steps": 1}', ""):
        path.write_text(content)
        _most.cache_clear()
        assert taken(cell, tmp_path) == Taken(UNKNOWN_SECONDS, UNKNOWN_MB)


def test_the_unknown_is_more_than_any_peak_known():
    for cell in load_study("figure3").cells:
        assert taken(cell).peak_mb <= UNKNOWN_MB
        assert memory_mb(cell) <= 1500
        assert 3 < minutes(cell) < minutes(cell, 2)
