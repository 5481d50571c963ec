"""Device drivers: ports, sessions, wire protocols. They know nothing of the appliance."""
