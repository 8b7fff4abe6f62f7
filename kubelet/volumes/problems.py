"""What goes wrong with volumes, in the words of upstream's events."""

from __future__ import annotations


class VolumeProblem(Exception):
    """Why one volume can't be had: the part after ``MountVolume.SetUp failed for volume "x" : ``."""


class ClaimProblem(VolumeProblem):
    """Why a claim can't be used yet: ``error processing PVC ns/name: PVC is not bound``."""


class VolumesNotReady(Exception):
    """``events`` are the messages of FailedMount events, one a volume."""

    def __init__(self, events: list[str]) -> None:
        super().__init__("; ".join(events))
        self.events = events


def failed_mount(volume: str, problem: VolumeProblem) -> str:
    if isinstance(problem, ClaimProblem):
        return (
            f"Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], "
            f"failed to process volumes=[{volume}]: {problem}"
        )
    return f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
