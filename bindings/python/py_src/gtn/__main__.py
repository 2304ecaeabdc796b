"""The program ``gtn``: ``python -m gtn``."""

import sys

from gtn._gtn import run_program


def main() -> None:
    """Run the program with the arguments of this process, and end with its exit code."""
    sys.stdout.flush()
    sys.exit(run_program(["gtn", *sys.argv[1:]], [sys.executable, "-m", "gtn"]))


if __name__ == "__main__":
    main()
