"""What a customer looks at once the connection lives: overview, exports, warnings, versions of the configuration."""
