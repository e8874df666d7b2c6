"""Holds lighter's JSON to docs/json.md: every field is described there, has its type, and is there."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/json.md"
TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}


def _read(text: str) -> dict[str, dict[str, str]]:
    """The tables: kind -> field -> type, as the page has them."""
    kinds = {}
    for section in re.split(r"(?m)^## ", text)[1:]:
        kinds[section.split("\n", 1)[0]] = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]+?) \|", section))
    return kinds


KINDS = _read(PAGE.read_text(encoding="utf-8"))


def _check(value, wanted: str, where: str) -> list[str]:
    """What is wrong with a value of that type."""
    if wanted == "any" or (wanted.endswith(" or null") and value is None):
        return []
    wanted = wanted.removesuffix(" or null")
    if wanted.startswith("list of "):
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        return [error for i, item in enumerate(value) for error in _check(item, wanted[8:], f"{where}[{i}]")]
    if wanted in KINDS:
        return check(value, wanted, where)
    kind = TYPES[wanted]
    is_it = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return [] if is_it else [f"{where}: {value!r} is no {wanted}"]


def check(document, kind: str, where: str = "") -> list[str]:
    """What is wrong with a document of that kind; nothing is the aim."""
    fields, where = KINDS[kind], where or kind
    if not isinstance(document, dict):
        return [f"{where}: not an object"]
    errors = [f"{where}.{name} is not in {PAGE.name}" for name in document.keys() - fields.keys()]
    for name, wanted in fields.items():
        if name in document:
            errors += _check(document[name], wanted.removesuffix(", sometimes"), f"{where}.{name}")
        elif not wanted.endswith(", sometimes"):
            errors.append(f"{where}.{name} is missing")
    return errors


def problems(document: dict) -> list[str]:
    """What is wrong with something that lighter printed; Kubernetes' own objects are not its."""
    if document.get("apiVersion") != "lighter/v1":
        return [] if document.get("kind") == "List" else [f"apiVersion {document.get('apiVersion')!r}"]
    return check(document, document["kind"]) if document.get("kind") in KINDS else [f"kind {document.get('kind')!r}"]
