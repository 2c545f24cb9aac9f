"""Orders for shim.c: faults for a running daemon, given through a page that both map."""
import mmap
import os
import struct

import kplab

WORDS = ("wall_ns", "boot_ns", "send_errno", "send_every", "recv_errno", "recv_every", "alloc_at",
         "alloc_every", "allocs", "allocs_failed", "sends_failed", "recvs_failed")
LIBRARY = os.path.abspath(os.environ.get("KP_SHIM_SO", "build/dev/tests/lab/kp_lab_shim.so"))


class Orders:
    """orders["alloc_at"] = 7; all are 0 at first."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def __getitem__(self, word):
        return struct.unpack_from("<q", self.page, 8 * WORDS.index(word))[0]

    def __setitem__(self, word, value):
        struct.pack_into("<q", self.page, 8 * WORDS.index(word), value)

    def environment(self):
        """Words to put before a command."""
        return ("env", "LD_PRELOAD=" + LIBRARY, "KP_SHIM=" + self.path)


class Daemon(kplab.Daemon):
    """kpwatchd with the shim; its orders are in .orders."""

    def __init__(self, lab, text, **more):
        super().__init__(lab, text, **more)
        self.orders = Orders(os.path.join(self.dir, "orders"))
        self.prefix = self.orders.environment()
