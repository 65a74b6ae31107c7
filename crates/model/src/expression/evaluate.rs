//! What an expression says of a value. Whole numbers are exact, and what would overflow is undecided.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::Undecided;
use super::tree::{Arithmetic, Comparison, Function, Tree};

/// What a part of an expression comes to.
#[derive(Debug, Clone)]
enum Term<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    List(Vec<Term<'a>>),
    Json(&'a Value),
}

struct Judge<'a> {
    value: &'a Value,
    steps: usize,
}

pub(super) fn holds(tree: &Tree, value: &Value, steps: usize) -> Result<bool, Undecided> {
    match (Judge { value, steps }).of(tree)? {
        Term::Bool(holds) => Ok(holds),
        other => Err(Undecided(format!("it comes to {}, which is neither true nor false", other.kind()))),
    }
}

impl<'a> From<&'a Value> for Term<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Self::Json(value),
        }
    }
}

impl Term<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) | Self::Json(Value::Array(_)) => "a list",
            Self::Json(_) => "an object",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "what is mixed with a floating-point number becomes one")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            _ => None,
        }
    }
}

type Found<'a> = Result<Term<'a>, Undecided>;

impl<'a> Judge<'a> {
    fn step(&mut self) -> Result<(), Undecided> {
        self.steps =
            self.steps.checked_sub(1).ok_or_else(|| Undecided("it takes too many steps".to_owned()))?;
        Ok(())
    }

