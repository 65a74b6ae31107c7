//! Options of the shop, from arguments and a lookup of environment variables. Nothing here reads the environment by
//! itself, so that the shop can be embedded and tested.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::{Faults, Identity, ShopError};

const PORT_FORM: &str = "a port number such as 3000";
const LAST_CALL_FORM: &str = "a number of milliseconds such as 1000";
const HOST_FORM: &str = "an address such as 127.0.0.1 or 0.0.0.0";

/// How the shop runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens: `$SHOP_HOST`, else 127.0.0.1. In a container that has to be 0.0.0.0.
    pub host: IpAddr,
    /// The port there; 0 takes a free one. `--port`, else `$PORT`, else 3000.
    pub port: u16,
    /// How long it goes on answering once it is told to stop, each answer the last one of its connection: `$SHOP_LAST_CALL_MS`, else not
    /// at all. Whoever keeps a connection open learns by it not to ask there once more.
    pub last_call: Duration,
    /// What it says about itself.
    pub identity: Identity,
    /// How it misbehaves; by default it does not.
    pub faults: Faults,
}

impl Options {
    /// Reads `--port N` or `--port=N` from `arguments` (without the program's name) and the rest from `lookup`.
    ///
    /// # Errors
    /// An unknown argument, or a value of the wrong form; the message names it and shows the right form.
    pub fn read(
        arguments: impl IntoIterator<Item = String>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ShopError> {
        let mut port = lookup("PORT").map(|value| parse_port("PORT", &value)).transpose()?.unwrap_or(3000);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let value = if argument == "--port" {
                arguments.next().unwrap_or_default()
            } else if let Some(value) = argument.strip_prefix("--port=") {
                value.to_owned()
            } else {
                return Err(ShopError::UnknownArgument { argument });
            };
            port = parse_port("--port", &value)?;
        }
        let host = lookup("SHOP_HOST").map(|value| parse_host(&value)).transpose()?;
        let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let last_call = lookup("SHOP_LAST_CALL_MS").map(|value| parse_last_call(&value)).transpose()?;
        let last_call = last_call.unwrap_or(Duration::ZERO);
        Ok(Self { host, port, last_call, identity: Identity::read(&lookup), faults: Faults::read(&lookup)? })
    }
}

fn parse_port(name: &'static str, value: &str) -> Result<u16, ShopError> {
    value.parse().map_err(|_| ShopError::BadValue { name, value: value.to_owned(), expected: PORT_FORM })
}

fn parse_host(value: &str) -> Result<IpAddr, ShopError> {
    let bad = |_| ShopError::BadValue { name: "SHOP_HOST", value: value.to_owned(), expected: HOST_FORM };
    value.parse().map_err(bad)
}

fn parse_last_call(value: &str) -> Result<Duration, ShopError> {
    let (name, value) = ("SHOP_LAST_CALL_MS", value.to_owned());
    match value.parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => Err(ShopError::BadValue { name, value, expected: LAST_CALL_FORM }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn argument_beats_variable() {
        let lookup = |name: &str| (name == "PORT").then(|| "4000".to_owned());
        assert_eq!(Options::read(arguments(&[]), lookup).unwrap().port, 4000);
        assert_eq!(Options::read(arguments(&["--port", "5000"]), lookup).unwrap().port, 5000);
        assert_eq!(Options::read(arguments(&["--port=5001"]), lookup).unwrap().port, 5001);
        assert_eq!(Options::read(arguments(&[]), |_| None).unwrap().port, 3000);
    }

    #[test]
    fn wrong_values_are_named() {
        let anywhere = |name: &str| (name == "SHOP_HOST").then(|| "0.0.0.0".to_owned());
        assert!(Options::read(arguments(&[]), anywhere).unwrap().host.is_unspecified());
        let nowhere = |name: &str| (name == "SHOP_HOST").then(|| "here".to_owned());
        let error = Options::read(arguments(&[]), nowhere).unwrap_err();
        assert!(error.to_string().contains("SHOP_HOST: `here`"), "{error}");
        let soon = |name: &str| (name == "SHOP_LAST_CALL_MS").then(|| "1s".to_owned());
        let error = Options::read(arguments(&[]), soon).unwrap_err();
        assert!(error.to_string().contains("SHOP_LAST_CALL_MS: `1s`"), "{error}");
        let error = Options::read(arguments(&["--port"]), |_| None).unwrap_err();
        assert_eq!(error.to_string(), "reading --port: `` is not a port number such as 3000");
        let error = Options::read(arguments(&["--prot"]), |_| None).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("`--prot`"));
    }
}
