//! Tests over whole compose files.

#[cfg(test)]
mod compose {
    mod files;
}
