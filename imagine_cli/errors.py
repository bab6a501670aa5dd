"""What can go wrong, in the user's words."""


def install(extra: str) -> str:
    """How to get an extra: the program is installed from its checkout."""
    return f"in the checkout, pip install '.[{extra}]'"


class ImagineError(Exception):
    """Something a person can mend. `str()` is one line: what is wrong, and what helps."""


class PictureError(ImagineError):
    """A picture that cannot be read, is of the wrong kind, or is larger than asked for."""


class OutputError(ImagineError):
    """A result that cannot be written."""


class ModelError(ImagineError):
    """A model that cannot be found, read or run."""


class ModelMemoryError(ModelError):
    """A model takes more memory than there is for it; of smaller tiles it may take less."""


class DeviceError(ImagineError):
    """A device that was asked for and is not there."""
