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
from nnlab.catalogue import find_choice
from nnlab.catalogue.user_files import public_callables
from nnlab.engine.local_imports import find_local_imports
from nnlab.engine.top_level_names import defined_names
from nnlab.errors import UserCodeError, UserCodeRefused, unknown_name_message

_NNLAB_FOLDER = Path(nnlab.__file__).resolve().parent
_INSTALL_FOLDERS = frozenset(("site-packages", "dist-packages"))
_PYTHON_FOLDERS = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "scripts")
)


# Why no user code may be executed now, and what to do instead; None where it may.
_REFUSAL: ContextVar[tuple[str, str | None] | None] = ContextVar("refusal", default=None)


@contextmanager
def forbid_execution(reason: str, *, hint: str | None = None) -> Iterator[None]:
    """No user code is executed inside: `load_object` raises UserCodeRefused.

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


def load_object(reference: str) -> object:
    """What a reference names; its file is executed.

    Modules are looked for in the working folder and among what is installed; a file may import
    its neighbours.

    Raises:
        UserCodeRefused: inside `forbid_execution`.
        UserCodeError: no such file, module or name, or it fails while it is loaded.
    """
    place, name = _split_reference(reference)
    if (refusal := _REFUSAL.get()) is not None:
        reason, hint = refusal
        raise UserCodeRefused(f"{reference} is not executed: {reason}", hint=hint)
    try:
        module = _execute_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        told = locate_user_error(error) or f"{place}: {_format_error(error)}"
        raise UserCodeError(told) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserCodeError(
            unknown_name_message(f"name in {place}", name, _defined_callables(module))
        ) from None


def code_version(reference: str) -> str | None:
    """SHA-256, 16 hex digits, of the code that a reference names; nothing of it is executed.

    It covers the file and what that imports from its own folder (`find_local_imports`). Of a file
    that imports nothing from there it is the hash of its content. None where the module has no
    file.

    Raises:
        UserCodeError: there is no such file or module, it is no Python, or, as far as reading it
            shows, it has no such name.
    """
    place, name = _split_reference(reference)
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
    place, _ = _split_reference(reference)
    path = _source_path(place)
    if path.suffix != ".py" or not path.is_file() or not is_user_file(str(path)):
        return {}
    path = path.resolve()
    root = path.parent
    if not place.endswith(".py"):
        # Modules are imported by their name from the folder that the first package is in.
        depth = place.count(".") + (path.name == "__init__.py")
        root = path.parents[depth]
    return {
        helper.relative_to(root).as_posix(): helper
        for helper in find_local_imports(path, root)
        if helper.is_relative_to(root)
    }


def matches_version(reference: str, version_then: str | None) -> bool:
    """Whether the code is what it was: an earlier nnlab hashed the one file that is named.

    Raises:
        UserCodeError: as `code_version`.
    """
    if code_version(reference) == version_then:
        return True
    path = _source_path(_split_reference(reference)[0])
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()[:16] == version_then


def _source_path(place: str) -> Path:
    """The file of a path or module; of a module without one, a path that is no file."""
    if place.endswith(".py"):
        return _require_file(Path(place))
    spec = _find_spec(place)
    if spec is None:
        raise _module_not_found_error(place)
    return Path(spec.origin or "")


def model_version(name: str) -> str | None:
    """The version of a user's own model, by what `--model` names; a built-in one has none.

    Raises:
        UserCodeError: as `code_version`.
    """
    return code_version(name) if find_choice("model", name).name == "module:" else None


def locate_user_error(error: BaseException) -> str | None:
    """Where in the user's code an error arose, and the error: `model.py, line 3, in f: …`.

    The innermost frame in a file that is neither nnlab's, nor Python's, nor of an installed
    package; None if there is none. Frames that nnlab was called from are left out.
    """
    if isinstance(error, SyntaxError) and error.filename and is_user_file(error.filename):
        return f"{_display_path(error.filename)}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [index for index, frame in enumerate(frames) if _is_nnlab_file(frame.filename)]
    inside = frames[ours[0] :] if ours else frames
    for frame in reversed(inside):
        if is_user_file(frame.filename):
            within = "" if frame.name == "<module>" else f", in {frame.name}"
            return f"{_display_path(frame.filename)}, line {frame.lineno}{within}: {_format_error(error)}"
    return None


def _split_reference(reference: str) -> tuple[str, str]:
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise UserCodeError(
            f"'{reference}' names no code of your own",
            hint="file.py:NAME, or package.module:NAME",
        )
    return place, name


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise UserCodeError(f"{path}: no such file", hint=f"the working folder is {Path.cwd()}")
    return path.resolve()


def _check_defined(name: str, source: bytes, path: Path, place: str) -> None:
    """Finds a missing name when a run is planned, not when it is trained."""
    try:
        names = defined_names(source, str(path))
    except (SyntaxError, ValueError) as error:  # null bytes are a ValueError
        raise UserCodeError(
            locate_user_error(error) or f"{place}: {_format_error(error)}"
        ) from error
    if names is not None and name not in names:
        raise UserCodeError(
            unknown_name_message(f"name in {place}", name, public_callables(source))
        )


def _execute_file(place: Path) -> ModuleType:
    """The module of a file, executed once for each content that it has."""
    path = _require_file(place)
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
        with _temporary_sys_path(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_module(name: str) -> ModuleType:
    importlib.invalidate_caches()
    try:
        with _temporary_sys_path(Path.cwd()):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _module_not_found_error(name) from None
        raise


def _module_not_found_error(name: str) -> UserCodeError:
    return UserCodeError(
        f"no module '{name}'", hint="a module in the working folder, an installed one, or file.py"
    )


@contextmanager
def _temporary_sys_path(folder: Path) -> Iterator[None]:
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


def _find_spec(name: str) -> ModuleSpec | None:
    """The spec of a module; unlike importlib's own search it does not execute the parents."""
    importlib.invalidate_caches()
    path: list[str] | None = [str(Path.cwd()), *sys.path]
    spec = None
    for depth, part in enumerate(name.split("."), start=1):
        if path is None or not part.isidentifier():
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None and depth == 1:
            spec = _find_editable_spec(part)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _find_editable_spec(name: str) -> ModuleSpec | None:
    """A package that is installed in place, which only its own finder knows."""
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # a module without a spec, as __main__
        return None


def _defined_callables(module: ModuleType) -> list[str]:
    """The public callables that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def is_user_file(filename: str) -> bool:
    """Whether a file of code is neither nnlab's, nor Python's, nor of an installed package."""
    if filename.startswith("<") or _is_nnlab_file(filename):
        return False
    path = Path(filename).resolve()
    installed = _INSTALL_FOLDERS.intersection(path.parts)
    return not installed and not any(path.is_relative_to(place) for place in _PYTHON_FOLDERS)


def _is_nnlab_file(filename: str) -> bool:
    return Path(filename).resolve().is_relative_to(_NNLAB_FOLDER)


def _display_path(filename: str) -> str:
    """A path as short as it goes: from the working folder where it lies in there."""
    path = Path(filename).resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _format_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
