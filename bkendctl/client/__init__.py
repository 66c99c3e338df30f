"""How we reach the core: connect(profile) gives a backend, in this process or over HTTP."""
