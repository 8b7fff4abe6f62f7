from __future__ import annotations

from apimachinery.kinds import named
from apiserver.admission.chain import Admission
from apiserver.admission.dynamic.reinvocation import Reinvocation
from apiserver.admission.plugin import ANY, Plugin, Reader
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry


def test_the_second_round_calls_those_that_a_later_change_concerns() -> None:
    whole = Reinvocation()
    part = whole.of("p")
    part.begin({"a": 1})
    part.was_called("first")
    assert not whole.wanted
    part.changed()
    part.was_called("second")
    part.end({"a": 2})
    assert whole.wanted
    whole.again = True
    part.begin({"a": 2})
    assert not part.skips("first")
    assert part.skips("second"), "nothing changed after it"
    assert part.skips("never called")


def test_what_others_changed_between_the_rounds_concerns_everybody() -> None:
    whole = Reinvocation()
    part = whole.of("p")
    part.begin({})
    part.was_called("first")
    part.end({})
    whole.again = True
    part.begin({"b": 1})
    assert not part.skips("first")


async def test_the_chain_runs_once_more_where_that_is_wanted() -> None:
    rounds: list[bool] = []

    def admit(op: Operation, reader: Reader) -> None:
        op.reinvocation = op.reinvocation or Reinvocation()
        rounds.append(op.reinvocation.again)
        op.reinvocation.wanted = op.name == "again"

    plugin = Plugin("p", frozenset({ANY}), frozenset({"CREATE"}), admit=admit)
    chain = Admission(MemoryRegistry().reader, [plugin])
    for name, expected in (("once", [False]), ("again", [False, True])):
        rounds.clear()
        await chain.admit(Operation("CREATE", named("pods"), "ns", name, "", {}, None, UserInfo("ann")))
        assert rounds == expected
