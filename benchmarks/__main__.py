"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all, one after the other.

In: names of modules of this folder. Out: benchmarks/results/*.md; exit 1 when any of them failed.
Each runs in a process of its own, so that none leaves a warm cache or a cluster to the next.
"""

import subprocess
import sys

ALL = ("loaders", "rating", "causes", "publish", "importing", "webhooks", "dashboard")


def main(names: list[str]) -> int:
    """Run benchmarks by name; the number that failed as exit code."""
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}: choose from {', '.join(ALL)}")
        return 2
    failed = []
    for name in names or ALL:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all benchmarks ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
