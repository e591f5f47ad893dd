"""The three demo pictures, one module each; `common` holds the noise, camera and film they share."""
