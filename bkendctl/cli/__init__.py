"""What a person types: one module per noun, one short function per verb."""
