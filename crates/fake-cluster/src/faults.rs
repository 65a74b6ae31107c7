//! Answers that go wrong on request of a test.

use std::time::Duration;

use crate::write::Persist;

/// Which calls a fault is for. What is not said matches everything.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    verb: Option<String>,
    resource: Option<String>,
    name: Option<String>,
    persist: Option<Persist>,
    which: Which,
}

#[derive(Debug, Clone, Copy, Default)]
enum Which {
    #[default]
    Every,
    Only(usize),
    First(usize),
}

impl Matcher {
    /// Every call.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// `deployments`, `pods/log`.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// The name of the object; of a `create` it is in its body.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only calls that are answered and not carried out (`dryRun=All`).
    #[must_use]
    pub fn dry(mut self) -> Self {
        self.persist = Some(Persist::DryRun);
        self
    }

    /// Only calls that are carried out.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.persist = Some(Persist::Kept);
        self
    }

    /// Only the n-th of the calls that match, counted from 1 and from when the fault was set.
    #[must_use]
    pub fn nth(mut self, nth: usize) -> Self {
        self.which = Which::Only(nth);
        self
    }

    /// Only the first so many of the calls that match.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.which = Which::First(count);
        self
    }

    fn is_for(&self, verb: &str, resource: &str, name: &str, persist: Persist) -> bool {
        let is = |pattern: &Option<String>, value: &str| pattern.as_deref().is_none_or(|one| one == value);
        is(&self.verb, verb)
            && is(&self.resource, resource)
            && is(&self.name, name)
            && self.persist.is_none_or(|wanted| wanted == persist)
    }

    fn is_meant(&self, count: usize) -> bool {
        match self.which {
            Which::Every => true,
            Which::Only(nth) => count == nth,
            Which::First(first) => count <= first,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; the usual `Status` of this HTTP code is answered: 409, 410, 422, 500, 503, …
    Status(u16),
    /// Nothing is done; 429 with `Retry-After` in seconds.
    TooManyRequests(u64),
    /// Nothing is done; 403, as by a role that lacks the permission.
    Forbidden,
    /// Nothing is done; an admission webhook denies the request, in these words.
    Denied(&'static str),
    /// A `dryRun=All` is refused, as by an admission webhook that has side effects; every other call is done.
    NoDryRun,
    /// Nothing is done, and no answer ever comes.
    Hang,
    /// It is done, and no answer ever comes.
    HangAfter,
    /// It is done, then the connection breaks without an answer.
    LostAnswer,
    /// The connection breaks before anything is done.
    Broken,
    /// It is done this much later.
    Late(Duration),
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Matcher, Fault, usize)>);

impl Faults {
    pub(crate) fn add(&mut self, matcher: Matcher, fault: Fault) {
        self.0.push((matcher, fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of this call, the first that was set; counts the call.
    pub(crate) fn take(&mut self, verb: &str, resource: &str, name: &str, persist: Persist) -> Option<Fault> {
        let mut found = None;
        for (matcher, fault, count) in &mut self.0 {
            if matcher.is_for(verb, resource, name, persist) {
                *count += 1;
                if matcher.is_meant(*count) && found.is_none() {
                    found = Some(*fault);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_matcher() {
        let mut faults = Faults::default();
        faults.add(Matcher::any().verb("patch").resource("services").nth(2), Fault::Status(409));
        faults.add(Matcher::any().name("web").first(1), Fault::Hang);
        let mut take = |verb, name| faults.take(verb, "services", name, Persist::Kept);
        assert_eq!(take("patch", "a"), None);
        assert_eq!(take("patch", "web"), Some(Fault::Status(409)));
        assert_eq!(take("patch", "web"), None);
        faults.add(Matcher::any().resource("pods").dry(), Fault::Broken);
        assert_eq!(faults.take("create", "pods", "a", Persist::Kept), None);
        assert_eq!(faults.take("create", "pods", "a", Persist::DryRun), Some(Fault::Broken));
    }
}
