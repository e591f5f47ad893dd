"""One story in YAML: read, checked, and explained where it is wrong."""
