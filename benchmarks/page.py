"""Figures on a page, between two marks, in place of those that were there."""

from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def put(page: Path, figures: str) -> None:
    """Raises ValueError where the page has not both marks."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: no {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")
