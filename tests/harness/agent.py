# SPDX-License-Identifier: GPL-2.0-or-later
"""agent.py - glacisd and glacisctl under test: own pins, own run and state directories, in the server's
network namespace. Called by lib.py; the demo and the bench use it too.
"""

import json
import os
import shutil
import signal
import subprocess

from attached import attached
from poll import PATIENCE, poll

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("GLACIS_BUILD", os.path.join(ROOT, "build"))
GLACISD = os.path.join(BUILD, "glacisd")
GLACISCTL = os.path.join(BUILD, "glacisctl")
PINS = "/sys/fs/bpf/glacis-test"


CLASSES = {"auth": {"limit": "5/15m"}, "upload": {"limit": "5/15m"}, "public": {"limit": "100/15m"}}


def policy(classes=None, operations=None, ports=(8080,), mode="enforce", name="test", service=None, **spec):
    """A policy as a dictionary (JSON is YAML): service "shop" on ports. Without operations each class
    has those below /api/v1/<class>/."""
    classes = CLASSES if classes is None else classes
    if operations is None:
        operations = [{"match": f"* /api/v1/{c}/**", "class": c} for c in classes]
    shop = {"name": "shop", "ports": list(ports), "operations": operations, **(service or {})}
    return {
        "apiVersion": "glacis.dev/v1alpha1", "kind": "ApiPolicy", "metadata": {"name": name},
        "spec": {"mode": mode, "services": [shop], "classes": classes, **spec},
    }


class Failed(Exception):
    pass


class Result:
    def __init__(self, r):
        self.code, self.out, self.err = r.returncode, r.stdout, r.stderr

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as e:
            raise Failed(f"not JSON ({e}), exit {self.code}: {self.out[:300]!r} {self.err[:300]!r}") from e

    def __str__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


class Agent:
    def __init__(self, ns, folder, tag):
        self.ns, self.dir = ns, folder
        self.run_dir = os.path.join(folder, "run")
        self.state_dir = os.path.join(folder, "state")
        self.pin_dir = os.path.join(PINS, f"{tag}-{os.getpid()}")
        self.socket = os.path.join(self.run_dir, "glacis.sock")
        self.policy_file = os.path.join(folder, "policy.yaml")
        self.output = os.path.join(folder, "glacisd.log")
        self.process = None
        for d in (folder, self.run_dir, self.state_dir):
            os.makedirs(d, exist_ok=True)

    # --- life -----------------------------------------------------------------------------------
    def write_policy(self, document, path=None):
        path = path or self.policy_file
        with open(path, "w", encoding="utf-8") as f:
            f.write(document if isinstance(document, str) else json.dumps(document, indent=1))
        return path

    def argv(self, *extra):
        return [GLACISD, "--run-dir", self.run_dir, "--state-dir", self.state_dir, "--pin-dir", self.pin_dir,
                "--netns", "self", *extra]

    def spawn(self, *extra):
        """Starts glacisd with the policy file, without waiting."""
        log = open(self.output, "ab")
        self.process = self.ns.popen(*self.argv("--policy", self.policy_file, *extra), stdout=log, stderr=log,
                                     stdin=subprocess.DEVNULL)
        log.close()
        return self.process

    def start(self, document=None, *extra):
        """Starts glacisd and waits until every door holds."""
        if document is not None:
            self.write_policy(document)
        self.spawn(*extra)
        self.await_ready()
        return self

    def await_ready(self):
        poll(lambda: os.path.exists(self.socket) or self.process.poll() is not None, 30, "the agent's socket")
        if self.process.poll() is not None:
            raise Failed(f"glacisd ended with {self.process.returncode}:\n{self.log()}")
        r = self.ctl("status", "--wait", "90s")
        if r.code or self.process.poll() is not None:
            raise Failed(f"the agent is not ready: {r}\n{self.log()}")

    def log(self):
        if not os.path.exists(self.output):
            return ""
        with open(self.output, encoding="utf-8", errors="replace") as f:
            return f.read()

    def _end(self, number):
        """Signals glacisd and waits for it and for what it forked."""
        children = self.children()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        for pid in children:
            poll(lambda: not alive(pid), 10, f"child {pid} of glacisd ends")
        return code

    def terminate(self):
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def children(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        try:
            with open(path, encoding="ascii") as f:
                return [int(p) for p in f.read().split()]
        except FileNotFoundError:
            return []

    def remove(self):
        """Detaches and removes everything, whatever state a test left."""
        if self.process and self.process.poll() is None:
            try:
                self._end(signal.SIGTERM)
            except Exception:  # pylint: disable=broad-except
                self.process.kill()
                self.process.wait()
        if os.path.exists(GLACISD) and os.path.isdir(self.pin_dir):
            self.ns.run(*self.argv("--detach"))
        shutil.rmtree(self.pin_dir, ignore_errors=True)

    # --- control --------------------------------------------------------------------------------
    def ctl(self, *args):
        return Result(self.ns.run(GLACISCTL, "--socket", self.socket, *args, timeout=120))

    def json(self, *args):
        r = self.ctl("-o", "json", *args)
        if r.code:
            raise Failed(f"glacisctl {' '.join(args)}: {r}")
        return r.json()

    def must(self, *args):
        r = self.ctl(*args)
        if r.code:
            raise Failed(f"glacisctl {' '.join(args)}: {r}")
        return r

    def apply(self, document):
        """Applies a policy through the API; the Result tells."""
        path = os.path.join(self.dir, "next.yaml")
        self.write_policy(document, path)
        return self.ctl("policy", "apply", path)

    def counters(self):
        c = self.json("counters")
        return c.get("counters", c)

    def events(self, **match):
        """Recorded events, oldest first, that have all of these members."""
        lines = self.must("-o", "json", "events", "--limit", "100").out.splitlines()
        items = [json.loads(line) for line in lines]
        return [e for e in items if all(e.get(k) == v for k, v in match.items())]

    def grown(self, before, name):
        return self.counters()[name] - before[name]

    # --- what the kernel holds ------------------------------------------------------------------
    def attached(self):
        """What sits on the devices of the server's namespace."""
        return attached(self.ns)

    def pins(self):
        found = []
        for folder, _, files in os.walk(self.pin_dir):
            found += [os.path.join(folder, f) for f in files]
        return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
