"""A place that only watches: network cameras, faces behind something, alerts at the guard console. It moves nothing.

`tracks` follows faces and counts votes, `alerts` keeps what was raised, `watcher` is one camera's thread, `post` puts
them together. Not here: any actuator, any decision about a traveller, comparison with a portrait.
"""
