"""docs/json.md, read: what lines of `--json` are held to."""

import json
import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "json.md"
TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "list": list,
    "null": type(None),
}


def tables():
    """By kind, each of its tables: the types of its keys."""
    _, *parts = re.split(r"^## ", DOCUMENT.read_text(), flags=re.M)
    for part in parts:
        heading, text = part.split("\n", 1)
        every = [
            {
                key: tuple(TYPES[one] for one in types.split(" or "))
                for key, types in re.findall(r"^\| `(\w+)` \| ([\w ]+) \|", table, re.M)
            }
            for table in text.split("\n\n")
        ]
        for kind in re.findall(r"`(\w+)`", heading):
            yield kind, [table for table in every if table]


SCHEMA = dict(tables())


def fits(values, table):
    assert values.keys() == table.keys()
    for key, types in table.items():
        assert any(isinstance(values[key], one) for one in types), (key, values[key])
    return True


def read(text):
    """Lines as objects, each of which is what the document says of its kind."""
    records = [json.loads(line) for line in text.splitlines()]
    for record in records:
        rest = {key: value for key, value in record.items() if key not in ("kind", "status")}
        main, *agreements = SCHEMA[record["kind"]]
        fits(rest, main)
        assert (record["status"] == "failed") == (record["kind"] == "failure")
        assert record["status"] in ("written", "there", "failed")
        if agreement := rest.get("agreement"):
            assert any(
                agreement.keys() == one.keys() and fits(agreement, one) for one in agreements
            )
    return records
