"""A browser without a window, driven through Chromium's DevTools protocol over two pipes."""

import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 30  # to wait for an answer


class Browser:
    """One page, what it complained of, and what it asked the network for."""

    def __init__(self, folder):
        (reads, self._to), (self._from, writes) = os.pipe(), os.pipe()
        # Away from 3 and 4, which Chromium reads and writes.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (reads, writes)]

        def connect():
            for end, number in zip(ends, (3, 4), strict=True):
                os.dup2(end, number)

        quiet = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
        offline = "--disable-background-networking --disable-component-update --disable-sync"
        command = [PROGRAM, *quiet.split(), *offline.split(), "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=connect,
            pass_fds=(3, 4, *ends),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (reads, writes, *ends):
            os.close(end)
        self._numbers, self._read, self._session = itertools.count(1), b"", None
        self.complaints, self.requests, self._loaded = [], [], False
        [target] = [
            one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page"
        ]
        attached = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, path):
        self.complaints.clear()
        self.requests.clear()
        self._loaded = False
        self.ask("Page.navigate", url=path.absolute().as_uri())
        while not self._loaded:
            self._next()

    def run(self, script):
        """What a line of JavaScript gives."""
        done = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def screen(self, width, height, *, phone=False, dark=False):
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def key(self, key, code=None, *, shift=False):
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=code or key,
                modifiers=8 * shift,
            )

    def drag(self, start, end):
        """Press the mouse at one place, (x, y) of the window, and let go at another."""
        for kind, place in (("Pressed", start), ("Moved", end), ("Released", end)):
            x, y = place
            self.ask(
                "Input.dispatchMouseEvent",
                **{"type": f"mouse{kind}", "x": x, "y": y, "button": "left", "buttons": 1},
                clickCount=1,
            )

    def wheel(self, x, y, by):
        self.ask("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=by)

    def picture(self):
        """What is seen, a PNG."""
        return b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def close(self):
        self._process.terminate()
        self._process.wait(SECONDS)
        os.close(self._to)
        os.close(self._from)

    def _next(self):
        ends = time.monotonic() + SECONDS
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._from], [], [], max(0, ends - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._from, 2**16)
            assert part, "the browser has gone"
            self._read += part
        message, _, self._read = self._read.partition(b"\0")
        self._note(answer := json.loads(message))
        return answer

    def _note(self, message):
        about = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(about)
            case "Network.requestWillBeSent":
                self.requests.append(about["request"]["url"])
            case "Page.loadEventFired":
                self._loaded = True
