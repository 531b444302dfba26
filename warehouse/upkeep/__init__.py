"""What keeps a warehouse well: backups, the doctor's look, and maintenance."""
