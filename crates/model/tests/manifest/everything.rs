//! A manifest that says everything that can be said.
