"""Reading sessions from a shell: commands that ask a running gateway, here or elsewhere, over its API."""
