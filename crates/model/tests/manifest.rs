//! The manifest from the outside: what is read, what is refused and with which words, what it means in an environment.

mod manifest {
    mod everything;
    mod wrong;
}
