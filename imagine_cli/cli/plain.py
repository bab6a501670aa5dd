"""A command whose help and errors are in a user's words, not in those of Python's libraries."""

from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand


class Plain(TyperCommand):
    def get_help(self, ctx: Any) -> str:
        for argument in self.params:
            if isinstance(argument, TyperArgument):  # its name says enough, without <list[Path]>
                argument.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
        return super().get_help(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # pydantic's
            raise
