"""The process that loads a checkpoint and asks it: one request on stdin, JSON lines of events on stdout.

Events are `progress` (what, done, total), then one of `result` and `failed` (reason). Started by
evaluation.run and never imported by the explorer, so that whatever a model does to its process ends with it.
"""

import contextlib
import json
import os
import platform
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from evaluation.errors import TaskError
from evaluation.metrics.bootstrap import estimate
from evaluation.tasks.kind import Kind, Material, Output
from evaluation.tasks.kinds import KINDS, lacking
from evaluation.tasks.request import Request
from graph.errors import AtlasError

ORPHANED = 3
_TOLD_EVERY = 0.2

Send = Callable[[dict[str, Any]], None]


def main() -> None:
    """Read a request, answer it, end."""
    with _events() as events:

        def send(event: dict[str, Any]) -> None:
            events.write(json.dumps(event, allow_nan=False) + "\n")
            events.flush()

        told = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_parent, daemon=True).start()
        _cap_memory(told["memory_bytes"], told["request"]["device"])
        try:
            send({"event": "result", **answer(Request.from_json(told["request"]), told["fingerprint"], send)})
        except AtlasError as error:
            send({"event": "failed", "reason": str(error)})
        except (Exception, SystemExit) as error:
            send({"event": "failed", "reason": _why(error), "out_of_memory": _is_out_of_memory(error)})


@contextlib.contextmanager
def _events() -> Any:
    """The real stdout for events alone; what libraries print there goes to stderr."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)
        yield events


def _end_with_parent() -> None:
    """Stdin stays open as long as the parent lives; a worker without parent would run for nobody."""
    while sys.stdin.read(4096):
        pass
    os._exit(ORPHANED)


def _cap_memory(limit: int, device: str) -> None:
    """A backstop for the one allocation that is larger than the machine; the parent watches the rest.

    Not on CUDA, which reserves address space by the terabyte.
    """
    if device != "cpu":
        return
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = 2 * limit + 4 * 2**30
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def answer(request: Request, fingerprint: str, send: Send) -> dict[str, Any]:
    """Load the checkpoint, ask it, measure. Raises AtlasError where that cannot be done."""
    material = request.material()
    if material.data.fingerprint != fingerprint:
        raise TaskError(f"the examples of {request.dataset} changed while the run began: start it again")
    kind = KINDS[request.spec.kind]
    send({"event": "progress", "what": f"loading {request.files.hub_id}", "done": 0, "total": 1})
    began = time.monotonic()
    opener = _opener(request.opener)
    runner = opener(request.files, request.device)
    missing = lacking(runner, kind)
    if missing:
        raise TaskError(f"{request.files.hub_id} cannot do {request.task}: it lacks {', '.join(missing)}")
    if request.judge is not None:
        material = replace(material, judge=opener(request.judge, request.device))
    _seed(request.seed)
    loaded = time.monotonic()
    answers = kind.answer(runner, material, _told_sometimes(send))
    ended = time.monotonic()
    return {
        "metrics": measured(request.spec.metrics, kind, answers.outputs),
        "wholes": {name: _number(value) for name, value in answers.wholes.items()},
        **against(request.spec.primary, kind, material),
        "outputs": answers.outputs,
        "environment": environment(runner, request.device, load_seconds=round(loaded - began, 3)),
        "seconds": round(ended - began, 3),
        "peak_bytes": _peak_memory(),
    }


def measured(names: tuple[str, ...], kind: Kind, outputs: list[Output]) -> dict[str, dict[str, Any]]:
    """Every measure of the outputs with its interval."""
    found = {}
    for name in names:
        numbers = asdict(estimate(kind.measures[name](outputs)))
        found[name] = {key: None if value is None else _number(value) for key, value in numbers.items()}
    return found


def against(primary: str, kind: Kind, material: Material) -> dict[str, Any]:
    """What guessing and something trivial reach by the primary measure."""
    chance, trivial = kind.chance(material), kind.baseline(material)
    baseline = None if trivial is None else kind.measures[primary](trivial).value
    return {
        "chance": None if chance is None else _number(chance),
        "baseline": None if baseline is None else _number(baseline),
    }


def environment(runner: Any, device: str, **more: Any) -> dict[str, Any]:
    """Where and how the run took place."""
    found = {
        "device": device, "device_name": _device_name(device), "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}", "packages": _versions(), **more,
    }  # fmt: skip
    for name in ("dtype", "preprocessing", "batch_size"):
        value = getattr(runner, name, None)
        if value is not None:
            found[name] = value
    if "torch" in sys.modules:
        found["threads"] = sys.modules["torch"].get_num_threads()
    return found


def _versions() -> dict[str, str]:
    found = {}
    for name in ("vfm-atlas", "numpy", "scikit-learn", "torch", "transformers", "diffusers"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    with contextlib.suppress(OSError):
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return f"{names[0]}, {len(names)} threads"
    return platform.processor() or platform.machine()


def _opener(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    opener: Callable[..., Any] = getattr(import_module(module), function)
    return opener


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:  # imported by those who need it; it takes seconds
        sys.modules["torch"].manual_seed(seed)


def _told_sometimes(send: Send) -> Callable[[str, int, int], None]:
    last = [""], [0.0]

    def tell(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != last[0][0] or done == total or now - last[1][0] >= _TOLD_EVERY:
            last[0][0], last[1][0] = what, now
            send({"event": "progress", "what": what, "done": done, "total": total})

    return tell


def _number(value: float) -> float | None:
    return float(f"{value:.8g}") if np.isfinite(value) else None


def _why(error: BaseException) -> str:
    if _is_out_of_memory(error):
        return f"out of memory ({_first_line(error) or type(error).__name__})"
    import traceback

    traceback.print_exc(file=sys.stderr)
    return f"{type(error).__name__}: {_first_line(error)}"


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return any(words in str(error) for words in ("can't allocate memory", "not enough memory"))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else ""


def _peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    try:
        import resource
    except ImportError:
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    main()
