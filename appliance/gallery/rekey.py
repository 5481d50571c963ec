"""A new gallery key: every data key wrapped anew, so that the old key file may be destroyed.

With the old key gone, nothing of what was deleted opens any more in an old backup, nor in a block the disk has set
aside: the keys wrapped there are wrapped for it. Templates and photos are not encrypted again; their data keys stay.
"""

from pathlib import Path

from appliance.gallery import database
from appliance.gallery.crypto import create_key_file, keep_apart, read_key_file
from appliance.gallery.vault import Vault


def rekey(folder: Path, old_key_file: Path, new_key_file: Path) -> int:
    """Make the new key file and wrap everything for it; returns how many subjects. The old file is left to the caller.

    All or nothing: after an error the old key is the right one. Raises KeyRefused, GalleryInUse, GalleryRefused.
    """
    keep_apart(new_key_file, folder)
    old = read_key_file(old_key_file)
    connection = database.connect(folder, writable=True)
    try:
        lock = database.WriterLock(folder)
        try:
            vault = Vault(connection, folder, old)
            create_key_file(new_key_file)
            with database.transaction(connection, vault.path):
                count = vault.wrap_all_for(read_key_file(new_key_file))
            database.compact(connection, vault.path)
        finally:
            lock.release()
    finally:
        connection.close()
    return count
