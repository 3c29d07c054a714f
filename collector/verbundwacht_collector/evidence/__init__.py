"""Evidence that anybody can check without the collector: the file, its checks, the audit log."""
