"""What rides beside stages or stands in for a lost one: sketches of colour, hints, and the guess that reads them."""
