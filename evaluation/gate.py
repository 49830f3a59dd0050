"""Whether a checkpoint may be fetched and run here, from what is said of it alone: nothing is downloaded.

Refused is what runs foreign code when it is loaded (pickles, code of the repository), what cannot be had
(gone, gated without a token) and what this machine or this project cannot run. A person is asked where the
licence is not known or restricts the use, where terms were to be accepted, where the repository moved, and
before a large download.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluation.machine import Machine
from graph.checkpoints import BUNDLED, COMMIT, CheckpointFacts, Choice

Decision = Literal["allowed", "ask", "refused", "unknown"]

LARGE_DOWNLOAD = 2 * 10**9
"""Bytes from which on a person is asked before a download."""

_OVERHEAD = 300 * 2**20  # the libraries themselves
_ACTIVATIONS = 1.3
_SPARE_DISK = 500 * 10**6
_FREE_LICENCES = {
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "cc0-1.0", "cc-by-4.0",
    "cc-by-3.0", "cc-by-2.0", "cc-by-sa-4.0", "isc", "unlicense", "zlib", "gpl-3.0", "gpl-2.0", "lgpl-3.0",
    "agpl-3.0", "mpl-2.0", "afl-3.0", "artistic-2.0", "ecl-2.0", "ms-pl",
}  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Something that speaks against a checkpoint, or is worth knowing: what about, and what it leads to."""

    about: str
    leads_to: Decision
    text: str


@dataclass(frozen=True)
class Verdict:
    """What the gate says, with its reasons, the gravest first; sizes in bytes, None where not known.

    `allowed`, `ask` (a person must agree), `refused`, or `unknown` while the files are not known.
    """

    hub_id: str
    decision: Decision
    reasons: tuple[Reason, ...]
    download_bytes: int | None
    memory_bytes: int | None

    @property
    def words(self) -> str:
        """The reasons that decided, on one line."""
        decided = [each.text for each in self.reasons if each.leads_to == self.decision]
        return "; ".join(decided) or "nothing speaks against it"


def judge(
    facts: CheckpointFacts,
    machine: Machine,
    *,
    device: str = "cpu",
    has_token: bool = False,
    is_cached: bool = False,
    missing: Callable[[CheckpointFacts], str | None] | None = None,
) -> Verdict:
    """The gate's verdict on a checkpoint for this machine.

    `missing` says what is lacking to run it, by default what the registry of adapters says. Of what is cached
    already, no download is weighed.
    """
    choice = facts.choice
    memory = memory_needed(facts, choice)
    found = [*_about_adapter(facts, missing or missing_adapter)]
    if facts.origin != BUNDLED:
        found += _about_repository(facts, has_token)
        found += _about_files(choice)
        found += _about_licence(facts)
        if choice is not None and not is_cached:
            found += _about_download(choice.bytes, machine)
        found += _about_revision(facts)
    found += _about_memory(memory, machine, device)
    gravity: list[Decision] = ["refused", "unknown", "ask", "allowed"]
    reasons = tuple(sorted(found, key=lambda each: gravity.index(each.leads_to)))
    decision = reasons[0].leads_to if reasons else "allowed"
    return Verdict(facts.hub_id, decision, reasons, None if choice is None else choice.bytes, memory)


def memory_needed(facts: CheckpointFacts, choice: Choice | None) -> int | None:
    """Bytes that the model takes in single precision while it works, roughly; None where nothing is known."""
    numbers = round(facts.params_millions * 1e6) * 4 if facts.params_millions else 0
    weights = max(numbers, choice.weight_bytes if choice is not None else 0)
    return round(weights * _ACTIVATIONS) + _OVERHEAD if weights else None


def missing_adapter(facts: CheckpointFacts) -> str | None:
    """What is lacking to run a checkpoint, in the registry's words; None where nothing is."""
    try:
        from evaluation import registry
    except ImportError:
        return None  # without a registry nobody can say
    if registry.capabilities_of(facts.library, facts.loader_class) is not None:
        return None
    return registry.missing(facts.library, facts.loader_class)


