"""The steps of the way from source documents to a published release, and what starts them."""
