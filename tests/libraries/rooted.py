# SPDX-License-Identifier: GPL-2.0-or-later
"""rooted.py - the servers of the harness out of another Debian's tree, as a container has them: a mount namespace and
a root of their own, which is an overlay over the tree (which stays as it is) or, plain, the tree itself.

    root = Root("/tmp/trees/trixie", s.folder)
    s.serve(lambda: NginxTls(root.at(s.server), folder, 8443, certificate))
    root.at(s.server, overlay=False)
"""

import os

# the folder of the test keeps its name inside
ENTER = """
set -e
tree=$1 folder=$2 root=$3
shift 3
if [ "$root" != "$tree" ]; then
	mkdir -p "$root/upper" "$root/work" "$root/merged"
	mount -t overlay overlay -o "lowerdir=$tree,upperdir=$root/upper,workdir=$root/work" "$root/merged"
	root=$root/merged
else
	mount -t tmpfs tmpfs "$root/tmp"
fi
mkdir -p "$root$folder" "$root/proc" "$root/dev"
mount --rbind "$folder" "$root$folder"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
"""


class Rooted:
    """A network namespace in which processes get the root, too."""

    def __init__(self, ns, enter):
        self._ns, self._enter = ns, enter

    def popen(self, *argv, **kw):
        return self._ns.popen(*self._enter, *argv, **kw)

    def run(self, *argv, **kw):
        return self._ns.run(*self._enter, *argv, **kw)

    def __enter__(self):
        return self._ns.__enter__()

    def __exit__(self, *what):
        return self._ns.__exit__(*what)


class Root:
    """Each process of it has an overlay of its own, as two containers of one image have."""

    def __init__(self, tree, folder):
        self.tree, self.folder, self._n = os.path.realpath(tree), folder, 0
        self.roots = os.path.join(folder, "roots")

    def at(self, ns, overlay=True):
        place = self.tree
        if overlay:
            # an overlay's upper folder cannot be shared
            self._n += 1
            place = os.path.join(self.roots, str(self._n))
            os.makedirs(place)
        enter = ("unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter", self.tree, self.folder,
                 place)
        return Rooted(ns, enter)
