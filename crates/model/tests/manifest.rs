//! The manifest from the outside: what is read, what is refused and with which words, what it means in an environment.

#[cfg(test)]
mod manifest {
    mod any_text;
    mod detected;
    mod everything;
    mod objects;
    mod resolved;
    mod schema;
    mod secrets;
    mod wrong;
}
