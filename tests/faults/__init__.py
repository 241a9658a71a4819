"""Crash, breakage and reboot: whatever happens, the cloud and its host come back to what was acknowledged."""
