# SPDX-License-Identifier: GPL-2.0-or-later
"""manifests.py - the structure of the Kubernetes objects we ship, and of a Containerfile, without a network.

A shape is what a value may be: str, int, bool; [shape] a list; {name: shape} an object whose names ending in
"!" must be there; ANY of several alternatives is a tuple; MAP is an object of strings. From the API reference
of Kubernetes 1.30, as far as deploy/k8s uses it: what is not here is refused, as the API server does with
--validate=strict.
"""

import re

MAP = "map of strings"
NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
QUANTITY = re.compile(r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")

META = {"name!": NAME, "namespace": NAME, "labels": MAP, "annotations": MAP}
KEY_PATH = [{"key!": str, "path!": str, "mode": int}]
PROBE = {"exec": {"command!": [str]}, "httpGet": {"path": str, "port!": (int, str)}, "initialDelaySeconds": int,
         "periodSeconds": int, "timeoutSeconds": int, "failureThreshold": int, "successThreshold": int}
RESOURCE = {"cpu": QUANTITY, "memory": QUANTITY}
CONTAINER = {
    "name!": NAME, "image!": str, "imagePullPolicy": re.compile("^(Always|IfNotPresent|Never)$"), "command": [str],
    "args": [str], "env": [{"name!": str, "value": str}], "ports": [{"name": NAME, "containerPort!": int}],
    "securityContext": {"privileged": bool, "runAsUser": int, "runAsGroup": int, "readOnlyRootFilesystem": bool,
                        "allowPrivilegeEscalation": bool, "capabilities": {"add": [str], "drop": [str]}},
    "startupProbe": PROBE, "readinessProbe": PROBE, "livenessProbe": PROBE,
    "resources": {"requests": RESOURCE, "limits": RESOURCE},
    "volumeMounts": [{"name!": NAME, "mountPath!": re.compile("^/"), "readOnly": bool, "subPath": str,
                      "mountPropagation": re.compile("^(None|HostToContainer|Bidirectional)$")}],
}
VOLUME = {
    "name!": NAME, "configMap": {"name!": NAME, "items": KEY_PATH, "optional": bool, "defaultMode": int},
    "secret": {"secretName!": NAME, "items": KEY_PATH, "optional": bool, "defaultMode": int},
    "hostPath": {"path!": re.compile("^/"), "type": re.compile("^(|Directory|DirectoryOrCreate|File|Socket)$")},
    "emptyDir": {"sizeLimit": QUANTITY, "medium": str},
}
POD = {
    "serviceAccountName": NAME, "automountServiceAccountToken": bool, "priorityClassName": NAME, "hostPID": bool,
    "hostNetwork": bool, "hostIPC": bool,
    "dnsPolicy": re.compile("^(ClusterFirstWithHostNet|ClusterFirst|Default|None)$"),
    "terminationGracePeriodSeconds": int, "nodeSelector": MAP,
    "tolerations": [{"key": str, "operator": re.compile("^(Exists|Equal)$"), "value": str, "effect": str}],
    "initContainers": [CONTAINER], "containers!": [CONTAINER], "volumes": [VOLUME],
}
HEAD = {"apiVersion!": str, "kind!": str, "metadata!": META}
KINDS = {
    ("v1", "Namespace"): {**HEAD},
    ("v1", "ServiceAccount"): {**HEAD, "automountServiceAccountToken": bool},
    ("v1", "ConfigMap"): {**HEAD, "data": MAP, "immutable": bool},
    ("scheduling.k8s.io/v1", "PriorityClass"): {
        **HEAD, "value!": int, "globalDefault": bool, "description": str,
        "preemptionPolicy": re.compile("^(Never|PreemptLowerPriority)$")},
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): {
        **HEAD, "rules!": [{"apiGroups": [str], "resources": [str], "verbs!": [str], "nonResourceURLs": [str]}]},
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): {
        **HEAD, "roleRef!": {"apiGroup!": str, "kind!": str, "name!": NAME},
        "subjects": [{"kind!": str, "name!": NAME, "namespace": NAME, "apiGroup": str}]},
    ("apps/v1", "DaemonSet"): {
        **HEAD, "spec!": {
            "selector!": {"matchLabels!": MAP}, "minReadySeconds": int,
            "updateStrategy": {"type": re.compile("^(RollingUpdate|OnDelete)$"),
                               "rollingUpdate": {"maxUnavailable": (int, str), "maxSurge": (int, str)}},
            "template!": {"metadata!": {"labels!": MAP, "annotations": MAP}, "spec!": POD}}},
}


