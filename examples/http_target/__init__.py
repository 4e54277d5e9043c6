"""The reference server of the HTTP target."""
