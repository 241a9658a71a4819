"""The contract's walk-through as a test: every step with the real `openstack` client and a real guest.

`steps` tells the story, one function a step; `cloud` starts the program and calls the client; `host` looks at the
machine: namespaces, addresses, what was there before and after.
"""
