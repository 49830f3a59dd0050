"""The commands of `vfm-atlas`, a module for each kind of work."""
