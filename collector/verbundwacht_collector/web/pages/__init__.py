"""The handlers, one file per page: read, make a view, render. They hold no decisions."""
