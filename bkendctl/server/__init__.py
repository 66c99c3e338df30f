"""How others reach the core: the ASGI app walks the contract into routes. Operations happen in core/."""
