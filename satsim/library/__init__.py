"""satsim as a library: what `import satsim` offers, a file a concern."""
