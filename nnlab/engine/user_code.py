"""A user's own code: `file.py:NAME` or `package.module:NAME`, run because the user named it.

Whatever goes wrong in it is told with the user's own file and line.
"""

import hashlib
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import nnlab
from nnlab.catalogue import lookup
from nnlab.catalogue.own_files import public_callables
from nnlab.engine.local_imports import local_imports
from nnlab.engine.source_names import defined_names
from nnlab.errors import UserCodeError, UserCodeRefused, unknown_name

_NNLAB = Path(nnlab.__file__).resolve().parent
_INSTALLED = frozenset(("site-packages", "dist-packages"))
_PYTHON = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "scripts")
)


# Why no user code may be executed now, and what to do instead; None where it may.
_REFUSAL: ContextVar[tuple[str, str | None] | None] = ContextVar("refusal", default=None)


@contextmanager
def refused(reason: str, *, hint: str | None = None) -> Iterator[None]:
    """No user code is executed inside: `load` raises UserCodeRefused.

    For commands that read figures and databases of others, which may refer to any file.

    Args:
        reason: completes the sentence "model.py:Net is not executed: ...".
        hint: what to type instead.
    """
    token = _REFUSAL.set((reason, hint))
    try:
        yield
    finally:
        _REFUSAL.reset(token)


def load(reference: str) -> object:
    """What a reference names; its file is executed.

    Modules are looked for in the working folder and among what is installed; a file may import
    its neighbours.

    Raises:
        UserCodeRefused: inside `refused`.
        UserCodeError: no such file, module or name, or it fails while it is loaded.
    """
    place, name = _parts(reference)
    if (refusal := _REFUSAL.get()) is not None:
        reason, hint = refusal
        raise UserCodeRefused(f"{reference} is not executed: {reason}", hint=hint)
    try:
        module = _executed(Path(place)) if place.endswith(".py") else _imported(place)
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        told = blame(error) or f"{place}: {_said(error)}"
        raise UserCodeError(told) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserCodeError(unknown_name(f"name in {place}", name, _own(module))) from None


def version(reference: str) -> str | None:
    """SHA-256, 16 hex digits, of the code that a reference names; nothing of it is executed.

    It covers the file and what that imports from its own folder (`local_imports`). Of a file
    that imports nothing from there it is the hash of its content. None where the module has no
    file.

    Raises:
        UserCodeError: there is no such file or module, it is no Python, or, as far as reading it
            shows, it has no such name.
    """
    place, name = _parts(reference)
    path = _source_path(place)
    if not path.is_file():
        return None
    source = path.read_bytes()
    if path.suffix == ".py":
        _check_defined(name, source, path, place)
    helpers = helper_files(reference)
    if not helpers:
        return hashlib.sha256(source).hexdigest()[:16]
    digest = hashlib.sha256(hashlib.sha256(source).digest())
    for shown, helper in helpers.items():
        digest.update(f"\n{shown}\n".encode(errors="surrogateescape"))
        digest.update(hashlib.sha256(helper.read_bytes()).digest())
    return digest.hexdigest()[:16]


def helper_files(reference: str) -> Mapping[str, Path]:
    """The files that a reference's own file imports from its folder, by their path in there.

    Raises:
        UserCodeError: there is no such file or module.
    """
    place, _ = _parts(reference)
    path = _source_path(place)
    if path.suffix != ".py" or not path.is_file() or not is_users_file(str(path)):
        return {}
    path = path.resolve()
    root = path.parent
    if not place.endswith(".py"):
        # Modules are imported by their name from the folder that the first package is in.
        depth = place.count(".") + (path.name == "__init__.py")
        root = path.parents[depth]
    return {
        helper.relative_to(root).as_posix(): helper
        for helper in local_imports(path, root)
        if helper.is_relative_to(root)
    }


def has_version(reference: str, version_then: str | None) -> bool:
    """Whether the code is what it was: an earlier nnlab hashed the one file that is named.

    Raises:
        UserCodeError: as `version`.
    """
    if version(reference) == version_then:
        return True
    path = _source_path(_parts(reference)[0])
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()[:16] == version_then


