"""The Cell's constants (`ioi.cell`) and lenses on the data plane's messages (`ioi.lens`)."""
