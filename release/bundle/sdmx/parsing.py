"""Reading SDMX-ML: structure and data messages alike, element by element, and nothing that a message could load.

A document type is refused, so there are no entities: nothing is fetched, and nothing small grows large.
"""

from collections.abc import Iterable
from typing import Protocol
from xml.parsers import expat


class Reading(Protocol):
    """What takes note of a message's elements in their order; names come as namespace, a space and the local name."""

    def opened(self, element: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning."""

    def told(self, text: str) -> None:
        """Take note of text, which may come in parts."""

    def closed(self, element: str) -> None:
        """Take note of an element's end."""


def parse(content: bytes, reading: Reading) -> None:
    """Have a message read.

    Raises:
        ValueError: it isn't XML in an encoding that is known, or declares a document type.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reading.opened
    parser.EndElementHandler = reading.closed
    parser.CharacterDataHandler = reading.told
    parser.StartDoctypeDeclHandler = _refused
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError):
        raise ValueError("this isn't XML that can be read") from None


def _refused(*_: object) -> None:
    raise ValueError("a document type is declared, which no message needs")


def observations(content: bytes, components: Iterable[str]) -> list[dict[str, str]]:
    """Return a data message's observations with their series' values, of the named components alone.

    Structure-specific messages of 2.1 and 3.0 are read, and generic ones of 2.1, by series or flat.

    Raises:
        ValueError: it isn't XML, declares a document type, holds no data set, deletes data, or states components for
            groups of series, which aren't put to their series here.
    """
    found = _Observations(frozenset(components))
    parse(content, found)
    if not found.data_sets:
        raise ValueError("the message holds no data set")
    return found.rows


class _Observations:
    """Observations that were read so far; values of the data set and the series stand until the next one."""

    def __init__(self, components: frozenset[str]) -> None:
        self.rows: list[dict[str, str]] = []
        self.data_sets = 0
        self._components = components
        self._at_observation = "TIME_PERIOD"
        self._of_data_set: dict[str, str] = {}
        self._of_series: dict[str, str] = {}
        self._of_observation: dict[str, str] | None = None
        self._in_series = False

    def opened(self, element: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning."""
        name = element.rpartition(" ")[2]
        named = {key: value for key, value in attributes.items() if key in self._components}
        if name == "Structure":
            self._at_observation = attributes.get("dimensionAtObservation", self._at_observation)
        elif name == "DataSet":
            self.data_sets += 1
            if any(key.rpartition(" ")[2] == "action" and value == "Delete" for key, value in attributes.items()):
                raise ValueError("the message deletes data")
            self._of_data_set, self._of_series = named, {}
        elif name == "Series":
            self._of_series, self._in_series = named, True
        elif name == "Obs":
            self._of_observation = named
        elif name == "Group":
            raise ValueError("the message states values for groups of series")
        else:
            self._generic(name, attributes)

    def _generic(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of a value of a generic message."""
        ids = {"Value": "", "ObsDimension": self._at_observation, "ObsValue": "OBS_VALUE"}
        id_ = attributes.get("id", ids.get(name, ""))
        if name in ids and id_ in self._components and "value" in attributes:
            self._innermost()[id_] = attributes["value"]

    def _innermost(self) -> dict[str, str]:
        if self._of_observation is not None:
            return self._of_observation
        return self._of_series if self._in_series else self._of_data_set

    def told(self, text: str) -> None:
        """Pass over text: data messages have none that counts."""

    def closed(self, element: str) -> None:
        """Take note of an element's end."""
        name = element.rpartition(" ")[2]
        if name == "Obs" and self._of_observation is not None:
            self.rows.append({**self._of_data_set, **self._of_series, **self._of_observation})
            self._of_observation = None
        elif name == "Series":
            self._of_series, self._in_series = {}, False
