"""What stays on this machine: profiles and credentials."""
