"""The pages: login, alerts, hosts. Server-rendered; they read the store and never the hosts."""
