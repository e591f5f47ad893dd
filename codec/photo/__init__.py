"""What a photo that is not plain needs: other files, other modes."""
