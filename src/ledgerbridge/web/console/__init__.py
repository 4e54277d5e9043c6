"""The pages: what a customer sets up and looks at (`/settings`), what operators see and press (`/admin`)."""
