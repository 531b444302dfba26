"""What is read: the documents of folders, archives and buckets, by name and metadata."""
