"""The catalogue and the small artefacts that ship with VFM Atlas: files, no code.

What each file holds and which rules it must obey: data/README.md. It is read by ingest.catalogue.
"""
