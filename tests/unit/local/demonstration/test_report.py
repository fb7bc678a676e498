"""The report's schema in the documentation is the one of the code."""

import json
from pathlib import Path

from fleetsave.local.demonstration.report import Report

DOCS = Path(__file__).parents[4] / "docs"


def test_the_documented_schema_is_that_of_the_code() -> None:
    assert json.loads((DOCS / "report.schema.json").read_text()) == Report.model_json_schema()


def test_every_part_of_the_report_is_documented() -> None:
    text = (DOCS / "report.md").read_text()
    assert [name for name in Report.model_fields if f"`{name}`" not in text and name != "schema_version"] == []
