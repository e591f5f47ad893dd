"""From a name to what makes one of your own: registered, installed, in a file, or in a module that can be imported."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.own import KINDS, check_code, installed, ours, shown

Factory = Callable[..., Any]
DRAWS = ("loss", "delay", "transport")
"""Kinds whose factories take a generator of random numbers, `rng`, before their options."""


class Found(NamedTuple):
    """What a name stands for."""

    factory: Any
    """What makes it; of a metric also the metric itself."""
    modules: tuple[str, ...]
    """That can be imported, and whose code it is."""
    digest: str = ""
    """Of its code, where that is in no such module: of its file, or one of its own for what was registered."""


_registered: dict[tuple[str, str], Found] = {}
_files: dict[Path, tuple[str, ModuleType]] = {}
"""By path: the digest of the text that was run, and what it made."""


def register(kind: str, name: str, factory: Factory) -> None:
    """Let scenarios of this program name `factory` as `name`; what was registered under it before is gone.

    Raises CodecError for a name of ours or with a colon, and for what does not meet the contract.
    """
    if not isinstance(name, str) or not name or ":" in name or "/" in name:
        raise CodecError(f"{kind} is to be registered as {name!r}; expected a name without colon and slash")
    if name in ours(kind):
        raise CodecError(f"{kind} {name!r} is one of ours; register yours under another name")
    if kind == "metric" and not (callable(factory) or callable(getattr(factory, "score", None))):
        raise CodecError(f"metric {name} is of type {type(factory).__name__}; expected {KINDS[kind][2]}")
    if kind != "metric" and not callable(factory):
        raise CodecError(
            f"{kind} {name} is of type {type(factory).__name__}; expected what makes one when it is called"
        )
    if kind in DRAWS:
        _check_draws(kind, name, factory)
    module = getattr(factory, "__module__", "")
    whole = module != "__main__" and getattr(sys.modules.get(module), getattr(factory, "__name__", ""), None) is factory
    # Of what is made in a notebook nobody knows what it hangs on: its scores are found again by this registration only.
    _registered[kind, name] = Found(factory, (module,)) if whole else Found(factory, (), secrets.token_hex(16))


def registered(kind: str) -> list[str]:
    """The names of a kind that this program has registered."""
    return [name for of, name in _registered if of == kind]


def forget(kind: str, name: str) -> None:
    """Let go of what was registered."""
    _registered.pop((kind, name), None)


def find(kind: str, name: str) -> Found:
    """What `name`, which is none of ours, stands for; runs its module.

    Raises CodecError for a name that is unknown, that may not run here, or of what does not meet the contract.
    """
    check_code(name, kind)
    if (known := _registered.get((kind, name))) is not None:
        return known
    place = name
    if ":" not in name:
        offered = installed(kind)
        if name not in offered:
            found = f"no metric is called {name!r}" if kind == "metric" else f"{kind} is {name!r}"
            raise CodecError(f"{found}; {hint(kind, name)}")
        place = offered[name]
    module, _, attribute = place.rpartition(":")
    try:
        if module.endswith(".py"):
            digest, source = _run_file(Path(module))
            what = Found(getattr(source, attribute), (), digest)
        else:
            thing = getattr(importlib.import_module(module), attribute)
            what = Found(thing, tuple(sorted({module, getattr(thing, "__module__", module)})))
    except CodecError:
        raise
    except Exception as error:  # whatever a module does when it is run
        said = f"{type(error).__name__}: {error}" if not isinstance(error, ImportError | AttributeError) else error
        raise CodecError(
            f"{kind} is {shown(name)!r}, read as module:attribute; it cannot be imported ({said})"
        ) from error
    _check_kind(kind, name, what.factory)
    return what


def hint(kind: str, name: str) -> str:
    """What to write in place of an unknown name."""
    known = [*ours(kind), *registered(kind), *installed(kind)]
    near = [each for each in known if len(name) > 2 and name.lower() in each] or difflib.get_close_matches(name, known)
    return f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"


def located(name: str, folder: Path) -> str:
    """`name`, as path:attribute where its module is a file in `folder`, or is given as a path from there."""
    place, colon, attribute = name.rpartition(":")
    if not colon or not place:
        return name
    file = folder / (place if place.endswith(".py") else f"{place.replace('.', '/')}.py")
    return f"{file.resolve()}:{attribute}" if file.is_file() else name


@contextmanager
def naming_own(kind: str, name: str, doing: str) -> Iterator[None]:
    """Whatever code of your own raises, as one line: what it was doing, the error, and the line of its file."""
    try:
        yield
    except CodecError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}, line {place.lineno}" if place.lineno else place.filename
        said = " ".join(str(error).split())
        raise CodecError(
            f"{kind} {shown(name)}: {doing} raised {type(error).__name__}{': ' * bool(said)}{said} ({where})"
        ) from error


def make(kind: str, name: str, options: Mapping[str, Any], *before: Any) -> Any:
    """What the factory of `name` makes of `before` and `options`. Raises CodecError."""
    factory = fitting(kind, name, options)
    with naming_own(kind, name, "making it"):
        return factory(*before, **options)


def fitting(kind: str, name: str, options: Mapping[str, Any]) -> Factory:
    """What makes `name`. Raises CodecError where it has or needs other options."""
    factory: Factory = find(kind, name).factory
    check_fit(kind, name, factory, options)
    return factory


def check_fit(kind: str, name: str, factory: Factory, options: Mapping[str, Any]) -> None:
    """Raise CodecError where what makes `name` cannot take `options`."""
    before = (None,) if kind in DRAWS else ()
    try:
        inspect.signature(factory).bind(*before, **options)
    except ValueError:
        return  # written in C: it says for itself what it takes
    except TypeError:
        raise CodecError(f"{kind} {shown(name)} {misfit(factory, options, len(before))}") from None


def misfit(factory: Factory, options: Mapping[str, Any], before: int = 0) -> str:
    """In words, why what makes one, after so many arguments of ours, cannot take `options`."""
    parameters = dict(list(inspect.signature(factory).parameters.items())[before:])
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if not takes_any and (unknown := [option for option in options if option not in parameters]):
        return f"has no option {unknown[0]!r}; expected one of: {', '.join(parameters) or 'none'}"
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [name for name, p in parameters.items() if p.kind in by_name and p.default is p.empty]
    return f"needs {', '.join(name for name in needed if name not in options)}; give it among its options"


def _check_kind(kind: str, name: str, thing: Any) -> None:
    """Raise CodecError for what is no factory of this kind: it was named, and must not even be called."""
    needs = {"codec": ("encode", "decode"), "metric": ("score",)}.get(kind, ())
    lacking = [method for method in needs if not callable(getattr(thing, method, None))]
    if lacking or (kind == "codec" and not isinstance(thing, type)):
        is_class = isinstance(thing, type)
        what = f"a class without {' and '.join(lacking)}" if is_class else f"of type {type(thing).__name__}"
        raise CodecError(f"{kind} is {shown(name)!r}, which is {what}; expected {KINDS[kind][2]}")
    if kind in DRAWS:
        _check_draws(kind, name, thing)


def _check_draws(kind: str, name: str, thing: Any) -> None:
    try:
        first = next(iter(inspect.signature(thing).parameters), "nothing")
    except (TypeError, ValueError):
        first = f"a {type(thing).__name__}"
    if first != "rng":
        said = f"whose first argument is {first}" if callable(thing) else f"which is {first}"
        raise CodecError(f"{kind} is {shown(name)!r}, {said}; expected {KINDS[kind][2]}")


def _run_file(path: Path) -> tuple[str, ModuleType]:
    """The digest of a file's text, and its module: run anew only where that is another, and with nothing left there."""
    text = path.read_bytes()
    digest = hashlib.sha256(text).hexdigest()[:32]
    known = _files.get(path)
    if known is None or known[0] != digest:
        module = ModuleType(f"satsim_own_{digest[:12]}_{path.stem}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # where dataclasses look for their module
        try:
            exec(compile(text, str(path), "exec"), module.__dict__)
        except BaseException:
            del sys.modules[module.__name__]
            raise
        known = _files[path] = digest, module
    return known
