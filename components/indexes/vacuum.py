"""When a segment is rebuilt without the points that were deleted from it, alike in every store.

Until then they count in the inverse document frequency, and take room.
"""

from __future__ import annotations

DELETED_THRESHOLD = 0.05
"""Of a segment's points, the part that must be deleted."""
VACUUM_MIN_VECTORS = 100
"""Points that a segment must have."""
