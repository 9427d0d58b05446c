# Policy gradients on MuJoCo: from studies.yaml to figures.
#
#     snakemake --cores 16            the study figure3
#     snakemake --cores 16 quick      another study, by its name
#     snakemake --cores 16 quick_videos      and films of its final policies
#     snakemake --cores 2 lecture     the figures of the two lectures; no training
#     snakemake -n                    what would be trained
#
# studies.yaml → one training job per method × task × seed → tables → figures → page. A run lies under the content key of its
# code, task, options and budget (study/key.py), so what exists is valid, and an edit re-runs exactly what it touches.

from snakemake.utils import min_version

min_version("9.0")


workdir: workflow.basedir


onstart:
    if workflow.executor_plugin.name == "slurm" and not shutil.which("sbatch"):  # its executor would wait for ever
        sys.exit("error: no sbatch here: run this on the login node of a cluster with Slurm, or without --profile")


include: "rules/common.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/untrained.smk"
include: "rules/analysis.smk"
include: "rules/videos.smk"
include: "rules/report.smk"
include: "rules/lecture.smk"


# One target per study: its runs, tables, figures and page. The runs are named beside what is made of them, so that a
# run that is missing is seen even where its table is not.
for study in STUDIES.values():

    rule:
        name:
            study.name
        default_target: study.name == PLAN.default
        input:
            PLAN.runs(study.name),
            drawn(study.name),
            f"results/{study.name}/index.html",
        localrule: True
        message:
            f"{study.name}: {len(study.cells) * len(study.seeds)} runs; see results/{study.name}/index.html"


# A study that cannot be planned fails when it is asked for, and stops no other.
for name in PLAN.broken:
    if name in PLAN.call.targets:

        rule:
            name:
                name
            localrule: True
            params:
                said=PLAN.broken[name],
            message:
                f"{name} is left out: {PLAN.broken[name]}"
            shell:
                "echo error: {params.said:q} >&2; exit 1"


try:
    check_targets(PLAN.call, [rule.name for rule in workflow.rules])
except UsageError as error:
    sys.exit(f"error: {error}")
