"""A line to the database that a test can cut."""

import asyncio

from psycopg.conninfo import conninfo_to_dict


class Proxy:
    """A line to the database that can be cut: then nothing passes, in either direction, and nothing is said."""

    def __init__(self, target: str) -> None:
        self._target = conninfo_to_dict(target)
        self._open = asyncio.Event()
        self._open.set()
        self._pipes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        there = self._target
        self.url = f"postgresql://{there['user']}:{there['password']}@127.0.0.1:{port}/{there['dbname']}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            writer.close()
            return
        back, forth = await asyncio.open_connection(str(self._target["host"]), int(str(self._target["port"])))
        for source, sink in ((reader, forth), (back, writer)):
            pipe = asyncio.create_task(self._pipe(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._open.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
