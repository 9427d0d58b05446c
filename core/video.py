"""Film a cell's final policy, off-screen.

    python -m core.video --study quick --task Hopper --method trpo --out trpo.webp

The first seconds of an episode of mean actions, of the first seed that did not diverge, from the first start that
``core/play.py`` plays: the same episode, but with this processor's kernels whatever the study's are. The file is an
animated WebP in real time; an episode that ends before is shorter. Where every seed diverged it is one grey picture.

No run reads this module.
"""

import argparse
import io
import sys
from pathlib import Path

import gymnasium
import numpy as np
from PIL import Image

from core import opengl, trained
from core.atomic import write_whole
from core.errors import UsageError
from core.key import ROOT
from core.plan import Cell, load_study, name_a_cell
from core.play import streams

gymnasium.logger.min_level = gymnasium.logger.ERROR  # "-v4 is out of date": that is the point here

SECONDS = 3.0
RATE = 15  #: pictures a second, about: a whole number of steps lies between two
SIZE = (200, 150)  #: width and height in pixels
GREY = 128


def stage(task_id: str):
    """A copy of the task that draws itself, from a camera that goes with it.

    :func:`core.opengl.choose` comes before. Shadows are small and floors do not shine, or pictures take thrice as long.
    """
    width, height = SIZE
    # Without a name Gymnasium takes none of a model's cameras, and runners leave the picture.
    how = {"render_mode": "rgb_array", "width": width, "height": height, "camera_name": "track"}
    env = gymnasium.make(task_id, disable_env_checker=True, **how)
    model = env.unwrapped.model
    model.vis.quality.shadowsize, model.vis.quality.offsamples = 1024, 4
    model.mat_reflectance[:] = 0
    return env


def film(folder: Path) -> tuple[list[np.ndarray], float]:
    """Pictures (height × width × 3, bytes) of the run in ``folder``, and the seconds between two. Raises UsageError."""
    record = trained.record(folder)
    env = stage(record["task_id"])
    dt, space = env.unwrapped.dt, env.action_space
    obs, _ = env.reset(seed=streams(record["seed"], 1)[1][0])
    act = trained.actor(folder, len(obs), space.shape[0])
    still = np.zeros((1, space.shape[0]), np.float32)
    every = max(1, round(1 / (RATE * dt)))
    pictures = [env.render()]
    for step in range(1, round(SECONDS / dt) + 1):
        action = act(obs[None], still)[0]
        if record["options"]["clip_actions"]:
            action = np.clip(action, space.low, space.high)
        obs, _, terminated, truncated, _ = env.step(action)
        ended = terminated or truncated
        if ended or step % every == 0:
            pictures.append(env.render())
        if ended:
            break
    env.close()
    return pictures, every * dt


def film_cell(cell: Cell) -> tuple[list[np.ndarray], float]:
    """That of the first seed which did not diverge; one grey picture if there is none."""
    folders = [ROOT / cell.folder(seed) for seed in cell.seeds]
    able = [folder for folder in folders if trained.record(folder)["status"] != "diverged"]
    return film(able[0]) if able else ([np.full((*SIZE[::-1], 3), GREY, np.uint8)], 1.0)


def write(path: Path, pictures: list[np.ndarray], seconds: float) -> None:
    """The animated WebP, whole or not at all; the last picture stays for a second."""
    first, *rest = [Image.fromarray(picture) for picture in pictures]
    pause = [round(1000 * seconds)] * len(rest) + [1000]
    file = io.BytesIO()
    first.save(file, "webp", save_all=True, append_images=rest, duration=pause, loop=0, quality=25, method=4)
    write_whole(path, file.getvalue())


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.video", description="Film a cell's final policy.")
    name_a_cell(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the film to write (.webp)")
    args = parser.parse_args(argv)
    try:
        cell = load_study(args.study).cell(args.task, args.method)
        opengl.choose()
        pictures, seconds = film_cell(cell)
        write(args.out, pictures, seconds)
    except (UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.out}: {len(pictures)} pictures, {args.out.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
