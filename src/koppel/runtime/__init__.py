"""Running unattended: when each mapping is due. Pure decisions; the clock and the work are the caller's."""
