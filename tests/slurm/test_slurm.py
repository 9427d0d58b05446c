"""A small study through a real Slurm, by the profile as it is; killed jobs go on to the bytes of those never killed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from cluster import ClusterError, cluster
from copied import checkpoint_often, copy_project, snakemake

pytestmark = pytest.mark.slurm

#: A task that takes time and no processor, so that all is as long on any machine.
SLOW = """
import functools
import pathlib
import time
import gymnasium
from gymnasium.envs.mujoco.inverted_pendulum_v4 import InvertedPendulumEnv
@functools.cache
def delay():  # no variable of the module: that it is another when a run is resumed decides nothing
    return float(pathlib.Path(__file__).with_name("delay").read_text())
class Slow(InvertedPendulumEnv):
    def step(self, action):
        time.sleep(delay())
        return super().step(action)
gymnasium.register("Slow-v0", Slow, max_episode_steps=100)
"""
ENVS = """
Slow: {id: "slow:Slow-v0", horizon: 100, random_score: 0}
"""
STUDIES = """
kill:
  tasks: [Slow]
  seeds: 2
  steps: 3_000
  methods:
    npg: {batch: 64}
plain:
  tasks: [InvertedPendulum]
  seeds: 6
  steps: 600
  methods:
    npg: {batch: 256}
"""
PROFILE = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2"]


@pytest.fixture(scope="session", autouse=True)
def slurm(tmp_path_factory):
    """The cluster. Its logs are shown if it does not start."""
    folder = tmp_path_factory.mktemp("slurm")
    folder.parent.chmod(0o755)  # pytest's own folders are for their owner only
    folder.parent.parent.chmod(0o755)
    try:
        with cluster(folder):
            yield
    except ClusterError as error:
        pytest.exit(f"error: {error}", returncode=2)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A project with a checkpoint every few iterations."""
    project = copy_project(tmp_path_factory.mktemp("bare") / "project")
    (project / "studies.yaml").write_text(STUDIES)
    (project / "slow.py").write_text(SLOW)
    (project / "delay").write_text("0.003")
    with (project / "envs.yaml").open("a") as file:
        file.write(ENVS)
    checkpoint_often(project)
    return project


@pytest.fixture(scope="module")
def unbroken(bare, tmp_path_factory):
    """Digests of the runs of both studies when nothing happens to them, on no cluster."""
    project = shutil.copytree(bare, tmp_path_factory.mktemp("unbroken") / "project")
    snakemake(project, "kill", "plain", "--until", "train")
    return written(project)


@pytest.fixture
def project(bare, tmp_path):
    yield shutil.copytree(bare, tmp_path / "project")
    for process in STARTED:  # it would go on to ask a Slurm that is no longer there
        if process.poll() is None:
            process.kill()
            process.wait()
    STARTED.clear()


STARTED = []


