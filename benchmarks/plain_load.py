"""The floor that a build is compared with: every CSV file of data/ into a bare table of one SQLite file.

No types, no keys, no checks, no text index, no vectors. Usage: python plain_load.py FOLDER FILE
"""

import csv
import sqlite3
import sys
from pathlib import Path


def load(folder: Path, library: Path) -> None:
    """Write the tables, all in one transaction."""
    connection = sqlite3.connect(library)
    with connection:
        for path in sorted(folder.glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
            connection.execute(f"CREATE TABLE {path.stem} ({', '.join(header)})")
            marks = ", ".join("?" * len(header))
            connection.executemany(f"INSERT INTO {path.stem} VALUES ({marks})", rows)
    connection.close()


if __name__ == "__main__":
    load(Path(sys.argv[1]), Path(sys.argv[2]))
