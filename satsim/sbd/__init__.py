"""The protocols of Iridium Short Burst Data at both ends of its way, without any I/O."""
