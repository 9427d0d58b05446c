"""Film a cell's final policy, off-screen.

    python -m play.film --study quick --task Hopper --method trpo --out trpo.webp

The first seconds of an episode of mean actions, of the first seed that did not diverge, from the first start that
``play/episodes.py`` plays: the same episode, but with this processor's kernels whatever the study's are. The file is an
animated WebP in real time; an episode that ends before is shorter. Where every seed diverged it is one grey picture;
where the task cannot draw itself (``render_mode="rgb_array"``), one with a word on it.

No run reads this module.
"""

import argparse
import io
import sys
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from core.envs.making import make_env
from core.envs.spec import id_of, spec_of
from core.errors import TaskError, UsageError, named
from play import opengl, policy
from play.episodes import streams
from study.atomic import write_whole
from study.cells import Cell
from study.key import ROOT
from study.plan import load_study, name_a_cell

SECONDS = 3.0
RATE = 15  #: pictures a second, about: a whole number of steps lies between two
SIZE = (200, 150)  #: width and height in pixels
GREY = 128
FPS = 30  #: steps a second of a task that does not say how many


def stage(spec: str | dict) -> gymnasium.Env | None:
    """A copy of the task that draws itself, from a camera that goes with it; None where it cannot draw.

    MuJoCo needs OpenGL. Shadows are small and floors do not shine, or pictures take thrice as long.
    """
    plain = make_env(spec)
    if "rgb_array" not in plain.metadata.get("render_modes", ()):
        return None
    how: dict[str, Any] = {"render_mode": "rgb_array"}
    if type(plain.unwrapped).__module__.startswith("gymnasium.envs.mujoco."):
        # Without a name Gymnasium takes none of a model's cameras, and runners leave the picture.
        how |= {"width": SIZE[0], "height": SIZE[1], "camera_name": "track"}
    if isinstance(getattr(plain.unwrapped, "model", None), mujoco.MjModel):
        opengl.choose()
    env = make_env(spec, **how)
    model = getattr(env.unwrapped, "model", None)
    if isinstance(model, mujoco.MjModel):
        model.vis.quality.shadowsize, model.vis.quality.offsamples = 1024, 4
        model.mat_reflectance[:] = 0
    return env


def film(folder: Path) -> tuple[list[np.ndarray], float]:
    """Pictures (height × width × 3, bytes) of the run in ``folder``, and the seconds between two. Raises UsageError."""
    record = policy.record(folder)
    spec = spec_of(record)
    env = stage(spec)
    if env is None:
        return [blank("cannot draw itself")], 1.0
    dt = step_seconds(env)
    space: Any = env.action_space
    obs, _ = env.reset(seed=streams(record["seed"], 1)[1][0])
    act = policy.actor(folder, len(obs), space.shape[0])
    still = np.zeros((1, space.shape[0]), np.float32)
    every = max(1, round(1 / (RATE * dt)))
    pictures = [picture(env, spec)]
    for step in range(1, round(SECONDS / dt) + 1):
        action = act(np.array(obs, float)[None], still)[0]
        if record["options"]["clip_actions"]:
            action = np.clip(action, space.low, space.high)
        obs, _, terminated, truncated, _ = env.step(action.copy())
        ended = terminated or truncated
        if ended or step % every == 0:
            pictures.append(picture(env, spec))
        if ended:
            break
    env.close()
    return pictures, every * dt


def step_seconds(env: gymnasium.Env) -> float:
    """Of the task's time, for a step."""
    dt = getattr(env.unwrapped, "dt", None)
    return float(dt) if isinstance(dt, int | float) and dt > 0 else 1 / (env.metadata.get("render_fps") or FPS)


def picture(env: gymnasium.Env, spec: str | dict) -> np.ndarray:
    """What the task shows now, in the size of films. Raises UsageError where it cannot draw after all."""
    try:
        drawn = np.asarray(env.render())
        if drawn.shape[:2] == SIZE[::-1] and drawn.ndim == 3 and drawn.shape[2] == 3 and drawn.dtype == np.uint8:
            return drawn
        if drawn.ndim not in (2, 3) or not drawn.size:
            raise ValueError
        image = Image.fromarray(drawn.astype(np.uint8)).convert("RGB")
    except gymnasium.error.Error as error:  # such as a package that is not installed
        raise TaskError(f"envs.yaml: {id_of(spec)}: cannot draw itself: {' '.join(str(error).split())}") from None
    except (TypeError, ValueError):
        raise TaskError(f"envs.yaml: {id_of(spec)}: what its render() gives is no picture") from None
    return np.asarray(ImageOps.pad(image, SIZE, color=(GREY, GREY, GREY)))


def blank(text: str = "") -> np.ndarray:
    """A grey picture, with a word on it."""
    image = Image.new("RGB", SIZE, (GREY, GREY, GREY))
    ImageDraw.Draw(image).text((SIZE[0] / 2, SIZE[1] / 2), text, fill=(255, 255, 255), anchor="mm")
    return np.asarray(image)


def film_cell(cell: Cell) -> tuple[list[np.ndarray], float]:
    """That of the first seed which did not diverge; one grey picture if there is none."""
    folders = [ROOT / cell.folder(seed) for seed in cell.seeds]
    able = [folder for folder in folders if policy.record(folder)["status"] != "diverged"]
    return film(able[0]) if able else ([blank()], 1.0)


def write(path: Path, pictures: list[np.ndarray], seconds: float) -> None:
    """The animated WebP, whole or not at all; the last picture stays for a second."""
    first, *rest = [Image.fromarray(picture) for picture in pictures]
    pause = [round(1000 * seconds)] * len(rest) + [1000]
    file = io.BytesIO()
    first.save(file, "webp", save_all=True, append_images=rest, duration=pause, loop=0, quality=25, method=4)
    write_whole(path, file.getvalue())


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m play.film", description="Film a cell's final policy.")
    name_a_cell(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the film to write (.webp)")
    args = parser.parse_args(argv)
    try:
        cell = load_study(args.study).cell(args.task, args.method)
        pictures, seconds = film_cell(cell)
        write(args.out, pictures, seconds)
    except UsageError as error:
        print(f"error: {named(error, args.task)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.out}: {len(pictures)} pictures, {args.out.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
