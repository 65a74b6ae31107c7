//! `bake`
