"""One file a version, oldest first; a version that was released is never edited."""
