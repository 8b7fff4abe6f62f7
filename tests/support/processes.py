"""A recording double of the kubelet's gateway to child processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubelet.processes import DEVNULL, Child, Completed

Answer = Callable[[tuple[str, ...]], Completed | None]


class RecordingProcesses:
    """Starts nothing: ``calls`` are the arguments in order, answered by the first of ``answers`` that knows it."""

    def __init__(self, *answers: Answer) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.inputs: list[bytes] = []
        self._answers = answers

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        self.calls.append(tuple(argv))
        self.inputs.append(stdin)
        for answer in self._answers:
            if (completed := answer(tuple(argv))) is not None:
                return completed
        return Completed(tuple(argv), 0)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        stderr: int = DEVNULL,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        raise AssertionError(f"unexpected child: {argv}")
