"""Runs the program many times from one warm process: a fork a run, instead of a second of imports.

As a script, it answers lines of JSON on stdin: a folder for what is said, the arguments, the
environment, and the largest file that may be written.
"""

import json
import os
import subprocess
import sys
from importlib import reload
from pathlib import Path
from tempfile import TemporaryDirectory


class Forks:
    """The program in fresh processes; `run` is as `subprocess.run` with text captured."""

    def __init__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._server = subprocess.Popen([sys.executable, __file__], **pipes)

    def run(self, arguments, environment, limit=None):
        with TemporaryDirectory() as folder:
            print(json.dumps([folder, arguments, environment, limit]), file=self._server.stdin)
            self._server.stdin.flush()
            code = int(self._server.stdout.readline())
            out, err = (Path(folder, name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(arguments, code, out, err)

    def close(self):
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(timeout=60)


def child(folder, arguments, environment, limit):
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    reload(huggingface_hub.constants)  # it reads the environment once, and all others read it
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = ["imagine", *arguments]
    main()


if __name__ == "__main__":
    import resource

    import huggingface_hub
    import huggingface_hub.errors
    from huggingface_hub import CommitOperationAdd, HfApi, scan_cache_dir  # noqa: F401
    from typer.testing import CliRunner

    import imagine_cli.cli
    import imagine_cli.models
    from imagine_cli.__main__ import main

    # Typer imports more when it first reads arguments.
    CliRunner().invoke(imagine_cli.cli.app, ["models", "path", "upscale"])
    for line in sys.stdin:
        if not (process := os.fork()):
            code = 1
            try:
                sys.stdin.close()
                child(*json.loads(line))
                code = 0
            except SystemExit as end:
                code = end.code or 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
