"""The agent: reads this host, signs what it saw, hands it over. Changes nothing, opens no port."""

__version__ = "0.1.0"
