//! How many pods each of two releases is to have next, while one takes the other one's place. Pure.
//!
//! Of what is ready there are never fewer than the live release had, less `max_unavailable`, by a decision of ours, and never more pods
//! at all than the larger of both has, with `max_surge` more. Pods that are going count as there until they are gone.

use bascule_model::release::Rolling;

/// The pods of a service of one release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Side {
    /// As its Deployment is to have.
    pub(super) wanted: u32,
    /// That are there, also those that are going.
    pub(super) there: u32,
    /// That are ready, without those that are going.
    pub(super) ready: u32,
}

/// Between which numbers a service has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// As many as come in the end.
    pub(super) to: u32,
    /// So many have to be ready until all have come.
    pub(super) least: u32,
    /// There are never more.
    pub(super) most: u32,
}

/// What a service is to have next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) coming: u32,
    pub(super) going: u32,
}

impl Bounds {
    /// `live`: how many users' live release had when the roll began, `new`: how many the new one is to have.
    pub(super) fn forth(live: u32, new: u32, rolling: Rolling) -> Self {
        Self::towards(live, new, new, rolling)
    }

    /// The same for the way back to the release that was live.
    pub(super) fn back(live: u32, new: u32, rolling: Rolling) -> Self {
        Self::towards(live, new, live, rolling)
    }

    fn towards(live: u32, new: u32, to: u32, rolling: Rolling) -> Self {
        // Whoever allows all of them to be away still means that somebody answers.
        let least = live.saturating_sub(rolling.max_unavailable).max(live.min(1));
        Self { to, least, most: live.max(new).saturating_add(rolling.max_surge) }
    }
}

/// What is to be next, of what is there now.
pub(super) fn next(bounds: Bounds, coming: Side, going: Side) -> Next {
    // What is not ready of those that go is taken first by the cluster: who is needed are only those that no one who has come stands for.
    let needed = if coming.ready >= bounds.to { 0 } else { bounds.least.saturating_sub(coming.ready) };
    let left = going.wanted.min(needed);
    let held = left.max(going.there).saturating_add(coming.wanted.max(coming.there));
    let room = bounds.most.saturating_sub(held);
    let come = coming.wanted.saturating_add(room).min(bounds.to).max(coming.wanted);
    Next { coming: come, going: left }
}

