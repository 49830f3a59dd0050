"""One file a schema change; the newest one's revision equals graph.schema.REVISION."""
