"""`make vectors`: encode the shipped catalogue's texts and write data/vectors anew."""

import sys
from pathlib import Path

from graph.encoder import SentenceEncoder
from graph.papertext import text_of
from ingest.catalogue import read_catalogue, shipped_folder
from ingest.embedding import write_shipped


def main() -> None:
    """Write the vectors beside the catalogue of this checkout."""
    folder = Path(str(shipped_folder()))
    catalogue = read_catalogue()
    summaries = {row.key: row.summary for row in catalogue.summaries}
    texts = [text_of(row.title, summaries.get(row.key), None) for row in catalogue.papers]
    shipped = write_shipped(folder, texts, SentenceEncoder())
    sys.stderr.write(f"{len(shipped.text_sha256)} vectors of {shipped.model} in {folder / 'vectors'}\n")


if __name__ == "__main__":
    main()
