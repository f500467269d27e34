"""What a reader chooses, kept in the address: every view can be linked to, and the browser's way back works.

The address holds codes and not labels. A choice that isn't offered is ignored; the proposal isn't written into an
address that doesn't name it, and what was never chosen follows it. Choices outlive a change of page.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def choice(
    label: str,
    options: Sequence[T],
    name: str,
    *,
    proposal: T,
    words: Callable[[T], str] = str,
    code: Callable[[T], str] = str,
    tip: str | None = None,
) -> T:
    """Return what is chosen from a list; `code` is what stands in the address under `name`."""
    known = {code(option): option for option in options}

    def read(text: str) -> T | None:
        return known.get(text)

    key = _prepare(name, proposal, read, lambda value: value in options)
    st.selectbox(label, options, format_func=words, key=key, help=tip)
    return _settle(name, key, proposal, code)


def factor(label: str, name: str, *, proposal: float, low: float, high: float, tip: str) -> float:
    """Return a number in two decimals, chosen within limits."""

    def read(text: str) -> float | None:
        try:
            value = round(float(text), 2)
        except ValueError:
            return None
        return value if low <= value <= high else None

    key = _prepare(name, proposal, read, lambda value: low <= value <= high)
    st.number_input(label, min_value=low, max_value=high, step=0.01, format="%.2f", key=key, help=tip)
    return _settle(name, key, proposal, lambda value: f"{value:.2f}")


def words(label: str, name: str, *, proposal: str = "", tip: str | None = None, longest: int = 80) -> str:
    """Return a line of text that is typed."""
    key = _prepare(name, proposal, lambda text: text[:longest], lambda _: True)
    st.text_input(label, key=key, help=tip, max_chars=longest)
    return _settle(name, key, proposal, lambda value: value)


def asked_in_vain(name: str, known: Sequence[str]) -> str | None:
    """Return what the address asks for under a name when nothing of it is known, else None."""
    asked = st.query_params.get(name)
    return asked if asked is not None and asked not in known else None


def kept(*names: str) -> tuple[tuple[str, str], ...]:
    """Return the parts of the address that another view should keep."""
    return tuple((name, st.query_params[name]) for name in names if name in st.query_params)


def _prepare(name: str, proposal: T, read: Callable[[str], T | None], fits: Callable[[T], bool]) -> str:
    """Set the widget's value before it is drawn: what the address newly asks for, or what was chosen before."""
    key, memory, written, proposed = (f"{word}-{name}" for word in ("choice", "chosen", "written", "proposed"))
    asked = st.query_params.get(name)
    found = read(asked) if asked is not None and asked != st.session_state.get(written) else None
    current: Any = st.session_state.get(key, st.session_state.get(memory, proposal))
    if asked is None and current == st.session_state.get(proposed, proposal):
        current = proposal
    st.session_state[proposed] = proposal
    # A widget forgets its value on another page unless it is set there.
    st.session_state[key] = found if found is not None else current if fits(current) else proposal
    return key


def _settle(name: str, key: str, proposal: T, code: Callable[[T], str]) -> T:
    """Return the widget's value, after it was remembered and written into the address."""
    value: T = st.session_state[key]
    st.session_state[f"chosen-{name}"] = value
    named = name in st.query_params
    if value == proposal and not named:
        st.session_state[f"written-{name}"] = None
        return value
    st.session_state[f"written-{name}"] = code(value)
    if not named or st.query_params[name] != code(value):
        st.query_params[name] = code(value)
    return value
