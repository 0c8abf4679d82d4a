"""``python -m correlates``."""

import sys

from correlates.cli import main

sys.exit(main())
