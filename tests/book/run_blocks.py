"""Runs the code of the book: blocks of Python, and those of the shell that are marked `sh,run`, page by page, in their order.

    python run_blocks.py PAGES... FOLDER

PAGES are pages, and folders of pages. Each page has an empty folder of its own in FOLDER, in which `weights` are those of the package, and the
blocks of Python of a page share their variables.
"""

import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

import gtn

BLOCK = re.compile(r"^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
KNOWN = ("", "python", "rust", "sh", "sh,run", "text", "toml")


def run(page: Path, folder: Path) -> bool:
    """Run the blocks of a page, and say whether all of them succeed."""
    text = page.read_text(encoding="utf-8")
    found = [(match["language"], match["code"], text.count("\n", 0, match.start()) + 1) for match in BLOCK.finditer(text)]
    if unknown := [f"line {line}: {language}" for language, _, line in found if language not in KNOWN]:
        print(f"error: {page} has blocks of unknown kinds: {unknown}; use {KNOWN}", file=sys.stderr)
        return False
    blocks = [block for block in found if block[0] in ("python", "sh,run")]
    if not blocks:
        return True
    folder.mkdir(parents=True)
    (folder / "weights").symlink_to(Path(gtn.__file__).parent / "weights")
    os.chdir(folder)
    variables: dict[str, object] = {"__name__": "__main__"}
    started = time.perf_counter()
    for language, code, line in blocks:
        try:
            if language == "python":
                exec(compile("\n" * line + code, str(page), "exec"), variables)
            else:
                subprocess.run(["bash", "-euo", "pipefail", "-c", code], check=True)
        except (Exception, SystemExit):
            traceback.print_exc()
            print(f"error: the block in line {line} of {page} fails", file=sys.stderr)
            return False
    print(f"{page.name}: {len(blocks)} blocks, {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return True


def main() -> int:
    *given, folder = (Path(argument).resolve() for argument in sys.argv[1:])
    pages = [page for path in given for page in (sorted(path.rglob("*.md")) if path.is_dir() else [path])]
    results = [run(page, folder / str(number)) for number, page in enumerate(pages)]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
