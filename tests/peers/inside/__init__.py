"""What runs inside a peer, in its environment instead of ours."""

from pathlib import Path

SCRIPTS = Path(__file__).parent
