"""One scenario for every photo of a set: what is true of most photos, and not of one drawn scene alone."""
