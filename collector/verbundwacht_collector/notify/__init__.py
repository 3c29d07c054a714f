"""Messages to people: one delivery row is one message to one recipient over one channel."""
