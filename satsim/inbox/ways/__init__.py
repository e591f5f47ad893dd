"""Ways into the inbox, a module each: DirectIP, web hook and HTTP, TCP and UDP, a watched folder, standard input."""
