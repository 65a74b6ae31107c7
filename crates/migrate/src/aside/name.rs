//! Names of databases that we make. A name proves that it is of ours, and for which database it was made: nothing else is ever dropped.

use sha2::{Digest as _, Sha256};

/// What a database is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Migrations are tried on it.
    Shadow,
    /// A backup is read into it.
    Restore,
}

impl Purpose {
    /// What its name begins with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Shadow => crate::schema::SHADOW,
            Self::Restore => "bascule_restore",
        }
    }
}

/// Such a name: `bascule_shadow_`, eight random digits, and eight that follow from them and from the name of the database that it is
/// made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

const HALF: usize = 8;

impl Name {
    /// One for that database.
    pub(crate) fn new(purpose: Purpose, database: &str, random: [u8; HALF / 2]) -> Self {
        let random = crate::hex::encode(&random);
        let proof = proof(database, &random);
        Self(format!("{}_{random}{proof}", purpose.prefix()))
    }

    /// A new one, of chance.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn fresh(purpose: Purpose, database: &str) -> std::io::Result<Self> {
        let mut random = [0; HALF / 2];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self::new(purpose, database, random))
    }

    /// Takes a name for one, when it is of that kind and for that database.
    #[must_use]
    pub fn of(purpose: Purpose, database: &str, name: &str) -> Option<Self> {
        let digits = name.strip_prefix(purpose.prefix())?.strip_prefix('_')?;
        let (random, given) = digits.split_at_checked(HALF)?;
        (given == proof(database, random)).then(|| Self(name.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number for the lock that says that whoever made it is alive.
    pub(crate) fn key(&self) -> i64 {
        let digest = Sha256::digest(self.0.as_bytes());
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        i64::from_be_bytes(*first)
    }
}

fn proof(database: &str, random: &str) -> String {
    let digest = Sha256::digest(format!("bascule shadow 1\0{database}\0{random}"));
    crate::hex::encode(&digest[..HALF / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_copy_of_that_database_is_one() {
        let name = Name::new(Purpose::Shadow, "shop", [1, 2, 3, 4]);
        assert_eq!(name.as_str().len(), "bascule_shadow_".len() + 16);
        assert_eq!(Name::of(Purpose::Shadow, "shop", name.as_str()), Some(name.clone()));
        for other in [
            "shop",
            "bascule_shadow",
            "bascule_shadow_",
            "bascule_shadow_0102030400000000",
            "bascule_shadow_é",
            &format!("{}0", name.as_str()),
            &format!("x{}", name.as_str()),
        ] {
            assert_eq!(Name::of(Purpose::Shadow, "shop", other), None, "{other}");
        }
        assert_eq!(Name::of(Purpose::Shadow, "other", name.as_str()), None);
    }
}
