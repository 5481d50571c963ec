"""The controller at work: one reducer loop, journal before act, owners of devices, timers, supervision.

Only here do the core, the drivers, the vision process and the store meet. Each device has one owner task that
translates between driver values and domain events; the loop alone owns the state.
"""
