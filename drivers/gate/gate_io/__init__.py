"""Gate I/O profile v1: relays by lease, contact proof and an LED log over Modbus; docs/gate-io-profile-v1.md."""
