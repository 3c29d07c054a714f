"""Readers of configuration files that more than one probe looks into: nginx, Apache, plain ones."""
