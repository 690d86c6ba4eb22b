"""Student's t distribution, compared to scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from nnlab.stats.student_t import t_quantile, two_sided_p


@given(t=st.floats(-1e6, 1e6), freedom=st.floats(0.5, 1e4))
def test_the_p_is_scipys(t: float, freedom: float) -> None:
    expected = 2 * special.stdtr(freedom, -abs(t))
    assert two_sided_p(t, freedom) == pytest.approx(expected, rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 29, 100, 3.7])
@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5, 0.9, 0.975, 0.99995])
def test_the_quantile_is_scipys(freedom: float, probability: float) -> None:
    expected = special.stdtrit(freedom, probability)
    assert t_quantile(freedom, probability) == pytest.approx(expected, rel=1e-9, abs=1e-9)
