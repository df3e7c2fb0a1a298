"""The line between a real bridge and a real Odoo, as bad as a test wants it."""

import asyncio
import threading

from scenic_gate_bridge.simulator.link import Link

#: What a line of 64 kbit/s carries, in bytes a second.
SLOW = 64_000 // 8


class Line:
    """A relay in a thread. Use ``with``; ``url`` then leads to the port."""

    def __init__(self, port):
        self.link = Link("127.0.0.1", port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        self._run(self.link.__aenter__())
        return self

    def __exit__(self, *exception):
        self._run(self.link.__aexit__(*exception))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self):
        return self.link.url

    def set(self, **how):
        """Make the line what ``how`` says (see ``Link``), and good in all else."""

        async def change():
            self.link.heal()
            for name, value in how.items():
                setattr(self.link, name, value)
            self.link.cut()

        self._run(change())

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
