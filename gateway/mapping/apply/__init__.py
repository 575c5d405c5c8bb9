"""A mapping applied to files: rows, faults, tie-outs."""
