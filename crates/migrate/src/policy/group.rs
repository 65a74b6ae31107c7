//! Which statements share a transaction.

use bascule_migrations::Transactions;

use super::treatment::{ForeignKeys, Manner, Patience, Settings, Treatment};

/// How the statements of a group are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In one transaction with their journal.
    Transaction,
    /// One statement, with its journal before and behind it.
    Alone,
}

/// Statements that are run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub kind: Kind,
    /// Their places in the part; at least one.
    pub members: Vec<usize>,
    pub patience: Patience,
    pub settings: Settings,
    pub foreign_keys: ForeignKeys,
}

/// Why a file cannot be run: the statement's place, and the reason.
pub type Refused = (usize, &'static str);

/// Puts statements together: as one transaction where nothing speaks against it, so that a file that fails leaves nothing.
pub fn groups(statements: &[Treatment], transactions: Transactions) -> Result<Vec<Group>, Refused> {
    let mut groups: Vec<Group> = Vec::new();
    // The place of the BEGIN that is open.
    let mut begun: Option<usize> = None;
    // Whether the next statement may join the last group.
    let mut joins = false;
    let blocks = statements.iter().filter(|one| one.manner == Manner::Begin).count();
    for (at, one) in statements.iter().enumerate() {
        match one.manner {
            Manner::Refused => {
                return Err((at, "a migration cannot take back what it did, or hand its transaction over"));
            }
            Manner::Begin if begun.is_some() => return Err((at, "a transaction is open already")),
            Manner::Begin => {
                begun = Some(at);
                // One block around all of it is what we do anyway; of several, each is one.
                joins = joins && blocks == 1 && transactions == Transactions::Usual;
            }
            Manner::Commit if begun.is_none() => return Err((at, "no transaction is open there")),
            Manner::Commit => {
                begun = None;
                joins = joins && blocks == 1 && transactions == Transactions::Usual;
            }
            Manner::Ours => {
                if let Some(last) = groups.last_mut().filter(|_| joins) {
                    last.foreign_keys = last.foreign_keys.max(one.foreign_keys);
                }
            }
            Manner::Alone if begun.is_some() => {
                return Err((
                    at,
                    "the statement cannot stand in a transaction, and the file has one open there",
                ));
            }
            Manner::Alone => {
                groups.push(alone(at, one));
                joins = false;
            }
            Manner::Transaction => {
                match groups.last_mut().filter(|_| joins) {
                    Some(group) => {
                        group.members.push(at);
                        group.patience = group.patience.max(one.patience);
                        group.settings = group.settings.max(one.settings);
                        group.foreign_keys = group.foreign_keys.max(one.foreign_keys);
                    }
                    None => groups.push(Group { kind: Kind::Transaction, ..alone(at, one) }),
                }
                joins = begun.is_some() || transactions == Transactions::Usual;
            }
        }
    }
    if let Some(at) = begun {
        return Err((at, "the transaction that is begun there is never ended"));
    }
    // The switch of foreign keys stands before or behind what it is for.
    let suspended = statements.iter().any(|one| one.manner == Manner::Ours);
    if suspended {
        for group in &mut groups {
            group.foreign_keys = ForeignKeys::Suspended;
        }
    }
    Ok(groups)
}

fn alone(at: usize, one: &Treatment) -> Group {
    Group {
        kind: Kind::Alone,
        members: vec![at],
        patience: one.patience,
        settings: one.settings,
        foreign_keys: one.foreign_keys,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn treated(word: char) -> Treatment {
        let (manner, patience) = match word {
            't' => (Manner::Transaction, Patience::Budget),
            'b' => (Manner::Transaction, Patience::Brief),
            'a' => (Manner::Alone, Patience::Unlimited),
            '(' => (Manner::Begin, Patience::Budget),
            ')' => (Manner::Commit, Patience::Budget),
            'x' => (Manner::Refused, Patience::Budget),
            _ => (Manner::Ours, Patience::Budget),
        };
        Treatment { manner, patience, settings: Settings::Unchanged, foreign_keys: ForeignKeys::Enforced }
    }

    fn grouped(text: &str, transactions: Transactions) -> Result<String, usize> {
        let statements: Vec<Treatment> = text.chars().map(treated).collect();
        let groups = groups(&statements, transactions).map_err(|(at, _)| at)?;
        let one = |group: &Group| {
            let members: Vec<String> = group.members.iter().map(ToString::to_string).collect();
            let kind = if group.kind == Kind::Alone { "!" } else { "" };
            format!("{}{kind}", members.join(","))
        };
        Ok(groups.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_file_is_one_transaction_where_it_can_be() {
        for (text, usual, none) in [
            ("", "", ""),
            ("t", "0", "0"),
            ("ttt", "0,1,2", "0 1 2"),
            ("(tt)", "1,2", "1,2"),
            ("t(tt)t", "0,2,3,5", "0 2,3 5"),
            ("(t)(t)", "1 4", "1 4"),
            ("(t)t(t)", "1 3 5", "1 3 5"),
            ("a", "0!", "0!"),
            ("ttatt", "0,1 2! 3,4", "0 1 2! 3 4"),
            ("aa", "0! 1!", "0! 1!"),
            ("otto", "1,2", "1 2"),
        ] {
            assert_eq!(grouped(text, Transactions::Usual).as_deref(), Ok(usual), "{text}");
            assert_eq!(grouped(text, Transactions::None).as_deref(), Ok(none), "{text}");
        }
    }

    #[test]
    fn transactions_that_do_not_close_are_refused() {
        for (text, at) in [("(t", 0), ("t)", 1), ("((", 1), ("(a)", 1), ("tx", 1)] {
            assert_eq!(grouped(text, Transactions::Usual), Err(at), "{text}");
        }
    }

    #[test]
    fn a_group_is_as_hasty_as_its_hastiest_statement() {
        let statements: Vec<Treatment> = "tbt".chars().map(treated).collect();
        assert_eq!(groups(&statements, Transactions::Usual).unwrap()[0].patience, Patience::Brief);
    }
}
