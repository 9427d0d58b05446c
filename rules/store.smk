"""A store that machines without a common checkout share: each keeps its runs there, and takes the others'.

    snakemake --cores 8 --config store=STORE -- quick_taken     copies what is in the store and not here
    snakemake --cores 8 quick                                   trains the rest, and draws all
    snakemake --cores 8 --config store=STORE -- quick_kept      copies all runs of the study into the store
    snakemake --cores 8 --config store=STORE --batch quick_kept=2/5 -- quick_kept        or trains and copies a fifth

STORE is a folder (of a mounted file system), or a URL of what Snakemake has a storage plugin for, as s3://bucket/runs.

in:  the files of runs, here; or in the store
out: the same files, under the same paths, in the store; or here. Taking leaves no record in Snakemake of where a run
     came from: by one it would make the run again where there is no store
"""

if STORE:
    if "://" not in STORE and not shutil.which("rsync"):
        sys.exit("error: no rsync here, which copies files to and from a store (Debian: apt-get install rsync)")

    storage shared:
        provider=STORE.partition("://")[0] if "://" in STORE else "fs",

    rule keep:
        input:
            ancient(expand(f"{RUN}/{{name}}", name=FILES, allow_missing=True)),
        output:
            stored(RUN),
        log:
            f"logs/store/keep/{RUN.removeprefix('results/')}.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            folder=subpath(output[0], parent=True),
        message:
            "keep {wildcards.algo} on {wildcards.task}, seed {wildcards.seed}"
        shell:
            "cp {input:q} {params.folder:q} 2> {log:q}"

    rule take:
        input:
            stored(RUN),
        output:
            temp(touch(RUN.replace("results/runs", "work/taken"))),
        log:
            f"logs/store/take/{RUN.removeprefix('results/')}.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            folder=lambda wildcards: RUN.format(**dict(wildcards.items())),
        message:
            "take {wildcards.algo} on {wildcards.task}, seed {wildcards.seed}"
        shell:
            "{{ mkdir -p {params.folder:q} && cp {input:q} {params.folder:q}; }} 2> {log:q}"

    for study in STUDIES.values():

        rule:
            name:
                f"{study.name}_kept"
            input:
                # One file a run: so that --batch, which shares them out to machines, cuts no run in two.
                [stored(cell.folder(seed))[-1] for cell in study.cells for seed in cell.seeds],
            localrule: True
            message:
                f"the runs are in {STORE}"

        rule:
            name:
                f"{study.name}_taken"
            input:
                lambda wildcards, study=study.name: to_take(study),
            localrule: True
            message:
                f"what of the study was in {STORE} is here"