def size(number: int | None) -> str:
    """A number of bytes for people."""
    if number is None:
        return "size not known"
    for unit, step in (("GB", 10**9), ("MB", 10**6)):
        if number >= step:
            return f"{number / step:.1f} {unit}"
    return f"{number / 1000:.0f} kB"


def _about_adapter(facts: CheckpointFacts, missing: Callable[[CheckpointFacts], str | None]) -> list[Reason]:
    lacking = missing(facts)
    return [Reason("adapter", "refused", lacking)] if lacking else []


def _about_repository(facts: CheckpointFacts, has_token: bool) -> list[Reason]:
    found = []
    if facts.state == "gone":
        there = f", the same files are at {', '.join(facts.mirrors)}" if facts.mirrors else ""
        found.append(Reason("gone", "refused", f"the hub no longer has it{there}"))
    if facts.state == "moved":
        text = f"it moved to {facts.moved_to}: whoever took its old name could answer in its place"
        found.append(Reason("moved", "ask", text))
    if facts.gated:
        terms = f"its owners ask you to accept terms at https://huggingface.co/{facts.hub_id}"
        if has_token:
            found.append(Reason("gated", "ask", f"{terms}, with the account of HF_TOKEN"))
        else:
            found.append(Reason("gated", "refused", f"{terms}, then to show a token: set HF_TOKEN"))
    if facts.remote_code:
        text = "its repository brings Python code that loading would run"
        found.append(Reason("remote code", "refused", text))
    return found


def _about_files(choice: Choice | None) -> list[Reason]:
    if choice is None:
        text = "nothing is known of its files yet: 'vfm-atlas check-links' asks the hub"
        return [Reason("files", "unknown", text)]
    if choice.pickled:
        text = (
            f"no safetensors in place of {_some(choice.pickled)}: a pickle can run any code when it is read"
        )
        return [Reason("pickle", "refused", text)]
    if not choice.weights:
        return [Reason("no safetensors", "refused", "it holds no safetensors weights that its library loads")]
    unsure = [each.path for each in choice.weights if not (each.sha256 or each.git_sha1)]
    if unsure:
        text = f"the hub gives no hash of {_some(unsure)} to compare the download with"
        return [Reason("hash", "refused", text)]
    return []


def _about_licence(facts: CheckpointFacts) -> list[Reason]:
    if facts.licence is None:
        return [Reason("licence", "ask", "its licence is not known")]
    if facts.licence.lower() not in _FREE_LICENCES:
        return [Reason("licence", "ask", f"its licence ({facts.licence}) may restrict what you do with it")]
    return []


def _about_download(amount: int, machine: Machine) -> list[Reason]:
    if amount + _SPARE_DISK > machine.disk_free:
        text = f"{size(amount)} to download, {size(machine.disk_free)} of the disk are free"
        return [Reason("disk", "refused", text)]
    if amount >= LARGE_DOWNLOAD:
        return [Reason("download", "ask", f"{size(amount)} to download")]
    return []


def _about_revision(facts: CheckpointFacts) -> list[Reason]:
    if facts.revision is not None and COMMIT.fullmatch(facts.revision):
        return []
    if facts.head_revision is None:
        return [Reason("revision", "allowed", "not pinned yet: its first use pins it")]
    text = f"not pinned yet: its first use pins commit {facts.head_revision[:12]}"
    return [Reason("revision", "allowed", text)]


def _about_memory(memory: int | None, machine: Machine, device: str) -> list[Reason]:
    if memory is None:
        return []
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= len(machine.cards):
            return [Reason("device", "refused", f"no device {device} on this machine")]
        there, where = machine.cards[number].memory_bytes, machine.cards[number].name
    else:
        there, where = machine.memory_bytes, "this machine"
    if memory > there:
        text = f"needs about {size(memory)} of memory, {where} has {size(there)}"
        return [Reason("memory", "refused", text)]
    return []


def _some(paths: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"