def _source_path(place: str) -> Path:
    """The file of a path or module; of a module without one, a path that is no file."""
    if place.endswith(".py"):
        return _existing(Path(place))
    spec = _found(place)
    if spec is None:
        raise _no_module(place)
    return Path(spec.origin or "")


def model_version(name: str) -> str | None:
    """The version of a user's own model, by what `--model` names; a built-in one has none.

    Raises:
        UserCodeError: as `version`.
    """
    return version(name) if lookup("model", name).name == "module:" else None


def blame(error: BaseException) -> str | None:
    """Where in the user's code an error arose, and the error: `model.py, line 3, in f: …`.

    The innermost frame in a file that is neither nnlab's, nor Python's, nor of an installed
    package; None if there is none. Frames that nnlab was called from are left out.
    """
    if isinstance(error, SyntaxError) and error.filename and is_users_file(error.filename):
        return f"{_shown(error.filename)}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [index for index, frame in enumerate(frames) if _is_nnlabs(frame.filename)]
    inside = frames[ours[0] :] if ours else frames
    for frame in reversed(inside):
        if is_users_file(frame.filename):
            within = "" if frame.name == "<module>" else f", in {frame.name}"
            return f"{_shown(frame.filename)}, line {frame.lineno}{within}: {_said(error)}"
    return None


def _parts(reference: str) -> tuple[str, str]:
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise UserCodeError(
            f"'{reference}' names no code of your own",
            hint="file.py:NAME, or package.module:NAME",
        )
    return place, name


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UserCodeError(f"{path}: no such file", hint=f"the working folder is {Path.cwd()}")
    return path.resolve()


def _check_defined(name: str, source: bytes, path: Path, place: str) -> None:
    """Finds a missing name when a run is planned, not when it is trained."""
    try:
        names = defined_names(source, str(path))
    except (SyntaxError, ValueError) as error:  # null bytes are a ValueError
        raise UserCodeError(blame(error) or f"{place}: {_said(error)}") from error
    if names is not None and name not in names:
        raise UserCodeError(unknown_name(f"name in {place}", name, public_callables(source)))


def _executed(place: Path) -> ModuleType:
    """The module of a file, executed once for each content that it has."""
    path = _existing(place)
    content = hashlib.sha256(path.read_bytes() + str(path).encode()).hexdigest()[:16]
    name = f"_nnlab_user_{path.stem}_{content}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up there
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _imported(name: str) -> ModuleType:
    importlib.invalidate_caches()
    try:
        with _importable(Path.cwd()):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _no_module(name) from None
        raise


def _no_module(name: str) -> UserCodeError:
    return UserCodeError(
        f"no module '{name}'", hint="a module in the working folder, an installed one, or file.py"
    )


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Puts a folder first on the search path for now, and last for imports that come later.

    If it stayed first, a user's `random.py` would take the place of Python's for nnlab too.
    """
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _found(name: str) -> ModuleSpec | None:
    """The spec of a module; unlike importlib's own search it does not execute the parents."""
    importlib.invalidate_caches()
    path: list[str] | None = [str(Path.cwd()), *sys.path]
    spec = None
    for depth, part in enumerate(name.split("."), start=1):
        if path is None or not part.isidentifier():
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None and depth == 1:
            spec = _found_otherwise(part)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _found_otherwise(name: str) -> ModuleSpec | None:
    """A package that is installed in place, which only its own finder knows."""
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # a module without a spec, as __main__
        return None


def _own(module: ModuleType) -> list[str]:
    """The public callables that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def is_users_file(filename: str) -> bool:
    """Whether a file of code is neither nnlab's, nor Python's, nor of an installed package."""
    if filename.startswith("<") or _is_nnlabs(filename):
        return False
    path = Path(filename).resolve()
    installed = _INSTALLED.intersection(path.parts)
    return not installed and not any(path.is_relative_to(place) for place in _PYTHON)


def _is_nnlabs(filename: str) -> bool:
    return Path(filename).resolve().is_relative_to(_NNLAB)


def _shown(filename: str) -> str:
    """A path as short as it goes: from the working folder where it lies in there."""
    path = Path(filename).resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
