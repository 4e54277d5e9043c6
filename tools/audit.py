"""Known vulnerabilities in what is pinned: pip-audit over requirements/*.txt, for `make check`.

Fails on a finding that tools/audit-ignore.toml does not excuse. When the advisories cannot be asked, that is said in
one line and nothing fails, because a release must be possible without them; `AUDIT=required` makes it fail. An answer
counts for a day and silence for an hour, so that `make check` stays quick.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINNED = tuple(ROOT / "requirements" / name for name in ("service.txt", "dev.txt"))
EXCUSES = ROOT / "tools" / "audit-ignore.toml"
CACHE = ROOT / ".cache" / "audit.json"
ANSWER_COUNTS = dt.timedelta(days=1)
SILENCE_COUNTS = dt.timedelta(hours=1)
SECONDS = 60
_PATIENCE_SECONDS = "5"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One vulnerability of one pinned release."""

    package: str
    release: str
    names: tuple[str, ...]
    """Its id, then its other names."""
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        cure = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no release fixes it yet"
        return f"{self.package} {self.release}: {', '.join(self.names)}; {cure}"


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a vulnerability does not concern us, until a day on which somebody looks again."""

    id: str
    reason: str
    until: dt.date


@dataclass(frozen=True, slots=True)
class Audit:
    """What pip-audit told."""

    findings: tuple[Finding, ...] = ()
    checked: int = 0
    """Packages that were looked up."""
    skipped: tuple[str, ...] = ()
    """Packages nothing was found out about."""
    failure: str | None = None
    """Why there is no answer at all."""


@dataclass(slots=True)
class Verdict:
    """What to say, and whether it is a failure."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False

    def fail(self, line: str) -> None:
        self.lines.append(line)
        self.failed = True


def read(told: str, complaint: str) -> Audit:
    """What pip-audit's JSON says; `complaint` is what it wrote beside it."""
    try:
        dependencies = json.loads(told)["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        # Its last line says what went wrong, but may name a host.
        kind = complaint.strip().rpartition("\n")[2].partition(":")[0][:60] or "no output"
        return Audit(failure=kind if "/" not in kind else "error")
    findings, skipped, checked = set(), [], 0
    for one in dependencies:
        if "skip_reason" in one:
            skipped.append(str(one["name"]))
            continue
        checked += 1
        for found in one["vulns"]:
            names = tuple(dict.fromkeys([found["id"], *found.get("aliases", ())]))
            findings.add(Finding(one["name"], one["version"], names, tuple(found.get("fix_versions", ()))))
    return Audit(tuple(sorted(findings)), checked, tuple(sorted(skipped)))


def excuses(written: str) -> list[Excuse]:
    """The excuses of tools/audit-ignore.toml. Raises ValueError for one without id, reason or day."""
    found = []
    for one in tomllib.loads(written).get("ignore", []):
        try:
            excuse = Excuse(str(one["id"]), str(one["reason"]).strip(), one["until"])
        except KeyError as missing:
            raise ValueError(f"an entry has no {missing}") from None
        if not excuse.reason or not isinstance(excuse.until, dt.date):
            raise ValueError(f"{excuse.id}: needs a reason, and a day such as 2027-01-31 until which it holds")
        found.append(excuse)
    return found


def judge(audit: Audit, excused: Sequence[Excuse], today: dt.date, *, required: bool) -> Verdict:
    """What of an audit is a failure."""
    verdict = Verdict()
    for finding in audit.findings:
        excuse = next((one for one in excused if one.id in finding.names), None)
        if excuse is None:
            verdict.fail(f"audit: {finding}")
        elif excuse.until < today:
            verdict.fail(f"audit: {finding}; the excuse ({excuse.reason}) ended on {excuse.until}")
        else:
            verdict.lines.append(f"audit: {finding}; excused until {excuse.until}: {excuse.reason}")
    if audit.checked:
        known = {name for finding in audit.findings for name in finding.names}
        verdict.lines += [f"audit: {one.id} is excused but no longer found" for one in excused if one.id not in known]
    unknown = _not_audited(audit)
    if unknown and required:
        verdict.fail(f"{unknown} AUDIT=required wants an answer.")
    elif unknown:
        verdict.lines.append(f"{unknown} Nothing is said about them; run `make check` where advisories can be asked.")
    if not verdict.lines:
        verdict.lines.append(f"audit: {audit.checked} packages, no known vulnerability")
    return verdict


def _not_audited(audit: Audit) -> str | None:
    if audit.failure is not None:
        return f"audit: not done, the advisories could not be asked ({audit.failure})."
    if audit.skipped and not audit.checked:
        return f"audit: not done, none of {len(audit.skipped)} packages could be looked up."
    if audit.skipped:
        named = ", ".join(audit.skipped[:5]) + (", ..." if len(audit.skipped) > 5 else "")
        return f"audit: {audit.checked} packages looked up, {len(audit.skipped)} not ({named})."
    if not audit.checked:
        return "audit: not done, no package was named."
    return None


def together(audits: Iterable[Audit]) -> Audit:
    """Several audits as one; a failure of any is a failure of all."""
    every = list(audits)
    return Audit(
        tuple(sorted({one for audit in every for one in audit.findings})),
        sum(audit.checked for audit in every),
        tuple(sorted({one for audit in every for one in audit.skipped})),
        next((audit.failure for audit in every if audit.failure is not None), None),
    )


Ask = Callable[[Path], tuple[str, str]]
"""pip-audit's JSON about one file of pins, and what it complained about."""


def ask(pins: Path) -> tuple[str, str]:
    """Let pip-audit look up every pin of a file; it installs nothing, because all pins carry hashes."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--require-hashes", "--disable-pip",
        "--format", "json", "--progress-spinner", "off", "--timeout", _PATIENCE_SECONDS,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "", "no answer in time"
    return done.stdout, done.stderr


def audited(pins: Sequence[Path], cache: Path, now: dt.datetime, ask: Ask, *, anew: bool = False) -> Audit:
    """The audit of these pins, from the cache while that counts; with `anew` only a whole answer counts.

    Where nothing is found out about one file, the others are not tried.
    """
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in pins)).hexdigest()
    kept = _cached(cache, digest, now)
    if kept is not None and (_whole(kept) or not anew):
        return kept
    answers: list[tuple[str, str]] = []
    for path in pins:
        answers.append(ask(path))
        if not read(*answers[-1]).checked:
            break
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"pins": digest, "at": now.isoformat(), "answers": answers}))
    return together(read(*answer) for answer in answers)


def _whole(audit: Audit) -> bool:
    return audit.failure is None and bool(audit.checked) and not audit.skipped


def _cached(cache: Path, digest: str, now: dt.datetime) -> Audit | None:
    try:
        kept = json.loads(cache.read_text())
        found = together(read(*answer) for answer in kept["answers"])
        age = now - dt.datetime.fromisoformat(kept["at"])
        counts = dt.timedelta(0) <= age < (ANSWER_COUNTS if _whole(found) else SILENCE_COUNTS)
        return found if counts and kept["pins"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main(ask: Ask = ask) -> int:
    now = dt.datetime.now(dt.UTC)
    try:
        excused = excuses(EXCUSES.read_text())
    except (OSError, ValueError) as fault:
        print(f"audit: {EXCUSES.name}: {fault}")
        return 1
    required = os.environ.get("AUDIT", "") == "required"
    found = audited(PINNED, CACHE, now, ask, anew=required)
    verdict = judge(found, excused, now.date(), required=required)
    print("\n".join(verdict.lines))
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
