"""Start a new revision: `python -m migrations TREE REVISION "what it does"`, from a checkout. Then write its steps."""

import sys

from alembic import command

from migrations.runner import config_of

if len(sys.argv) != 4:
    sys.exit(__doc__)
command.revision(config_of(sys.argv[1]), message=sys.argv[3], rev_id=sys.argv[2])
