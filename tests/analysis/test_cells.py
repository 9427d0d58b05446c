"""Every verdict of a study as Markdown."""

import pandas as pd
import pytest

from analysis.terminal import reproduction_cells as cells
from core.errors import UsageError
from study.plan import load_study

COLUMNS = [
    "source",
    "task",
    "method",
    "runs",
    "finished",
    "ours",
    "ours_low",
    "ours_high",
    "theirs",
    "theirs_low",
    "theirs_high",
    "verdict",
    "weak",
]
ROWS = [
    ("ppo_paper", "Hopper", "ppo_clip", 5, 5, 2000.4, 1500, 2500, 2123, 2000, 2200, "within", False),
    ("ppo_paper", "Reacher", "ppo_clip", 5, 4, -6.25, -7, -5.5, -5, None, None, "below", True),
    ("baselines", "Hopper", "ppo_clip", 5, 5, 2000.4, 1500, 2500, 1000, 900, 1100, "above", False),
    ("baselines", "Hopper", "npg", 5, 5, 1, 0, 2, None, None, None, "no data", False),
]


def test_a_table_a_method_a_row_a_task_a_column_a_source(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    study = load_study("figure3")
    with pytest.raises(UsageError, match="figure3 has no verdict yet; first run: snakemake --cores 2 figure3"):
        cells.page(study)
    folder = tmp_path / "results/figure3/tables"
    folder.mkdir(parents=True)
    pd.DataFrame(ROWS, columns=COLUMNS).to_csv(folder / "verdict.csv", index=False)
    labels = {"source": ["ppo_paper", "baselines"], "label": ["The paper", "Baselines"], "sentence": ["a", "b"]}
    pd.DataFrame(labels).to_csv(folder / "verdict_summary.csv", index=False)
    lines = cells.page(study).splitlines()
    assert [line for line in lines if line.startswith("## ")] == ["## ppo_clip"]
    assert "| | The paper | Baselines |" in lines
    ours = "2,000 [1,500, 2,500]; theirs"
    assert f"| Hopper | = {ours} 2,123 [2,000, 2,200] | ↑ {ours} 1,000 [900, 1,100] |" in lines
    assert "| Reacher | **↓** ~ −6.25 [−7, −5.5] (4/5); theirs −5 |  |" in lines
    assert "| Swimmer |  |  |" in lines
