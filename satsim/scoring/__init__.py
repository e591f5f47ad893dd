"""What a receiver's screen is worth: photos coded and packed, sets of packets decoded and scored."""
