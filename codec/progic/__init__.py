"""ProGIC, the progressive codec: its shape and weights on disk, the network, its fast forms, and how it is cut."""
