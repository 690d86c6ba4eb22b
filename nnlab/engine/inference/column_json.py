"""Feature columns of a table as JSON, in the description of a trained model."""

from typing import Any, get_args

from nnlab.engine.data.dataset import ColumnEncoding, FeatureColumn
from nnlab.engine.data.dates import ORDERS
from nnlab.engine.inference.checked_json import CheckedJson
from nnlab.errors import CheckpointError

_MAX_BUCKETS = 1 << 20
# The numbers of an embedding; more in a file of somebody else would exhaust the memory.
_MAX_EMBEDDING_NUMBERS = 1 << 30


def column_to_json(column: FeatureColumn) -> dict[str, Any]:
    """A column as JSON; keys other than the name and the categories only if they have an effect."""
    content: dict[str, Any] = {"name": column.name, "categories": list(column.values)}
    optional = {
        "encoding": column.encoding if column.encoding != "plain" else "",
        "buckets": column.buckets,
        "date_order": column.date_order,
        "missing_category": column.missing_category,
        "fill": list(column.fill),
        "indicator": column.indicator,
        "embedding_size": column.embedding_size,
    }
    return content | {key: value for key, value in optional.items() if value}


def column_from_json(root: CheckedJson) -> FeatureColumn:
    """The column that JSON describes.

    Raises:
        CheckpointError: a value is missing, has another type, or contradicts another one.
    """
    values = root.values
    encoding = root.text("encoding", get_args(ColumnEncoding)) if "encoding" in values else "plain"
    column = FeatureColumn(
        root.text("name"),
        root.texts("categories"),
        encoding,  # type: ignore[arg-type]  # one of the choices
        root.integer("buckets", minimum=1) if "buckets" in values else 0,
        root.text("date_order", ORDERS) if "date_order" in values else "",
        values.get("missing_category") is True,
        tuple(root.numbers("fill")) if "fill" in values else (),
        values.get("indicator") is True,
        root.integer("embedding_size", minimum=1) if "embedding_size" in values else 0,
    )
    is_date = column.encoding in ("date", "date_parts")
    if (
        column.buckets > _MAX_BUCKETS
        or (column.encoding == "hash") != (column.buckets > 0)
        or is_date != bool(column.date_order)
        or (column.encoding not in ("plain", "embed") and column.values)
        or column.embedding_size * column.num_embeddings > _MAX_EMBEDDING_NUMBERS
        or (column.encoding == "embed") != (column.embedding_size > 0)
        or (column.missing_category and not column.is_categorical)
        or (column.missing_category and column.buckets == 1)
        or len(column.fill) not in (0, len(column.value_names))
        or (column.fill and column.is_categorical)
        or (column.indicator and not column.fill)
    ):
        raise CheckpointError(
            f"{root.name}: the encoding of column '{column.name}' is inconsistent"
        )
    return column
