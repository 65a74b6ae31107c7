//! What a worker keeps an eye on: things that register themselves when they begin and leave when they are dropped.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

#[derive(Debug)]
struct Places<T> {
    entries: Vec<Option<Rc<T>>>,
    free: Vec<usize>,
}

/// The things of one kind that are there now.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    places: Rc<RefCell<Places<T>>>,
}

/// A thing that is in a registry as long as this lives.
#[derive(Debug)]
pub(crate) struct Registered<T> {
    thing: Rc<T>,
    place: usize,
    places: Rc<RefCell<Places<T>>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { places: Rc::new(RefCell::new(Places { entries: Vec::new(), free: Vec::new() })) }
    }
}

impl<T> Registry<T> {
    /// Takes a thing in.
    pub(crate) fn register(&self, thing: T) -> Registered<T> {
        let thing = Rc::new(thing);
        let mut places = self.places.borrow_mut();
        let place = match places.free.pop() {
            Some(place) => {
                places.entries[place] = Some(Rc::clone(&thing));
                place
            }
            None => {
                places.entries.push(Some(Rc::clone(&thing)));
                places.entries.len() - 1
            }
        };
        Registered { thing, place, places: Rc::clone(&self.places) }
    }

    /// Looks at each thing. The look may wake tasks; it must not register or drop anything of the same kind.
    pub(crate) fn each(&self, mut look: impl FnMut(&Rc<T>)) {
        for entry in self.places.borrow().entries.iter().flatten() {
            look(entry);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        let places = self.places.borrow();
        places.entries.len() - places.free.len()
    }
}

impl<T> Registered<T> {
    /// The thing itself, which may outlive its registration.
    pub(crate) fn share(&self) -> Rc<T> {
        Rc::clone(&self.thing)
    }
}

impl<T> Deref for Registered<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T> Drop for Registered<T> {
    fn drop(&mut self) {
        let mut places = self.places.borrow_mut();
        places.entries[self.place] = None;
        places.free.push(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_there_as_long_as_they_live() {
        let registry = Registry::default();
        let (one, two) = (registry.register(1), registry.register(2));
        assert_eq!(registry.len(), 2);
        drop(one);
        let three = registry.register(3);
        let mut seen = Vec::new();
        registry.each(|thing| seen.push(**thing));
        seen.sort_unstable();
        assert_eq!(seen, [2, 3]);
        drop((two, three));
        assert_eq!(registry.len(), 0);
    }
}
