"""What happens: rules and storage. Never prints, never exits, knows no HTTP."""
