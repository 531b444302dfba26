"""Sources that are no folder: objects in S3, documents in an archive."""
