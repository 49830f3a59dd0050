"""How good answers are: functions on arrays, nothing but NumPy."""
