# SPDX-License-Identifier: GPL-2.0-or-later
"""lib.py - what an end to end test is made of: a scene (two namespaces, servers, the agent) and checks.

    with Scene() as s:
        nginx = s.nginx()
        agent = s.agent(policy())
        s.equal(nginx.count("/api/v1/auth/login"), 5, "exactly 5 reach nginx")

Prints TAP. Everything the scene made is gone when the block ends, however it ends.
"""

import os
import re
import shutil
import signal
import sys
import tempfile
import traceback

from agent import GLACISCTL, GLACISD, Agent, policy
from h2servers import H2C_SERVERS
from http1 import Bad, Connection, parse_head, request
from netns import SERVER4, SERVER6, Net, client4, client6, ghost4
from poll import PATIENCE, Late, Watch, poll
from servers import Answers, Backend, Haproxy, Nginx, Pieces
from tlsservers import TLS_SERVERS

__all__ = ["Scene", "policy", "poll", "Late", "Bad", "Connection", "parse_head", "request", "SERVER4", "SERVER6",
           "ghost4", "client4", "client6", "url", "TLS_SERVERS", "LONG", "GLACISD", "GLACISCTL", "PATIENCE", "Watch"]

LONG = bool(os.environ.get("LONG"))  # the durations of the issue instead of short ones


def url(host, path, port=8080):
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"


class Scene:
    def __init__(self):
        self.name = os.path.basename(sys.argv[0])
        self.n = self.bad = 0
        self.net = None
        self.folder = None
        self._servers, self._agents = [], []

    # --- checks ---------------------------------------------------------------------------------
    def check(self, true, what, detail=""):
        self.n += 1
        self.bad += not true
        print(f"{'ok' if true else 'not ok'} {self.n} - {what}")
        if not true and detail != "":
            for line in str(detail).splitlines()[:40]:
                print(f"#   {line}")
        sys.stdout.flush()
        return bool(true)

    def equal(self, got, want, what):
        return self.check(got == want, what, f"got  {got!r}\nwant {want!r}")

    def between(self, low, got, high, what):
        return self.check(low <= got <= high, f"{what} ({low}..{high})", f"got {got!r}")

    def eventually(self, condition, what, seconds=PATIENCE):
        try:
            return self.check(poll(condition, seconds, what), what)
        except Late as e:
            return self.check(False, what, e)

    def soon(self, watch, seconds, what, took=None):
        """It took no longer than that since `watch`. A promise for a machine that has time: where it had none, or
        nobody tells, the figure is noted and PATIENCE is what holds."""
        busy, took = watch.busy(), watch.took() if took is None else took
        quiet = busy is not None and busy < Watch.QUIET
        share = "unknown" if busy is None else f"{busy:.0%}"
        self.note(f"{what}: {took:.3f} s, {seconds} s wanted; waiting for the machine {share} of the time")
        return self.check(took <= (seconds if quiet else max(seconds, PATIENCE)), what, f"took {took:.2f} s")

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    # --- parts ----------------------------------------------------------------------------------
    @property
    def client(self):
        return self.net.client

    @property
    def server(self):
        return self.net.server

    def _part(self, kind):
        return os.path.join(self.folder, f"{kind}-{len(self._servers) + len(self._agents)}")

    def serve(self, make):
        server = make()
        self._servers.append(server)
        return server

    def nginx(self, **kw):
        return self.serve(lambda: Nginx(self.server, self._part("nginx"), **kw))

    def backend(self, port):
        return self.serve(lambda: Backend(self.server, self._part("backend"), port))

    def haproxy(self, port, source, **kw):
        """In the clients' namespace, talking to the servers'."""
        return self.serve(lambda: Haproxy(self.client, self._part("haproxy"), port, source, **kw))

    def tls_server(self, name, port, certificate=None):
        """One of TLS_SERVERS or H2C_SERVERS by name."""
        kind = TLS_SERVERS.get(name) or H2C_SERVERS[name]
        return self.serve(lambda: kind(self.server, self._part(name), port, certificate))

    def answers(self, table, **kw):
        return self.serve(lambda: Answers(self.server, self._part("answers"), table, **kw))

    def pieces(self, **kw):
        return self.serve(lambda: Pieces(self.server, self._part("pieces"), **kw))

    def idle_agent(self):
        """An agent that is not started."""
        agent = Agent(self.server, self._part("agent"), f"{self.tag}{len(self._agents)}")
        self._agents.append(agent)
        return agent

    def agent(self, document, *extra):
        return self.idle_agent().start(document, *extra)

    # --- clients --------------------------------------------------------------------------------
    def curl(self, path, source=None, host=SERVER4, port=8080, ns=None, extra=(), timeout=PATIENCE):
        """One curl, one connection; the status it saw ("000" when the connection failed)."""
        argv = ["curl", "-g", "-s", "-m", str(timeout), "-o", "/dev/null", "-w", "%{http_code}"]
        if source:
            argv += ["--interface", source]
        return (ns or self.client).run(*argv, *extra, url(host, path, port)).stdout

    def curls(self, n, path, **kw):
        return [self.curl(path, **kw) for _ in range(n)]

    def connect(self, source=None, host=SERVER4, port=8080, ns=None, timeout=PATIENCE):
        return Connection(ns or self.client, host, port, source, timeout)

    def no_leftovers(self, what, port=8080):
        """Neither side keeps a socket of a refused connection. Twenty seconds: less than the servers' own timeouts,
        which would close it for us."""
        def left():
            return [f"{ns.name} {state} {line}" for ns in (self.client, self.server)
                    for state in ("established", "close-wait") for line in ns.sockets(state, port)]

        try:
            poll(lambda: not left(), 20, "sockets close", exactly=True)
        except Late:
            pass
        self.equal(left(), [], f"{what}: no ESTAB or CLOSE-WAIT on either side")

    # --- life -----------------------------------------------------------------------------------
    def __enter__(self):
        if os.geteuid() != 0:
            print("# needs root: namespaces and BPF")
            sys.exit(77)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        self.tag = re.sub(r"[^a-z0-9]", "", f"{sys.argv[0].split('/')[-2][0]}{self.name[:2]}")
        self.folder = tempfile.mkdtemp(prefix=f"glacis-{self.name}-")
        try:
            self.net = Net(self.tag)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind and kind is not SystemExit:
            where = [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
            self.check(False, f"the test ran to its end ({kind.__name__})", f"{' > '.join(where)}\n{value}")
        if self.bad or (kind and kind is not SystemExit):
            for agent in self._agents:
                self.note(f"--- the agent's log\n{agent.log()[-4000:]}")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for part in [a.remove for a in self._agents] + [s.stop for s in self._servers] + [self.net.delete]:
            try:
                part()
            except Exception as e:  # pylint: disable=broad-except
                self.note(f"cleanup: {e}")
        if os.environ.get("KEEP"):
            self.note(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        print(f"1..{self.n}", flush=True)
        if kind is SystemExit:
            return False
        sys.exit(1 if self.bad else 0)
