"""What `import satsim` offers, a file a concern."""
