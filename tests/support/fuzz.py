"""What the tests by Hypothesis have in common."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Quick, the same in each run, and without a data base of examples beside the sources.
few = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
keys = st.text(max_size=6) | st.integers() | st.none() | st.booleans()
anything = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(keys, x, max_size=3), max_leaves=8)
