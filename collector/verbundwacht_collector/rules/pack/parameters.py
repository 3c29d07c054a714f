"""Parameters of a pack: what may be set, to which values. Pure.

Values come from three places (the default, a pack's tests, a municipality's setting), and all
three pass `unfit`.
"""

from collections.abc import Mapping
from typing import Any, Final

from verbundwacht_collector.rules.language.scope import suggestion
from verbundwacht_collector.rules.language.types import ANY, BOOL, INT, Field, Type, list_of, map_of
from verbundwacht_collector.rules.model import Parameter
from verbundwacht_collector.rules.pack.document import Part
from verbundwacht_collector.rules.pack.reader import Reader, plain

TYPES: Final = ("int", "string", "bool", "list<string>", "list<int>", "map<string,string>")


def read_parameters(reader: Reader, part: Part | None) -> dict[str, Parameter]:
    """The parameters by name; mistakes are noted."""
    found = {}
    for name, (key, body) in reader.named(part, "parameters").items():
        # It must be writable as `params.NAME`.
        if not name.isidentifier() or not name.isascii():
            reader.error(key, f"{name!r} cannot be the name of a parameter")
        found[name] = _parameter(reader, name, body)
    return found


def _parameter(reader: Reader, name: str, body: Part) -> Parameter:
    optional = ("one_of", "min", "max", "unit")
    found = reader.record(body, f"the parameter {name}", ("type", "default"), optional)
    kind: Any = reader.word(found.get("type"), "type of a parameter", TYPES)
    default = found.get("default")
    one_of = tuple(plain(item) for item in reader.items(found.get("one_of"), "one_of"))
    limits = {key: reader.number(found.get(key), key) for key in ("min", "max")}
    unit = reader.scalar(found.get("unit"), "unit", str, "")
    value = None if default is None else plain(default)
    parameter = Parameter(name=name, type=kind, default=value, one_of=one_of, unit=unit, **limits)
    if default is not None and (problem := unfit(parameter, value)):
        reader.error(default, f"default: {problem}")
    for key in ("min", "max"):
        if key in found and kind and "int" not in kind:
            reader.error(found[key], f"{key} is for numbers, not for {kind}")
    if "one_of" in found and kind in ("bool", "map<string,string>"):
        reader.error(found["one_of"], f"one_of is not for {kind}")
    return parameter


def unfit(parameter: Parameter, value: Any) -> str:
    """Why `value` cannot be the parameter's value; "" if it can."""
    if parameter.type and not _is_of(parameter.type, value):
        return f"{parameter.name} must be of type {parameter.type}"
    for item in value if isinstance(value, list) else [value]:
        if parameter.one_of and item not in parameter.one_of:
            allowed = ", ".join(map(str, parameter.one_of))
            return f"{item!r} is not allowed for {parameter.name}; it is one of {allowed}"
        # min and max are for numbers; for texts the mistake is noted elsewhere.
        if type(item) is not int:
            continue
        if parameter.min is not None and item < parameter.min:
            return f"{item} is below the smallest {parameter.name} ({parameter.min})"
        if parameter.max is not None and item > parameter.max:
            return f"{item} is above the largest {parameter.name} ({parameter.max})"
    return ""


def _is_of(kind: str, value: Any) -> bool:
    match kind:
        case "int":
            return type(value) is int
        case "string":
            return type(value) is str
        case "bool":
            return type(value) is bool
        case "list<string>":
            return isinstance(value, list) and all(type(item) is str for item in value)
        case "list<int>":
            return isinstance(value, list) and all(type(item) is int for item in value)
    return isinstance(value, dict) and all(
        type(key) is str and type(item) is str for key, item in value.items()
    )


def params_type(parameters: Mapping[str, Parameter]) -> Type:
    """The object type of `params`."""
    return Type("object", fields={n: Field(_type(p)) for n, p in parameters.items()}, name="params")


def _type(parameter: Parameter) -> Type:
    words = Type("string", values=tuple(map(str, parameter.one_of)))
    types = {
        "int": INT,
        "string": words,
        "bool": BOOL,
        "list<string>": list_of(words),
        "list<int>": list_of(INT),
        "map<string,string>": map_of(Type("string")),
    }
    return types.get(parameter.type, ANY)


def read_values(
    reader: Reader, part: Part | None, parameters: Mapping[str, Parameter]
) -> dict[str, Any]:
    """Values for some parameters, as a test or a setting gives them; mistakes are noted."""
    found: dict[str, Any] = {}
    for name, (key, body) in reader.named(part, "params").items():
        parameter = parameters.get(name)
        if parameter is None:
            reader.error(key, f"no parameter {name!r}{suggestion(name, parameters)}")
            continue
        found[name] = plain(body)
        if problem := unfit(parameter, found[name]):
            reader.error(body, problem)
    return found
