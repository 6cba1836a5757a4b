"""Read a pickle of dict, list, tuple, str and int without `pickle`.

A pickle is a program that may call anything. Python's own restricted unpickler forbids the calls,
but can still be made to crash (a deeply nested tuple as a key overflows the stack when it is
hashed) or to fill the memory (a table as long as a number in the file). So the instructions are
read one by one with `pickletools`, and the few that plain containers need are carried out here.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import Any

from .hub_code.errors import EcgByteError
from .progress import track

# One byte can ask for a container of 60, so their number is limited and not only the file's size.
_MOST_OBJECTS = 1_000_000


class _Machine:
    """The stack machine of pickle protocol 2 to 5, as far as plain containers need it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: list[Any] = []
        self.objects = 0

    def run(self, name: str, argument: Any) -> None:
        """Carry out one instruction; `IndexError` or `TypeError` where the stack does not fit."""
        if name in ("BININT", "BININT1", "BININT2", "LONG1"):
            self.stack.append(argument)
        elif name in ("SHORT_BINUNICODE", "BINUNICODE"):
            self.push_new(argument)
        elif name == "MEMOIZE":
            self.memo.append(self.stack[-1])
        elif name in ("BINPUT", "LONG_BINPUT"):
            # Picklers number what they memorise 0, 1, 2 ...
            if argument != len(self.memo):
                raise IndexError(f"memo {argument}")
            self.memo.append(self.stack[-1])
        elif name in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name == "MARK":
            self.below.append(self.stack)
            self.stack = []
        elif name in _NEW:
            self.push_new(_NEW[name]())
        elif name == "TUPLE":
            self.push_new(tuple(self.since_mark()))
        elif name in _TUPLES:
            length = _TUPLES[name]
            items = [self.stack.pop() for _ in range(length)]
            self.push_new(tuple(reversed(items)))
        elif name in ("APPEND", "APPENDS"):
            items = [self.stack.pop()] if name == "APPEND" else self.since_mark()
            self.top(list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            if name == "SETITEM":
                value, key = self.stack.pop(), self.stack.pop()
                items = [key, value]
            else:
                items = self.since_mark()
            if any(type(key) not in (int, str) for key in items[::2]):
                raise TypeError("a key that is neither int nor str")
            self.top(dict).update(zip(items[::2], items[1::2], strict=True))
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise EcgByteError(
                f"{self.source}: instruction {name} could make something other than dict, list, "
                f"tuple, str and int; nothing of the file was used"
            )

    def push_new(self, value: Any) -> None:
        self.objects += 1
        if self.objects > _MOST_OBJECTS:
            raise EcgByteError(f"{self.source}: more than {_MOST_OBJECTS} objects in the pickle")
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise TypeError(f"no {kind.__name__} where one belongs")
        return self.stack[-1]


_NEW: dict[str, Any] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_plain_pickle(data: bytes, source: str, *, quiet: bool = True) -> Any:
    """The dict, list, tuple, str or int that `data`, a pickle of protocol 2 to 5, holds.

    `source` names it in errors. Keys are int or str. Raises `EcgByteError` for anything that could
    make something else or call something, for damaged data and for what follows the pickle's end.
    """
    machine = _Machine(source)
    place, name = 0, ""

    def instructions() -> Iterator[tuple[Any, Any, Any]]:
        yield from pickletools.genops(data)

    try:
        for opcode, argument, start in track(instructions(), "reading the pickle", quiet=quiet):
            name, place = opcode.name, start
            machine.run(name, argument)
    except EcgByteError:
        raise
    except (ValueError, IndexError, TypeError, KeyError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise EcgByteError(
            f"{source}: no pickle, or a damaged one (byte {place}: {reason})"
        ) from None
    if name != "STOP" or len(machine.stack) != 1 or machine.below:
        raise EcgByteError(f"{source}: a damaged pickle (its end does not fit its beginning)")
    if place + 1 != len(data):
        raise EcgByteError(f"{source}: goes on after the pickle's end; give a file with one pickle")
    return machine.stack[0]
