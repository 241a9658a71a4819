"""Builds the tiny guest image from Debian packages.

No loop device, no mount, no root: file systems are written as files. The steps
stand in `__main__`; each module knows one thing (packages, kernel, root file
system, ramdisk, disk).
"""
