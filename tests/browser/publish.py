"""Takes the pictures of README and docs anew: `make pictures` tells the browser stories and keeps a few of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "pictures"
STORIES = ("tests/browser/test_story.py", "tests/browser/test_full_of_life.py")
PUBLISHED = {
    "setup": "setup-erp.companies.light-wide",
    "preview": "setup-preview.expenses.light-wide",
    "home": "home.failed.light-wide",
    "home-phone": "home.failed.dark-phone",
    "operations": "admin.light-wide",
    "charts": "admin-charts.dark-wide",
}
"""Names in docs/pictures, and the pictures they are of."""
HEIGHT = "1180"


def taken() -> Iterator[str]:
    """Tell the stories, keep their pictures; the names of those kept. Raises `CalledProcessError` if a story fails."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PICTURES": folder, "PICTURE_HEIGHT": HEIGHT, "BROWSER": "required"}
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *STORIES],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        KEPT.mkdir(parents=True, exist_ok=True)
        for name, picture in PUBLISHED.items():
            (KEPT / f"{name}.png").write_bytes((Path(folder) / f"{picture}.png").read_bytes())
            yield name


if __name__ == "__main__":
    print("Taken anew in docs/pictures:", ", ".join(taken()))
