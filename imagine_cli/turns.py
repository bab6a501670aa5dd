"""One file's turn, wherever it is done: in this process, or in one of a cluster's."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from . import __version__, hub, jobs
from .choices import Task
from .errors import DeviceError, ImagineError, ModelError
from .files import Source
from .jobs import Done
from .origin import Origin
from .request import Request
from .timings import part
from .variants import Progress

if TYPE_CHECKING:  # onnxruntime waits until something is missing
    from .model import OnnxModel


@dataclass(frozen=True)
class Warned:
    """A line about a file, which goes on."""

    line: str


@dataclass(frozen=True)
class Failed:
    """A line about a file, whose turn ended with it; the others go on."""

    line: str


Event: TypeAlias = Done | Warned | Failed


class Worker:
    """Does turns. A model is opened when it is needed first, and stays.

    It can be sent to other processes and machines, as long as it has not opened any.
    Raises ModelError: a wrong name is told even if all is done.
    """

    def __init__(self, request: Request, device: str, threads: int, offline: bool) -> None:
        self.request, self.device, self.threads, self.offline = request, device, threads, offline
        self.checksums = {task: hub.sha256(self._file(task)) for task in request.tasks}
        self.models: dict[Task, OnnxModel] = {}

    def turn(
        self,
        source: Source,
        inputs: Collection[str],
        tell: Callable[[Event], None],
        *,
        progress: Progress = lambda share: None,
        drawn: Callable[[], None] = lambda: None,
    ) -> None:
        """What came of one picture is told; whatever that is, others can go on.

        Raises ImagineError where there is no model to run, and the BrokenPipeError of `tell`.
        """
        try:
            for done in jobs.work(
                source,
                self.request,
                inputs,
                self.model,
                partial(self._made_of, source),
                warn=lambda line: tell(Warned(line)),
                progress=progress,
                drawn=drawn,
            ):
                tell(done)
        except ImagineError as error:
            if isinstance(error, DeviceError | ModelError) and not self.models:
                raise  # no other file would fare better
            tell(Failed(str(error)))
        except MemoryError:
            tell(Failed("not enough memory: try a smaller --scale"))
        except BrokenPipeError:
            raise  # nobody reads our results any more
        except Exception as error:
            tell(Failed(f"failed unexpectedly ({_in_one_line(error)}); please report this file"))

    @part("loading the model")
    def model(self, task: Task) -> "OnnxModel":
        from .model import OnnxModel

        if task not in self.models:
            file = self._file(task)
            if hub.sha256(file) != self.checksums[task]:
                raise ModelError(f"{file}: not the model that this run began with")
            self.models[task] = OnnxModel(file, self.device, self.threads)
        return self.models[task]

    def _file(self, task: Task) -> Path:
        name = self.request.model if task == self.request.task else str(task)
        return hub.find(name, offline=self.offline)

    def _made_of(self, source: Source) -> Origin:
        """What results are made of, but for their seeds."""
        return Origin(
            task=self.request.task,
            scale=self.request.scale,
            kernel=self.request.kernel or "",
            seed="",
            input_sha256=hub.sha256(source.path),
            model_sha256=" ".join(self.checksums.values()),
            input=source.path.name,
            model=self.request.model,
            version=__version__,
        )


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
