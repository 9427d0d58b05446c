"""Films of final policies, really drawn; without OpenGL, what is said."""

import html
import itertools
import json
import os
import shutil
import subprocess
import sys

import matplotlib.pyplot as plt
import mujoco
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from copied import edit, run_snakemake, snakemake
from missing import need
from PIL import Image

from analysis.data.products import figures_of, video_file
from analysis.page import frames
from core.errors import UsageError
from core.policy import Policy
from play import opengl
from play.episodes import play
from play.film import GREY, SECONDS, SIZE, film, film_cell, stage, write
from study.config import read_config
from study.plan import ROOT, load_study, make_study

ENVS = read_config(ROOT / "envs.yaml")


@pytest.fixture(scope="module")
def drawn():
    """Chooses OpenGL; where no library of it is there these tests are skipped."""
    try:
        opengl.choose()
    except UsageError:
        need("libEGL.so.1", "libGL.so.1")
        raise


def write_run(folder, task_id="Hopper-v4", status="finished", jolt=0.3):
    """A run with a policy that nobody trained."""
    spaces = {"Hopper-v4": (11, 3), "InvertedPendulum-v4": (4, 1), "Reacher-v4": (11, 2)}
    policy = Policy(*spaces[task_id])
    theta = policy.init(np.random.default_rng(0)) + jolt * torch.randn(policy.size, generator=torch.manual_seed(1))
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file({"theta": theta}, folder / "policy.safetensors")
    record = {"task_id": task_id, "seed": 0, "status": status, "options": {"clip_actions": False}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.mark.long
def test_the_camera_goes_with_the_runner(drawn):
    env = stage("Hopper-v4")
    env.reset(seed=0)
    task, seen = env.unwrapped, []
    for x in (0.0, 30.0):
        task.data.qpos[0] = x
        mujoco.mj_forward(task.model, task.data)
        red, _, blue = np.moveaxis(env.render().astype(int), -1, 0)
        seen.append((red - blue > 60).mean())
    env.close()
    assert 0.002 < seen[0] < 0.2, "the body, the only thing that is orange"
    assert seen[1] == pytest.approx(seen[0], rel=0.3)


@pytest.mark.long
def test_a_film_is_the_evaluated_episode_in_real_time(drawn, tmp_path):
    run = write_run(tmp_path / "run")
    length = next(row.length for row in play(run) if (row.how, row.start) == ("deterministic", 0))
    pictures, seconds = film(run)
    assert seconds == pytest.approx(8 * 0.008), "Hopper's step is 8 ms; 15 pictures a second, about"
    assert len(pictures) == 1 + -(-length // 8), "and the last one is of its end"
    assert {picture.shape for picture in pictures} == {(*SIZE[::-1], 3)}
    assert all(picture.std() > 10 for picture in pictures), "none is empty"
    assert all((a != b).any() for a, b in itertools.pairwise(pictures)), "it moves"
    write(tmp_path / "film.webp", pictures, seconds)
    with Image.open(tmp_path / "film.webp") as made:
        assert (made.n_frames, made.size, made.info["loop"]) == (len(pictures), SIZE, 0)
    assert (tmp_path / "film.webp").stat().st_size < 100_000
    write(tmp_path / "again.webp", *film(run))
    assert (tmp_path / "again.webp").read_bytes() == (tmp_path / "film.webp").read_bytes()

    run = write_run(tmp_path / "falls", "InvertedPendulum-v4", jolt=0.0)
    first, second = [row.length for row in play(run) if row.how == "deterministic"][:2]
    assert -(-first // 2) != -(-second // 2), "by its length the first start is told from the second"
    assert len(film(run)[0]) == 1 + -(-first // 2)

    still, seconds = film(write_run(tmp_path / "still", "Reacher-v4"))
    assert (len(still) - 1) * seconds == pytest.approx(50 * 0.02, abs=0.05), "an episode of a second"
    assert SECONDS > 1.0


def test_the_picture_at_a_moment(tmp_path):
    """A film whose pictures are plain: 0.0, 0.5 and 1.0 s."""
    colours = [np.full((*SIZE[::-1], 3), value, np.uint8) for value in (10, 120, 240)]
    write(tmp_path / "film.webp", colours, 0.5)

    def at(moment):
        image, ended = frames.picture(tmp_path / "film.webp", moment)
        return round(image.mean(), -1), ended

    assert [at(0), at(499), at(500), at(999)] == [(10, None), (10, None), (120, None), (120, None)]
    assert [at(1000), at(1500)] == [(240, None), (240, 1.0)], "at 1.5 s it has ended"
    (tmp_path / "film.webp").write_bytes(b"no film")
    with pytest.raises(UsageError, match="no readable film"):
        at(0)


def test_a_row_a_task_and_what_diverged_is_said(tmp_path, monkeypatch):
    entry = {"tasks": ["Hopper", "Reacher"], "seeds": 2, "steps": 10_000, "methods": {"trpo": None, "npg": None}}
    study = make_study("made", entry, ENVS)
    monkeypatch.setattr("play.film.ROOT", tmp_path)
    for cell in study.cells:
        for seed in cell.seeds:
            write_run(tmp_path / cell.folder(seed), status="diverged")
    (grey,), _ = film_cell(study.cells[0])
    assert (grey == GREY).all() and grey.shape == (*SIZE[::-1], 3)

    shown = {(cell.task, cell.method.name): frames.Picture(grey, None) for cell in study.cells}
    shown["Hopper", "npg"] = frames.Picture(grey, 0.7)
    rows = [
        ("Hopper", "trpo", "diverged", 5.0),
        ("Hopper", "npg", "diverged", 6.0),
        ("Hopper", "npg", "finished", 345.6),
    ]
    rows += [("Reacher", "trpo", "finished", -4.44), ("Reacher", "npg", "finished", -5.0)]
    runs = pd.DataFrame(rows, columns=["task", "method", "status", "deterministic"])
    figure = frames.draw(study, shown, runs)
    below = [axis.get_xlabel() for axis in figure.get_axes()]
    assert below == ["diverged", "346, ends at 0.7 s", "−4.4", "−5.0"]
    assert [axis.get_title() for axis in figure.get_axes()] == ["trpo", "npg", "", ""]
    plt.close(figure)


def test_without_opengl_it_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    assert opengl.main() == 2
    assert capsys.readouterr().err.startswith("error: MUJOCO_GL=nonsense does not work here: unset it")
    monkeypatch.delenv("MUJOCO_GL")
    monkeypatch.setattr(opengl, "WAYS", ("neither", "nor"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert opengl.main() == 2
    error = capsys.readouterr().err
    assert "apt-get install libegl1 libgl1" in error and error.count("\n") == 1
    assert "MUJOCO_GL" not in os.environ


@pytest.mark.slow
@pytest.mark.workflow
def test_snakemake_plays_and_films_a_study_and_says_once_that_it_cannot(drawn, finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    shutil.rmtree(next(project.glob("results/runs/npg/*/*/evaluation")))
    shutil.rmtree(project / "results/runs/ppo_clip")
    edit(project / "studies.yaml", "    ppo_clip: {batch: 256}\n", "")
    environment = {"MUJOCO_GL": "nonsense"}
    done = run_snakemake(project, "tiny_videos", **environment)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and said.count("MUJOCO_GL=nonsense does not work here") == 1
    assert "film npg on" not in said
    snakemake(project, "tiny_videos")
    code = "from study.plan import load_study; from analysis.data.products import video_file; s = load_study('tiny'); "
    code += "print(*(video_file(s, c) for c in s.cells))"
    films = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True).stdout.split()
    assert len(films) == 2 and all((project / film).stat().st_size > 1000 for film in films)
    assert video_file(load_study("quick"), load_study("quick").cells[0]).startswith("results/quick/videos/")
    assert (project / "results/tiny/figures/frames.png").stat().st_size > 5000
    page = (project / "results/tiny/index.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") == 2
    assert "Nothing to be done" in snakemake(project, "-n", "tiny_videos")
    assert "Nothing to be done" in snakemake(project, "-n", "tiny"), "which needs no OpenGL"
    played = [pd.read_csv(path) for path in sorted((project / "results/runs").glob("*/*/*/evaluation/*.csv"))]
    assert [len(table) for table in played] == [2 * 5] * 2, "five of each kind, of one seed"
    runs = pd.read_csv(project / "results/tiny/tables/runs.csv").set_index("method")
    npg = played[0][played[0]["how"] == "deterministic"]["return"]
    assert runs.loc["npg", "deterministic"] == pytest.approx(npg.mean(), rel=1e-4)

    snakemake(project, "tiny", "--report", "report.html")
    report = (project / "report.html").read_text(encoding="utf-8")
    for name, about in figures_of(load_study("tiny", project)).items():
        assert html.escape(about, quote=False) in " ".join(report.split()), f"the report explains {name}"

    (project / films[0]).unlink()
    again = snakemake(project, "-n", "tiny_videos")
    assert ("film npg on" in again, "film trpo on" in again, "train" in again) == (True, False, False)
    source = (project / "play/episodes.py").read_text()
    (project / "play/episodes.py").write_text(source.replace("EPISODES = 5", "EPISODES = 6"))
    again = snakemake(project, "-n", "tiny")
    assert ("evaluate npg on" in again, "tables of tiny" in again, "train" in again) == (True, True, False)
