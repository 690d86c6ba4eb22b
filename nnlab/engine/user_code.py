"""Loads a user's code, `file.py:NAME` or `package.module:NAME`, named in the current command.

Errors in it are reported with the user's own file and line.
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

from nnlab.catalogue import USER_CODE, find_builtin, is_user_code
from nnlab.catalogue.user_files import public_callables
from nnlab.engine.local_imports import find_local_imports
from nnlab.engine.package_versions import PACKAGES, package_model_version
from nnlab.engine.top_level_names import defined_names
from nnlab.errors import UserCodeError, UserCodeRefused, unknown_name_message
from nnlab.settings import CODE_VERSION_FIELDS, RunConfig

_NNLAB_FOLDER = Path(__file__).resolve().parents[1]
_INSTALL_FOLDERS = frozenset(("site-packages", "dist-packages"))
_PYTHON_FOLDERS = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "scripts")
)


# The reason and the hint if user code must not be executed now; None if it may.
_REFUSAL: ContextVar[tuple[str, str | None] | None] = ContextVar("refusal", default=None)


@contextmanager
def forbid_execution(reason: str, *, hint: str | None = None) -> Iterator[None]:
    """Inside of this context `load_object` raises UserCodeRefused instead of executing code.

    For commands that read other people's figures and databases, which may refer to any file.

    Args:
        reason: completes the sentence "model.py:Net is not executed: ...".
        hint: the command to use instead.
    """
    token = _REFUSAL.set((reason, hint))
    try:
        yield
    finally:
        _REFUSAL.reset(token)


def load_object(reference: str) -> object:
    """The object that a reference names; its file is executed.

    Modules are looked up in the working directory and among the installed packages. A file may
    import other files of its folder.

    Raises:
        UserCodeRefused: inside of `forbid_execution`.
        UserCodeError: there is no such file, module or name, or executing it fails.
    """
    location, name = _split_reference(reference)
    if (refusal := _REFUSAL.get()) is not None:
        reason, hint = refusal
        raise UserCodeRefused(f"{reference} is not executed: {reason}", hint=hint)
    try:
        module = (
            _execute_file(Path(location)) if location.endswith(".py") else _import_module(location)
        )
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        message = locate_user_error(error) or f"{location}: {_format_error(error)}"
        raise UserCodeError(message) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserCodeError(
            unknown_name_message(f"name in {location}", name, _defined_callables(module))
        ) from None


def code_version(reference: str) -> str | None:
    """The first 16 hex digits of a SHA-256 of the referenced code, which is not executed.

    The hash covers the file and the files that it imports from its own folder
    (`find_local_imports`). If it imports none, this is the hash of the file's content. None if the
    module has no file.

    Raises:
        UserCodeError: there is no such file or module, it is not valid Python, or, as far as can
            be seen in the source, it does not define the name.
    """
    location, name = _split_reference(reference)
    path = _source_path(location)
    if not path.is_file():
        return None
    source = path.read_bytes()
    if path.suffix == ".py":
        _check_defined(name, source, path, location)
    paths = helper_files(reference)
    if not paths:
        return hashlib.sha256(source).hexdigest()[:16]
    digest = hashlib.sha256(hashlib.sha256(source).digest())
    for name_in_folder, helper_path in paths.items():
        digest.update(f"\n{name_in_folder}\n".encode(errors="surrogateescape"))
        digest.update(hashlib.sha256(helper_path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def helper_files(reference: str) -> Mapping[str, Path]:
    """The files that the referenced file imports from its folder, by relative path.

    Raises:
        UserCodeError: there is no such file or module.
    """
    location, _ = _split_reference(reference)
    path = _source_path(location)
    if path.suffix != ".py" or not path.is_file() or not is_user_file(str(path)):
        return {}
    path = path.resolve()
    root = path.parent
    if not location.endswith(".py"):
        # Modules are imported relative to the folder that contains the top-level package.
        depth = location.count(".") + (path.name == "__init__.py")
        root = path.parents[depth]
    return {
        helper.relative_to(root).as_posix(): helper
        for helper in find_local_imports(path, root)
        if helper.is_relative_to(root)
    }


def matches_version(reference: str, stored_version: str | None) -> bool:
    """Whether the code still has a stored version.

    Earlier releases hashed only the referenced file itself, so that hash is accepted too.

    Raises:
        UserCodeError: as in `code_version`.
    """
    if code_version(reference) == stored_version:
        return True
    path = _source_path(_split_reference(reference)[0])
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()[:16] == stored_version


def source_of(reference: str) -> tuple[Path, str]:
    """The file of user code and its name there; the file does not exist if the module has none.

    Raises:
        UserCodeError: there is no such file or module.
    """
    location, name = _split_reference(reference)
    return _source_path(location), name


def _source_path(location: str) -> Path:
    """The file of a path or module; a path that does not exist if the module has no file."""
    if location.endswith(".py"):
        return _require_file(Path(location))
    spec = _find_spec(location)
    if spec is None:
        raise _module_not_found_error(location)
    return Path(spec.origin or "")


def code_versions(config: RunConfig) -> Mapping[str, str | None]:
    """The versions of the user code that a config names, by `CODE_VERSION_FIELDS`.

    None for another choice.

    For a model of a package this is the name and the version of the package.

    Raises:
        UserCodeError: as in `code_version`, or the package is not installed.
    """
    names = {kind: getattr(config, kind) for kind in CODE_VERSION_FIELDS}
    return {CODE_VERSION_FIELDS[kind]: _choice_version(kind, name) for kind, name in names.items()}


def _choice_version(kind: str, name: str | None) -> str | None:
    """The version of user code or of a model's package; None for another choice."""
    row = None if name is None else find_builtin(kind, name)
    if name is None or row is None:
        return None
    if row.name in PACKAGES:
        return package_model_version(row.name, name)
    return code_version(name) if row.name == USER_CODE else None


