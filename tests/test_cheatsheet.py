"""The cheat sheet: one readable page with every optimizer, decay and finding."""

import importlib.util
import itertools
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from nnlab import catalogue
from nnlab.cli.main import COMMANDS
from nnlab.diagnosis import ALL_RULES

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cheatsheet", ROOT / "docs/build_cheatsheet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their module.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cheatsheet", module)
        spec.loader.exec_module(module)
    return module


def test_it_is_one_page_and_searchable(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "sheet.pdf"
    monkeypatch.setattr("sys.argv", ["build_cheatsheet.py", str(path)])
    assert builder.main() == 0
    content = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    assert b"/MediaBox [ 0 0 595." in content
    assert b"/FontFile2" in content  # TrueType, whose text can be searched
    assert b"/CreationDate" not in content
    builder.main()
    assert path.read_bytes() == content


def test_it_names_everything(builder: ModuleType) -> None:
    names = {text.get_text() for text in builder.draw_page().texts}
    for kind in ("opt", "decay", "init", "norm", "loss", "reduction", "augment", "data", "model"):
        assert set(catalogue.builtin_names(kind)) - {"none"} <= names, kind
    assert set(COMMANDS) <= names
    assert {f"{rule.code} {rule.name}" for rule in ALL_RULES} <= names
    text = " ".join(text.get_text() for text in builder.draw_page().texts)
    for activation in catalogue.builtin_names("activation"):
        assert activation in text
    for part in ("torch.FloatTensor", "torch.cuda.FloatTensor", "size_average=True"):
        assert part in text


def test_its_texts_are_readable_and_apart(builder: ModuleType) -> None:
    figure = builder.draw_page()
    figure.set_dpi(600)  # at fewer dots per inch, widths are rounded to whole pixels
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    scale = 72 / figure.dpi
    assert min(text.get_fontsize() for text in figure.texts) >= 6.5

    def box(text: Text) -> tuple[float, float, float, float]:
        return tuple(scale * value for value in text.get_window_extent(renderer).extents)

    boxes = [(text.get_text(), box(text)) for text in figure.texts if text.get_text()]
    for name, (left, bottom, right, top) in boxes:
        assert left >= builder.MARGIN_X - 1, name
        assert right <= builder.PAGE_WIDTH - builder.MARGIN_X + 3, name
        # US letter is 18 mm shorter than A4: 9 mm less at either end.
        assert bottom >= 9 * builder.MM + 10, name
        assert top <= builder.PAGE_HEIGHT - 9 * builder.MM - 10, name
    for (name, one), (other_name, other) in itertools.combinations(boxes, 2):
        overlap_x = min(one[2], other[2]) - max(one[0], other[0])
        overlap_y = min(one[3], other[3]) - max(one[1], other[1])
        # Letters that reach below the line may touch the next one, not the words of their own.
        assert overlap_x < 1 or overlap_y < 3, (name, other_name)


def test_too_much_content_is_an_error(builder: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = builder.sections()
    monkeypatch.setattr(builder, "sections", lambda: [*sections, *sections])
    with pytest.raises(RuntimeError, match=r"smaller than 6\.5 points: shorten it"):
        builder.best_size()
