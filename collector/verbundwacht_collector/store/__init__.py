"""What is kept, behind one protocol: SQLite now, larger databases by the same verbs later."""
