"""Iridium's Short Burst Data as bytes: what modem, gateway and server say to each other. No socket and no port here."""
