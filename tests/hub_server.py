"""A Hugging Face Hub on loopback: the part of its protocol that huggingface_hub speaks with us."""

import base64
import hashlib
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """Commits, each a mapping of file names to bytes; and which commit a name stands for."""

    private: bool = False
    gated: bool = False
    lfs: bool = True  # else plain git, as for small text
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files, ref="main"):
        before = self.commits.get(self.refs.get(ref, ""), {})
        # Repositories with the same history have the same commits, as copies do on the Hub.
        sha = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[sha] = before | files
        self.refs[ref] = sha
        return sha


class Hub:
    """A running server. `requests` is what was asked; `faults` make it misbehave.

    A fault is asked before each answer with the method and the path: it returns a status, a status
    with headers, "cut" (half the body, then the end), "reset", "flip" (a wrong byte) or None.
    """

    TOKEN = "hf_good"

    def __init__(self):
        self.repositories, self.objects, self.requests = {}, {}, []
        self.fault = lambda method, path: None
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def asked(self, method):
        return [request for request in self.requests if request[0] == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    mischief = None

    def do_HEAD(self):
        self.answer_any()

    do_GET = do_POST = do_PUT = do_HEAD  # noqa: N815

    def answer_any(self):
        body = self.body()
        path = unquote(urlsplit(self.path).path)  # a proxy is asked with the whole address
        if path == "/api/agent-harnesses":  # the library's own business, in some environments
            return self.answer(404)
        self.hub.requests.append((self.command, path, self.headers))
        self.mischief = self.hub.fault(self.command, path)
        if isinstance(self.mischief, int):
            return self.answer(self.mischief)
        if isinstance(self.mischief, tuple):
            return self.answer(self.mischief[0], headers=self.mischief[1])
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "validate-yaml"]:
            return self.answer(200, {"errors": [], "warnings": []})
        if parts[:1] == ["lfs"]:
            return self.store(parts[1], body)
        token = self.headers.get("Authorization")
        if token not in (None, f"Bearer {self.hub.TOKEN}"):
            return self.answer(401, {"error": "Invalid credentials in Authorization header"})
        if self.command in ("POST", "PUT") and not token:
            return self.answer(401, {"error": "Invalid username or password."})
        if parts[:3] == ["api", "repos", "create"]:
            return self.create(json.loads(body))
        name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2]).removesuffix(".git")
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not token):
            return self.refuse(401 if not token else 404, "RepoNotFound")
        if parts[0] == "api":
            action, revision, *_ = *parts[4:6], "", ""
            if action == "preupload":
                return self.preupload(json.loads(body))
            if action == "commit":
                return self.commit(repository, name, body)
            sha = repository.refs.get(revision or "main", revision)
            return self.answer(200, self.about(name, repository, sha))
        if parts[2:4] == ["info", "lfs"]:
            return self.batch(json.loads(body))
        return self.resolve(repository, parts[3], "/".join(parts[4:]), token)

    def resolve(self, repository, revision, file, token):
        if repository.gated and not token:
            return self.refuse(401, "GatedRepo")
        sha = repository.refs.get(revision, revision)
        if sha not in repository.commits:
            return self.refuse(404, "RevisionNotFound")
        if file not in repository.commits[sha]:
            return self.refuse(404, "EntryNotFound", {"X-Repo-Commit": sha})
        content = repository.commits[sha][file]
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if repository.lfs:
            headers["ETag"] = '"a storage\'s own"'
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
        else:
            blob = b"blob %d\0" % len(content) + content
            headers["ETag"] = f'"{hashlib.sha1(blob).hexdigest()}"'
        if self.mischief == "flip":
            content = content[:100] + bytes([content[100] ^ 1]) + content[101:]
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206 if start else 200, content[start:], headers)

    def create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] != "user":
            return self.answer(403, {"error": "You don't have the rights to create a model here"})
        status = 409 if name in self.hub.repositories else 200
        private = asked.get("visibility") == "private" or asked.get("private", False)
        made = self.hub.repositories.setdefault(name, Repository(private))
        made.refs or made.commit({".gitattributes": b""})
        return self.answer(status, {"url": f"{self.hub.url}/{name}", "name": name})

    def preupload(self, asked):
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].startswith("model.") else "regular",
                "shouldIgnore": False,
            }
            for file in asked["files"]
        ]
        return self.answer(200, {"files": files})

    def batch(self, asked):
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        return self.answer(200, {"transfer": "basic", "objects": objects})

    def store(self, oid, body):
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.objects[oid] = body
        return self.answer(200)

    def commit(self, repository, name, body):
        files = {}
        for line in body.splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            if part["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        sha = repository.commit(files)
        url = f"{self.hub.url}/{name}/commit/{sha}"
        return self.answer(200, {"commitUrl": url, "commitOid": sha, "pullRequestUrl": None})

    def about(self, name, repository, sha):
        files = [{"rfilename": file} for file in repository.commits.get(sha, {})]
        return {"id": name, "sha": sha, "private": repository.private, "siblings": files}

    def refuse(self, status, code, headers=None):
        self.answer(status, {"error": code}, {"X-Error-Code": code, **(headers or {})})

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while length := int(self.rfile.readline(), 16):
                content += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, content=b"", headers=None):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.mischief in ("cut", "reset"):
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            if self.mischief == "reset":
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.connection.close()
            return
        self.wfile.write(content)