def wrong(value, shape, where):
    """Yields what does not fit."""
    if isinstance(shape, tuple):
        if not any(not list(wrong(value, one, where)) for one in shape):
            yield f"{where}: {value!r} is none of what it may be"
    elif shape is MAP:
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            yield f"{where}: not a map of strings"
    elif isinstance(shape, dict):
        yield from wrong_object(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where}: not a list"
        else:
            for i, one in enumerate(value):
                yield from wrong(one, shape[0], f"{where}[{i}]")
    elif isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.match(value):
            yield f"{where}: {value!r} does not match {shape.pattern}"
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield f"{where}: {value!r} is not of type {shape.__name__}"


def wrong_object(value, shape, where):
    if not isinstance(value, dict):
        yield f"{where}: not an object"
        return
    names = {n.rstrip("!"): s for n, s in shape.items()}
    for name, one in value.items():
        if name in names:
            yield from wrong(one, names[name], f"{where}.{name}")
        else:
            yield f"{where}: there is no field '{name}'"
    for name in shape:
        if name.endswith("!") and name[:-1] not in value:
            yield f"{where}: '{name[:-1]}' is missing"


def breaches(documents):
    """Everything wrong with a list of manifests: each alone, and what they say of each other."""
    there = {(d.get("kind"), d.get("metadata", {}).get("name")) for d in documents}
    for d in documents:
        key = (d.get("apiVersion"), d.get("kind"))
        where = f"{key[1]}/{d.get('metadata', {}).get('name')}"
        if key not in KINDS:
            yield f"{where}: {key} is not a kind we know"
            continue
        yield from wrong(d, KINDS[key], where)
        if key[1] == "DaemonSet":
            yield from breaches_of_set(d, where, there)
        if key[1] == "ClusterRoleBinding":
            for kind, name in [("ClusterRole", d["roleRef"]["name"])] + [(s["kind"], s["name"]) for s in d["subjects"]]:
                if (kind, name) not in there:
                    yield f"{where}: there is no {kind} {name}"


def breaches_of_set(d, where, there):
    spec, pod = d["spec"], d["spec"]["template"]["spec"]
    if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
        yield f"{where}: the selector does not match the template's labels"
    volumes = {v["name"]: v for v in pod["volumes"]}
    mounts = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
    if mounts != set(volumes):
        yield f"{where}: volumes {sorted(volumes)}, mounts {sorted(mounts)}"
    for kind, name in [("ServiceAccount", pod["serviceAccountName"]), ("PriorityClass", pod["priorityClassName"])] + \
            [("ConfigMap", v["configMap"]["name"]) for v in volumes.values() if "configMap" in v]:
        if (kind, name) not in there:
            yield f"{where}: there is no {kind} {name}"


INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "STOPSIGNAL", "ENTRYPOINT", "CMD", "ENV", "ARG", "LABEL"}


def container_breaches(text):
    """A Containerfile: instructions it may have, stages that exist, exec forms, no moving tags."""
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip() and line[0] != "#"]
    stages, words = [], [line.split(None, 1) for line in lines]
    for instruction, rest in words:
        if instruction not in INSTRUCTIONS:
            yield f"there is no instruction {instruction}"
        elif instruction == "FROM":
            m = re.fullmatch(r"(\S+?)(?: AS (\S+))?", rest.strip())
            if not m or ":" not in m[1] or m[1].endswith(":latest"):
                yield f"FROM {rest}: an image with a tag that stays"
            stages.append(m[2] if m else None)
        elif instruction == "COPY" and "--from=" in rest and rest.split("--from=")[1].split()[0] not in stages:
            yield f"COPY {rest}: there is no such stage"
        elif instruction in ("ENTRYPOINT", "CMD") and not rest.startswith("["):
            yield f"{instruction} {rest}: a shell would be PID 1 and take the signals"
        elif instruction == "RUN" and re.search(r"\b(curl|wget|pip|npm)\b", rest):
            yield f"RUN {rest}: Debian's packages only"
    if not words or words[0][0] != "FROM":
        yield "the first instruction is FROM"
    if len(stages) != 2:
        yield f"two stages, not {len(stages)}"
