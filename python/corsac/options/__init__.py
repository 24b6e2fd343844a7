"""How a policy's options are written: types, names, TOML files, environment variables, Express."""
