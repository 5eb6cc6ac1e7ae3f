"""Random, also absurd input: never a crash, never a number where the definition has none."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import ferromics as fm

DISCRETISATIONS = [
    {"type": "fbn", "bins": 2},
    {"type": "fbn", "bins": 65535},
    {"type": "fbs", "width": 25},
    {"type": "fbs", "width": 1e-6},
    {"type": "none"},
]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_region_gives_finite_numbers_nan_or_one_clear_error(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    scale = data.draw(st.sampled_from([0.0, 1e-300, 1.0, 1e4, 1e150, 1e300]))
    offset = data.draw(st.sampled_from([0.0, -1.0, 1e6, -1e150]))
    image = rng.normal(size=shape) * scale + offset
    if data.draw(st.booleans()):
        image = np.round(image)
    if data.draw(st.booleans()):
        image[rng.random(shape) < 0.1] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    mask = rng.random(shape) < data.draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    spacing = data.draw(st.tuples(*[st.sampled_from([1e-3, 0.5, 1.0, 7.0, 1e3])] * 3))
    wanted = fm.Settings(
        resegment={"range": data.draw(st.sampled_from([[None, None], [0, None], [-5, 5]]))},
        discretise=[data.draw(st.sampled_from(DISCRETISATIONS))],
    )
    refused = ""
    try:
        values = dict(fm.extract(image, mask, spacing=spacing, settings=wanted))
    except fm.RadiomicsError as error:
        refused = str(error)
    if refused:
        assert refused.strip()
        assert "\n" not in refused
        return
    assert len(values) == 174
    assert not [n for n, v in values.items() if math.isinf(v)]