/// Whether all have come and nobody is left.
pub(super) fn is_over(bounds: Bounds, coming: Side, going: Side) -> bool {
    coming.wanted >= bounds.to && coming.ready >= bounds.to && going.wanted == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(wanted: u32, there: u32, ready: u32) -> Side {
        Side { wanted, there, ready }
    }

    #[test]
    fn one_comes_before_one_goes() {
        let one = Rolling { max_unavailable: 0, max_surge: 1 };
        let bounds = Bounds::forth(3, 3, one);
        for (coming, going, expected) in [
            (side(1, 1, 0), side(3, 3, 3), (1, 3)),
            (side(1, 1, 1), side(3, 3, 3), (1, 2)),
            // Who goes is there until it is gone.
            (side(1, 1, 1), side(2, 3, 2), (1, 2)),
            (side(1, 1, 1), side(2, 2, 2), (2, 2)),
            (side(2, 2, 1), side(2, 2, 2), (2, 2)),
            (side(3, 3, 3), side(1, 1, 1), (3, 0)),
            // One that has come falls: nobody more goes, and another one may come.
            (side(2, 2, 1), side(1, 1, 1), (3, 1)),
        ] {
            let next = next(bounds, coming, going);
            assert_eq!((next.coming, next.going), expected, "{coming:?} {going:?}");
        }
        assert!(is_over(bounds, side(3, 3, 3), side(0, 1, 0)), "who is going has no users");
        for (coming, going) in [((3, 3, 2), (0, 0, 0)), ((2, 2, 2), (0, 0, 0)), ((3, 3, 3), (1, 1, 1))] {
            let (coming, going) = (side(coming.0, coming.1, coming.2), side(going.0, going.1, going.2));
            assert!(!is_over(bounds, coming, going), "{coming:?} {going:?}");
        }
    }

    #[test]
    fn as_many_as_may_be_away_go_at_once() {
        let bounds = Bounds::forth(3, 3, Rolling { max_unavailable: 1, max_surge: 1 });
        assert_eq!(next(bounds, side(1, 1, 0), side(3, 3, 3)), Next { coming: 1, going: 2 });
        assert_eq!(next(bounds, side(1, 1, 0), side(2, 2, 2)), Next { coming: 2, going: 2 });
    }

    #[test]
    fn a_manifest_that_wants_fewer_or_more_takes_nobody_before_all_have_come() {
        let one = Rolling { max_unavailable: 0, max_surge: 1 };
        let fewer = next(Bounds::forth(5, 2, one), side(1, 1, 1), side(5, 5, 5));
        assert_eq!((fewer.coming, fewer.going), (1, 4), "five bore the load until now");
        let more = next(Bounds::forth(2, 5, one), side(1, 1, 1), side(2, 2, 2));
        assert_eq!((more.coming, more.going), (4, 1));
        let back = Bounds::back(3, 3, one);
        // The new ones do not answer: those that are not ready stand in nobody's way.
        assert_eq!(next(back, side(2, 2, 2), side(2, 2, 0)).coming, 2, "there is no room yet");
        assert_eq!(next(back, side(2, 2, 2), side(2, 2, 0)).going, 1);
        assert_eq!(next(back, side(2, 2, 2), side(1, 1, 0)).coming, 3);
        assert!(Bounds::forth(1, 1, Rolling { max_unavailable: 1, max_surge: 1 }).least == 1, "never nobody");
    }

    /// A cluster that starts and ends pods when it comes to it.
    #[derive(Debug, Clone, Copy, Default)]
    struct Pods {
        wanted: u32,
        starting: u32,
        ready: u32,
        going: u32,
    }

    impl Pods {
        fn whole(count: u32) -> Self {
            Self { wanted: count, ready: count, ..Self::default() }
        }

        fn there(self) -> u32 {
            self.starting + self.ready + self.going
        }

        fn seen(self) -> Side {
            side(self.wanted, self.there(), self.ready)
        }

        /// What a ReplicaSet does at once: makes those that lack, takes those that are not ready first.
        fn scale(&mut self, wanted: u32) {
            self.wanted = wanted;
            let active = self.starting + self.ready;
            self.starting += wanted.saturating_sub(active);
            let mut over = active.saturating_sub(wanted);
            let idle = over.min(self.starting);
            self.starting -= idle;
            self.going += idle;
            over -= idle;
            self.ready -= over;
            self.going += over;
        }

        fn pass(&mut self, starts: bool, ends: bool) {
            if starts && self.starting > 0 {
                self.starting -= 1;
                self.ready += 1;
            }
            if ends {
                self.going = self.going.saturating_sub(1);
            }
        }
    }

    fn turn(bounds: Bounds, coming: &mut Pods, going: &mut Pods) {
        let next = next(bounds, coming.seen(), going.seen());
        going.scale(next.going);
        coming.scale(next.coming);
    }

    proptest! {
        /// Whatever the cluster does when: never too few, never too many, and to the end.
        #[test]
        fn a_roll_stays_within_its_bounds_and_ends(
            live in 0u32..12, new in 0u32..12, max_unavailable in 0u32..4, max_surge in 1u32..5,
            passes in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..60),
            turns_back in proptest::option::of(0usize..60),
        ) {
            let rolling = Rolling { max_unavailable, max_surge };
            let (forth, back) = (Bounds::forth(live, new, rolling), Bounds::back(live, new, rolling));
            let (mut old, mut new_one) = (Pods::whole(live), Pods::default());
            new_one.scale(if live == 0 { new } else { rolling.first(new) });
            let mut is_back = false;
            // What chance leaves undone is done afterwards.
            let all = passes.into_iter().chain(std::iter::repeat_n((true, true, true), 200));
            for (at, (looks, starts, ends)) in all.enumerate() {
                is_back |= turns_back == Some(at);
                if looks && is_back {
                    turn(back, &mut old, &mut new_one);
                } else if looks {
                    turn(forth, &mut new_one, &mut old);
                }
                let (ready, there) = (old.ready + new_one.ready, old.there() + new_one.there());
                let least = forth.least.min(new);
                prop_assert!(ready >= least, "{ready} of {least}: {old:?} {new_one:?}");
                prop_assert!(there <= forth.most, "{there} of {}: {old:?} {new_one:?}", forth.most);
                old.pass(starts, ends);
                new_one.pass(starts, ends);
            }
            if is_back {
                prop_assert!(is_over(back, old.seen(), new_one.seen()), "{old:?} {new_one:?}");
            } else {
                prop_assert!(is_over(forth, new_one.seen(), old.seen()), "{old:?} {new_one:?}");
            }
        }

        /// Of what comes nothing is ever taken, of what goes nothing ever made, whatever is seen.
        #[test]
        fn nothing_goes_the_other_way(
            live in 0u32..20, new in 0u32..20, max_unavailable in 0u32..5, max_surge in 1u32..5,
            coming in (0u32..30, 0u32..30, 0u32..30), going in (0u32..30, 0u32..30, 0u32..30),
        ) {
            let bounds = Bounds::forth(live, new, Rolling { max_unavailable, max_surge });
            let (coming, going) = (side(coming.0, coming.1, coming.2), side(going.0, going.1, going.2));
            let next = next(bounds, coming, going);
            prop_assert!(next.coming >= coming.wanted && next.going <= going.wanted);
            prop_assert!(next.going + coming.ready >= bounds.least.min(going.wanted + coming.ready) || coming.ready >= bounds.to);
        }
    }
}