def check_unchanged(config: RunConfig) -> None:
    """Checks that the user code of a resolved config still has the version stored with it.

    Raises:
        UserCodeError: it has changed, or as in `code_versions`.
    """
    for kind in CODE_VERSION_FIELDS:
        if not is_unchanged(kind, config):
            raise UserCodeError(
                f"{getattr(config, kind)} has changed since this run was set up",
                hint="run the same `nnlab train` command again: the new code becomes a new trial",
            )


def is_unchanged(kind: str, config: RunConfig) -> bool:
    """Whether the code that a choice of a resolved config names has the version stored with it.

    Raises:
        UserCodeError: as in `code_versions`.
    """
    name, stored = getattr(config, kind), getattr(config, CODE_VERSION_FIELDS[kind])
    if is_user_code(kind, name):
        return matches_version(name, stored)
    return bool(_choice_version(kind, name) == stored)


def locate_user_error(error: BaseException) -> str | None:
    """The user's line that raised an error, and the error: `model.py, line 3, in f: …`.

    This is the innermost frame in a file that belongs neither to nnlab nor to Python nor to an
    installed package; None if there is none. Frames that called nnlab are ignored.
    """
    if isinstance(error, SyntaxError) and error.filename and is_user_file(error.filename):
        location = f"{display_path(error.filename)}, line {error.lineno}"
        return f"{location}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    nnlab_frames = [index for index, frame in enumerate(frames) if _is_nnlab_file(frame.filename)]
    called_frames = frames[nnlab_frames[0] :] if nnlab_frames else frames
    for frame in reversed(called_frames):
        if is_user_file(frame.filename):
            function = "" if frame.name == "<module>" else f", in {frame.name}"
            location = f"{display_path(frame.filename)}, line {frame.lineno}{function}"
            return f"{location}: {_format_error(error)}"
    return None


def _split_reference(reference: str) -> tuple[str, str]:
    """The location (a file or a module) and the name of a reference `location:NAME`."""
    location, _, name = reference.rpartition(":")
    if not location or not name.isidentifier():
        raise UserCodeError(
            f"'{reference}' is not a reference to code",
            hint="file.py:NAME, or package.module:NAME",
        )
    return location, name


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise UserCodeError(f"{path}: no such file", hint=f"the working directory is {Path.cwd()}")
    return path.resolve()


def _check_defined(name: str, source: bytes, path: Path, location: str) -> None:
    """Reports a missing name when a run is planned instead of when it is trained."""
    try:
        names = defined_names(source, str(path))
    except (SyntaxError, ValueError) as error:  # null bytes are a ValueError
        raise UserCodeError(
            locate_user_error(error) or f"{location}: {_format_error(error)}"
        ) from error
    if names is not None and name not in names:
        raise UserCodeError(
            unknown_name_message(f"name in {location}", name, public_callables(source))
        )


def _execute_file(location: Path) -> ModuleType:
    """The module of a file; the same content is executed only once."""
    path = _require_file(location)
    content = hashlib.sha256(path.read_bytes() + str(path).encode()).hexdigest()[:16]
    name = f"_nnlab_user_{path.stem}_{content}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _module_not_found_error(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look modules up by name
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
        f"no module '{name}'",
        hint="use a module in the working directory, an installed one, or file.py",
    )


@contextmanager
def _temporary_sys_path(folder: Path) -> Iterator[None]:
    """Puts a folder first on sys.path, and afterwards last, for later imports.

    If it stayed first, a user's `random.py` would replace Python's for nnlab too.
    """
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _find_spec(name: str) -> ModuleSpec | None:
    """The spec of a module; unlike importlib's own search this does not execute its parents."""
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
    """The spec of a package in an editable installation, which only its own finder knows."""
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # a module without a spec, such as __main__
        return None


def _defined_callables(module: ModuleType) -> list[str]:
    """The public callables that a module itself defines."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def is_user_file(filename: str) -> bool:
    """Whether a source file belongs neither to nnlab nor to Python nor to an installed package."""
    if filename.startswith("<") or _is_nnlab_file(filename):
        return False
    path = Path(filename).resolve()
    installed = _INSTALL_FOLDERS.intersection(path.parts)
    return not installed and not any(path.is_relative_to(folder) for folder in _PYTHON_FOLDERS)


def _is_nnlab_file(filename: str) -> bool:
    return Path(filename).resolve().is_relative_to(_NNLAB_FOLDER)


def display_path(filename: str) -> str:
    """The path relative to the working directory if it is inside, else the absolute path."""
    path = Path(filename).resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _format_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
