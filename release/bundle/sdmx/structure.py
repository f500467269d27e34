"""The structure as a message: SDMX-ML 2.1, which most tools read, and SDMX-ML 3.0. The two say the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from release.bundle.sdmx.data import Header, header_lines
from release.bundle.sdmx.model import (
    AGENCY,
    COMPONENTS,
    CONCEPTS_ID,
    EDITIONS,
    STRUCTURE_ID,
    STRUCTURE_NAME,
    VERSION,
    Code,
    Codes,
    Component,
    Place,
    at,
    codelists,
)
from release.plan import layout_of
from release.tables import RESIDUAL, Level, products_of

_DERIVED = (
    "Trade in goods with differential privacy; derived from UNSD:IMTS(1.2). Its dimensions that aren't broken down by"
    " are left out and stand at their totals."
)
_MAINTAINED = f'agencyID="{AGENCY}" version="{VERSION}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The data flow of a release: its id, its title, and the codes of its commodities."""

    id: str
    title: str
    commodities: tuple[str, ...]


def flow_of(plan: Mapping[str, Any]) -> Flow:
    """Return the data flow of a published plan's release; a title's characters that XML can't hold are left out."""
    title = "".join(character for character in plan["title"] if character.isprintable())
    layout, edition = layout_of(plan), EDITIONS[plan["metadata"]["hs_edition"]]
    levels = {Level(level["level"]) for measure in plan["measures"] for level in measure["levels"]}
    deep = (product for level in sorted(levels) if level.digits > 0 for product in products_of(layout, level))
    return Flow(
        id=f"{plan['office']['code']}_{plan['release']}".replace(".", "_"),
        title=title,
        commodities=tuple(dict.fromkeys(f"{edition}_{product}" for product in deep if product != RESIDUAL)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """What differs between 2.1 and 3.0: how things refer to each other, and what some elements are called.

    Attributes:
        refer: an artefact's reference from package, class and id, and an item's id where one is meant.
        mandatory: the attribute that says a component must have a value.
    """

    schemas: str
    final: str
    refer: Callable[[str, str, str, str | None], str]
    concepts: str
    mandatory: str
    order: tuple[str, ...]


def structure_21(header: Header, flow: Flow) -> bytes:
    """Return the structure message in SDMX-ML 2.1."""
    return _message(_V21, header, flow)


def structure_30(header: Header, flow: Flow) -> bytes:
    """Return the structure message in SDMX-ML 3.0."""
    return _message(_V30, header, flow)


def _ref(package: str, kind: str, id_: str, item: str | None = None) -> str:
    if item is None:
        return f'<Ref id="{id_}" {_MAINTAINED} package="{package}" class="{kind}"/>'
    return (
        f'<Ref id="{item}" maintainableParentID="{id_}" maintainableParentVersion="{VERSION}" agencyID="{AGENCY}"'
        f' package="{package}" class="{kind}"/>'
    )


def _urn(package: str, kind: str, id_: str, item: str | None = None) -> str:
    told = f"urn:sdmx:org.sdmx.infomodel.{package}.{kind}={AGENCY}:{id_}({VERSION})"
    return told if item is None else f"{told}.{item}"


_V21 = _Dialect(
    schemas="http://www.sdmx.org/resources/sdmxml/schemas/v2_1",
    final=' isFinal="true"',
    refer=_ref,
    concepts="Concepts",
    mandatory='assignmentStatus="Mandatory"',
    order=("dataflows", "codelists", "concepts", "structures"),
)
_V30 = _Dialect(
    schemas="http://www.sdmx.org/resources/sdmxml/schemas/v3_0",
    final="",
    refer=_urn,
    concepts="ConceptSchemes",
    mandatory='usage="mandatory"',
    order=("codelists", "concepts", "structures", "dataflows"),
)


def _message(dialect: _Dialect, header: Header, flow: Flow) -> bytes:
    parts = {
        "dataflows": _dataflows(dialect, flow),
        "codelists": _codelists(dialect, flow),
        "concepts": _concepts(dialect),
        "structures": _structures(dialect),
    }
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<mes:Structure xmlns:mes="{dialect.schemas}/message" xmlns:str="{dialect.schemas}/structure"'
        f' xmlns:com="{dialect.schemas}/common">',
        "<mes:Header>",
        *header_lines(header),
        "</mes:Header>",
        "<mes:Structures>",
        *(line for name in dialect.order for line in parts[name]),
        "</mes:Structures>",
        "</mes:Structure>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _name(text: str) -> str:
    return f'<com:Name xml:lang="en">{escape(text)}</com:Name>'


def _maintainable(dialect: _Dialect, id_: str, package: str, kind: str) -> str:
    return f'id="{escape(id_)}" urn="{escape(_urn(package, kind, id_))}" {_MAINTAINED}{dialect.final}'


def _dataflows(dialect: _Dialect, flow: Flow) -> Iterator[str]:
    yield "<str:Dataflows>"
    yield f"<str:Dataflow {_maintainable(dialect, flow.id, 'datastructure', 'Dataflow')}>{_name(flow.title)}"
    yield f"<str:Structure>{dialect.refer('datastructure', 'DataStructure', STRUCTURE_ID, None)}</str:Structure>"
    yield "</str:Dataflow>"
    yield "</str:Dataflows>"


def _codelists(dialect: _Dialect, flow: Flow) -> Iterator[str]:
    yield "<str:Codelists>"
    for codes in codelists(flow.commodities):
        partial = "" if codes.whole else ' isPartial="true"'
        yield f"<str:Codelist {_maintainable(dialect, codes.id, 'codelist', 'Codelist')}{partial}>{_name(codes.name)}"
        yield from (_code(codes, code) for code in codes.codes)
        yield "</str:Codelist>"
    yield "</str:Codelists>"


def _code(codes: Codes, code: Code) -> str:
    numbers = "".join(
        f"<com:Annotation><com:AnnotationTitle>{escape(number)}</com:AnnotationTitle>"
        "<com:AnnotationType>COMTRADE</com:AnnotationType></com:Annotation>"
        for number in code.comtrade.split(";")
        if number
    )
    noted = f"<com:Annotations>{numbers}</com:Annotations>" if numbers else ""
    return (
        f'<str:Code id="{escape(code.id)}" urn="{escape(_urn("codelist", "Code", codes.id, code.id))}">'
        f"{noted}{_name(code.name)}</str:Code>"
    )


def _concepts(dialect: _Dialect) -> Iterator[str]:
    yield f"<str:{dialect.concepts}>"
    yield f"<str:ConceptScheme {_maintainable(dialect, CONCEPTS_ID, 'conceptscheme', 'ConceptScheme')}>"
    yield _name(f"Concepts of {STRUCTURE_NAME}")
    for component in COMPONENTS:
        urn = _urn("conceptscheme", "Concept", CONCEPTS_ID, component.id)
        yield f'<str:Concept id="{component.id}" urn="{urn}">{_name(component.name)}'
        yield f"<str:CoreRepresentation>{_values(dialect, component)}</str:CoreRepresentation></str:Concept>"
    yield "</str:ConceptScheme>"
    yield f"</str:{dialect.concepts}>"


def _structures(dialect: _Dialect) -> Iterator[str]:
    named = _maintainable(dialect, STRUCTURE_ID, "datastructure", "DataStructure")
    yield f"<str:DataStructures><str:DataStructure {named}>"
    yield f"{_name('Merchandise trade with differential privacy')}"
    yield f'<com:Description xml:lang="en">{escape(_DERIVED)}</com:Description>'
    yield "<str:DataStructureComponents>"
    yield '<str:DimensionList id="DimensionDescriptor">'
    for position, component in enumerate(at(Place.KEY), start=1):
        yield f'<str:Dimension id="{component.id}" position="{position}">{_body(dialect, component)}</str:Dimension>'
    for component in at(Place.TIME):
        yield f'<str:TimeDimension id="{component.id}"{_time_position(dialect)}>{_body(dialect, component)}'
        yield "</str:TimeDimension>"
    yield "</str:DimensionList>"
    yield '<str:AttributeList id="AttributeDescriptor">'
    for component in at(Place.OBSERVATION, Place.SERIES, Place.DATASET):
        yield f'<str:Attribute id="{component.id}" {dialect.mandatory}>{_body(dialect, component)}'
        yield f"<str:AttributeRelationship>{_relationship(dialect, component)}</str:AttributeRelationship>"
        yield "</str:Attribute>"
    yield "</str:AttributeList>"
    yield '<str:MeasureList id="MeasureDescriptor">'
    kind = "PrimaryMeasure" if dialect is _V21 else f"Measure {dialect.mandatory}"
    for component in at(Place.MEASURE):
        yield f'<str:{kind} id="{component.id}">{_body(dialect, component)}</str:{kind.partition(" ")[0]}>'
    yield "</str:MeasureList>"
    yield "</str:DataStructureComponents></str:DataStructure></str:DataStructures>"


def _time_position(dialect: _Dialect) -> str:
    return f' position="{len(at(Place.KEY)) + 1}"' if dialect is _V21 else ""


def _body(dialect: _Dialect, component: Component) -> str:
    concept = dialect.refer("conceptscheme", "Concept", CONCEPTS_ID, component.id)
    return (
        f"<str:ConceptIdentity>{concept}</str:ConceptIdentity>"
        f"<str:LocalRepresentation>{_values(dialect, component)}</str:LocalRepresentation>"
    )


def _values(dialect: _Dialect, component: Component) -> str:
    if component.codes is None:
        return f'<str:TextFormat textType="{component.text}"/>'
    return f"<str:Enumeration>{dialect.refer('codelist', 'Codelist', component.codes, None)}</str:Enumeration>"


def _relationship(dialect: _Dialect, component: Component) -> str:
    if component.place is Place.SERIES:
        dimensions = component.follows
        if dialect is _V21:
            return "".join(f'<str:Dimension><Ref id="{one}"/></str:Dimension>' for one in dimensions)
        return "".join(f"<str:Dimension>{one}</str:Dimension>" for one in dimensions)
    if component.place is Place.DATASET:
        return "<str:None/>" if dialect is _V21 else "<str:Dataflow/>"
    return '<str:PrimaryMeasure><Ref id="OBS_VALUE"/></str:PrimaryMeasure>' if dialect is _V21 else "<str:Observation/>"
