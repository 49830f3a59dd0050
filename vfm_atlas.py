"""VFM Atlas: from a survey to a runnable checkpoint. The public Python API."""
