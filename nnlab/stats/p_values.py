"""How p values are written in figures and captions."""

_SMALLEST = 0.001
_TWO_DECIMALS_FROM = 0.1


def format_p(p: float) -> str:
    """A p value with three decimals, or two from 0.1 on; smaller ones as a bound.

    A p value is never rounded to the other side of 0.05.

    >>> format_p(0.00004), format_p(0.0044), format_p(0.2134), format_p(0.0496)
    ('p < 0.001', 'p = 0.004', 'p = 0.21', 'p = 0.0496')
    """
    if p < _SMALLEST:
        return "p < 0.001"
    text = f"{p:.2f}" if p >= _TWO_DECIMALS_FROM else f"{p:.3f}"
    return f"p = {p:.4f}" if text == "0.050" and p != 0.05 else f"p = {text}"
