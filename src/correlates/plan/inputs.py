"""Input files of a plan: globs are expanded, and every one that matches nothing is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from correlates.errors import PlanError, Problem, closest
from correlates.plan.document import Path_
from correlates.plan.load import PlanFile
from correlates.plan.model import FlowSource, SdtmSource


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFiles:
    """Files by source and by assay, each list sorted by path."""

    sources: dict[str, tuple[Path, ...]]
    assays: dict[str, tuple[Path, ...]]

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file once, sorted."""
        found = {path for group in (self.sources, self.assays) for paths in group.values() for path in paths}
        return tuple(sorted(found))


def find_inputs(file: PlanFile) -> InputFiles:
    """Expand the globs of the plan.

    Raises
    ------
    PlanError
        With each glob or path that matches no file, and what is in the folder instead.
    """
    problems: list[Problem] = []

    def matches(patterns: tuple[str, ...], path: Path_) -> tuple[Path, ...]:
        found: dict[Path, None] = {}
        for index, pattern in enumerate(patterns):
            base, relative = _split(file.folder, pattern)
            hits = [p for p in sorted(base.glob(relative)) if p.is_file() and not p.name.startswith((".", "~$"))]
            if not hits:
                problems.append(_nothing(file, pattern, (*path, index)))
            found.update(dict.fromkeys(hits))
        return tuple(found)

    def one(name: str, path: Path_) -> tuple[Path, ...]:
        target = file.folder / name
        if not target.is_file():
            problems.append(_nothing(file, name, path))
        return (target,)

    sources: dict[str, tuple[Path, ...]] = {}
    for name, source in file.plan.sources.items():
        if isinstance(source, SdtmSource | FlowSource):
            sources[name] = matches(source.files, ("sources", name, "files"))
        else:
            sources[name] = one(source.file, ("sources", name, "file"))
    assays = {name: matches(assay.files, ("assays", name, "files")) for name, assay in file.plan.assays.items()}
    if problems:
        raise PlanError(problems)
    return InputFiles(sources=sources, assays=assays)


def _split(folder: Path, pattern: str) -> tuple[Path, str]:
    """The folder to search in and the glob within it; a glob may be absolute."""
    anchor = Path(pattern).anchor
    return (Path(anchor), str(Path(pattern).relative_to(anchor))) if anchor else (folder, pattern)


def _nothing(file: PlanFile, pattern: str, path: Path_) -> Problem:
    folder = (file.folder / pattern).parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    there = sorted(p.name for p in folder.iterdir())[:8]
    guess = closest(Path(pattern).name, there)
    return Problem(
        code="no-match",
        what=f"{pattern!r} matches no file",
        where=file.document.where(path),
        found=f"in {folder}: {', '.join(there) if there else 'nothing'}",
        expected="at least one file, relative to the folder of the plan",
        do=f"Did you mean {guess!r}?" if guess else None,
    )