def written(project, algo="*", task="*"):
    """Digests of what the runs wrote, but for run.json, which has the time."""
    files = [f for f in project.glob(f"results/runs/{algo}/{task}/*/*/*") if f.suffix in (".parquet", ".safetensors")]
    return {str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def start(project, *arguments):
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", *PROFILE, *arguments]
    with (project / "said").open("w") as said:
        STARTED.append(
            subprocess.Popen(command, cwd=project, env=os.environ | {"PATH": path}, stdout=said, stderr=said)
        )
    return STARTED[-1]


def finish(process, project):
    assert process.wait(400) == 0, (project / "said").read_text()[-3000:]


def ask(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def jobs(project):
    """Slurm's records of the jobs of a project, the oldest first."""
    fields = ("JobID", "State", "TimeLimit", "MinMemory", "NumCPUs", "Comment", "SubmitTime", "EndTime", "WorkDir")
    lines = ask("squeue", "-h", "--states=all", "-O", ",".join(f"{field}:200" for field in fields)).splitlines()
    found = [{name: line[200 * i :][:200].strip() for i, name in enumerate(fields)} for line in lines]
    return sorted((job for job in found if job["WorkDir"] == str(project)), key=lambda job: int(job["JobID"]))


def wait(until, seconds=120):
    end = time.monotonic() + seconds
    while not (result := until()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return result


def minutes(limit):
    *hours, minute, _ = map(int, limit.split(":"))
    return 60 * sum(hours) + minute


def test_a_study_goes_through_the_cluster_as_the_profile_says(project, unbroken):
    """And the file system of the cluster shows what jobs wrote some seconds late."""
    late = "    subprocess.Popen(['sh', '-c', 'sleep 4; mv \"$0.late\" \"$0\"', str(folder)], start_new_session=True)\n"
    with (project / "train/files.py").open("a") as file:
        file.write(
            "\n\n_write_run = write_run\n\n\ndef write_run(folder, *others):\n    _write_run(folder, *others)\n"
            f"    folder.rename(f'{{folder}}.late')\n{late}"
        )
    process = start(project, "plain", "--jobs", "1")
    finish(process, project)
    assert written(project) == {f: d for f, d in unbroken.items() if "/InvertedPendulum/" in f}
    assert (project / "results/plain/index.html").is_file()
    submitted = jobs(project)
    train = [job for job in submitted if job["Comment"].endswith("_train")]
    assert {job["State"] for job in submitted} == {"COMPLETED"}
    assert {job["NumCPUs"] for job in submitted} == {"1"}
    assert len(train) == 2, "five seeds of a cell are a job, and the sixth another"
    assert len(submitted) == 5, "evaluations are one as well, tables one, figures and page one"
    waiting = [sum(a["SubmitTime"] <= b["SubmitTime"] < a["EndTime"] for a in submitted) for b in submitted]
    assert max(waiting) == 1, "no more of them in the queue than asked for"


def kill_by_scancel(job):
    ask("scancel", job)


def kill_by_time(job):
    """As when its time is up a moment from now: Slurm looks every half minute."""
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 2))
    ask("scontrol", "update", f"JobId={job}", f"EndTime={soon}")


def kill_by_preemption(job):
    """Another job takes the node: this one has a time of grace, in which its trainer ends it."""
    ask("sbatch", "--parsable", "-p", "urgent", "--exclusive", "--wrap", "sleep 1", "-o", "/dev/null")


def kill_by_requeue(job):
    """As preemption without grace, or a node that fails, do: Slurm keeps the job, and starts it anew."""
    ask("scontrol", "requeue", job)


ENDS = {
    kill_by_scancel: (["CANCELLED", "COMPLETED"],),
    kill_by_time: (["FAILED", "COMPLETED"], ["TIMEOUT", "COMPLETED"]),  # as Slurm's warning or its own end comes first
    kill_by_preemption: (["FAILED", "COMPLETED"], ["COMPLETED"]),
    kill_by_requeue: (["COMPLETED"],),
}


@pytest.mark.parametrize("kill", ENDS)
def test_a_killed_job_goes_on_to_the_same_bytes(project, unbroken, kill):
    if kill is kill_by_time:
        (project / "delay").write_text("0.02")  # a minute for each run: it is not to end before Slurm looks
    process = start(project, "kill", "--until", "train")
    wait(lambda: list(project.glob("work/results/runs/**/checkpoint")))
    (first,) = jobs(project)
    kill(first["JobID"])
    (project / "delay").write_text("0.003")
    finish(process, project)
    assert written(project) == {f: d for f, d in unbroken.items() if "/Slow/" in f}
    records = [json.loads(path.read_text()) for path in project.glob("results/runs/*/*/*/*/run.json")]
    assert sum(record["resumed"] for record in records) == 1
    assert not list(project.glob("work/results/runs/**/checkpoint"))
    after = jobs(project)
    assert [job["State"] for job in after] in ENDS[kill]
    if len(after) == 2:
        assert minutes(after[1]["TimeLimit"]) > minutes(after[0]["TimeLimit"]), "with more time"
        assert int(after[1]["MinMemory"][:-1]) > int(after[0]["MinMemory"][:-1]), "and more memory"
        assert list(project.glob("logs/slurm/*/*.log")), "what a killed job said is kept"


def test_where_there_is_no_slurm_one_line_says_so(project, tmp_path):
    (tmp_path / "bin").mkdir()
    for program in ("bash", "git", "which"):
        (tmp_path / "bin" / program).symlink_to(shutil.which(program))
    path = f"{os.path.dirname(sys.executable)}:{tmp_path / 'bin'}"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *PROFILE, "kill"],
        cwd=project,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: no sbatch here: run this on the login node"), done.stderr
    assert "Traceback" not in done.stderr