    fn of(&mut self, tree: &'a Tree) -> Found<'a> {
        self.step()?;
        Ok(match tree {
            Tree::Value => self.value.into(),
            Tree::Null => Term::Null,
            Tree::Bool(value) => Term::Bool(*value),
            Tree::Int(number) => Term::Int(*number),
            Tree::Double(number) => Term::Double(*number),
            Tree::Text(text) => Term::Text(Cow::Borrowed(text)),
            Tree::List(list) => Term::List(list.iter().map(|it| self.of(it)).collect::<Result<_, _>>()?),
            Tree::Not(of) => Term::Bool(!self.truth(of)?),
            Tree::Negated(of) => match self.of(of)? {
                Term::Int(number) => Term::Int(number.checked_neg().ok_or_else(too_large)?),
                Term::Double(number) => Term::Double(-number),
                other => return Err(Undecided(format!("there is no - before {}", other.kind()))),
            },
            Tree::Both(one, two) => Term::Bool(!self.any(one, two, false)?),
            Tree::Either(one, two) => Term::Bool(self.any(one, two, true)?),
            Tree::Choice(condition, yes, no) => {
                let chosen = if self.truth(condition)? { yes } else { no };
                self.of(chosen)?
            }
            Tree::Compared(comparison, one, two) => {
                let (one, two) = (self.of(one)?, self.of(two)?);
                Term::Bool(self.compared(*comparison, &one, &two)?)
            }
            Tree::In(one, two) => {
                let (one, two) = (self.of(one)?, self.of(two)?);
                Term::Bool(self.is_in(&one, &two)?)
            }
            Tree::Counted(arithmetic, one, two) => counted(*arithmetic, self.of(one)?, self.of(two)?)?,
            Tree::Element(of, at) => {
                let (of, at) = (self.of(of)?, self.of(at)?);
                element(of, &at)?
            }
            Tree::Called(function, arguments) => self.called(*function, arguments)?,
        })
    }

    fn truth(&mut self, tree: &'a Tree) -> Result<bool, Undecided> {
        match self.of(tree)? {
            Term::Bool(value) => Ok(value),
            other => Err(Undecided(format!("{} stands where true or false belongs", other.kind()))),
        }
    }

    /// Whether one of the two is `wanted`; one that is undecided does not count where the other one decides.
    fn any(&mut self, one: &'a Tree, two: &'a Tree, wanted: bool) -> Result<bool, Undecided> {
        match self.truth(one) {
            Ok(one) if one == wanted => Ok(true),
            Ok(_) => Ok(self.truth(two)? == wanted),
            Err(error) => match self.truth(two) {
                Ok(two) if two == wanted => Ok(true),
                _ => Err(error),
            },
        }
    }

    fn compared(
        &mut self,
        comparison: Comparison,
        one: &Term<'a>,
        two: &Term<'a>,
    ) -> Result<bool, Undecided> {
        if matches!(comparison, Comparison::Equal | Comparison::Unequal) {
            return Ok(self.equal(one, two)? == (comparison == Comparison::Equal));
        }
        let order = match (one, two) {
            (Term::Int(one), Term::Int(two)) => Some(one.cmp(two)),
            (Term::Text(one), Term::Text(two)) => Some(one.cmp(two)),
            _ => match one.number().zip(two.number()) {
                Some((one, two)) => one.partial_cmp(&two),
                None => return Err(Undecided(format!("{} and {} have no order", one.kind(), two.kind()))),
            },
        };
        Ok(order.is_some_and(|order| match comparison {
            Comparison::Less => order == Ordering::Less,
            Comparison::AtMost => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::AtLeast | Comparison::Equal | Comparison::Unequal => order != Ordering::Less,
        }))
    }

    #[expect(clippy::float_cmp, reason = "equality of numbers is what is asked for")]
    fn equal(&mut self, one: &Term<'a>, two: &Term<'a>) -> Result<bool, Undecided> {
        self.step()?;
        Ok(match (one, two) {
            (Term::Null, Term::Null) => true,
            (Term::Bool(one), Term::Bool(two)) => one == two,
            (Term::Int(one), Term::Int(two)) => one == two,
            (Term::Text(one), Term::Text(two)) => one == two,
            (Term::Json(Value::Object(one)), Term::Json(Value::Object(two))) => {
                for _ in one {
                    self.step()?;
                }
                one == two
            }
            (Term::List(_) | Term::Json(_), Term::List(_) | Term::Json(_)) => {
                let (Some(one), Some(two)) = (elements(one), elements(two)) else { return Ok(false) };
                if one.len() != two.len() {
                    return Ok(false);
                }
                for (one, two) in one.iter().zip(&two) {
                    if !self.equal(one, two)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => one.number().zip(two.number()).is_some_and(|(one, two)| one == two),
        })
    }

    fn is_in(&mut self, one: &Term<'a>, two: &Term<'a>) -> Result<bool, Undecided> {
        if let (Term::Text(name), Term::Json(Value::Object(members))) = (one, two) {
            return Ok(members.contains_key(name.as_ref()));
        }
        if let Term::Json(Value::Array(list)) = two {
            for element in list {
                if self.equal(one, &element.into())? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let Some(list) = elements(two) else {
            return Err(Undecided(format!("nothing is in {}", two.kind())));
        };
        for element in &list {
            if self.equal(one, element)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn called(&mut self, function: Function, arguments: &'a [Tree]) -> Found<'a> {
        if function == Function::Has {
            return match arguments.first() {
                Some(Tree::Element(of, at)) => {
                    let (of, at) = (self.of(of)?, self.of(at)?);
                    Ok(Term::Bool(element(of, &at).is_ok()))
                }
                _ => Err(Undecided("`has` asks for a member, as in has(value.total)".to_owned())),
            };
        }
        let terms = arguments.iter().map(|it| self.of(it)).collect::<Result<Vec<_>, _>>()?;
        let nothing = |terms: &[Term<'_>]| {
            let kinds: Vec<_> = terms.iter().map(Term::kind).collect();
            Undecided(format!("that function takes no {}", kinds.join(" and ")))
        };
        let size = |count: usize| i64::try_from(count).map(Term::Int).map_err(|_| too_large());
        Ok(match (function, terms.as_slice()) {
            (Function::Size, [Term::Text(text)]) => size(text.chars().count())?,
            (Function::Size, [Term::List(list)]) => size(list.len())?,
            (Function::Size, [Term::Json(Value::Array(list))]) => size(list.len())?,
            (Function::Size, [Term::Json(Value::Object(members))]) => size(members.len())?,
            (Function::Int, [Term::Int(number)]) => Term::Int(*number),
            (Function::Int, [Term::Double(number)]) => Term::Int(whole(*number).ok_or_else(too_large)?),
            (Function::Int, [Term::Text(text)]) => {
                Term::Int(text.trim().parse().map_err(|_| nothing(&terms))?)
            }
            (Function::Double, [Term::Text(text)]) => {
                Term::Double(text.trim().parse().map_err(|_| nothing(&terms))?)
            }
            (Function::Double, [one]) => Term::Double(one.number().ok_or_else(|| nothing(&terms))?),
            (Function::Text, [Term::Int(number)]) => Term::Text(number.to_string().into()),
            (Function::Text, [Term::Double(number)]) => Term::Text(number.to_string().into()),
            (Function::Text, [Term::Bool(value)]) => Term::Text(value.to_string().into()),
            (Function::Text, [Term::Text(text)]) => Term::Text(text.clone()),
            (Function::Contains, [Term::Text(one), Term::Text(two)]) => {
                Term::Bool(one.contains(two.as_ref()))
            }
            (Function::StartsWith, [Term::Text(one), Term::Text(two)]) => {
                Term::Bool(one.starts_with(two.as_ref()))
            }
            (Function::EndsWith, [Term::Text(one), Term::Text(two)]) => {
                Term::Bool(one.ends_with(two.as_ref()))
            }
            _ => return Err(nothing(&terms)),
        })
    }
}

fn too_large() -> Undecided {
    Undecided("a number in it is too large".to_owned())
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit is sorted out before")]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 9.0e18).then(|| number.trunc() as i64)
}

fn elements<'a>(term: &Term<'a>) -> Option<Vec<Term<'a>>> {
    match term {
        Term::List(list) => Some(list.clone()),
        Term::Json(Value::Array(list)) => Some(list.iter().map(Term::from).collect()),
        _ => None,
    }
}

fn element<'a>(of: Term<'a>, at: &Term<'_>) -> Found<'a> {
    match (of, at) {
        (Term::Json(Value::Object(members)), Term::Text(name)) => match members.get(name.as_ref()) {
            Some(value) => Ok(value.into()),
            None => {
                Err(Undecided(format!("there is no {:?} in it", name.chars().take(40).collect::<String>())))
            }
        },
        (of @ (Term::List(_) | Term::Json(Value::Array(_))), Term::Int(at)) => {
            let index = usize::try_from(*at).ok();
            let found = match of {
                Term::List(list) => index.and_then(|index| list.into_iter().nth(index)),
                Term::Json(Value::Array(list)) => index.and_then(|index| list.get(index)).map(Term::from),
                _ => None,
            };
            found.ok_or_else(|| Undecided(format!("the list has no element {at}")))
        }
        (of, at) => Err(Undecided(format!("{} has no element that {} would name", of.kind(), at.kind()))),
    }
}

fn counted<'a>(arithmetic: Arithmetic, one: Term<'a>, two: Term<'a>) -> Found<'a> {
    match (one, two) {
        (Term::Int(one), Term::Int(two)) => {
            let number = match arithmetic {
                Arithmetic::Plus => one.checked_add(two),
                Arithmetic::Minus => one.checked_sub(two),
                Arithmetic::Times => one.checked_mul(two),
                Arithmetic::Over | Arithmetic::Rest if two == 0 => {
                    return Err(Undecided("it divides by zero".to_owned()));
                }
                Arithmetic::Over => one.checked_div(two),
                Arithmetic::Rest => one.checked_rem(two),
            };
            number.map(Term::Int).ok_or_else(too_large)
        }
        (Term::Text(one), Term::Text(two)) if arithmetic == Arithmetic::Plus => {
            Ok(Term::Text(format!("{one}{two}").into()))
        }
        (one, two) => {
            let Some((one, two)) = one.number().zip(two.number()) else {
                return Err(Undecided(format!(
                    "{} and {} cannot be counted together",
                    one.kind(),
                    two.kind()
                )));
            };
            let number = match arithmetic {
                Arithmetic::Plus => one + two,
                Arithmetic::Minus => one - two,
                Arithmetic::Times => one * two,
                Arithmetic::Over => one / two,
                Arithmetic::Rest => one % two,
            };
            if number.is_finite() {
                Ok(Term::Double(number))
            } else {
                Err(Undecided("it divides by zero, or a number in it is too large".to_owned()))
            }
        }
    }
}
