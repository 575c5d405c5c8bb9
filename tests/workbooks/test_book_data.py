from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from gateway.workbooks.book_data import SCHEMAS, BookData, conform
from tests.workbooks.samples import RUN


def test_any_narrower_number_and_extra_columns_fit() -> None:
    table = pa.table(
        {
            "metric": ["m"],
            "value": [0.5],
            "numerator": pa.array([1], pa.int32()),
            "denominator": [Decimal("2")],
            "unit": ["ratio"],
            "source": pa.nulls(1),
            "target": [0.25],
            "direction": ["up"],
            "owner": ["IC"],
            "definition": ["x"],
            "more": [1],
        }
    )
    assert conform("kpi", table).schema == SCHEMAS["kpi"]


def test_missing_column_and_lost_digits_are_bugs_of_the_query() -> None:
    with pytest.raises(ValueError, match=r"kpi: column denominator is missing"):
        conform("kpi", pa.table({"metric": ["m"], "value": [1], "numerator": [1]}))
    fine = {
        name: pa.nulls(1, part.type) for name, part in zip(SCHEMAS["summary"].names, SCHEMAS["summary"], strict=True)
    }
    fine["open"] = pa.array([Decimal("0.00001")])
    with pytest.raises(ValueError, match=r"summary\.open: does not fit"):
        conform("summary", pa.table(fine))


def test_book_without_tables_is_empty_but_typed() -> None:
    data = BookData(RUN)
    assert {name: getattr(data, name).schema for name in SCHEMAS} == SCHEMAS
