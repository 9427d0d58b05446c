"""``row`` in studies.yaml: the rows of the PPO paper's Table 1, and whether a method is the row that it says."""

import shutil

import pytest
from made_up import made

from core.errors import UsageError
from study.plan import ROOT
from study.table1 import FILE, rows


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (
            {"algo": "ppo_clip", "epsilon": 0.4, "row": "clipping 0.1"},
            "has epsilon 0.1, and the method has epsilon 0.4",
        ),
        ({"algo": "ppo_kl", "row": "clipping 0.1"}, "is of ppo_clip, and the algorithm is ppo_kl"),
        ({"algo": "ppo_kl", "beta": 3, "row": "fixed KL 3"}, "has adaptive false, and the method has adaptive true"),
        ({"algo": "ppo_kl", "row": "adaptive KL 0.1"}, "is unknown; did you mean 'adaptive KL 0.0[13]+'"),
    ],
)
def test_a_method_that_is_not_its_row_is_refused_in_one_line(method, said):
    with pytest.raises(UsageError, match=rf"^studies\.yaml: made\.methods\.m\.row: '{method['row']}' {said}"):
        made({"m": method})


def test_another_algorithm_may_be_any_row():
    assert made({"trpo": {"row": "clipping 0.1"}}).methods["trpo"].row == "clipping 0.1"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("avg_normalized_score", "score", "line 2: no 'avg_normalized_score'"),
        (",0.76,", ",high,", "line 3: avg_normalized_score must be a number, not 'high'"),
        (",epsilon,0.2,", ",epsilon,x,", "line 4: value must be a number, not 'x'"),
    ],
)
def test_a_mistake_in_the_table_is_one_line(tmp_path, old, new, said):
    (tmp_path / "published").mkdir()
    path = shutil.copy(ROOT / FILE, tmp_path / FILE)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=f"^{FILE}: {said}"):
        rows(tmp_path)
