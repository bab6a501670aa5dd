"""The pages for people: links lead somewhere, messages are quoted as the program has them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("weights/*/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_messages_are_those_of_the_program():
    texts = [
        text
        for file in (ROOT / "imagine_cli").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (text := _text(node))
    ]
    table = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8").partition("| message |")[2]
    messages = re.findall(r"^\| `(.+?)` \|", table, re.M)
    assert len(messages) > 10
    for message in messages:
        assert any(message in text for text in texts), message


def _text(node):
    """A literal's text, with … for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
