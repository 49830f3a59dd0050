"""Drawing components: each a small ES module with the Python that mounts it."""
