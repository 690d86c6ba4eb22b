# ruff: noqa: RUF001  formulas have characters that look like others
"""Formulas as MathML and as text."""

import xml.etree.ElementTree as ElementTree

import pytest

from nnlab.errors import ConfigError
from nnlab.lecture.mathematics import formula_as_mathml, formula_as_text, formula_problem


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\mathrm{lr}(t) = \mathrm{lr}_0\, e^{-kt}", "lr(t) = lr₀e⁻ᵏᵗ"),
        (r"\eta_t = \frac{\eta_0}{1 + kt}", "ηₜ = η₀/(1 + kt)"),
        (r"\hat{x}_i = \frac{x_i - \mu_c}{\sqrt{\sigma_c^2 + \varepsilon}}",
         "x̂ᵢ = (xᵢ − μ_c)/√(σ_c² + ε)"),
        (r"\frac{1}{N}\sum_{i=1}^{N} \ell(f(x_i), y_i)", "(1/N) ∑ᵢ₌₁^N ℓ(f(xᵢ), yᵢ)"),
        (r"\left(\frac{\partial L}{\partial w}\right)^2 \le \mathbb{E}[\nabla f]",
         "(∂L/∂w)² ≤ 𝔼[∇f]"),
        (r"w \leftarrow w - \eta \nabla L", "w ← w − η∇L"),
        (r"-\log p_y", "−log p_y"),
        (r"t = \ln 2 / k", "t = ln 2/k"),
        (r"\sigma = \sqrt{2 / n_{\text{in}}}", "σ = √(2/nᵢₙ)"),
        (r"\operatorname{Var}(y) = n \operatorname{Var}(w) \operatorname{Var}(x)",
         "Var(y) = n Var(w)Var(x)"),
        (r"\max(0, x)", "max(0, x)"),
        (r"\frac{1}{2}(a + \frac{1}{3} \nabla L), \frac{1}{4}", "(1/2)(a + (1/3)∇L), 1/4"),
        (r"10^{-3}", "10⁻³"),
        (r"w' = \frac{\eta}{2\lambda} + \frac{1}{n_{\mathrm{in}}}", "w′ = η/(2λ) + 1/nᵢₙ"),
        (r"|g| + |-\epsilon|, \quad w \sim N(0, s^2)", "|g| + |−ϵ|, w ∼ N(0, s²)"),
        (r"\max_{0 \le t \le 1} (1 - t) a^{b/2}, c", "max_{0 ≤ t ≤ 1} (1 − t)a^{b/2}, c"),
        (r"\bar{x} \cdot \tilde{y}", "x̄ · ỹ"),
        (r"\sqrt{\hat{v}} + \sqrt{16}", "√v̂ + √16"),
        (r"a_{t-1} + \theta^{(k)}", "aₜ₋₁ + θ⁽ᵏ⁾"),
        (r"x_{\alpha}^{\beta}", "x_α^β"),
        (r"\begin{cases} x & x > 0 \\ 0 & x \le 0 \end{cases}", "{x, x > 0; 0, x ≤ 0"),
    ],
)  # fmt: skip
def test_formulas_are_readable_in_a_terminal(latex: str, text: str) -> None:
    assert formula_as_text(latex) == text


def test_formulas_are_well_formed_mathml_and_escaped() -> None:
    text = formula_as_mathml(r"a < b", display=True)
    element = ElementTree.fromstring(text)
    assert element.tag == "math"
    assert element.get("display") == "block"
    assert "<mo>&lt;</mo>" in text


def test_negative_and_function_spaces_are_widths_of_mathml() -> None:
    text = formula_as_mathml(r"\left(a\right)^{\!2} \ln x", display=False)
    assert "negativethinmathspace" not in text
    assert 'width="-0.167em"' in text
    assert '<mi>ln</mi><mspace width="0.167em"></mspace><mi>x</mi>' in text


def test_bars_and_slashes_have_no_spaces() -> None:
    operators = [
        element.attrib
        for element in ElementTree.fromstring(
            formula_as_mathml(r"|w| / 2 + \left|x\right|", display=False)
        ).iter("mo")
        if element.text in ("|", "/")
    ]
    assert len(operators) == 5
    assert all(operator["lspace"] == operator["rspace"] == "0" for operator in operators)


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{",
        r"\foo x",
        r"\left( x",
        "a & b",
        r"\frac{1",
        r"\text{<script>x</script>}",
        r"\text{<mi onclick='x'>y</mi>}",
    ],
)
def test_formulas_that_cannot_be_read_are_named(latex: str) -> None:
    assert repr(latex) in formula_problem(latex)
    with pytest.raises(ConfigError):
        formula_as_mathml(latex, display=False)
