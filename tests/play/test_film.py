"""Films of tasks that are not MuJoCo's; none of them needs OpenGL."""

import json

import gymnasium
import numpy as np
import own_tasks
import pytest
import safetensors.torch
import torch
from PIL import Image

from core.errors import UsageError
from core.policy import Policy
from play import opengl
from play.episodes import play
from play.film import GREY, SECONDS, SIZE, blank, film, picture, stage, step_seconds, write


@pytest.fixture(autouse=True)
def no_opengl(monkeypatch):
    def choose():
        raise UsageError("no OpenGL here")

    monkeypatch.setattr(opengl, "choose", choose)


def run_on(folder, task_id, settings=None, sizes=(3, 2)):
    folder.mkdir()
    policy = Policy(*sizes)
    safetensors.torch.save_file({"theta": torch.zeros(policy.size)}, folder / "policy.safetensors")
    record = {"task_id": task_id, "seed": 0, "status": "finished", "options": {"clip_actions": False}}
    (folder / "run.json").write_text(json.dumps(record | ({"task_settings": settings} if settings else {})))
    return folder


@pytest.mark.parametrize("wrappers", [[], ["gymnasium.wrappers:NormalizeReward"]], ids=["plain", "wrapped"])
def test_a_task_that_draws_itself_is_filmed_in_the_size_of_films_and_in_real_time(tmp_path, wrappers):
    run = run_on(tmp_path / "run", "own_tasks:Painter-v0", {"kwargs": {"size": [100, 300]}, "wrappers": wrappers})
    pictures, seconds = film(run)
    assert seconds == pytest.approx(1 / 20), "a step, of 20 a second"
    assert len(pictures) == 1 + 40, "a whole episode, as it is evaluated"
    assert {row.length for row in play(run)} == {40} and SECONDS * 20 > 40
    assert {shown.shape for shown in pictures} == {(*SIZE[::-1], 3)}
    middle = [int(shown[SIZE[1] // 2, SIZE[0] // 2, 0]) for shown in pictures]
    assert middle == [6 * step for step in range(41)]
    assert (pictures[5][2] == GREY).all(), "three to one does not fill four to three"
    write(tmp_path / "film.webp", pictures, seconds)
    with Image.open(tmp_path / "film.webp") as made:
        assert made.n_frames > 5 and made.size == SIZE


def test_one_that_cannot_is_one_grey_picture_that_says_so(tmp_path):
    (shown,), _ = film(run_on(tmp_path / "run", "own_tasks:Base-v0"))
    assert shown.shape == (*SIZE[::-1], 3)
    assert (shown[:40] == GREY).all() and (shown[60:90] > GREY).any()
    assert (blank() == GREY).all()


def test_mujoco_needs_opengl_and_says_so(tmp_path):
    for name, sizes in (("Hopper-v4", (11, 3)), ("own_tasks:GoalHopper-v0", (11, 3))):
        with pytest.raises(UsageError, match="no OpenGL here"):
            film(run_on(tmp_path / name.replace(":", "."), name, sizes=sizes))


def shown_as(drawn):
    class Drawing(own_tasks.Painter):
        def render(self):
            if isinstance(drawn, Exception):
                raise drawn
            return drawn

    return Drawing(render_mode="rgb_array")


@pytest.mark.parametrize("shape", [(90, 90), (30, 40, 4), (600, 800, 3), (150, 200, 3)])
def test_pictures_of_any_shape_are_taken(shape):
    for kind in (np.uint8, float):
        taken = picture(shown_as(np.full(shape, 200, kind)), "x")
        assert (taken.shape, taken.dtype, taken[75, 100].tolist()) == ((150, 200, 3), np.uint8, [200] * 3)


@pytest.mark.parametrize("drawn", [None, [], np.zeros(3), gymnasium.error.DependencyNotInstalled("pygame\nis missing")])
def test_what_is_no_picture_is_said(drawn):
    said = r"^envs.yaml: mine:Task-v0: (cannot draw itself: pygame is missing|what its render\(\) gives is no picture)$"
    with pytest.raises(UsageError, match=said):
        picture(shown_as(drawn), "mine:Task-v0")


def test_how_long_a_step_lasts():
    env = stage("own_tasks:Painter-v0")
    assert step_seconds(env) == 1 / 20
    env.unwrapped.dt = 0.5
    assert step_seconds(env) == 0.5
    env.unwrapped.dt, env.unwrapped.metadata = None, {}
    assert step_seconds(env) == 1 / 30
